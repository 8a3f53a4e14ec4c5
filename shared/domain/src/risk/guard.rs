//! Limits of the account that lower the trading state for the rest of the day.

use super::ledger::{Day, Ledger};
use super::profile::RiskProfile;
use super::{RiskLimit, TradingState, kill};
use crate::execution::AccountObserved;
use crate::money::{Micro, Usd};

/// A limit that is passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Breach {
    pub limit: RiskLimit,
    pub state: TradingState,
    pub value: Micro,
    pub threshold: Micro,
}

/// The first limit that is passed and has not lowered the state this day.
pub(super) fn breach(
    profile: &RiskProfile,
    version: &str,
    ledger: &Ledger,
    day: &Day,
    account: &AccountObserved,
) -> Option<Breach> {
    let loss = day.opened.as_ref().map(|opened| loss_pct(opened.start_equity, account.equity, ledger, day));
    let losses = loss.into_iter().flat_map(|loss| {
        [
            reached(RiskLimit::DailyLossHard, TradingState::Flatten, loss, profile.daily_loss_hard_pct),
            reached(RiskLimit::DailyLossSoft, TradingState::NoEntry, loss, profile.daily_loss_soft_pct),
        ]
    });
    let counts = [
        reached(
            RiskLimit::ConsecutiveStopOuts,
            TradingState::NoEntry,
            whole(day.stop_outs_in_a_row),
            whole(profile.max_consecutive_stop_outs),
        ),
        passed(RiskLimit::OrderRate, day.orders.peak(), profile.max_orders_per_minute),
        passed(RiskLimit::CancelRate, day.cancels.peak(), profile.max_cancels_per_minute),
        passed(RiskLimit::EntryRate, day.entries.peak(), profile.max_entries_per_minute),
        profile.kill_trades.and_then(|trades| refuted(ledger, version, trades)),
    ];
    losses.chain(counts).flatten().find(|breach| !day.lowered.contains(&breach.limit))
}

/// Loss of the day, per cent of start equity: realised and open, with the fees that the broker books after the close.
fn loss_pct(start: Usd, equity: Usd, ledger: &Ledger, day: &Day) -> Micro {
    let lost = i128::from(start.nanos()) - i128::from(equity.nanos()) + ledger.fees_of(day);
    let most = Micro::from_micros(i64::MAX);
    i64::try_from(lost).ok().map_or(most, |lost| Micro::ratio(lost, start.nanos(), 100).unwrap_or(most))
}

fn reached(limit: RiskLimit, state: TradingState, value: Micro, threshold: Micro) -> Option<Breach> {
    (value >= threshold).then_some(Breach { limit, state, value, threshold })
}

fn passed(limit: RiskLimit, count: u32, most: u32) -> Option<Breach> {
    let (value, threshold) = (whole(count), whole(most));
    (count > most).then_some(Breach { limit, state: TradingState::NoEntry, value, threshold })
}

fn refuted(ledger: &Ledger, version: &str, trades: u32) -> Option<Breach> {
    let value = kill::highest_plausible_mean(&ledger.last_results(version, trades as usize)?)?;
    let (limit, threshold) = (RiskLimit::StrategyKill, Micro::default());
    (value < threshold).then_some(Breach { limit, state: TradingState::NoEntry, value, threshold })
}

fn whole(count: u32) -> Micro {
    Micro::from_int(i64::from(count))
}
