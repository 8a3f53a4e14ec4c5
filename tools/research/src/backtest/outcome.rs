//! What a backtest comes to: plans, trades, days, statistics.

use std::collections::HashMap;

use domain::calendar;
use domain::{Event, PlanId, Usd};
use serde::Serialize;
use statistics::{ClosedTrade, Ledger, Returns, TradeStatistics, drawdowns};

use super::rows::{DayRow, EquityRow, PlanRow};

/// Collects from the events of a run.
#[derive(Default)]
pub(crate) struct Outcome {
    pub plans: Vec<PlanRow>,
    pub trades: Vec<ClosedTrade>,
    pub days: Vec<DayRow>,
    places: HashMap<PlanId, usize>,
    ledger: Ledger,
}

/// Numbers over the whole run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Statistics {
    #[serde(flatten)]
    pub returns: Returns,
    #[serde(flatten)]
    pub trades: TradeStatistics,
    /// Part of regular hours with a position.
    pub exposure_time: f64,
    /// Entry value held, over equity, averaged over regular hours.
    pub exposure_gross: f64,
    /// Prints that were in the market data.
    pub prints: u64,
}

impl Outcome {
    /// Takes an event of SCAN, PLAN, RISK or ORDER.
    pub(super) fn apply(&mut self, event: &Event) {
        self.trades.extend(self.ledger.apply(event));
        match event {
            Event::PlanProposed(proposed) => {
                self.places.insert(proposed.plan.plan_id.clone(), self.plans.len());
                let plan = proposed.plan.clone();
                self.plans.push(PlanRow { plan, quantity: None, binding_cap: None, denied: None, closed: None });
            }
            Event::PlanApproved(approved) => {
                if let Some(row) = self.plan(&approved.plan.plan_id) {
                    (row.quantity, row.binding_cap) = (Some(approved.quantity), Some(approved.binding_cap));
                }
            }
            Event::PlanDenied(denied) => {
                if let Some(row) = self.plan(&denied.plan_id) {
                    row.denied = Some(denied.reason.clone());
                }
            }
            Event::PlanClosed(closed) => {
                if let Some(row) = self.plan(&closed.plan_id) {
                    row.closed = Some(closed.reason);
                }
            }
            _ => {}
        }
    }

    /// Ends a session; the row's counts of plans and trades are filled in here.
    pub(super) fn end_session(&mut self, mut day: DayRow) {
        let plans = self.plans.iter().rev().take_while(|p| p.plan.round.session_date == day.result.session_date);
        (day.plans, day.approved) =
            plans.fold((0, 0), |(all, ok), p| (all + 1, ok + usize::from(p.quantity.is_some())));
        for trade in self.trades.iter().rev().take_while(|t| t.session_date == day.result.session_date) {
            day.trades += 1;
            day.wins += usize::from(trade.pnl > Usd::ZERO);
            day.fees = Usd::from_nanos(day.fees.nanos().saturating_add(trade.fees.nanos()));
        }
        self.ledger.end_session();
        self.days.push(day);
    }

    /// The end of each session after the start.
    pub(super) fn equity(&self) -> Vec<EquityRow> {
        let Some(first) = self.days.first() else { return Vec::new() };
        let before = calendar::previous_session(first.result.session_date).date;
        let mut rows = vec![EquityRow { session_date: before, equity: first.result.start_equity, drawdown: 0.0 }];
        let row = |(day, drawdown): (&DayRow, f64)| EquityRow {
            session_date: day.result.session_date,
            equity: day.result.end_equity,
            drawdown,
        };
        rows.extend(self.days.iter().zip(drawdowns(&self.returns())).map(row));
        rows
    }

    pub(super) fn statistics(&self) -> Statistics {
        let (exposure_time, exposure_gross) = self.exposure();
        Statistics {
            returns: Returns::of(&self.returns()),
            trades: TradeStatistics::of(&self.trades),
            exposure_time,
            exposure_gross,
            prints: self.days.iter().map(|day| day.prints).sum(),
        }
    }

    fn returns(&self) -> Vec<f64> {
        self.days.iter().map(|day| day.result.simple_return()).collect()
    }

    fn plan(&mut self, id: &PlanId) -> Option<&mut PlanRow> {
        self.plans.get_mut(*self.places.get(id)?)
    }

    fn exposure(&self) -> (f64, f64) {
        let hours = |day: &DayRow| calendar::session(day.result.session_date).map_or(0, |s| s.close.since(s.open));
        let all: f64 = self.days.iter().map(|day| hours(day) as f64).sum();
        if all == 0.0 {
            return (0.0, 0.0);
        }
        let mut spans: Vec<(i64, i64)> = self.trades.iter().map(|t| (t.entry_at.nanos(), t.exit_at.nanos())).collect();
        spans.sort_unstable();
        let (mut held, mut until) = (0_i64, i64::MIN);
        for (from, to) in spans {
            held += to.saturating_sub(from.max(until)).max(0);
            until = until.max(to);
        }
        let weighted = |t: &ClosedTrade| {
            let equity = self
                .days
                .iter()
                .rfind(|d| d.result.session_date == t.session_date)
                .map_or(1.0, |d| d.result.start_equity.to_f64());
            t.entry.to_f64() * t.quantity as f64 / equity * t.exit_at.since(t.entry_at) as f64
        };
        // An empty sum of floats is -0.
        (held as f64 / all, self.trades.iter().map(weighted).fold(0.0, |sum, part| sum + part) / all)
    }
}
