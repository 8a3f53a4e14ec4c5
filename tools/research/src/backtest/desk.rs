//! Risk and execution on a simulated broker: decides, performs, records, until nothing is left to do.

use std::sync::Arc;

use anyhow::bail;
use domain::calendar::Session;
use domain::execution::{Effect, ExecutionPolicy, ExecutionState, MarketInstants, decide};
use domain::risk::RiskState;
use domain::strategy::Strategy;
use domain::{Event, Price, SessionDate, Symbol, UnixNanos, Usd};

use super::broker::{Broker, Update};

/// The account's side of a backtest.
pub(super) struct Desk {
    risk: RiskState,
    execution: ExecutionState,
    policy: ExecutionPolicy,
    broker: Broker,
    session: SessionDate,
    events: Vec<Event>,
    alerts: u64,
}

/// Turns of one settlement; more would mean that an effect does not settle what it was decided for.
const TURNS_MAX: usize = 400;

impl Desk {
    pub(super) fn new(strategy: Arc<Strategy>, policy: ExecutionPolicy, broker: Broker) -> Self {
        Self {
            risk: RiskState::new(strategy),
            execution: ExecutionState::default(),
            policy,
            broker,
            session: SessionDate::new(chrono::NaiveDate::MIN),
            events: Vec::new(),
            alerts: 0,
        }
    }

    /// Begins a session as a restarted executor does: it reads the broker's book, then observes the account.
    pub(super) fn open_session(&mut self, session: &Session) -> anyhow::Result<()> {
        self.session = session.date;
        self.broker.open_session()?;
        self.execution = ExecutionState::default();
        self.execution.observe_stream(true);
        self.observe_account(session.premarket_open)?;
        self.settle(session.premarket_open)
    }

    /// Takes an event of PLAN.
    pub(super) fn apply(&mut self, event: &Event) {
        self.risk.apply(event);
    }

    /// Lets a print fill orders.
    pub(super) fn print(&mut self, symbol: &Symbol, price: Price, size: u32, at: UnixNanos) -> anyhow::Result<()> {
        let updates = self.broker.print(symbol, price, size, at)?;
        self.take(updates, at)
    }

    /// Market time has come to `now` without a fill.
    pub(super) fn tick(&mut self, now: UnixNanos) -> anyhow::Result<()> {
        self.observe_account(now)?;
        self.settle(now)
    }

    /// The closing auction.
    pub(super) fn auction(&mut self, close: UnixNanos) -> anyhow::Result<()> {
        let updates = self.broker.auction(close)?;
        self.take(updates, close)
    }

    /// Decides and acts until nothing is left to do at `now`.
    pub(super) fn settle(&mut self, now: UnixNanos) -> anyhow::Result<()> {
        let market = MarketInstants { watermark: Some(now), broker: None };
        let mut readings = 0;
        for _ in 0..TURNS_MAX {
            while let Some(decision) = self.risk.decide(&[]) {
                self.record(decision.into_event());
            }
            self.show_marks();
            let effects = decide(&self.execution, &self.policy, market);
            let only_reads = effects.iter().all(|effect| *effect == Effect::Backfill);
            readings += usize::from(only_reads);
            if effects.is_empty() || only_reads && readings > 2 {
                return Ok(());
            }
            for effect in effects {
                self.execution.begin(&effect);
                self.perform(effect, now);
            }
        }
        bail!("{now}: the executor keeps deciding the same");
    }

    /// True while orders, positions or plans are open.
    pub(super) fn is_busy(&self) -> bool {
        self.broker.is_busy() || self.execution.open_plans().next().is_some()
    }

    /// Symbols with an open plan.
    pub(super) fn watched(&self) -> impl Iterator<Item = &Symbol> {
        self.execution.open_plans().map(|book| &book.approved.plan().symbol)
    }

    /// Cash and positions.
    pub(super) fn equity(&self) -> anyhow::Result<Usd> {
        self.broker.equity()
    }

    /// Takes a price that is known before a plan is.
    pub(super) fn mark(&mut self, symbol: &Symbol, price: Price) {
        self.broker.mark(symbol, price);
    }

    /// What was recorded since the last call, RISK and ORDER in their order.
    pub(super) fn recorded(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// How often a person would have been called.
    pub(super) const fn alerts(&self) -> u64 {
        self.alerts
    }

    fn take(&mut self, updates: Vec<Update>, now: UnixNanos) -> anyhow::Result<()> {
        if updates.is_empty() {
            return Ok(());
        }
        for (order, fill) in updates {
            self.execution.observe_order(&order);
            if let Some(fill) = fill {
                self.execution.observe_fill(&fill);
            }
        }
        self.observe_account(now)?;
        self.settle(now)
    }

    fn observe_account(&mut self, now: UnixNanos) -> anyhow::Result<()> {
        let included = self.execution.confirmed_orders(self.session);
        self.execution.observe_account(self.broker.account()?, included, now);
        Ok(())
    }

    fn show_marks(&mut self) {
        let watched: Vec<Symbol> = self.watched().cloned().collect();
        for symbol in watched {
            if let Some((price, at)) = self.broker.last_print(&symbol) {
                self.execution.observe_mark(&symbol, price, at);
            }
        }
    }

    fn record(&mut self, event: Event) {
        self.risk.apply(&event);
        self.execution.apply(&event);
        self.events.push(event);
    }

    fn perform(&mut self, effect: Effect, now: UnixNanos) {
        match effect {
            Effect::Record(event) => self.record(event),
            Effect::Submit(new) => {
                let id = new.intent().client_order_id.clone();
                self.record(new.intent().clone().into());
                let answer = self.broker.submit(&new, now);
                self.execution.answer(&id, &answer, now);
            }
            Effect::Query { client_order_id, .. } => {
                let answer = self.broker.query(&client_order_id);
                self.execution.answer(&client_order_id, &answer, now);
            }
            Effect::Cancel { client_order_id, venue_order_id, .. } => {
                let answer = self.broker.cancel(&venue_order_id, now);
                self.execution.answer(&client_order_id, &answer, now);
                self.execution.request_backfill();
            }
            Effect::Replace { client_order_id, venue_order_id, replacement, stop_price, limit_price, .. } => {
                let answer = self.broker.replace(&venue_order_id, &replacement, stop_price, limit_price, now);
                self.execution.answer(&client_order_id, &answer, now);
                self.execution.request_backfill();
            }
            Effect::Backfill => self.execution.observe_book(&self.broker.book(now)),
            Effect::Raise(_) => self.alerts += 1,
        }
    }
}
