//! Publishing: acknowledged, bounded in flight, retried under the same id; money events are created if absent.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use async_nats::header::HeaderName;
use async_nats::jetstream::context::{PublishAckFuture, PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::{self, ErrorCode, stream};
use async_nats::{HeaderMap, Subject};
use bytes::Bytes;
use domain::{Event, Meta, StreamName};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::{Instant, sleep, timeout_at};

use crate::connect::Bus;
use crate::envelope;
use crate::error::{BusError, Source};
use crate::fence::Fence;
use crate::metrics;
use crate::subject;

const EXPECTED_SUBJECT_SEQUENCE: HeaderName = HeaderName::from_static("Nats-Expected-Last-Subject-Sequence");
/// Makes the expected sequence that of this subject instead of the message's own.
const EXPECTED_SUBJECT: HeaderName = HeaderName::from_static("Nats-Expected-Last-Subject-Sequence-Subject");
const EXPECTED_SEQUENCE: HeaderName = HeaderName::from_static("Nats-Expected-Last-Sequence");

/// A message ready to be sent.
#[derive(Debug, Clone)]
pub struct Outgoing {
    pub(crate) subject: Subject,
    pub(crate) payload: Bytes,
    envelope: Envelope,
    condition: Condition,
}

#[derive(Debug, Clone)]
enum Envelope {
    Event { type_name: &'static str, meta: Meta },
    Copied { id: String, headers: Box<HeaderMap> },
}

#[derive(Debug, Clone)]
pub(crate) enum Condition {
    None,
    SubjectSequence(u64),
    StreamSequence(u64),
    Behind(Fence),
}

impl Outgoing {
    /// An event with its envelope.
    pub fn event(event: &Event, meta: &Meta) -> Self {
        Self::raw(subject::subject_of(event), events::type_name(event), events::encode(event), meta.clone())
    }

    /// A payload that is already protobuf of type `type_name`, for the hot path.
    pub fn raw(subject: impl Into<String>, type_name: &'static str, payload: Bytes, meta: Meta) -> Self {
        let envelope = Envelope::Event { type_name, meta };
        Self { subject: subject.into().into(), payload, envelope, condition: Condition::None }
    }

    /// A message whose headers come from another one; `headers` hold `id` already.
    pub(crate) fn copied(subject: String, id: String, headers: HeaderMap, payload: Bytes) -> Self {
        let envelope = Envelope::Copied { id, headers: Box::new(headers) };
        Self { subject: subject.into(), payload, envelope, condition: Condition::None }
    }

    /// Bytes without an envelope, for what is no event.
    pub(crate) fn plain(subject: String, payload: Bytes) -> Self {
        Self::copied(subject, String::new(), HeaderMap::new(), payload)
    }

    /// Where it goes.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Its event id.
    pub fn id(&self) -> &str {
        match &self.envelope {
            Envelope::Event { meta, .. } => meta.id.as_str(),
            Envelope::Copied { id, .. } => id,
        }
    }

    /// The bytes it carries.
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    pub(crate) fn under(self, condition: Condition) -> Self {
        Self { condition, ..self }
    }

    // Headers are built at each sending, so that the usual single sending copies none.
    fn to_message(&self) -> PublishMessage {
        let mut headers = match &self.envelope {
            Envelope::Event { type_name, meta } => envelope::headers(type_name, meta),
            Envelope::Copied { headers, .. } => headers.as_ref().clone(),
        };
        match &self.condition {
            Condition::None => {}
            Condition::SubjectSequence(sequence) => headers.insert(EXPECTED_SUBJECT_SEQUENCE, sequence.to_string()),
            Condition::StreamSequence(sequence) => headers.insert(EXPECTED_SEQUENCE, sequence.to_string()),
            Condition::Behind(fence) => {
                headers.insert(EXPECTED_SUBJECT, fence.subject.as_str());
                headers.insert(EXPECTED_SUBJECT_SEQUENCE, fence.seq.to_string());
            }
        }
        PublishMessage::build().payload(self.payload.clone()).headers(headers)
    }
}

/// A stored message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Its sequence in the stream.
    pub seq: u64,
    /// True if the server knew the id already and stored nothing new.
    pub duplicate: bool,
}

/// What creating an event gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// Stored now.
    New {
        /// Its sequence.
        seq: u64,
    },
    /// The subject was taken: by this very event (an earlier try, another replica) or by another one.
    Exists {
        /// The sequence of what is there.
        seq: u64,
        /// True if it holds the same payload.
        same: bool,
    },
}

/// What appending to a ledger gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// Stored right after the expected sequence.
    Stored {
        /// Its sequence.
        seq: u64,
    },
    /// The stream has moved on: fold its tail and decide again.
    Conflict,
}

/// Publishes on one connection. Cheap to clone.
#[derive(Clone)]
pub struct Publisher {
    bus: Bus,
}

impl Publisher {
    pub(crate) fn new(bus: Bus) -> Self {
        Self { bus }
    }

    /// The event with its envelope, signed where that is asked for.
    pub(crate) fn sealed(&self, event: &Event, meta: &Meta) -> Result<Outgoing, BusError> {
        let (stream, world) = (event.stream(), self.bus.world());
        let message = Outgoing::event(event, meta);
        if !world.writes(stream) {
            let subject = message.subject.to_string();
            return Err(BusError::PublishRefused { subject, source: "a strategy on trial writes SHADOW alone".into() });
        }
        let message = Outgoing { subject: world.subject(stream, &message.subject).into(), ..message };
        let Some(signer) = self.bus.signer(event.stream()) else { return Ok(message) };
        let mut headers = envelope::headers(events::type_name(event), meta);
        signer.sign(&message.subject, &mut headers, &message.payload)?;
        Ok(Outgoing::copied(message.subject.to_string(), meta.id.to_string(), headers, message.payload))
    }

    /// Publishes `event` and waits until it is stored.
    ///
    /// # Errors
    /// `Unacknowledged` (Transient) after `publish_deadline_ms`; `PublishRefused` (Invalid).
    pub async fn publish(&self, event: &Event, meta: &Meta) -> Result<Receipt, BusError> {
        self.publish_raw(self.sealed(event, meta)?).await
    }

    /// Like [`Self::publish`], for a message made by the caller.
    pub async fn publish_raw(&self, message: Outgoing) -> Result<Receipt, BusError> {
        self.start(message).await?.await
    }

    /// Sends `message` now and returns a handle on its acknowledgement. Waits while too many are in flight.
    ///
    /// Messages are stored in the order they were started as long as nothing fails; where that must hold always, use
    /// a [`Lane`](crate::Lane).
    pub async fn start(&self, message: Outgoing) -> Result<InFlight, BusError> {
        let attempt = Attempt::begin(&self.bus, message).await?;
        Ok(InFlight { inner: Box::pin(attempt.finish()) })
    }

    /// Stores `event` if nothing is stored on its subject yet.
    ///
    /// A lost answer, a restart or a second replica end in `Exists { same: true }`, never in a second message.
    pub async fn create(&self, event: &Event, meta: &Meta) -> Result<Created, BusError> {
        self.create_raw(self.sealed(event, meta)?, self.server_stream(event)).await
    }

    pub(crate) async fn create_raw(&self, message: Outgoing, stream: &str) -> Result<Created, BusError> {
        match self.after_subject_sequence(message.clone(), 0).await? {
            SequencedOutcome::Stored { seq, duplicate: false } => Ok(Created::New { seq }),
            SequencedOutcome::Stored { .. } | SequencedOutcome::WrongSequence => match self
                .last_on(stream, &message.subject)
                .await?
            {
                Some(found) => Ok(Created::Exists { seq: found.sequence, same: found.payload == message.payload }),
                None => Err(BusError::IdReused { id: message.id().to_owned(), subject: message.subject.to_string() }),
            },
        }
    }

    /// Appends `event` to its stream if `expected_last_seq` is still the stream's last sequence; on trial, the last that
    /// SHADOW holds of it.
    pub async fn append(&self, event: &Event, meta: &Meta, expected_last_seq: u64) -> Result<Appended, BusError> {
        let message = self.sealed(event, meta)?;
        let (stream, world) = (event.stream(), self.bus.world());
        let shared = world.moves(stream);
        // Where the ledger shares its stream, the last sequence that counts is that of its own subjects.
        let condition = if shared {
            let subject = world.subject(stream, &subject::stream_filter(stream)).into();
            Condition::Behind(Fence { subject, seq: expected_last_seq })
        } else {
            Condition::StreamSequence(expected_last_seq)
        };
        let conditional = message.clone().under(condition);
        let own = match self.conditional(conditional).await? {
            SequencedOutcome::Stored { seq, duplicate: false } => return Ok(Appended::Stored { seq }),
            SequencedOutcome::Stored { .. } | SequencedOutcome::WrongSequence => {
                self.last_on(world.server_stream(stream), &message.subject).await?
            }
        };
        // The answer to an earlier try may have been lost: then our own message is right where it belongs. In a shared stream
        // sequences do not tell what came between; there the fold brings it back.
        let is_next = |m: &jetstream::message::StreamMessage| !shared && m.sequence == expected_last_seq + 1;
        if let Some(found) = own.filter(|m| is_next(m) && m.payload == message.payload) {
            return Ok(Appended::Stored { seq: found.sequence });
        }
        metrics::conflict(stream);
        Ok(Appended::Conflict)
    }

    /// Stores `message` if `sequence` is the last on its subject.
    pub(crate) async fn after_subject_sequence(
        &self,
        message: Outgoing,
        sequence: u64,
    ) -> Result<SequencedOutcome, BusError> {
        self.conditional(message.under(Condition::SubjectSequence(sequence))).await
    }

    pub(crate) async fn conditional(&self, message: Outgoing) -> Result<SequencedOutcome, BusError> {
        Attempt::begin(&self.bus, message).await?.finish_conditional().await
    }

    /// The last sequence of `stream`, as its leader has it.
    pub async fn last_seq(&self, stream: StreamName) -> Result<u64, BusError> {
        let name = self.bus.world().server_stream(stream);
        let what = || format!("reading stream {name}");
        let found = self.bus.context().get_stream(name).await.map_err(|e| BusError::request(what(), e))?;
        Ok(found.cached_info().state.last_sequence)
    }

    /// The event that is stored where `event` would be, with its envelope.
    pub async fn stored_for(&self, event: &Event) -> Result<Option<(Event, Meta)>, BusError> {
        let (stream, world) = (event.stream(), self.bus.world());
        let subject = subject::subject_of(event);
        let found = self.last_on(world.server_stream(stream), &world.subject(stream, &subject)).await?;
        found.map(|m| envelope::open(&subject, Some(&m.headers), &m.payload, None)).transpose()
    }

    fn server_stream(&self, event: &Event) -> &'static str {
        self.bus.world().server_stream(event.stream())
    }

    /// The newest message on `subject`, asked from the stream's leader; tried until the publish deadline.
    pub(crate) async fn last_on(
        &self,
        stream: &str,
        subject: &str,
    ) -> Result<Option<jetstream::message::StreamMessage>, BusError> {
        let deadline = Instant::now() + Duration::from_millis(self.bus.config().publish_deadline_ms);
        let what = || format!("reading {subject}");
        let handle = self.bus.context().get_stream_no_info(stream).await.map_err(|e| BusError::request(what(), e))?;
        loop {
            match handle.get_last_raw_message_by_subject(subject).await {
                Ok(found) => return Ok(Some(found)),
                Err(e) if e.kind() == stream::LastRawMessageErrorKind::NoMessageFound => return Ok(None),
                Err(e) if Instant::now() >= deadline => return Err(BusError::request(what(), e)),
                Err(e) => tracing::debug!(subject, error = %e, "reading again"),
            }
            sleep(RETRY_PAUSE).await;
        }
    }
}

/// A publish that waits for its acknowledgement; dropping it leaves the outcome unknown.
pub struct InFlight {
    inner: Pin<Box<dyn Future<Output = Result<Receipt, BusError>> + Send>>,
}

impl Future for InFlight {
    type Output = Result<Receipt, BusError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        self.inner.as_mut().poll(cx)
    }
}

/// Many publishes under way at once, at most `window` of them.
pub struct Pipeline {
    publisher: Publisher,
    window: usize,
    flying: FuturesUnordered<InFlight>,
}

impl Pipeline {
    /// A pipeline of at most `window` publishes.
    pub fn new(publisher: Publisher, window: usize) -> Self {
        Self { publisher, window: window.max(1), flying: FuturesUnordered::new() }
    }

    /// Sends `message`, first waiting for an acknowledgement if the window is full.
    ///
    /// # Errors
    /// Those of this or an earlier message.
    pub async fn push(&mut self, message: Outgoing) -> Result<(), BusError> {
        while self.flying.len() >= self.window {
            if let Some(done) = self.flying.next().await {
                done?;
            }
        }
        self.flying.push(self.publisher.start(message).await?);
        Ok(())
    }

    /// Waits until everything pushed is stored.
    ///
    /// # Errors
    /// The first failure; the others are still waited for.
    pub async fn flush(&mut self) -> Result<(), BusError> {
        let mut outcome = Ok(());
        while let Some(done) = self.flying.next().await {
            if let (Ok(()), Err(error)) = (&outcome, done) {
                outcome = Err(error);
            }
        }
        outcome
    }
}

const RETRY_PAUSE: Duration = Duration::from_millis(20);

/// The server's word on a message with a condition.
pub(crate) enum SequencedOutcome {
    Stored { seq: u64, duplicate: bool },
    WrongSequence,
}

/// One message on its way, with the first send already made.
struct Attempt {
    bus: Bus,
    message: Outgoing,
    started: Instant,
    deadline: Instant,
    first: Option<PublishAckFuture>,
    _guard: metrics::InFlightGuard,
}

impl Attempt {
    async fn begin(bus: &Bus, message: Outgoing) -> Result<Self, BusError> {
        let started = Instant::now();
        let deadline = started + Duration::from_millis(bus.config().publish_deadline_ms);
        let mut attempt =
            Self { bus: bus.clone(), message, started, deadline, first: None, _guard: bus.instruments().sent() };
        attempt.first = match attempt.send().await {
            Ok(ack) => Some(ack),
            Err(failure) => {
                attempt.judge(failure)?;
                None
            }
        };
        Ok(attempt)
    }

    async fn finish(self) -> Result<Receipt, BusError> {
        let subject = self.message.subject.clone();
        match self.finish_conditional().await? {
            SequencedOutcome::Stored { seq, duplicate } => Ok(Receipt { seq, duplicate }),
            SequencedOutcome::WrongSequence => Err(BusError::PublishRefused {
                subject: subject.to_string(),
                source: "a sequence was expected although none was named".into(),
            }),
        }
    }

    async fn finish_conditional(mut self) -> Result<SequencedOutcome, BusError> {
        let mut sent = self.first.take();
        loop {
            let outcome = match sent.take() {
                Some(ack) => self.acknowledged(ack).await,
                None => match self.send().await {
                    Ok(ack) => self.acknowledged(ack).await,
                    Err(failure) => Err(failure),
                },
            };
            match outcome {
                Ok(ack) => {
                    self.bus.instruments().acknowledged(self.started.elapsed());
                    return Ok(SequencedOutcome::Stored { seq: ack.sequence, duplicate: ack.duplicate });
                }
                Err(failure) if failure.kind() == PublishErrorKind::WrongLastSequence => {
                    self.bus.instruments().acknowledged(self.started.elapsed());
                    return Ok(SequencedOutcome::WrongSequence);
                }
                Err(failure) => self.judge(failure)?,
            }
            self.bus.instruments().retried();
            sleep(RETRY_PAUSE).await;
        }
    }

    async fn send(&self) -> Result<PublishAckFuture, PublishError> {
        let sending = self.bus.context().send_publish(self.message.subject.clone(), self.message.to_message());
        timeout_at(self.deadline, sending).await.unwrap_or_else(|_| Err(PublishErrorKind::TimedOut.into()))
    }

    async fn acknowledged(&self, ack: PublishAckFuture) -> Result<PublishAck, PublishError> {
        timeout_at(self.deadline, ack.into_future()).await.unwrap_or_else(|_| Err(PublishErrorKind::TimedOut.into()))
    }

    /// `Ok` if trying again makes sense.
    fn judge(&self, failure: PublishError) -> Result<(), BusError> {
        if let Some(source) = permanent(&failure) {
            self.bus.instruments().gave_up();
            return Err(BusError::PublishRefused { subject: self.message.subject.to_string(), source });
        }
        if Instant::now() >= self.deadline {
            self.bus.instruments().gave_up();
            return Err(BusError::Unacknowledged {
                subject: self.message.subject.to_string(),
                waited_ms: self.started.elapsed().as_millis(),
                source: failure.into(),
            });
        }
        tracing::debug!(subject = %self.message.subject, error = %failure, "publishing again under the same id");
        Ok(())
    }
}

/// The reason why `failure` can never pass; `None` if it may.
fn permanent(failure: &PublishError) -> Option<Source> {
    match failure.kind() {
        PublishErrorKind::MaxPayloadExceeded => Some(failure.to_string().into()),
        PublishErrorKind::Other => match server_code(failure) {
            // Stored by another try that is still under way, or a leader that is not settled yet.
            None
            | Some(
                ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT
                | ErrorCode::STREAM_DUPLICATE_MESSAGE_CONFLICT
                | ErrorCode::CLUSTER_NOT_AVAILABLE
                | ErrorCode::INSUFFICIENT_RESOURCES
                | STREAM_FULL,
            ) => None,
            Some(_) => Some(failure.to_string().into()),
        },
        // No stream answers while the server starts; after the deadline it is reported as it is.
        PublishErrorKind::StreamNotFound
        | PublishErrorKind::WrongLastMessageId
        | PublishErrorKind::WrongLastSequence
        | PublishErrorKind::TimedOut
        | PublishErrorKind::BrokenPipe
        | PublishErrorKind::MaxAckPending => None,
    }
}

/// The stream holds as much as it may; room appears when messages age out or a person enlarges it.
const STREAM_FULL: ErrorCode = ErrorCode(10_077);

fn server_code(failure: &PublishError) -> Option<ErrorCode> {
    let source = std::error::Error::source(failure)?;
    source.downcast_ref::<jetstream::Error>().map(jetstream::Error::error_code)
}
