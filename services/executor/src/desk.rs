//! The one task that folds, decides and acts. Calls to the broker run beside it; their answers come back as inputs.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bus::{Created, Delivery, Publisher};
use chassis::Context;
use domain::calendar::BrokerDay;
use domain::event::Event;
use domain::execution::{
    Answer, BrokerAccount, BrokerBook, BrokerClock, Effect, ExecutionPolicy, ExecutionState, MarketInstants, NewOrder,
    OrderState, PlanBook, decide,
};
use domain::fees::CostProfile;
use domain::market::TradeBatch;
use domain::ops::Severity;
use domain::{ClientOrderId, EventId, Meta, PlanId, Price, SessionDate, UnixNanos, calendar};
use futures_util::future::join_all;
use ports::{BrokerUpdate, OrderPort, Repricing, VendorError};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::calendar_check::{CalendarCheck, Comparison, Span};
use crate::config::Config;
use crate::error::ExecutorError;
use crate::{ids, metrics};

/// Least wall time between two backfills.
const BACKFILL_PAUSE: Duration = Duration::from_millis(250);
/// Least wall time between two readings of the account after a fill.
const ACCOUNT_PAUSE: Duration = Duration::from_millis(500);
/// How often an approval that waits for the broker's answer is kept from being handed out again.
const IN_PROGRESS_EVERY: Duration = Duration::from_secs(10);
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
    ctx: Context<Config>,
    port: Arc<dyn OrderPort>,
    policy: ExecutionPolicy,
    state: ExecutionState,
    market: MarketInstants,
    rebuilt: bool,
    sending: Arc<Semaphore>,
    calls: JoinSet<Done>,
    waiting: Vec<Waiting>,
    causes: HashMap<PlanId, EventId>,
    doubts: HashMap<ClientOrderId, Instant>,
    last: Last,
    account_stale: bool,
    account_session: Option<SessionDate>,
    reading_clock: bool,
    reading_account: bool,
    calendar: CalendarCheck,
}

impl Desk {
    pub(crate) fn new(ctx: Context<Config>, port: Arc<dyn OrderPort>, costs: CostProfile) -> Self {
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
            doubts: HashMap::new(),
            last: Last::default(),
            account_stale: true,
            account_session: None,
            reading_clock: false,
            reading_account: false,
            calendar: CalendarCheck::default(),
            ctx,
        }
    }

    /// Folds an event of RISK, CONTROL or, while rebuilding, of ORDER; afterwards ORDER only repeats our own words.
    pub(crate) fn fold(&mut self, event: &Event, meta: &Meta) {
        if self.rebuilt && event.stream() == domain::StreamName::Order {
            return;
        }
        if let Event::PlanApproved(approval) = event {
            self.causes.insert(approval.plan.plan_id.clone(), meta.id.clone());
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

    /// Takes the market's time and the last regular prices of symbols with open plans.
    pub(crate) fn observe_market(&mut self, batch: &TradeBatch) {
        self.market.watermark = self.market.watermark.max(Some(batch.watermark));
        let open: Vec<_> = self.state.open_plans().map(|book| book.approved.plan().symbol.clone()).collect();
        if open.is_empty() {
            return;
        }
        let regular = |at: usize| {
            let set = batch.trades.conditions.get(at).and_then(|set| batch.condition_sets.get(*set as usize));
            set.is_some_and(String::is_empty)
        };
        for (index, symbol) in batch.symbols.iter().enumerate().filter(|(_, symbol)| open.contains(symbol)) {
            let last = (0..batch.trades.symbol.len())
                .rev()
                .find(|at| batch.trades.symbol[*at] as usize == index && regular(*at));
            if let Some(price) = last.and_then(|at| batch.trades.price.get(at)) {
                self.state.observe_mark(symbol, Price::from_nanos(*price));
            }
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
    /// Class Fatal: the keys open the wrong account or none.
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
            Done::Calendar(span, outcome) => self.observe_calendar(span, outcome),
        }
        Ok(())
    }

    /// Begins the readings that are due, reports, and looks after what waits.
    pub(crate) async fn tick(&mut self) -> Result<(), ExecutorError> {
        self.read_clock();
        self.read_calendar();
        self.read_account();
        let every = Duration::from_millis(self.ctx.config.backfill_poll_ms);
        if self.last.backfill.is_some_and(|at| at.elapsed() >= every) {
            self.state.request_backfill();
        }
        self.watch_doubts();
        for waiting in &mut self.waiting {
            if waiting.reminded.elapsed() >= IN_PROGRESS_EVERY {
                waiting.reminded = Instant::now();
                waiting.delivery.in_progress().await?;
            }
        }
        Ok(())
    }

    /// Decides and acts until nothing is left to record, then acknowledges what is settled.
    ///
    /// # Errors
    /// Class Fatal: the bus is of no use.
    pub(crate) async fn act(&mut self) -> Result<(), ExecutorError> {
        if !self.rebuilt {
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
        let last_words = decide(&self.state, &self.policy, self.market).into_iter().filter_map(|effect| match effect {
            Effect::Record(event) => Some(event),
            _ => None,
        });
        let last_words: Vec<Event> = last_words.collect();
        self.record(last_words).await?;
        self.acknowledge().await
    }

    fn observe_account(
        &mut self,
        account: BrokerAccount,
        included: Vec<ClientOrderId>,
        at: UnixNanos,
    ) -> Result<(), ExecutorError> {
        if let Some(expected) = self.ctx.config.account_number.as_ref().filter(|number| **number != account.account) {
            return Err(ExecutorError::WrongAccount { expected: expected.clone(), found: account.account });
        }
        let detail = if account.tradable { "unblocked" } else { "the broker does not let it trade" };
        self.ctx.readiness.set("account", account.tradable, detail);
        self.account_session = Some(calendar::session_at(at).date);
        self.state.observe_account(account, included, at);
        Ok(())
    }

    /// A failed reading: waits for the next one, unless the broker refuses us before we ever got in.
    fn unreachable(&mut self, error: VendorError) -> Result<(), ExecutorError> {
        let refused = matches!(error, VendorError::Refused { .. });
        if refused && self.account_session.is_none() {
            return Err(error.into());
        }
        self.ctx.readiness.set("broker", false, error.to_string());
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        self.ctx.errors.raise(Severity::Warning, "broker_unreachable", error.to_string(), cause, None);
        Ok(())
    }

    fn read_clock(&mut self) {
        let every = Duration::from_millis(self.ctx.config.clock_poll_ms);
        if self.reading_clock || self.last.clock.is_some_and(|at| at.elapsed() < every) {
            return;
        }
        (self.reading_clock, self.last.clock) = (true, Some(Instant::now()));
        let port = Arc::clone(&self.port);
        self.calls.spawn(async move { Done::Clock(port.clock().await) });
    }

    fn read_calendar(&mut self) {
        let session = self.market.now().map(|now| calendar::session_at(now).date);
        let Some(span) = session.and_then(|session| self.calendar.due(session, Instant::now())) else { return };
        let port = Arc::clone(&self.port);
        self.calls.spawn(async move { Done::Calendar(span, port.calendar(span.from, span.to).await) });
    }

    fn observe_calendar(&mut self, span: Span, outcome: Result<Vec<BrokerDay>, VendorError>) {
        let days = match outcome {
            Ok(days) => days,
            Err(error) => {
                self.calendar.failed();
                self.ctx.readiness.set("calendar", self.calendar.is_known(span.session), error.to_string());
                let message = "the broker's calendar cannot be read";
                self.ctx.errors.raise(Severity::Warning, "calendar_unknown", message, error.to_string(), None);
                return;
            }
        };
        let Comparison { blocking, ahead } = self.calendar.compare(span, &days);
        for conflict in &ahead {
            let message = format!("the broker's calendar and the built-in table disagree on {}", conflict.date);
            let subject = conflict.date.to_string();
            self.ctx.errors.raise(Severity::Warning, "calendar_ahead", message, conflict.to_string(), Some(&subject));
        }
        let conflicts: Vec<String> =
            blocking.iter().map(|conflict| format!("calendar conflict on {conflict}")).collect();
        match conflicts.as_slice() {
            [] => self.ctx.readiness.set("calendar", true, format!("agreed from {} to {}", span.from, span.to)),
            found => {
                let message = format!("nothing is entered on {}: {}", span.session, found.join("; "));
                self.ctx.readiness.set("calendar", false, found.join("; "));
                let detail = "the broker's /v2/calendar and the built-in table disagree";
                let subject = span.session.to_string();
                self.ctx.errors.raise(Severity::Critical, "calendar_conflict", message, detail, Some(&subject));
            }
        }
        self.state.observe_calendar(span.session, conflicts);
    }

    fn read_account(&mut self) {
        let Some(now) = self.market.now() else { return };
        let session = calendar::session_at(now).date;
        let every = Duration::from_millis(self.ctx.config.account_poll_ms);
        let age = self.last.account.map(|at| at.elapsed());
        let open = self.state.open_plans().next().is_some();
        let due = match age {
            None => true,
            Some(age) => {
                age >= ACCOUNT_PAUSE && (self.account_stale || self.account_session != Some(session))
                    || age >= every && (open || !self.state.is_tradable())
            }
        };
        // The first observation of a session waits for the book, so that it can say which orders it includes, and for
        // the calendar, as it opens the day.
        let agreed_or_held = self.calendar.is_known(session) || open;
        if !due || self.reading_account || !self.state.is_reconciled() || !agreed_or_held {
            return;
        }
        (self.reading_account, self.account_stale, self.last.account) = (true, false, Some(Instant::now()));
        let included = self.state.confirmed_orders(session);
        let port = Arc::clone(&self.port);
        self.calls.spawn(async move { Done::Account(port.account().await, included, now) });
    }

    fn start(&mut self, effect: Effect) {
        let port = Arc::clone(&self.port);
        let sending = Arc::clone(&self.sending);
        match effect {
            Effect::Record(_) => {}
            Effect::Submit(order) => {
                let event = Event::from(order.intent().clone());
                let meta = self.meta(&event);
                let publisher = self.ctx.publisher.clone();
                self.calls.spawn(async move {
                    let _permit = sending.acquire().await;
                    submit(port, publisher, order, event, meta).await
                });
            }
            Effect::Query { client_order_id, venue_order_id } => {
                self.calls.spawn(async move {
                    let answer = port.find(&client_order_id, venue_order_id.as_ref()).await;
                    Done::Order(client_order_id, answer)
                });
            }
            Effect::Cancel { client_order_id, venue_order_id, .. } => {
                self.calls.spawn(async move {
                    let _permit = sending.acquire().await;
                    let answer = port.cancel(&venue_order_id).await;
                    Done::Order(client_order_id, answer)
                });
            }
            Effect::Replace { client_order_id, venue_order_id, replacement, stop_price, limit_price, .. } => {
                let repricing = Repricing { client_order_id: replacement, stop_price, limit_price };
                self.calls.spawn(async move {
                    let _permit = sending.acquire().await;
                    let answer = port.replace(&venue_order_id, &repricing).await;
                    Done::Order(client_order_id, answer)
                });
            }
            Effect::Backfill => {
                let rest = self.last.backfill.map(|at| BACKFILL_PAUSE.saturating_sub(at.elapsed()));
                self.last.backfill = Some(Instant::now() + rest.unwrap_or_default());
                let as_of = self.market.now().unwrap_or_default();
                let since = self.first_open_session(as_of);
                self.calls.spawn(async move {
                    sleep(rest.unwrap_or_default()).await;
                    Done::Book(port.book(since, as_of).await)
                });
            }
            Effect::Raise(alert) => {
                self.ctx.errors.raise(alert.severity, alert.code, alert.message, String::new(), Some(&alert.subject));
            }
        }
    }

    /// Start of the earliest session that still has an open plan, today's otherwise.
    fn first_open_session(&self, now: UnixNanos) -> UnixNanos {
        let today = calendar::session_at(now).date;
        let first = self.state.open_plans().map(|book| book.approved.session_date()).min();
        first.map_or(today, |first| first.min(today)).at_hm(0, 0)
    }

    /// Stores events side by side, then folds them in their order. Waits for the bus as long as it takes.
    async fn record(&mut self, events: Vec<Event>) -> Result<(), ExecutorError> {
        let writes = events.iter().map(|event| {
            let (publisher, meta) = (self.ctx.publisher.clone(), self.meta(event));
            async move { store(&publisher, event, &meta).await }
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

    fn watch_doubts(&mut self) {
        let orders = self.state.open_plans().flat_map(PlanBook::orders);
        let unknown: Vec<_> = orders
            .filter(|order| order.state() == OrderState::Unknown)
            .map(|order| order.client_order_id.clone())
            .collect();
        self.doubts.retain(|id, _| unknown.contains(id));
        for id in unknown {
            self.doubts.entry(id).or_insert_with(Instant::now);
        }
        let oldest = self.doubts.iter().max_by_key(|(_, since)| since.elapsed());
        metrics::standing(&self.state, oldest.map(|(_, since)| since.elapsed()));
        if let Some((id, since)) = oldest
            && since.elapsed() >= Duration::from_millis(self.ctx.config.unknown_alarm_ms)
        {
            let message = format!("for {} s nobody knows whether the broker has {id}", since.elapsed().as_secs());
            self.ctx.errors.raise(Severity::Critical, "unknown_order", message, String::new(), Some(id.as_str()));
        }
    }

    fn meta(&self, event: &Event) -> Meta {
        let builder = self.ctx.meta(ids::event_id(event));
        let Some(plan) = ids::plan_of(event) else { return builder.build() };
        match self.causes.get(plan) {
            Some(cause) => builder.caused_by(cause).about(plan.as_str()).build(),
            None => builder.about(plan.as_str()).build(),
        }
    }
}

/// Intent first, then the order. Without the intent on ORDER nothing is sent; the order is then in doubt, which is
/// resolved by asking the broker.
async fn submit(port: Arc<dyn OrderPort>, publisher: Publisher, order: NewOrder, event: Event, meta: Meta) -> Done {
    let id = order.intent().client_order_id.clone();
    let answer = match store(&publisher, &event, &meta).await {
        Ok(Created::New { .. } | Created::Exists { same: true, .. }) => {
            let answer = port.submit(&order).await;
            metrics::sent(order.intent().leg, &answer);
            answer
        }
        Ok(Created::Exists { same: false, .. }) => Answer::Duplicate,
        Err(error) => {
            tracing::error!(%error, client_order_id = %id, "the intent could not be stored; the order is not sent");
            Answer::Duplicate
        }
    };
    Done::Order(id, answer)
}

async fn store(publisher: &Publisher, event: &Event, meta: &Meta) -> Result<Created, bus::BusError> {
    loop {
        let outcome = if ids::happens_once(event) {
            publisher.create(event, meta).await
        } else {
            publisher.publish(event, meta).await.map(|receipt| Created::New { seq: receipt.seq })
        };
        match outcome {
            Err(error) if matches!(error.class(), bus::Class::Transient | bus::Class::UnknownOutcome) => {
                tracing::warn!(%error, event = event.name(), "the bus did not store an event; trying again");
                sleep(BACKFILL_PAUSE).await;
            }
            settled => return settled,
        }
    }
}
