//! What the risk engine remembers: a fold of PLAN, RISK, ORDER and CONTROL.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::burst::Burst;
use super::margin::Reserved;
use super::{DayOpened, PlanApproved, RiskLimit, TradingState, TradingStateBook};
use crate::calendar;
use crate::event::Event;
use crate::execution::{AccountObserved, CloseReason, FillRecorded, Leg, OrderState, PlanClosed};
use crate::id::{PlanId, VenueOrderId};
use crate::money::{Micro, MoneyError, Usd};
use crate::plan::TradePlan;
use crate::scan::Round;
use crate::symbol::Symbol;
use crate::time::{SessionDate, UnixNanos};

/// A plan that is approved and not closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct OpenPlan {
    symbol: Symbol,
    sector: Option<String>,
    config_version: String,
    reserved: Reserved,
    #[serde(default)]
    exit_by: UnixNanos,
    entered: bool,
    fills: BTreeSet<(VenueOrderId, u64)>,
    fees: Usd,
}

/// A finished trade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct TradeResult {
    config_version: String,
    r_multiple: Micro,
}

/// The counters of one session.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Day {
    pub opened: Option<DayOpened>,
    pub approved: u32,
    pub symbols: BTreeSet<Symbol>,
    pub stop_outs_in_a_row: u32,
    pub lowered: BTreeSet<RiskLimit>,
    pub orders: Burst,
    pub cancels: Burst,
    pub entries: Burst,
    /// Symbols with an entry that slipped, and by how much at worst, multiples of the stop distance.
    pub slipped: BTreeMap<Symbol, Micro>,
    /// Positions opened and closed this session.
    pub round_trips: u32,
    /// Fees of the closed plans.
    fees: Usd,
}

/// The newest round: limits are those of its strategy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct NewestRound {
    due: UnixNanos,
    config_version: String,
}

/// The account's memory. Serialisable: a ledger that was saved and read back folds on like one that was not.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ledger {
    days: BTreeMap<SessionDate, Day>,
    pub(super) account: Option<AccountObserved>,
    pub(super) pending: VecDeque<TradePlan>,
    decided: BTreeSet<PlanId>,
    open: BTreeMap<PlanId, OpenPlan>,
    results: VecDeque<TradeResult>,
    trading_state: TradingStateBook,
    pub(super) market_time: UnixNanos,
    #[serde(default)]
    round: Option<NewestRound>,
}

/// Sessions whose counters are remembered.
pub(super) const DAYS_KEPT: usize = 5;

/// Finished trades whose result is remembered: the most that `risk.kill_trades` may ask for.
const RESULTS_KEPT: usize = 1_000;

impl Ledger {
    /// Takes an event; repeats and events of no concern change nothing.
    pub fn apply(&mut self, event: &Event) {
        self.trading_state.apply(event);
        match event {
            Event::RoundClosed(closed) => self.note_round(&closed.round),
            Event::PlanProposed(proposed) => {
                let plan = &proposed.plan;
                self.note_round(&plan.round);
                self.market_time = self.market_time.max(plan.round.due);
                if !self.decided.contains(&plan.plan_id) && self.pending.iter().all(|p| p.plan_id != plan.plan_id) {
                    self.pending.push_back(plan.clone());
                }
            }
            Event::DayOpened(opened) => {
                self.day_mut(opened.session_date).opened = Some(opened.clone());
                while self.days.len() > DAYS_KEPT {
                    self.days.pop_first();
                }
            }
            Event::PlanApproved(approved) => self.approve(approved),
            Event::PlanDenied(denied) => self.settle(&denied.plan_id),
            Event::TradingStateLowered(lowered) => {
                self.day_mut(lowered.session_date).lowered.insert(lowered.limit);
            }
            Event::OrderIntended(order) => {
                self.day_mut(order.session_date).orders.note(order.ts_event, order.client_order_id.as_str());
            }
            Event::OrderUpdated(order) if order.state == OrderState::Canceled => {
                let date = calendar::session_at(order.ts_event).date;
                self.day_mut(date).cancels.note(order.ts_event, order.client_order_id.as_str());
            }
            Event::FillRecorded(fill) => self.fill(fill),
            Event::PlanClosed(closed) => self.close(closed),
            Event::AccountObserved(observed) => {
                self.market_time = self.market_time.max(observed.ts_event);
                self.account = Some(observed.clone());
            }
            _ => {}
        }
    }

    /// Gives back what plans tie up whose positions would be closed by now.
    pub(super) fn release_ended(&mut self) {
        let now = self.market_time;
        self.open.retain(|_, plan| plan.exit_by > now);
    }

    /// The trading state in force on `session`.
    pub fn trading_state(&self, session: SessionDate) -> TradingState {
        self.trading_state.in_force(session)
    }

    /// Symbols with an open plan.
    pub fn open_symbols(&self) -> impl Iterator<Item = &Symbol> {
        self.open.values().map(|plan| &plan.symbol)
    }

    /// Plans approved and not yet closed.
    pub fn open_plans(&self) -> usize {
        self.open.len()
    }

    /// What the newest observation says against the calendar of `session`.
    pub(super) fn calendar_conflicts(&self, session: SessionDate) -> &[String] {
        let observed = self.account.as_ref().filter(|account| account.session_date == session);
        observed.map_or(&[], |account| account.calendar_conflicts.as_slice())
    }

    pub(super) fn day(&self, date: SessionDate) -> Option<&Day> {
        self.days.get(&date)
    }

    /// What all open plans tie up, and the exposure of those in `sector`.
    pub(super) fn reserved(&self, sector: Option<&String>) -> Result<(Reserved, Usd), MoneyError> {
        let (mut all, mut same) = (Reserved::default(), Usd::ZERO);
        for plan in self.open.values() {
            all = all.plus(plan.reserved)?;
            if sector.is_some() && plan.sector.as_ref() == sector {
                same = same.plus(plan.reserved.exposure, "sector exposure")?;
            }
        }
        Ok((all, same))
    }

    /// Day trades from `first` to `last`, both included.
    pub(super) fn day_trades(&self, first: SessionDate, last: SessionDate) -> u32 {
        self.days.range(first..=last).map(|(_, day)| day.round_trips).sum()
    }

    /// Fees of `day`'s closed plans and of all open ones, 1e-9 USD.
    pub(super) fn fees_of(&self, day: &Day) -> i128 {
        let open: i128 = self.open.values().map(|plan| i128::from(plan.fees.nanos())).sum();
        i128::from(day.fees.nanos()) + open
    }

    /// R of the last `count` trades under strategy `version`, the newest first; `None` when there are fewer.
    pub(super) fn last_results(&self, version: &str, count: usize) -> Option<Vec<Micro>> {
        let of_version = self.results.iter().rev().filter(|result| result.config_version == version);
        let last: Vec<Micro> = of_version.take(count).map(|result| result.r_multiple).collect();
        (last.len() == count).then_some(last)
    }

    /// Version of the strategy of the newest round; `None` before the first.
    pub(super) fn version_in_force(&self) -> Option<&str> {
        self.round.as_ref().map(|round| round.config_version.as_str())
    }

    fn note_round(&mut self, round: &Round) {
        if self.round.as_ref().is_none_or(|newest| newest.due <= round.due) {
            self.round = Some(NewestRound { due: round.due, config_version: round.config_version.clone() });
        }
    }

    fn approve(&mut self, approved: &PlanApproved) {
        let plan = &approved.plan;
        if self.decided.contains(&plan.plan_id) {
            return;
        }
        self.settle(&plan.plan_id);
        let day = self.day_mut(plan.round.session_date);
        day.approved += 1;
        day.symbols.insert(plan.symbol.clone());
        let by_notional =
            Reserved { exposure: approved.notional, buying_power: approved.notional, margin: approved.notional };
        let open = OpenPlan {
            symbol: plan.symbol.clone(),
            sector: plan.sector.clone(),
            config_version: plan.round.config_version.clone(),
            reserved: Reserved::by(plan, approved.quantity, None, None).unwrap_or(by_notional),
            exit_by: plan.exit_by,
            entered: false,
            fills: BTreeSet::new(),
            fees: Usd::ZERO,
        };
        self.open.insert(plan.plan_id.clone(), open);
    }

    fn fill(&mut self, fill: &FillRecorded) {
        let Some(plan) = self.open.get_mut(&fill.plan_id) else { return };
        if plan.fills.insert((fill.venue_order_id.clone(), fill.cumulative_qty)) {
            plan.fees = Usd::from_nanos(plan.fees.nanos().saturating_add(fill.fees.nanos()));
        }
        if fill.leg != Leg::Entry {
            return;
        }
        let first = !std::mem::replace(&mut plan.entered, true);
        let day = self.day_mut(calendar::session_at(fill.ts_event).date);
        if first {
            day.entries.note(fill.ts_event, fill.plan_id.as_str());
        }
        if let Some(slippage) = fill.slippage_r {
            let worst = day.slipped.entry(fill.symbol.clone()).or_insert(slippage);
            *worst = slippage.max(*worst);
        }
    }

    fn close(&mut self, closed: &PlanClosed) {
        self.market_time = self.market_time.max(closed.ts_event);
        let Some(plan) = self.open.remove(&closed.plan_id) else { return };
        let day = self.day_mut(closed.session_date);
        day.fees = Usd::from_nanos(day.fees.nanos().saturating_add(closed.fees.nanos()));
        match closed.reason {
            // A stop that had followed the price, or that closed what a target left, may end a gain.
            CloseReason::StopLoss if closed.r_multiple <= Micro::default() => day.stop_outs_in_a_row += 1,
            CloseReason::StopLoss
            | CloseReason::TakeProfit
            | CloseReason::FlatByClose
            | CloseReason::Flattened
            | CloseReason::ClosedElsewhere
            | CloseReason::TimeStop => {
                day.stop_outs_in_a_row = 0;
            }
            CloseReason::EntryExpired
            | CloseReason::EntryWithdrawn
            | CloseReason::EntryRejected
            | CloseReason::Abandoned => {}
        }
        if closed.quantity == 0 {
            return;
        }
        if calendar::session_at(closed.ts_event).date == closed.session_date {
            day.round_trips += 1;
        }
        let result = TradeResult { config_version: plan.config_version, r_multiple: closed.r_multiple };
        self.results.push_back(result);
        while self.results.len() > RESULTS_KEPT {
            self.results.pop_front();
        }
    }

    fn settle(&mut self, plan_id: &PlanId) {
        self.decided.insert(plan_id.clone());
        self.pending.retain(|p| p.plan_id != *plan_id);
    }

    fn day_mut(&mut self, date: SessionDate) -> &mut Day {
        self.days.entry(date).or_default()
    }
}
