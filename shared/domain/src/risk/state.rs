//! The account's ledger, folded from PLAN, RISK, ORDER and CONTROL.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::sizing::{self, Means};
use super::{
    DayOpened, Decision, DenialReason, PlanApproved, PlanDenied, RiskLimit, TradingState, TradingStateBook,
    TradingStateLowered,
};
use crate::event::Event;
use crate::execution::{AccountObserved, CloseReason, PlanClosed};
use crate::id::PlanId;
use crate::money::{Micro, Usd};
use crate::plan::TradePlan;
use crate::scan::Input;
use crate::strategy::Strategy;
use crate::symbol::Symbol;
use crate::time::{SessionDate, UnixNanos};

#[derive(Debug, Clone)]
struct Reservation {
    symbol: Symbol,
    sector: Option<String>,
    notional: Usd,
}

#[derive(Debug, Clone, Default)]
struct Day {
    opened: Option<DayOpened>,
    approved: u32,
    symbols: BTreeSet<Symbol>,
    stop_outs_in_a_row: u32,
    lowered: BTreeSet<RiskLimit>,
}

/// The risk engine's memory.
#[derive(Debug)]
pub struct RiskState {
    strategy: Arc<Strategy>,
    days: BTreeMap<SessionDate, Day>,
    account: Option<AccountObserved>,
    pending: VecDeque<TradePlan>,
    decided: BTreeSet<PlanId>,
    open: BTreeMap<PlanId, Reservation>,
    trading_state: TradingStateBook,
    market_time: UnixNanos,
}

/// Sessions whose counters are remembered.
const DAYS_KEPT: usize = 5;

impl RiskState {
    /// An empty ledger for `strategy`.
    pub fn new(strategy: Arc<Strategy>) -> Self {
        Self {
            strategy,
            days: BTreeMap::new(),
            account: None,
            pending: VecDeque::new(),
            decided: BTreeSet::new(),
            open: BTreeMap::new(),
            trading_state: TradingStateBook::default(),
            market_time: UnixNanos::default(),
        }
    }

    /// Takes an event; repeats and events of no concern change nothing.
    pub fn apply(&mut self, event: &Event) {
        self.trading_state.apply(event);
        match event {
            Event::PlanProposed(proposed) => {
                let plan = &proposed.plan;
                self.market_time = self.market_time.max(plan.round.due);
                if !self.decided.contains(&plan.plan_id) && self.pending.iter().all(|p| p.plan_id != plan.plan_id) {
                    self.pending.push_back(plan.clone());
                }
            }
            Event::DayOpened(opened) => {
                self.day(opened.session_date).opened = Some(opened.clone());
                while self.days.len() > DAYS_KEPT {
                    self.days.pop_first();
                }
            }
            Event::PlanApproved(approved) => self.approve(approved),
            Event::PlanDenied(denied) => self.settle(&denied.plan_id),
            Event::TradingStateLowered(lowered) => {
                self.day(lowered.session_date).lowered.insert(lowered.limit);
            }
            Event::PlanClosed(closed) => self.close(closed),
            Event::AccountObserved(observed) => {
                self.market_time = self.market_time.max(observed.ts_event);
                self.account = Some(observed.clone());
            }
            _ => {}
        }
    }

    /// The next thing to append to RISK, or `None`. Append it at the ledger's tail, apply it, and ask again.
    ///
    /// `inputs` is what the caller had folded of each stream.
    pub fn decide(&self, inputs: &[Input]) -> Option<Decision> {
        self.open_day().or_else(|| self.lower_state()).or_else(|| self.decide_plan(inputs))
    }

    /// The trading state in force on `session`.
    pub fn trading_state(&self, session: SessionDate) -> TradingState {
        self.trading_state.in_force(session)
    }

    /// Plans that wait for a decision.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    fn open_day(&self) -> Option<Decision> {
        let account = self.account.as_ref()?;
        if self.days.get(&account.session_date).is_some_and(|d| d.opened.is_some()) {
            return None;
        }
        let observe_only = if account.tradable { Vec::new() } else { vec!["the broker blocks the account".to_owned()] };
        let opened = DayOpened {
            session_date: account.session_date,
            account: account.account.clone(),
            start_equity: account.equity,
            buying_power: account.buying_power,
            observe_only,
            at: account.ts_event,
        };
        Some(Decision::OpenDay(opened))
    }

    fn lower_state(&self) -> Option<Decision> {
        let account = self.account.as_ref()?;
        let day = self.days.get(&account.session_date)?;
        let start = day.opened.as_ref()?.start_equity;
        let loss = sizing::percent_of(Usd::from_nanos(start.nanos().saturating_sub(account.equity.nanos())), start);
        let risk = &self.strategy.risk;
        let stop_outs = Micro::from_int(i64::from(day.stop_outs_in_a_row));
        let guards = [
            (RiskLimit::DailyLossHard, TradingState::Flatten, loss, risk.daily_loss_hard_pct),
            (RiskLimit::DailyLossSoft, TradingState::NoEntry, loss, risk.daily_loss_soft_pct),
            (
                RiskLimit::ConsecutiveStopOuts,
                TradingState::NoEntry,
                stop_outs,
                Micro::from_int(i64::from(risk.max_consecutive_stop_outs)),
            ),
        ];
        let (limit, state, value, threshold) = guards
            .into_iter()
            .find(|(limit, _, value, threshold)| value >= threshold && !day.lowered.contains(limit))?;
        let session_date = account.session_date;
        Some(Decision::LowerState(TradingStateLowered {
            session_date,
            state,
            limit,
            value,
            threshold,
            at: account.ts_event,
        }))
    }

    fn decide_plan(&self, inputs: &[Input]) -> Option<Decision> {
        let plan = self.pending.front()?;
        let day = self.days.get(&plan.round.session_date);
        let opened = day.and_then(|d| d.opened.as_ref());
        if opened.is_none() && self.market_time <= plan.valid_until {
            return None;
        }
        let denied = |reason, terms, equity| {
            Decision::Deny(PlanDenied {
                plan_id: plan.plan_id.clone(),
                signal_id: plan.signal_id.clone(),
                symbol: plan.symbol.clone(),
                session_date: plan.round.session_date,
                reason,
                terms,
                equity,
                decided_at: self.market_time,
                inputs: inputs.to_vec(),
            })
        };
        let (Some(day), Some(opened)) = (day, opened) else {
            let (valid_until, watermark) = (plan.valid_until, self.market_time);
            return Some(denied(DenialReason::Expired { valid_until, watermark }, Vec::new(), None));
        };
        let equity = opened.start_equity;
        if let Some(reason) = self.refusal(plan, day, opened) {
            return Some(denied(reason, Vec::new(), Some(equity)));
        }
        let risk = &self.strategy.risk;
        let sized = sizing::size(plan, risk, &self.means(plan, opened)).and_then(|size| {
            let at_risk = sizing::risk_of(plan, size.quantity)?;
            let notional = plan.entry.limit.max(plan.entry.trigger).notional(size.quantity)?;
            Ok((size, at_risk, notional))
        });
        let (size, at_risk, notional) = match sized {
            Ok(sized) => sized,
            Err(error) => {
                return Some(denied(DenialReason::BadPlan { detail: error.to_string() }, Vec::new(), Some(equity)));
            }
        };
        if size.quantity == 0 {
            return Some(denied(DenialReason::NoQuantity { cap: size.binding_cap }, size.terms, Some(equity)));
        }
        if at_risk < risk.risk_min {
            let reason = DenialReason::RiskTooSmall { risk: at_risk, minimum: risk.risk_min };
            return Some(denied(reason, size.terms, Some(equity)));
        }
        let approved = PlanApproved {
            plan: plan.clone(),
            account: opened.account.clone(),
            quantity: size.quantity,
            binding_cap: size.binding_cap,
            terms: size.terms,
            risk: at_risk,
            notional,
            equity,
            decided_at: self.market_time,
            inputs: inputs.to_vec(),
        };
        Some(Decision::Approve(approved))
    }

    fn refusal(&self, plan: &TradePlan, day: &Day, opened: &DayOpened) -> Option<DenialReason> {
        let risk = &self.strategy.risk;
        let reached = |limit, value: u32, threshold: u32| DenialReason::LimitReached {
            limit,
            value: Micro::from_int(i64::from(value)),
            threshold: Micro::from_int(i64::from(threshold)),
        };
        let state = self.trading_state(plan.round.session_date);
        let open = self.open.len() as u32;
        if state > TradingState::Normal {
            Some(DenialReason::TradingState { state })
        } else if !opened.observe_only.is_empty() {
            Some(DenialReason::ObserveOnly)
        } else if self.market_time > plan.valid_until {
            Some(DenialReason::Expired { valid_until: plan.valid_until, watermark: self.market_time })
        } else if plan.stop_distance.nanos() <= 0 || plan.entry.trigger.nanos() <= 0 || plan.entry.limit.nanos() <= 0 {
            Some(DenialReason::BadPlan { detail: "entry and stop distance must be positive".to_owned() })
        } else if day.symbols.contains(&plan.symbol) {
            Some(DenialReason::AlreadyTraded)
        } else if open >= risk.max_positions {
            Some(reached(RiskLimit::OpenPlans, open, risk.max_positions))
        } else if day.approved >= risk.max_plans_per_session {
            Some(reached(RiskLimit::PlansPerSession, day.approved, risk.max_plans_per_session))
        } else {
            None
        }
    }

    fn means(&self, plan: &TradePlan, opened: &DayOpened) -> Means {
        let sum = |amounts: &mut dyn Iterator<Item = Usd>| {
            Usd::from_nanos(amounts.fold(0, |total, usd| usd.nanos().saturating_add(total)))
        };
        let same_sector = |r: &&Reservation| plan.sector.is_some() && r.sector == plan.sector;
        Means {
            equity: opened.start_equity,
            buying_power: opened.buying_power,
            reserved: sum(&mut self.open.values().map(|r| r.notional)),
            reserved_in_sector: sum(&mut self.open.values().filter(same_sector).map(|r| r.notional)),
        }
    }

    fn approve(&mut self, approved: &PlanApproved) {
        let plan = &approved.plan;
        if self.decided.contains(&plan.plan_id) {
            return;
        }
        self.settle(&plan.plan_id);
        let day = self.day(plan.round.session_date);
        day.approved += 1;
        day.symbols.insert(plan.symbol.clone());
        let reservation =
            Reservation { symbol: plan.symbol.clone(), sector: plan.sector.clone(), notional: approved.notional };
        self.open.insert(plan.plan_id.clone(), reservation);
    }

    fn close(&mut self, closed: &PlanClosed) {
        self.market_time = self.market_time.max(closed.ts_event);
        if self.open.remove(&closed.plan_id).is_none() {
            return;
        }
        let day = self.day(closed.session_date);
        match closed.reason {
            CloseReason::StopLoss => day.stop_outs_in_a_row += 1,
            CloseReason::TakeProfit
            | CloseReason::FlatByClose
            | CloseReason::Flattened
            | CloseReason::ClosedElsewhere => {
                day.stop_outs_in_a_row = 0;
            }
            CloseReason::EntryExpired
            | CloseReason::EntryWithdrawn
            | CloseReason::EntryRejected
            | CloseReason::Abandoned => {}
        }
    }

    fn settle(&mut self, plan_id: &PlanId) {
        self.decided.insert(plan_id.clone());
        self.pending.retain(|p| p.plan_id != *plan_id);
    }

    fn day(&mut self, date: SessionDate) -> &mut Day {
        self.days.entry(date).or_default()
    }

    /// Symbols with an open plan.
    pub fn open_symbols(&self) -> impl Iterator<Item = &Symbol> {
        self.open.values().map(|r| &r.symbol)
    }
}
