//! What the risk engine decides from its ledger.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::guard::{self, Breach};
use super::ledger::{DAYS_KEPT, Day, Ledger};
use super::margin::Reserved;
use super::sizing::{self, Means, Size};
use super::{
    DayOpened, Decision, DenialReason, PlanApproved, PlanDenied, RiskLimit, SizingTerm, TradingState,
    TradingStateLowered, day_trades,
};
use crate::control::ConfigActivated;
use crate::event::Event;
use crate::money::{Micro, MoneyError, Price, Usd};
use crate::plan::TradePlan;
use crate::scan::Input;
use crate::strategy::{RiskProfile, Strategies, Strategy};
use crate::symbol::Symbol;
use crate::time::SessionDate;

/// The risk engine: the strategies and the account's ledger.
///
/// A plan is sized under the version that it was made with; the account's limits are those of the newest round's.
#[derive(Debug, Clone)]
pub struct RiskState {
    strategies: Strategies,
    ledger: Ledger,
    /// `Some` for a strategy on trial: the newest days that the suite itself has opened.
    suite_days: Option<BTreeMap<SessionDate, DayOpened>>,
}

/// A refusal and the sizing terms it came to.
type Refusal = (DenialReason, Vec<SizingTerm>);

impl RiskState {
    /// An empty ledger; `strategy` holds until another is activated.
    pub fn new(strategy: Arc<Strategy>) -> Self {
        Self::with_ledger(strategy, Ledger::default())
    }

    /// Goes on from a ledger that was saved.
    pub fn with_ledger(strategy: Arc<Strategy>, ledger: Ledger) -> Self {
        Self { strategies: Strategies::new(strategy), ledger, suite_days: None }
    }

    /// An empty ledger of a strategy on trial: it opens the days that the suite has opened, with that equity, and nothing of
    /// what it approves is ever sent, so that a plan ties up what it needs until its position would be closed.
    pub fn on_trial(strategy: Arc<Strategy>) -> Self {
        Self { suite_days: Some(BTreeMap::new()), ..Self::new(strategy) }
    }

    /// On trial: the suite has opened a day of its own account. Changes nothing elsewhere.
    pub fn suite_opened(&mut self, opened: &DayOpened) {
        let Some(days) = &mut self.suite_days else { return };
        days.insert(opened.session_date, opened.clone());
        while days.len() > DAYS_KEPT {
            days.pop_first();
        }
    }

    /// The ledger, to be saved.
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Takes an event; repeats and events of no concern change nothing.
    pub fn apply(&mut self, event: &Event) {
        self.ledger.apply(event);
        if self.suite_days.is_some() {
            self.ledger.release_ended();
        }
    }

    /// Takes an activation of CONTROL with what its text means, `None` if it cannot be read.
    pub fn activate(&mut self, activated: &ConfigActivated, strategy: Option<Arc<Strategy>>) {
        self.strategies.activate(activated, strategy);
    }

    /// The next thing to append to RISK, or `None`. Append it at the ledger's tail, apply it, and ask again.
    ///
    /// `inputs` is what the caller had folded of each stream.
    pub fn decide(&self, inputs: &[Input]) -> Option<Decision> {
        self.open_day().or_else(|| self.lower_state(inputs)).or_else(|| self.decide_plan(inputs))
    }

    /// The trading state in force on `session`.
    pub fn trading_state(&self, session: SessionDate) -> TradingState {
        self.ledger.trading_state(session)
    }

    /// Plans that wait for a decision.
    pub fn pending(&self) -> usize {
        self.ledger.pending.len()
    }

    /// Symbols with an open plan.
    pub fn open_symbols(&self) -> impl Iterator<Item = &Symbol> {
        self.ledger.open_symbols()
    }

    fn open_day(&self) -> Option<Decision> {
        if let Some(days) = &self.suite_days {
            let is_open = |date| self.ledger.day(date).is_some_and(|day| day.opened.is_some());
            return days.values().find(|day| !is_open(day.session_date)).cloned().map(Decision::OpenDay);
        }
        let account = self.ledger.account.as_ref()?;
        if self.ledger.day(account.session_date).is_some_and(|d| d.opened.is_some()) {
            return None;
        }
        let mut observe_only = Vec::new();
        if !account.tradable {
            observe_only.push("the broker blocks the account".to_owned());
        }
        if account.equity <= Usd::ZERO {
            observe_only.push(format!("equity of {} USD", account.equity));
        }
        observe_only.extend(account.calendar_conflicts.iter().cloned());
        Some(Decision::OpenDay(DayOpened {
            session_date: account.session_date,
            account: account.account.clone(),
            start_equity: account.equity,
            buying_power: account.buying_power,
            observe_only,
            day_trade_count: account.day_trade_count,
            pattern_day_trader: account.pattern_day_trader,
            at: account.ts_event,
        }))
    }

    fn lower_state(&self, inputs: &[Input]) -> Option<Decision> {
        let account = self.ledger.account.as_ref()?;
        let day = self.ledger.day(account.session_date).filter(|day| day.opened.is_some())?;
        // Until the newest round's strategy has arrived, and should it never, the limits before it hold.
        let newest = self.strategies.newest_readable();
        let (version, strategy) = match self.ledger.version_in_force() {
            Some(version) => (version, self.strategies.get(version).unwrap_or(newest.1)),
            None => newest,
        };
        let Breach { limit, state, value, threshold } =
            guard::breach(&strategy.risk, version, &self.ledger, day, account)?;
        Some(Decision::LowerState(TradingStateLowered {
            session_date: account.session_date,
            state,
            limit,
            value,
            threshold,
            at: account.ts_event,
            inputs: inputs.to_vec(),
        }))
    }

    /// The first plan that can be decided: one whose strategy has not arrived holds no other up.
    fn decide_plan(&self, inputs: &[Input]) -> Option<Decision> {
        self.ledger.pending.iter().find_map(|plan| self.decide_one(plan, inputs))
    }

    fn decide_one(&self, plan: &TradePlan, inputs: &[Input]) -> Option<Decision> {
        let day = self.ledger.day(plan.round.session_date);
        let opened = day.and_then(|d| d.opened.as_ref());
        if opened.is_none() && self.ledger.market_time <= plan.valid_until {
            return None;
        }
        let risk = self.strategies.get(&plan.round.config_version).map(|strategy| &strategy.risk);
        let judged = match (day, opened, risk) {
            (Some(day), Some(opened), Some(risk)) => self.judge(plan, risk, day, opened),
            // Its strategy has not arrived yet.
            (Some(_), Some(_), None) if self.ledger.market_time <= plan.valid_until => return None,
            _ => Err((self.expired(plan), Vec::new())),
        };
        Some(match judged {
            Ok(approved) => Decision::Approve(PlanApproved { inputs: inputs.to_vec(), ..approved }),
            Err((reason, terms)) => Decision::Deny(PlanDenied {
                plan_id: plan.plan_id.clone(),
                signal_id: plan.signal_id.clone(),
                symbol: plan.symbol.clone(),
                session_date: plan.round.session_date,
                reason,
                terms,
                equity: opened.map(|opened| opened.start_equity),
                decided_at: self.ledger.market_time,
                inputs: inputs.to_vec(),
            }),
        })
    }

    fn judge(
        &self,
        plan: &TradePlan,
        profile: &RiskProfile,
        day: &Day,
        opened: &DayOpened,
    ) -> Result<PlanApproved, Refusal> {
        if let Some(reason) = self.refusal(plan, profile, day, opened) {
            return Err((reason, Vec::new()));
        }
        let bad = |error: MoneyError| (DenialReason::BadPlan { detail: error.to_string() }, Vec::new());
        let size = self.means(plan, opened).and_then(|m| sizing::size(plan, profile, &m)).map_err(bad)?;
        if size.quantity == 0 {
            let detail = size.binding_detail().to_owned();
            return Err((DenialReason::NoQuantity { cap: size.binding_cap, detail }, size.terms));
        }
        let risk = sizing::risk_of(plan, size.quantity).map_err(bad)?;
        let minimum = profile.risk_min;
        if risk < minimum {
            return Err((DenialReason::RiskTooSmall { risk, minimum }, size.terms));
        }
        let notional = Reserved::by(plan, size.quantity, None, None).map_err(bad)?.buying_power;
        let Size { quantity, binding_cap, terms } = size;
        Ok(PlanApproved {
            plan: plan.clone(),
            account: opened.account.clone(),
            quantity,
            binding_cap,
            terms,
            risk,
            notional,
            equity: opened.start_equity,
            decided_at: self.ledger.market_time,
            inputs: Vec::new(),
        })
    }

    fn refusal(&self, plan: &TradePlan, risk: &RiskProfile, day: &Day, opened: &DayOpened) -> Option<DenialReason> {
        let reached = |limit, value: u32, threshold: u32| DenialReason::LimitReached {
            limit,
            value: Micro::from_int(i64::from(value)),
            threshold: Micro::from_int(i64::from(threshold)),
        };
        let state = self.trading_state(plan.round.session_date);
        let open = u32::try_from(self.ledger.open_plans()).unwrap_or(u32::MAX);
        let conflicts = self.ledger.calendar_conflicts(plan.round.session_date);
        let slippage = day.slipped.get(&plan.symbol).copied().filter(|slippage| *slippage > risk.slippage_r_max);
        if state > TradingState::Normal {
            Some(DenialReason::TradingState { state })
        } else if !opened.observe_only.is_empty() {
            Some(DenialReason::ObserveOnly { reasons: opened.observe_only.clone() })
        } else if !conflicts.is_empty() {
            Some(DenialReason::ObserveOnly { reasons: conflicts.to_vec() })
        } else if self.ledger.market_time > plan.valid_until {
            Some(self.expired(plan))
        } else if let Some(reason) = bad_prices(plan, risk.price_collar_pct) {
            Some(reason)
        } else if let Some(slippage) = slippage {
            Some(DenialReason::SymbolLocked { slippage, threshold: risk.slippage_r_max })
        } else if day.symbols.contains(&plan.symbol) {
            Some(DenialReason::AlreadyTraded)
        } else if open >= risk.max_positions {
            Some(reached(RiskLimit::OpenPlans, open, risk.max_positions))
        } else if day.approved >= risk.max_plans_per_session {
            Some(reached(RiskLimit::PlansPerSession, day.approved, risk.max_plans_per_session))
        } else {
            day_trades::refusal(risk.day_trade_rule, &self.ledger, opened)
        }
    }

    fn expired(&self, plan: &TradePlan) -> DenialReason {
        DenialReason::Expired { valid_until: plan.valid_until, watermark: self.ledger.market_time }
    }

    fn means(&self, plan: &TradePlan, opened: &DayOpened) -> Result<Means, MoneyError> {
        let (reserved, exposure_in_sector) = self.ledger.reserved(plan.sector.as_ref())?;
        Ok(Means {
            equity: opened.start_equity,
            buying_power: opened.buying_power,
            reserved,
            exposure_in_sector,
            asset_margin: None,
            ask: None,
        })
    }
}

/// Prices that no order may carry: not positive, or an entry limit farther from its trigger than the collar.
fn bad_prices(plan: &TradePlan, collar_pct: Micro) -> Option<DenialReason> {
    let bad = |detail: &str| Some(DenialReason::BadPlan { detail: detail.to_owned() });
    let (trigger, limit) = (plan.entry.trigger, plan.entry.limit);
    if trigger <= Price::ZERO || limit <= Price::ZERO || plan.stop_distance <= Price::ZERO {
        return bad("entry and stop distance must be positive");
    }
    let stop = trigger.nanos().checked_sub(plan.side.sign() * plan.stop_distance.nanos());
    if stop.is_none_or(|nanos| nanos <= 0) {
        return bad("the stop is not a positive price");
    }
    let Ok(farthest) = trigger.scaled(collar_pct.micros(), 100_000_000, "price collar") else {
        return bad("the trigger is out of range");
    };
    let outside = (limit.nanos() - trigger.nanos()).abs() > farthest.nanos();
    outside.then_some(DenialReason::PriceCollar { price: limit, reference: trigger, collar_pct })
}
