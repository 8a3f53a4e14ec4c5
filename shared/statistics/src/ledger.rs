//! From a plan's events to a closed trade.

use std::collections::HashMap;

use domain::execution::{CloseReason, FillRecorded, Leg, PlanClosed};
use domain::plan::{Side, TradePlan};
use domain::{Event, Micro, PlanId, Price, SessionDate, SignalId, Symbol, UnixNanos, Usd};

/// A trade that is over: shares were bought and sold, and none is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosedTrade {
    /// Its plan.
    pub plan_id: PlanId,
    /// New York session.
    pub session_date: SessionDate,
    /// Name of the strategy that planned it.
    pub strategy: String,
    /// Hash of the strategy's numbers.
    pub strategy_version: String,
    /// The symbol.
    pub symbol: Symbol,
    /// Side of the entry.
    pub side: Side,
    /// Shares that the entry filled.
    pub quantity: u64,
    /// Time of the entry's first fill.
    pub entry_at: UnixNanos,
    /// Average price of the entry, USD a share.
    pub entry: Price,
    /// Time of the last fill that is not the entry's.
    pub exit_at: UnixNanos,
    /// Average price of the exits, USD a share.
    pub exit: Price,
    /// What one R is for one share, USD.
    pub stop_distance: Price,
    /// Commission and fees.
    pub fees: Usd,
    /// Profit or loss after fees.
    pub pnl: Usd,
    /// Profit or loss after fees, in units of `quantity × stop_distance`.
    pub r: Micro,
    /// Why it ended.
    pub reason: CloseReason,
    /// How much worse than planned entry and stop filled, in the same units: every fill's distance weighted by its
    /// shares, over `quantity`.
    pub slippage_r: Micro,
    /// The entry's part of it; `None` when no fill of the entry has a planned price.
    pub entry_slippage_r: Option<Micro>,
    /// The stop's part of it; `None` when no stop filled.
    pub stop_slippage_r: Option<Micro>,
    /// The same distance as money.
    pub slippage: Usd,
    /// Gap of the open, per cent.
    pub gap_pct: Option<Micro>,
    /// Points of the headlines, 0 to 100.
    pub catalyst: Option<Micro>,
}

/// Finds closed trades in the events of SCAN, PLAN, RISK and ORDER. A plan's signal and proposal come before its fills, its
/// fills before its end.
#[derive(Debug, Default)]
pub struct Ledger {
    signals: HashMap<SignalId, Known>,
    plans: HashMap<PlanId, TradePlan>,
    fills: HashMap<PlanId, Vec<FillRecorded>>,
}

/// What a signal said of its symbol.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    gap_pct: Option<Micro>,
    catalyst: Option<Micro>,
}

impl Ledger {
    /// Takes an event; returns the trade that it ends. A plan that ends without shares is no trade, nor is one whose shares
    /// were not sold by its own orders: what it came to is not known.
    pub fn apply(&mut self, event: &Event) -> Option<ClosedTrade> {
        match event {
            Event::SignalGenerated(signal) => {
                let features = &signal.candidate.features;
                let known = Known { gap_pct: features.gap_pct, catalyst: features.catalyst };
                self.signals.insert(signal.signal_id.clone(), known);
            }
            Event::PlanProposed(proposed) => self.plan(&proposed.plan),
            Event::PlanApproved(approved) => self.plan(&approved.plan),
            Event::FillRecorded(fill) => self.fills.entry(fill.plan_id.clone()).or_default().push(fill.clone()),
            Event::PlanClosed(closed) => return self.close(closed),
            _ => {}
        }
        None
    }

    /// Forgets what has not ended; nothing is held from one session to the next.
    pub fn end_session(&mut self) {
        *self = Self::default();
    }

    fn plan(&mut self, plan: &TradePlan) {
        if !self.plans.contains_key(&plan.plan_id) {
            self.plans.insert(plan.plan_id.clone(), plan.clone());
        }
    }

    fn close(&mut self, closed: &PlanClosed) -> Option<ClosedTrade> {
        let fills = self.fills.remove(&closed.plan_id).unwrap_or_default();
        let plan = self.plans.remove(&closed.plan_id)?;
        if closed.reason == CloseReason::ClosedElsewhere {
            return None;
        }
        let known = self.signals.get(&plan.signal_id).copied().unwrap_or_default();
        let (entry, exit) = (closed.avg_entry_price?, closed.avg_exit_price?);
        let at = |entries: bool| fills.iter().filter(move |f| (f.leg == Leg::Entry) == entries).map(|f| f.ts_event);
        let slipped = |leg: Leg| slipped(fills.iter().filter(move |f| f.leg == leg));
        let (by_entry, by_stop) = (slipped(Leg::Entry), slipped(Leg::Stop));
        let weight = by_entry.unwrap_or(0) + by_stop.unwrap_or(0);
        let of_trade = |weight: i128| micro(weight / i128::from(closed.quantity.max(1)));
        Some(ClosedTrade {
            plan_id: closed.plan_id.clone(),
            session_date: closed.session_date,
            symbol: closed.symbol.clone(),
            side: plan.side,
            quantity: closed.quantity,
            entry_at: at(true).min().unwrap_or(closed.ts_event),
            entry,
            exit_at: at(false).max().unwrap_or(closed.ts_event),
            exit,
            stop_distance: plan.stop_distance,
            fees: closed.fees,
            pnl: closed.realized_pnl,
            r: closed.r_multiple,
            reason: closed.reason,
            slippage_r: of_trade(weight),
            entry_slippage_r: by_entry.map(of_trade),
            stop_slippage_r: by_stop.map(of_trade),
            slippage: usd(weight * i128::from(plan.stop_distance.nanos()) / 1_000_000),
            gap_pct: known.gap_pct,
            catalyst: known.catalyst,
            strategy: plan.round.strategy,
            strategy_version: plan.round.config_version,
        })
    }
}

/// Slippage times shares, in 1e-6 R; `None` when no fill has a planned price to be held against.
fn slipped<'a>(fills: impl Iterator<Item = &'a FillRecorded>) -> Option<i128> {
    fills.filter_map(|f| Some(i128::from(f.slippage_r?.micros()) * i128::from(f.quantity))).reduce(|a, b| a + b)
}

fn micro(micros: i128) -> Micro {
    Micro::from_micros(i64::try_from(micros).unwrap_or(if micros < 0 { i64::MIN } else { i64::MAX }))
}

fn usd(nanos: i128) -> Usd {
    Usd::from_nanos(i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX }))
}

#[cfg(test)]
mod tests {
    use testkit::build::{self, cents, session};

    use super::*;

    fn closed() -> PlanClosed {
        let plan = build::plan("GME");
        PlanClosed {
            plan_id: plan.plan_id,
            symbol: plan.symbol,
            session_date: session(),
            reason: CloseReason::StopLoss,
            quantity: 100,
            avg_entry_price: Some(cents(2_552)),
            avg_exit_price: Some(cents(2_541)),
            realized_pnl: Usd::from_cents(-1_100),
            fees: Usd::ZERO,
            r_multiple: Micro::from_micros(-1_100_000),
            ts_event: session().at_hm(9, 50),
        }
    }

    fn fill(leg: Leg, quantity: u64, slippage: Option<i64>, minute: u32) -> FillRecorded {
        let slippage_r = slippage.map(Micro::from_micros);
        FillRecorded { leg, quantity, slippage_r, ts_event: session().at_hm(9, minute), ..build::fill("GME") }
    }

    fn told(events: &[Event]) -> Vec<ClosedTrade> {
        let mut ledger = Ledger::default();
        events.iter().filter_map(|event| ledger.apply(event)).collect()
    }

    #[test]
    fn a_trade_is_what_its_fills_and_its_plans_end_say() {
        let trades = told(&[
            build::signal("GME").into(),
            build::plan_proposed("GME").into(),
            fill(Leg::Entry, 40, Some(100_000), 36).into(),
            fill(Leg::Entry, 60, Some(200_000), 37).into(),
            fill(Leg::Target, 50, None, 45).into(),
            fill(Leg::Stop, 50, Some(300_000), 50).into(),
            closed().into(),
        ]);
        let [trade] = trades.as_slice() else { panic!("{trades:?}") };
        assert_eq!((trade.entry_at, trade.exit_at), (session().at_hm(9, 36), session().at_hm(9, 50)));
        assert_eq!((trade.pnl, trade.r), (Usd::from_cents(-1_100), Micro::from_micros(-1_100_000)));
        // (40 × 0.1 + 60 × 0.2) / 100 and 50 × 0.3 / 100, of a stop distance of 0.10 USD.
        let parts = [trade.entry_slippage_r, trade.stop_slippage_r, Some(trade.slippage_r)];
        assert_eq!(parts, [160_000, 150_000, 310_000].map(|m| Some(Micro::from_micros(m))));
        assert_eq!(trade.slippage, Usd::from_cents(310));
        assert_eq!(
            (trade.strategy.as_str(), trade.gap_pct),
            ("orb_stocks_in_play", Some(Micro::from_micros(7_991_361)))
        );
    }

    #[test]
    fn what_is_open_or_was_never_held_is_no_trade() {
        let held = [build::plan_proposed("GME").into(), fill(Leg::Entry, 100, None, 36).into()];
        assert_eq!(told(&held), []);
        let expired = PlanClosed { quantity: 0, avg_entry_price: None, avg_exit_price: None, ..closed() };
        assert_eq!(told(&[build::plan_proposed("GME").into(), expired.into()]), []);
        // Whether or not a part of it was sold by its own orders before.
        for avg_exit_price in [None, Some(cents(2_541))] {
            let elsewhere = PlanClosed { avg_exit_price, reason: CloseReason::ClosedElsewhere, ..closed() };
            assert_eq!(told(&[build::plan_proposed("GME").into(), elsewhere.into()]), []);
        }
        assert_eq!(told(&[closed().into()]), [], "a plan that nobody proposed");
    }

    #[test]
    fn an_approval_stands_for_a_proposal_that_is_missing() {
        let trades = told(&[build::plan_approved("GME").into(), closed().into()]);
        assert_eq!(trades.len(), 1);
        assert_eq!((trades[0].entry_slippage_r, trades[0].gap_pct), (None, None));
    }
}
