//! Events with arbitrary, allowed values, made from a seed.

mod control;
mod market;
mod ops;
mod order;
mod plan;
mod risk;
mod scan;

use domain::{Event, Micro, Price, SessionDate, Symbol, UnixNanos, Usd};

pub(crate) use market::prints;
pub(crate) use risk::DENIALS;

/// How far the values go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Range {
    /// Whatever the contract allows.
    Allowed,
    /// Such as a trading day brings, with every optional field set and no list empty.
    Plain,
}

/// A stream of values that depends on its seed alone (`SplitMix64`).
pub(crate) struct Source {
    state: u64,
    range: Range,
}

impl Source {
    pub(crate) fn allowed(seed: u64) -> Self {
        Self { state: seed, range: Range::Allowed }
    }

    pub(crate) fn plain(seed: u64) -> Self {
        Self { state: seed, range: Range::Plain }
    }

    fn plain_values(&self) -> bool {
        self.range == Range::Plain
    }

    pub(crate) fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.bits() % end
    }

    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }

    fn option<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.plain_values() || self.below(2) == 0).then(|| make(self))
    }

    fn list<T>(&mut self, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let len = if self.plain_values() { 2 } else { self.below(4) };
        (0..len).map(|_| make(self)).collect()
    }

    /// Of every magnitude.
    pub(crate) fn number(&mut self) -> u64 {
        if self.plain_values() { self.below(100_000) } else { self.bits() >> self.below(64) }
    }

    fn signed(&mut self) -> i64 {
        let number = self.number() as i64;
        if self.below(2) == 0 { number } else { number.wrapping_neg() }
    }

    fn flag(&mut self) -> bool {
        self.plain_values() || self.below(2) == 0
    }

    fn count(&mut self) -> u32 {
        (self.number() as u32).max(1)
    }

    fn shares(&mut self) -> u64 {
        self.number().max(1)
    }

    pub(crate) fn price(&mut self) -> Price {
        if self.plain_values() {
            return Price::from_cents(self.below(50_000) as i64 + 100);
        }
        let unit = 10_i64.pow(self.below(10) as u32);
        Price::from_nanos((self.number() as i64 & i64::MAX).wrapping_rem(i64::MAX / unit).max(1) * unit)
    }

    fn usd(&mut self) -> Usd {
        if self.plain_values() { Usd::from_cents(self.signed()) } else { Usd::from_nanos(self.signed()) }
    }

    fn positive_usd(&mut self) -> Usd {
        Usd::from_nanos(self.price().nanos())
    }

    fn micro(&mut self) -> Micro {
        Micro::from_micros(self.signed())
    }

    fn time(&mut self) -> UnixNanos {
        if self.plain_values() {
            let open: UnixNanos = "2026-11-24T14:30:00Z".parse().unwrap();
            return open.plus_nanos(self.below(23_400_000) as i64 * 1_000_000);
        }
        UnixNanos::new(self.bits() as i64)
    }

    fn date(&mut self) -> SessionDate {
        let days = if self.plain_values() { 20_781 } else { self.below(212_001) as i32 - 106_000 };
        SessionDate::from_epoch_days(days).unwrap()
    }

    pub(crate) fn symbol(&mut self) -> Symbol {
        if self.plain_values() {
            return self.pick(&["GME", "BRK.B", "AAPL", "SOUN"]).parse().unwrap();
        }
        let len = self.below(16) + 1;
        let text: String = (0..len).map(|_| self.pick(&['A', 'Z', '0', '9', '.', '-', '/', 'Q'])).collect();
        text.parse().unwrap()
    }

    /// Not empty.
    fn name(&mut self) -> String {
        if self.plain_values() {
            return format!("{}-{}", self.pick(&["alpha", "bravo", "carol", "delta"]), self.below(1000));
        }
        format!("{}{}", self.pick(&['n', 'é', '"', '\n', '🚀']), self.words())
    }

    fn words(&mut self) -> String {
        if self.plain_values() {
            return format!("{} of {}", self.below(100), self.below(1000));
        }
        (0..self.below(12)).map(|_| self.pick(&['a', ' ', 'ß', '\0', '中', '.'])).collect()
    }
}

type Make = fn(&mut Source) -> Event;

/// A maker for every event, under its type's name.
pub(crate) const MAKERS: &[(&str, Make)] = &[
    ("finagent.market.v1.TradeBatch", |s| market::trade_batch(s).into()),
    ("finagent.market.v1.ReferenceUpdated", |s| market::reference_updated(s).into()),
    ("finagent.market.v1.NewsPublished", |s| market::news_published(s).into()),
    ("finagent.market.v1.FeedGapDetected", |s| market::feed_gap_detected(s).into()),
    ("finagent.scan.v1.SignalGenerated", |s| scan::signal_generated(s).into()),
    ("finagent.scan.v1.CandidatesEvaluated", |s| scan::candidates_evaluated(s).into()),
    ("finagent.scan.v1.ScanRoundCompleted", |s| scan::scan_round_completed(s).into()),
    ("finagent.scan.v1.RoundOpened", |s| scan::round_opened(s).into()),
    ("finagent.plan.v1.RoundClosed", |s| plan::round_closed(s).into()),
    ("finagent.plan.v1.PlanProposed", |s| plan::plan_proposed(s).into()),
    ("finagent.risk.v1.DayOpened", |s| risk::day_opened(s).into()),
    ("finagent.risk.v1.PlanApproved", |s| risk::plan_approved(s).into()),
    ("finagent.risk.v1.PlanDenied", |s| risk::plan_denied(s).into()),
    ("finagent.risk.v1.TradingStateLowered", |s| risk::trading_state_lowered(s).into()),
    ("finagent.order.v1.OrderIntended", |s| order::order_intended(s).into()),
    ("finagent.order.v1.OrderUpdated", |s| order::order_updated(s).into()),
    ("finagent.order.v1.FillRecorded", |s| order::fill_recorded(s).into()),
    ("finagent.order.v1.PlanExecuted", |s| order::plan_executed(s).into()),
    ("finagent.order.v1.PlanClosed", |s| order::plan_closed(s).into()),
    ("finagent.order.v1.AccountObserved", |s| order::account_observed(s).into()),
    ("finagent.order.v1.PositionReconciled", |s| order::position_reconciled(s).into()),
    ("finagent.order.v1.DeadlineReached", |s| order::deadline_reached(s).into()),
    ("finagent.order.v1.OwnerChanged", |s| order::owner_changed(s).into()),
    ("finagent.control.v1.TradingStateChanged", |s| control::trading_state_changed(s).into()),
    ("finagent.control.v1.FlattenRequested", |s| control::flatten_requested(s).into()),
    ("finagent.control.v1.FlattenCancelled", |s| control::flatten_cancelled(s).into()),
    ("finagent.control.v1.StrategyPaused", |s| control::strategy_paused(s).into()),
    ("finagent.control.v1.ConfigActivated", |s| control::config_activated(s).into()),
    ("finagent.control.v1.AlertAcknowledged", |s| control::alert_acknowledged(s).into()),
    ("finagent.control.v1.DeadLetterHandled", |s| control::dead_letter_handled(s).into()),
    ("finagent.ops.v1.ErrorRaised", |s| ops::error_raised(s).into()),
    ("finagent.ops.v1.ReadinessReported", |s| ops::readiness_reported(s).into()),
    ("finagent.market.v1.TradingStatusChanged", |s| market::trading_status_changed(s).into()),
];

#[test]
fn every_event_type_has_a_maker() {
    // New ones stand last, since the place is the seed of the golden bytes.
    let sorted = |mut names: Vec<&'static str>| {
        names.sort_unstable();
        names
    };
    assert_eq!(sorted(MAKERS.iter().map(|(name, _)| *name).collect()), sorted(events::known_types().to_vec()));
}
