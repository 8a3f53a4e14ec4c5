//! The one task that folds, decides and acts. Calls to the broker run beside it; their answers come back as inputs.

mod calendar;
mod calls;
mod market;
mod readings;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use bus::{BusError, Created, Delivery};
use chassis::Context;
use chassis::traces::{self, Trail};
use domain::calendar::BrokerDay;
use domain::event::Event;
use domain::execution::{
    Answer, BrokerAccount, BrokerBook, BrokerClock, Effect, ExecutionPolicy, ExecutionState, MarketInstants, PlanBook,
    decide,
};
use domain::fees::CostProfile;
use domain::ops::Severity;
use domain::{ClientOrderId, EventId, Meta, PlanId, SessionDate, UnixNanos};
use futures_util::future::join_all;
use ports::{BrokerUpdate, OrderPort, VendorError};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::calendar_check::{CalendarCheck, Span};
use crate::config::Config;
use crate::error::ExecutorError;
use crate::ownership::Ownership;
use crate::{ids, metrics};

/// Rounds of recording in one turn; more would mean that a record does not settle what it records.
const ROUNDS_MAX: usize = 64;

/// What a call that runs beside the desk brings back.
pub(crate) enum Done {
    /// About one order.
    Order(ClientOrderId, Answer),
    /// The broker's book.
    Book(Result<BrokerBook, VendorError>),
    /// The account, with the orders known to be in it and market time when it was asked for.
    Account(Result<BrokerAccount, VendorError>, Vec<ClientOrderId>, UnixNanos),
    /// The broker's clock.
    Clock(Result<BrokerClock, VendorError>),
    /// Another executor has taken the account over.
    Fenced(BusError),
    /// The broker's calendar.
    Calendar(Span, Result<Vec<BrokerDay>, VendorError>),
}

struct Waiting {
    delivery: Delivery,
    plan: PlanId,
    reminded: Instant,
}

/// When each periodic reading was last begun.
#[derive(Default)]
struct Last {
    clock: Option<Instant>,
    account: Option<Instant>,
    backfill: Option<Instant>,
}

pub(crate) struct Desk {
    ctx: Arc<Context<Config>>,
    ownership: Arc<Ownership>,
    port: Arc<dyn OrderPort>,
    policy: ExecutionPolicy,
    state: ExecutionState,
    market: MarketInstants,
    rebuilt: bool,
    sending: Arc<Semaphore>,
    calls: JoinSet<Done>,
    waiting: Vec<Waiting>,
    causes: HashMap<PlanId, EventId>,
    trail: Trail,
    doubts: HashMap<ClientOrderId, Instant>,
    last: Last,
    account_stale: bool,
    account_session: Option<SessionDate>,
    reading_clock: bool,
    reading_account: bool,
    calendar: CalendarCheck,
}

impl Desk {
    pub(crate) fn new(
        ctx: Arc<Context<Config>>,
        port: Arc<dyn OrderPort>,
        costs: CostProfile,
        ownership: Arc<Ownership>,
    ) -> Self {
        let sending = Arc::new(Semaphore::new(ctx.config.calls_max));
        Self {
            policy: ctx.config.policy(costs),
            port,
            state: ExecutionState::default(),
            market: MarketInstants::default(),
            rebuilt: false,
            sending,
            calls: JoinSet::new(),
            waiting: Vec::new(),
            causes: HashMap::new(),
            trail: ctx.trail(),
            doubts: HashMap::new(),
            last: Last::default(),
            account_stale: true,
            account_session: None,
            reading_clock: false,
            reading_account: false,
            calendar: CalendarCheck::default(),
            ownership,
            ctx,
        }
    }

    /// Folds an event of RISK, CONTROL or, while rebuilding, of ORDER; afterwards ORDER only repeats our own words.
    pub(crate) fn fold(&mut self, event: &Event, meta: &Meta) {
        if self.rebuilt && event.stream() == domain::StreamName::Order {
            return;
        }
        match event {
            Event::PlanApproved(approval) => {
                self.causes.insert(approval.plan.plan_id.clone(), meta.id.clone());
                self.trail.note(approval.plan.plan_id.as_str(), meta);
            }
            Event::OrderIntended(order) => self.trail.note(order.client_order_id.as_str(), meta),
            Event::ConfigActivated(activated) => {
                if let Some(strategy) = self.ctx.activated(activated) {
                    self.state.activate(&activated.config_version, strategy.costs);
                }
            }
            _ => {}
        }
        self.state.apply(event);
    }

    /// An event of the log cannot be read: exits go on, nothing more is opened.
    pub(crate) fn unreadable(&mut self, poison: bus::Poison) {
        self.state.observe_unreadable_event();
        let detail = format!("{} {}: {}", poison.stream.as_str(), poison.seq, poison.reason);
        let message = "an event about money cannot be read; no entry is sent until a person sets the trading state";
        self.ctx.errors.raise(Severity::Critical, "unreadable_event", message, detail, Some(&poison.subject));
        self.ctx.bury(poison);
    }

    /// A batch of trades cannot be read: its prices and its time are left out.
    pub(crate) fn bury(&self, poison: bus::Poison) {
        self.ctx.bury(poison);
    }

    /// The log is folded to its end.
    pub(crate) fn rebuilt(&mut self) {
        self.rebuilt = true;
        self.ctx.readiness.set("rebuilt", true, "RISK, CONTROL and ORDER folded");
    }

    /// Takes an approval; it is acknowledged when the broker's answer to its entry is recorded.
    pub(crate) fn take(&mut self, delivery: Delivery) {
        self.fold(&delivery.event, &delivery.meta);
        if let Event::PlanApproved(approval) = &delivery.event {
            let plan = approval.plan.plan_id.clone();
            self.waiting.push(Waiting { delivery, plan, reminded: Instant::now() });
        }
    }

    pub(crate) fn observe_update(&mut self, update: BrokerUpdate) {
        match update {
            BrokerUpdate::Connected => {
                self.ctx.readiness.set("updates", true, "listening");
                self.state.observe_stream(true);
            }
            BrokerUpdate::Disconnected(reason) => {
                self.ctx.readiness.set("updates", false, &reason);
                self.state.observe_stream(false);
                let message = "the broker's order updates are interrupted; no entry is sent meanwhile";
                self.ctx.errors.raise(Severity::Warning, "updates_lost", message, reason, None);
            }
            BrokerUpdate::Order(order) => self.state.observe_order(&order),
            BrokerUpdate::Fill(fill) => {
                self.account_stale = true;
                self.state.observe_fill(&fill);
            }
            BrokerUpdate::Malformed(why) => {
                self.state.request_backfill();
                let message = "an order update could not be understood; the book is read again";
                self.ctx.errors.raise(Severity::Warning, "malformed_update", message, why, None);
            }
        }
    }

    /// The next finished call; waits for ever when none runs.
    pub(crate) async fn done(&mut self) -> Option<Done> {
        match self.calls.join_next().await {
            Some(Ok(done)) => Some(done),
            Some(Err(failed)) => {
                tracing::error!(error = %failed, "a call to the broker panicked");
                None
            }
            None => std::future::pending().await,
        }
    }

    /// Folds what a call brought.
    ///
    /// # Errors
    /// Class Fatal: the keys open the wrong account or none, or another executor has taken the account over.
    pub(crate) fn finish(&mut self, done: Done) -> Result<(), ExecutorError> {
        let now = self.market.now().unwrap_or_default();
        match done {
            Done::Order(id, answer) => {
                if let Answer::Unknown(reason) = &answer {
                    tracing::warn!(client_order_id = %id, reason, "the broker's answer is not known");
                }
                self.state.answer(&id, &answer, now);
            }
            Done::Book(Ok(book)) => {
                self.state.observe_book(&book);
                let detail = format!("{} orders, {} positions", book.orders.len(), book.positions.len());
                self.ctx.readiness.set("reconciled", true, &detail);
            }
            Done::Book(Err(error)) => {
                self.state.backfill_failed();
                self.unreachable(error)?;
            }
            Done::Account(outcome, included, at) => {
                self.reading_account = false;
                match outcome {
                    Ok(account) => self.observe_account(account, included, at)?,
                    Err(error) => self.unreachable(error)?,
                }
            }
            Done::Clock(outcome) => {
                self.reading_clock = false;
                match outcome {
                    Ok(clock) => {
                        self.market.broker = self.market.broker.max(Some(clock.now));
                        self.ctx.readiness.set("broker", true, if clock.is_open { "open" } else { "closed" });
                    }
                    Err(error) => self.unreachable(error)?,
                }
            }
            Done::Fenced(error) => return Err(error.into()),
            Done::Calendar(span, outcome) => self.observe_calendar(span, outcome),
        }
        Ok(())
    }

    /// Decides and acts until nothing is left to record, then acknowledges what is settled.
    ///
    /// # Errors
    /// Class Fatal: the bus is of no use.
    pub(crate) async fn act(&mut self) -> Result<(), ExecutorError> {
        // Frozen for a while, this process may be nobody's executor any more: what it thinks is due is another's to do.
        if !self.rebuilt || !self.ownership.is_held() {
            return Ok(());
        }
        for _ in 0..ROUNDS_MAX {
            let mut records = Vec::new();
            for effect in decide(&self.state, &self.policy, self.market) {
                self.state.begin(&effect);
                match effect {
                    Effect::Record(event) => records.push(event),
                    sent => self.start(sent),
                }
            }
            if records.is_empty() {
                return self.acknowledge().await;
            }
            self.record(records).await?;
        }
        let message = "the executor keeps recording the same turn";
        self.ctx.errors.raise(Severity::Critical, "restless", message, String::new(), None);
        Ok(())
    }

    /// Lets calls under way end and records their answers; sends nothing new.
    pub(crate) async fn drain(&mut self) -> Result<(), ExecutorError> {
        let limit = self.ctx.config.call_timeout();
        while let Ok(Some(Ok(done))) = timeout(limit, self.calls.join_next()).await {
            self.finish(done)?;
        }
        if !self.ownership.is_held() {
            return Ok(());
        }
        let last_words = decide(&self.state, &self.policy, self.market).into_iter().filter_map(|effect| match effect {
            Effect::Record(event) => Some(event),
            _ => None,
        });
        let last_words: Vec<Event> = last_words.collect();
        self.record(last_words).await?;
        self.acknowledge().await
    }

    /// Stores events side by side, then folds them in their order. Waits for the bus as long as it takes.
    async fn record(&mut self, events: Vec<Event>) -> Result<(), ExecutorError> {
        let writes = events.iter().map(|event| {
            let (publisher, (meta, mut span)) = (self.ctx.publisher.clone(), self.envelope(event));
            async move { span.until(calls::store(&publisher, event, &meta)).await }
        });
        for outcome in join_all(writes).await {
            if let Created::Exists { seq, same: false } = outcome? {
                let message = "ORDER holds another event in the place of one of ours";
                self.ctx.errors.raise(Severity::Critical, "conflicting_record", message, format!("seq {seq}"), None);
            }
        }
        for event in &events {
            metrics::recorded(event);
            self.account_stale |=
                matches!(event, Event::FillRecorded(_) | Event::PlanClosed(_) | Event::PlanExecuted(_));
            self.state.apply(event);
        }
        Ok(())
    }

    async fn acknowledge(&mut self) -> Result<(), ExecutorError> {
        let answered = |plan: &PlanId| self.state.plan(plan).is_none_or(PlanBook::is_answered);
        let settled = self.waiting.extract_if(.., |waiting| answered(&waiting.plan));
        for done in settled.collect::<Vec<_>>() {
            done.delivery.ack().await?;
        }
        Ok(())
    }

    /// The envelope of `event` and the span of recording it: under the intent of its order, where there is one, else under
    /// the approval of its plan.
    fn envelope(&self, event: &Event) -> (Meta, traces::Span) {
        let (id, plan) = (ids::event_id(event), ids::plan_of(event));
        let under = ids::reported_order(event).and_then(|order| self.trail.last(order.as_str()));
        let cause = under.or_else(|| self.trail.last(plan?.as_str())).map(|c| c.taken_at(self.ctx.clock.now()));
        let span = self.ctx.tracer.publish(&id, event, cause.as_ref());
        let builder = self.ctx.meta(id).spanned(&span);
        let Some(plan) = plan else { return (builder.build(), span) };
        let meta = match self.causes.get(plan) {
            Some(cause) => builder.caused_by(cause).about(plan.as_str()).build(),
            None => builder.about(plan.as_str()).build(),
        };
        (meta, span)
    }
}
