//! Reads one consumer and starts it again whenever the connection, the consumer or the server goes quiet.
//!
//! Everything here is polled, so a reader can be dropped from a `select!` at any await point and lose nothing.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::{self, ErrorCode, consumer, stream};
use domain::StreamName;
use futures_util::Stream as _;
use tokio::time::{Instant, Sleep, sleep, timeout};

use crate::connect::Bus;
use crate::error::BusError;
use crate::metrics::ReaderInstruments;
use crate::topology::{self, Durable, Origin};

const HEARTBEAT: Duration = Duration::from_secs(1);
const EXPIRES: Duration = Duration::from_secs(5);
/// Without a message for this long, the server is asked whether it holds any back.
const WATCHDOG: Duration = Duration::from_secs(10);
const BUILD_TIMEOUT: Duration = Duration::from_secs(5);
const PAUSE_MAX: Duration = Duration::from_millis(500);
/// How long a stream or durable may be missing while the server recovers its files.
const MISSING_MAX: Duration = Duration::from_secs(15);

/// What is read.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// A durable of the topology: the server remembers the place.
    Durable(&'static Durable, Origin),
    /// Messages after `after` that match `filters` (all if there are none): the reader remembers the place.
    /// With `latest` it begins at the newest message of each subject instead. With a name the server keeps the consumer
    /// under it, and each start makes it anew.
    Ordered {
        stream: StreamName,
        server: &'static str,
        filters: Vec<String>,
        after: u64,
        latest: bool,
        name: Option<String>,
    },
}

impl Source {
    pub(crate) const fn stream(&self) -> StreamName {
        match self {
            Self::Durable(durable, _) => durable.stream,
            Self::Ordered { stream, .. } => *stream,
        }
    }

    /// The stream on the server.
    const fn server_stream(&self) -> &'static str {
        match self {
            Self::Durable(durable, origin) => origin.stream(durable),
            Self::Ordered { server, .. } => server,
        }
    }
}

/// A message with what the server says about its delivery.
#[derive(Debug)]
pub(crate) struct Pulled {
    pub(crate) message: jetstream::Message,
    pub(crate) seq: u64,
    pub(crate) delivered: u64,
    /// Nanoseconds since the epoch, the server's clock.
    pub(crate) published_nanos: i64,
}

pub(crate) enum Step {
    Message(Pulled),
    /// A reader stands; so many messages waited at that moment.
    Built {
        pending: u64,
    },
}

pub(crate) struct Reader {
    bus: Bus,
    source: Source,
    batch: usize,
    state: State,
    // Number of the last message of this consumer; a jump means that one was lost on the way.
    consumer_seq: u64,
    created: Option<i128>,
    watchdog: Pin<Box<Sleep>>,
    stalled_once: bool,
    instruments: ReaderInstruments,
}

enum State {
    Building(Pin<Box<dyn Future<Output = Result<Built, BusError>> + Send>>),
    Running(Box<Running>),
}

struct Running {
    messages: pull::Stream,
    // Resolves when the connection was made anew.
    moved: Pin<Box<dyn Future<Output = ()> + Send>>,
    // Asks the server how many messages it holds back.
    inquiry: Option<Pin<Box<dyn Future<Output = Option<u64>> + Send>>>,
    consumer: consumer::Consumer<pull::Config>,
}

struct Built {
    running: Box<Running>,
    pending: u64,
    created: i128,
}

impl Reader {
    pub(crate) fn new(bus: &Bus, source: Source, batch: usize, label: &str) -> Self {
        let instruments = bus.instruments().consumed(label);
        let mut reader = Self {
            bus: bus.clone(),
            source,
            batch,
            state: State::Building(Box::pin(std::future::pending())),
            consumer_seq: 0,
            created: None,
            watchdog: Box::pin(sleep(WATCHDOG)),
            stalled_once: false,
            instruments,
        };
        reader.rebuild();
        reader
    }

    pub(crate) const fn stream(&self) -> StreamName {
        self.source.stream()
    }

    /// The next message, or news of a new start.
    ///
    /// # Errors
    /// Class Fatal only: whatever may pass is retried in here.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Step, BusError>> {
        loop {
            match &mut self.state {
                State::Building(future) => match future.as_mut().poll(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Ready(Ok(built)) => {
                        self.created = Some(built.created);
                        self.consumer_seq = 0;
                        self.state = State::Running(built.running);
                        self.watchdog.as_mut().reset(Instant::now() + WATCHDOG);
                        return Poll::Ready(Ok(Step::Built { pending: built.pending }));
                    }
                },
                State::Running(running) => match Pin::new(&mut running.messages).poll_next(cx) {
                    Poll::Ready(Some(Ok(message))) => match self.accept(message) {
                        Some(pulled) => return Poll::Ready(Ok(Step::Message(pulled))),
                        None => self.rebuild(),
                    },
                    Poll::Ready(Some(Err(error))) => {
                        tracing::debug!(stream = self.source.server_stream(), %error, "reader starts again");
                        self.rebuild();
                    }
                    Poll::Ready(None) => self.rebuild(),
                    Poll::Pending => match self.poll_quiet(cx) {
                        Poll::Pending => return Poll::Pending,
                        Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                        Poll::Ready(Ok(())) => self.rebuild(),
                    },
                },
            }
        }
    }

    /// Nothing to read: ready when that is a reason to start again.
    fn poll_quiet(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BusError>> {
        let State::Running(running) = &mut self.state else { return Poll::Pending };
        if running.moved.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        loop {
            if let Some(inquiry) = &mut running.inquiry {
                let Poll::Ready(pending) = inquiry.as_mut().poll(cx) else { return Poll::Pending };
                running.inquiry = None;
                match pending {
                    Some(pending) if pending > 0 && self.stalled_once => {
                        let stream = self.source.server_stream();
                        return Poll::Ready(Err(BusError::Stalled { stream, pending }));
                    }
                    Some(pending) if pending > 0 => {
                        self.stalled_once = true;
                        return Poll::Ready(Ok(()));
                    }
                    Some(_) | None => {}
                }
            }
            if self.watchdog.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.watchdog.as_mut().reset(Instant::now() + WATCHDOG);
            let consumer = running.consumer.clone();
            running.inquiry = Some(Box::pin(async move { consumer.get_info().await.ok().map(|info| withheld(&info)) }));
        }
    }

    fn accept(&mut self, message: jetstream::Message) -> Option<Pulled> {
        let Ok(info) = message.info() else {
            tracing::warn!(subject = %message.subject, "a message without delivery information is ignored");
            return None;
        };
        let (seq, delivered) = (info.stream_sequence, info.delivered.max(1) as u64);
        let (consumer_seq, pending) = (info.consumer_sequence, info.pending);
        let published_nanos = info.published.unix_timestamp_nanos() as i64;
        if let Source::Ordered { after, .. } = &mut self.source {
            if consumer_seq != self.consumer_seq + 1 || seq <= *after {
                return None;
            }
            *after = seq;
        }
        self.consumer_seq = consumer_seq;
        self.stalled_once = false;
        // Under load the clock would be read for every message; a quiet moment resets the watchdog soon enough.
        if pending == 0 {
            self.watchdog.as_mut().reset(Instant::now() + WATCHDOG);
        }
        self.instruments.consumed.increment(1);
        self.instruments.pending.set(pending as f64);
        if delivered > 1 {
            self.instruments.redelivered.increment(1);
        }
        Some(Pulled { message, seq, delivered, published_nanos })
    }

    fn rebuild(&mut self) {
        if self.created.is_some() {
            self.instruments.rebuilt.increment(1);
        }
        let future = build(self.bus.clone(), self.source.clone(), self.batch, self.created);
        self.state = State::Building(Box::pin(future));
    }
}

/// Messages that the server could hand out and does not. A consumer at the limit of unacknowledged ones, as after a kill
/// of the server that forgot acknowledgements, rightly waits until they are due again.
fn withheld(info: &consumer::Info) -> u64 {
    let limit = info.config.max_ack_pending;
    if limit > 0 && info.num_ack_pending as i64 >= limit { 0 } else { info.num_pending }
}

/// Waits for the connection and starts a consumer on it; retries until it stands or never can.
async fn build(bus: Bus, source: Source, batch: usize, created: Option<i128>) -> Result<Built, BusError> {
    let mut link = bus.link();
    let mut pause = Duration::from_millis(20);
    let mut missing_since: Option<Instant> = None;
    loop {
        let Ok(epoch) = link.wait_for(|l| l.up).await.map(|l| l.epoch) else {
            // The connection was closed for good; whoever closed it ends this reader too.
            return std::future::pending().await;
        };
        let error = match timeout(BUILD_TIMEOUT, start(&bus, &source, batch, created)).await {
            Ok(Ok((messages, consumer, pending, created))) => {
                let mut link = bus.link();
                let moved = Box::pin(async move {
                    if link.wait_for(|l| l.epoch != epoch).await.is_err() {
                        std::future::pending::<()>().await;
                    }
                });
                let running = Box::new(Running { messages, moved, inquiry: None, consumer });
                return Ok(Built { running, pending, created });
            }
            Ok(Err(error @ BusError::Missing { .. })) => {
                if missing_since.get_or_insert_with(Instant::now).elapsed() > MISSING_MAX {
                    return Err(error);
                }
                error.to_string()
            }
            Ok(Err(error)) if error.class() == crate::Class::Fatal => return Err(error),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer".to_owned(),
        };
        tracing::debug!(stream = source.server_stream(), error, "reader cannot start yet");
        sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

type Started = (pull::Stream, consumer::Consumer<pull::Config>, u64, i128);

async fn start(bus: &Bus, source: &Source, batch: usize, created: Option<i128>) -> Result<Started, BusError> {
    let (consumer, created) = match source {
        Source::Durable(durable, origin) => {
            let consumer = match topology::find_durable(bus, durable, *origin).await? {
                Some(found) => found,
                None => topology::create_durable(bus, durable, *origin).await?,
            };
            (consumer, 0)
        }
        Source::Ordered { server, filters, after, latest, name, .. } => {
            start_ordered(bus, server, filters, (*after, *latest), name.as_deref(), created).await?
        }
    };
    let pending = consumer.cached_info().num_pending;
    let messages = consumer
        .stream()
        .max_messages_per_batch(batch)
        .expires(EXPIRES)
        .heartbeat(HEARTBEAT)
        .messages()
        .await
        .map_err(|e| BusError::request("starting to read", e))?;
    Ok((messages, consumer, pending, created))
}

async fn start_ordered(
    bus: &Bus,
    name: &'static str,
    filters: &[String],
    (after, latest): (u64, bool),
    durable: Option<&str>,
    created: Option<i128>,
) -> Result<(consumer::Consumer<pull::Config>, i128), BusError> {
    let what = || format!("reading stream {name}");
    let handle = bus.context().get_stream(name).await.map_err(|error| match error.kind() {
        jetstream::context::GetStreamErrorKind::JetStream(e) if e.error_code() == ErrorCode::STREAM_NOT_FOUND => {
            BusError::Missing { what: format!("stream {name}") }
        }
        _ => BusError::request(what(), error),
    })?;
    let info = handle.cached_info();
    let (first, last) = (info.state.first_sequence, info.state.last_sequence);
    let born = info.created.unix_timestamp_nanos();
    if last < after || created.is_some_and(|c| c != born) {
        return Err(BusError::StreamWentBack { stream: name, had: after, last });
    }
    // With filters the dropped messages may have been somebody else's.
    if filters.is_empty() && after > 0 && first > after + 1 {
        return Err(BusError::Truncated { stream: name, wanted: after + 1, first });
    }
    if let Some(durable) = durable {
        forget(&handle, durable).await?;
    }
    let config = pull::Config {
        name: durable.map(str::to_owned),
        durable_name: durable.map(str::to_owned),
        deliver_policy: if latest && after == 0 {
            DeliverPolicy::LastPerSubject
        } else {
            DeliverPolicy::ByStartSequence { start_sequence: after + 1 }
        },
        ack_policy: AckPolicy::None,
        max_deliver: 1,
        filter_subjects: filters.to_vec(),
        memory_storage: true,
        num_replicas: 1,
        inactive_threshold: if durable.is_some() { Duration::ZERO } else { Duration::from_secs(30) },
        ..pull::Config::default()
    };
    let consumer = handle.create_consumer(config).await.map_err(|error| match error.kind() {
        stream::ConsumerErrorKind::JetStream(e) if e.error_code() == ErrorCode::STREAM_NOT_FOUND => {
            BusError::Missing { what: format!("stream {name}") }
        }
        _ => BusError::request(what(), error),
    })?;
    Ok((consumer, born))
}

/// Removes the consumer of an earlier start; its reader, should it still be there, learns of it at once.
async fn forget(handle: &stream::Stream, durable: &str) -> Result<(), BusError> {
    match handle.delete_consumer(durable).await {
        Ok(_) => Ok(()),
        Err(error) => match error.kind() {
            stream::ConsumerErrorKind::JetStream(e) if e.error_code() == ErrorCode::CONSUMER_NOT_FOUND => Ok(()),
            _ => Err(BusError::request(format!("taking over consumer {durable}"), error)),
        },
    }
}
