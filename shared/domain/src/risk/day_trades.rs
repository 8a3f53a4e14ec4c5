//! How many day trades the account may still make.

use super::ledger::Ledger;
use super::profile::DayTradeRule;
use super::{DayOpened, DenialReason};
use crate::calendar;
use crate::money::Usd;
use crate::time::SessionDate;

/// Day trades that are allowed in [`WINDOW`] sessions with less than [`EQUITY_MIN`].
const DAY_TRADES_MAX: u32 = 3;

/// Sessions over which day trades are counted, today's included.
const WINDOW: usize = 5;

/// Equity from which day trades are not counted, USD.
///
/// # Source
/// FINRA 4210(f)(8)(B) as in force before 2026-06-04.
const EQUITY_MIN: Usd = Usd::from_cents(2_500_000);

/// Why one more day trade is not allowed; every position counts as one, because it is closed the same day.
pub(super) fn refusal(rule: DayTradeRule, ledger: &Ledger, opened: &DayOpened) -> Option<DenialReason> {
    let today = opened.session_date;
    let open = u32::try_from(ledger.open_plans()).unwrap_or(u32::MAX);
    let (count, limit) = match rule {
        DayTradeRule::None => return None,
        DayTradeRule::LegacyPdt => {
            (ledger.day_trades(first_counted(today), today).saturating_add(open), DAY_TRADES_MAX)
        }
        DayTradeRule::BrokerReported => {
            if opened.day_trade_count.is_none() && opened.pattern_day_trader != Some(true) {
                return None;
            }
            let before = opened.day_trade_count.unwrap_or(0);
            let count = before.saturating_add(ledger.day_trades(today, today)).saturating_add(open);
            (count, if opened.pattern_day_trader == Some(true) { 0 } else { DAY_TRADES_MAX })
        }
    };
    let equity = opened.start_equity;
    (equity < EQUITY_MIN && count >= limit).then_some(DenialReason::DayTradeLimit {
        count,
        limit,
        equity,
        minimum: EQUITY_MIN,
    })
}

fn first_counted(today: SessionDate) -> SessionDate {
    (1..WINDOW).fold(today, |date, _| calendar::previous_session(date).date)
}
