//! What a backtest comes to: plans, trades, days, statistics.

use std::collections::HashMap;

use domain::calendar;
use domain::execution::{FillRecorded, Leg, PlanClosed};
use domain::{Event, Micro, PlanId, SignalId, Usd};
use serde::Serialize;

use super::rows::{DayRow, EquityRow, PlanRow, TradeRow};
use crate::statistics::{Returns, Trade, TradeStatistics, drawdowns};

/// Collects from the events of a run.
#[derive(Default)]
pub(crate) struct Outcome {
    pub plans: Vec<PlanRow>,
    pub trades: Vec<TradeRow>,
    pub days: Vec<DayRow>,
    places: HashMap<PlanId, usize>,
    fills: HashMap<PlanId, Vec<FillRecorded>>,
    gaps: HashMap<SignalId, Option<Micro>>,
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
        match event {
            Event::SignalGenerated(signal) => {
                self.gaps.insert(signal.signal_id.clone(), signal.candidate.features.gap_pct);
            }
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
            Event::FillRecorded(fill) => self.fills.entry(fill.plan_id.clone()).or_default().push(fill.clone()),
            Event::PlanClosed(closed) => self.close(closed),
            _ => {}
        }
    }

    /// Ends a session; the row's counts of plans and trades are filled in here.
    pub(super) fn end_session(&mut self, mut day: DayRow) {
        let plans = self.plans.iter().rev().take_while(|p| p.plan.round.session_date == day.session_date);
        (day.plans, day.approved) =
            plans.fold((0, 0), |(all, ok), p| (all + 1, ok + usize::from(p.quantity.is_some())));
        for trade in self.trades.iter().rev().take_while(|t| t.session_date == day.session_date) {
            day.trades += 1;
            day.wins += usize::from(trade.pnl > Usd::ZERO);
            day.fees = Usd::from_nanos(day.fees.nanos().saturating_add(trade.fees.nanos()));
        }
        self.gaps.clear();
        self.days.push(day);
    }

    /// The end of each session after the start.
    pub(super) fn equity(&self) -> Vec<EquityRow> {
        let Some(first) = self.days.first() else { return Vec::new() };
        let before = calendar::previous_session(first.session_date).date;
        let mut rows = vec![EquityRow { session_date: before, equity: first.start_equity, drawdown: 0.0 }];
        let row = |(day, drawdown): (&DayRow, f64)| EquityRow {
            session_date: day.session_date,
            equity: day.end_equity,
            drawdown,
        };
        rows.extend(self.days.iter().zip(drawdowns(&self.returns())).map(row));
        rows
    }

    pub(super) fn statistics(&self) -> Statistics {
        let trades: Vec<Trade> = self.trades.iter().map(statistical).collect();
        let (exposure_time, exposure_gross) = self.exposure();
        Statistics {
            returns: Returns::of(&self.returns()),
            trades: TradeStatistics::of(&trades),
            exposure_time,
            exposure_gross,
            prints: self.days.iter().map(|day| day.prints).sum(),
        }
    }

    fn returns(&self) -> Vec<f64> {
        self.days.iter().map(DayRow::simple_return).collect()
    }

    fn plan(&mut self, id: &PlanId) -> Option<&mut PlanRow> {
        self.plans.get_mut(*self.places.get(id)?)
    }

    fn close(&mut self, closed: &PlanClosed) {
        let fills = self.fills.remove(&closed.plan_id).unwrap_or_default();
        let gaps = &self.gaps;
        let Some(row) = self.places.get(&closed.plan_id).and_then(|place| self.plans.get_mut(*place)) else { return };
        row.closed = Some(closed.reason);
        let (Some(entry), Some(exit)) = (closed.avg_entry_price, closed.avg_exit_price) else { return };
        let at = |entries: bool| fills.iter().filter(move |f| (f.leg == Leg::Entry) == entries).map(|f| f.ts_event);
        let slipped =
            fills.iter().filter_map(|f| f.slippage_r.map(|r| i128::from(r.micros()) * i128::from(f.quantity)));
        let slippage = slipped.sum::<i128>() / i128::from(closed.quantity.max(1));
        self.trades.push(TradeRow {
            plan_id: closed.plan_id.clone(),
            session_date: closed.session_date,
            symbol: closed.symbol.clone(),
            side: row.plan.side,
            quantity: closed.quantity,
            entry_at: at(true).min().unwrap_or(closed.ts_event),
            entry,
            exit_at: at(false).max().unwrap_or(closed.ts_event),
            exit,
            stop_distance: row.plan.stop_distance,
            fees: closed.fees,
            pnl: closed.realized_pnl,
            r: closed.r_multiple,
            reason: closed.reason,
            slippage_r: Micro::from_micros(i64::try_from(slippage).unwrap_or(i64::MAX)),
            gap_pct: gaps.get(&row.plan.signal_id).copied().flatten(),
        });
    }

    fn exposure(&self) -> (f64, f64) {
        let hours = |day: &DayRow| calendar::session(day.session_date).map_or(0, |s| s.close.since(s.open));
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
        let weighted = |t: &TradeRow| {
            let equity =
                self.days.iter().rfind(|d| d.session_date == t.session_date).map_or(1.0, |d| d.start_equity.to_f64());
            t.entry.to_f64() * t.quantity as f64 / equity * t.exit_at.since(t.entry_at) as f64
        };
        // An empty sum of floats is -0.
        (held as f64 / all, self.trades.iter().map(weighted).fold(0.0, |sum, part| sum + part) / all)
    }
}

fn statistical(trade: &TradeRow) -> Trade {
    Trade {
        symbol: trade.symbol.to_string(),
        hour: trade.entry_at.new_york_seconds() / 3_600,
        gap_pct: trade.gap_pct.map(Micro::to_f64),
        pnl: trade.pnl.to_f64(),
        fees: trade.fees.to_f64(),
        r: trade.r.to_f64(),
        slippage_r: trade.slippage_r.to_f64(),
    }
}
