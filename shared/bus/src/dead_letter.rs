//! Messages that could not be handled: how they are kept in DEAD, how to look at them and how to deal with them.

mod handle;

use async_nats::HeaderMap;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{LastRawMessageErrorKind, RawMessageErrorKind};
use bytes::Bytes;
use data_encoding::BASE64;
use domain::{StreamName, UnixNanos};
use serde_json::{Value, json};

use crate::connect::Bus;
use crate::consume::DeadLettered;
use crate::envelope;
use crate::error::BusError;
use crate::publish::{Created, Outgoing, SequencedOutcome};
use crate::subject;

pub use handle::{HandleError, Handled, Request, Way, discard, market_time, redrive};

pub(crate) const STREAM: &str = "DEAD";

const REASON: &str = "fin-dead-reason";
const READER: &str = "fin-dead-reader";
const ORIGIN_STREAM: &str = "fin-dead-stream";
const ORIGIN_SEQ: &str = "fin-dead-seq";
const ORIGIN_SUBJECT: &str = "fin-dead-subject";
const DELIVERED: &str = "fin-dead-delivered";
/// In the note that takes the place of a letter that was dealt with: what was done.
const HANDLED: &str = "fin-dead-handled";

/// A message in DEAD.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// Its sequence in DEAD.
    pub seq: u64,
    /// Its subject in DEAD.
    pub subject: String,
    /// When it was put there.
    pub buried_at: UnixNanos,
    /// Who failed, `<service>-<stream>`.
    pub reader: String,
    /// The stream it came from.
    pub stream: Option<StreamName>,
    /// Its sequence there.
    pub origin_seq: u64,
    /// Its subject there.
    pub origin_subject: String,
    /// How often it had been handed out.
    pub delivered: u64,
    /// Why it was given up.
    pub reason: String,
    /// Its event id, if it had one.
    pub event_id: Option<String>,
    /// Its protobuf type, if it had one.
    pub type_name: Option<String>,
    /// Its bytes.
    pub payload: Bytes,
    headers: HeaderMap,
}

impl DeadLetter {
    /// What is shown of it in a list.
    pub fn row(&self) -> Value {
        json!({
            "id": self.seq.to_string(),
            "at": self.buried_at.to_string(),
            "reader": self.reader,
            "stream": self.stream.map(StreamName::as_str),
            "seq": self.origin_seq,
            "subject": self.origin_subject,
            "type": self.type_name,
            "event_id": self.event_id,
            "delivered": self.delivered,
            "reason": self.reason,
        })
    }

    /// All of it, with its event as far as it can be read.
    pub fn whole(&self) -> Value {
        let event = self.type_name.as_ref().map(|name| match events::decode(name, &self.payload) {
            Ok(event) => format!("{event:?}"),
            Err(error) => format!("cannot be read: {error}"),
        });
        let mut shown = self.row();
        shown["payload_base64"] = BASE64.encode(&self.payload).into();
        shown["event"] = event.into();
        shown
    }
}

/// Dead letters with a sequence above `after`, oldest first, at most `limit`.
pub async fn list(bus: &Bus, after: u64, limit: usize) -> Result<Vec<DeadLetter>, BusError> {
    let handle = handle(bus).await?;
    let mut letters = Vec::new();
    let mut next = after + 1;
    while letters.len() < limit {
        match handle.raw_message_builder().sequence(next).next_by_subject("dead.>").send().await {
            Ok(found) => {
                next = found.sequence + 1;
                letters.extend(read(&found));
            }
            Err(e) if e.kind() == RawMessageErrorKind::NoMessageFound => break,
            Err(e) => return Err(BusError::request("listing dead letters", e)),
        }
    }
    Ok(letters)
}

/// The dead letter at sequence `seq` of DEAD; `None` if it was dealt with.
pub async fn show(bus: &Bus, seq: u64) -> Result<Option<DeadLetter>, BusError> {
    if seq == 0 {
        return Ok(None);
    }
    match handle(bus).await?.get_raw_message(seq).await {
        Ok(found) => Ok(read(&found)),
        Err(e) if e.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
        Err(e) => Err(BusError::request(format!("reading dead letter {seq}"), e)),
    }
}

async fn handle(bus: &Bus) -> Result<async_nats::jetstream::stream::Stream<()>, BusError> {
    bus.context().get_stream_no_info(STREAM).await.map_err(|e| BusError::request("reading stream DEAD", e))
}

/// What a letter may replace on its subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replaces {
    /// Neither a letter nor what was said about one.
    Nothing,
    /// The note that an earlier one was redriven: its reader met the message once more.
    Redriven,
    /// The letter of this sequence, whose message was sent again and failed once more, or the note that it was.
    SentAgain(u64),
}

/// Stores the message in DEAD; false if it lies there already, or was dealt with.
pub(crate) async fn keep(
    bus: &Bus,
    letter: &DeadLettered,
    delivered: u64,
    message: &async_nats::Message,
    replaces: Replaces,
) -> Result<bool, BusError> {
    let subject = subject::dead_letter(&letter.reader, letter.seq);
    let publisher = bus.publisher();
    if let Created::New { .. } = publisher.create_raw(outgoing(letter, &subject, delivered, message), STREAM).await? {
        return Ok(true);
    }
    let replaced = |last: &StreamMessage| match replaces {
        Replaces::Nothing => false,
        Replaces::Redriven => handle::redriven(&last.headers).is_some(),
        // A redrive that was cut short has left the letter itself in its place.
        Replaces::SentAgain(seq) => last.sequence == seq || handle::redriven(&last.headers) == Some(seq),
    };
    let Some(last) = publisher.last_on(STREAM, &subject).await?.filter(replaced) else { return Ok(false) };
    let again = outgoing(letter, &format!("{subject}/{}", last.sequence), delivered, message);
    let outcome = publisher.after_subject_sequence(again, last.sequence).await?;
    Ok(matches!(outcome, SequencedOutcome::Stored { duplicate: false, .. }))
}

/// Subject and sequence that a message of REDRIVE had in its stream.
pub(crate) fn first_place(message: &async_nats::Message) -> (String, u64) {
    let header = |name| message.headers.as_ref().and_then(|h| h.get(name)).map(async_nats::HeaderValue::as_str);
    let seq = header(ORIGIN_SEQ).and_then(|seq| seq.parse().ok()).unwrap_or_default();
    (header(ORIGIN_SUBJECT).unwrap_or_default().to_owned(), seq)
}

/// The message as it goes into DEAD under message id `id`: its own headers and payload, and why it is there.
fn outgoing(letter: &DeadLettered, id: &str, delivered: u64, message: &async_nats::Message) -> Outgoing {
    let mut headers = copied(message.headers.as_ref());
    let reason: String = letter.reason.chars().filter(|c| !c.is_control()).take(1_000).collect();
    headers.insert(REASON, reason);
    headers.insert(READER, letter.reader.as_str());
    headers.insert(ORIGIN_STREAM, letter.stream.as_str());
    headers.insert(ORIGIN_SEQ, letter.seq.to_string());
    headers.insert(ORIGIN_SUBJECT, letter.subject.as_str());
    headers.insert(DELIVERED, delivered.to_string());
    headers.insert(envelope::MESSAGE_ID, id);
    Outgoing::copied(subject::dead_letter(&letter.reader, letter.seq), id.to_owned(), headers, message.payload.clone())
}

/// The headers without the server's own, which would act again.
fn copied(headers: Option<&HeaderMap>) -> HeaderMap {
    let mut copy = HeaderMap::new();
    for (name, values) in headers.iter().flat_map(|h| h.iter()) {
        if !AsRef::<str>::as_ref(name).starts_with("Nats-") {
            values.iter().for_each(|value| copy.append(name.clone(), value.clone()));
        }
    }
    copy
}

/// `None` for the note that a letter was dealt with.
fn read(found: &StreamMessage) -> Option<DeadLetter> {
    if found.headers.get(HANDLED).is_some() {
        return None;
    }
    let text = |name: &str| found.headers.get(name).map(|v| v.as_str().to_owned()).unwrap_or_default();
    let number = |name: &str| text(name).parse().unwrap_or_default();
    let origin = text(ORIGIN_STREAM);
    Some(DeadLetter {
        seq: found.sequence,
        subject: found.subject.to_string(),
        buried_at: UnixNanos::new(found.time.unix_timestamp_nanos() as i64),
        reader: text(READER),
        stream: StreamName::ALL.into_iter().find(|s| s.as_str() == origin),
        origin_seq: number(ORIGIN_SEQ),
        origin_subject: text(ORIGIN_SUBJECT),
        delivered: number(DELIVERED),
        reason: text(REASON),
        event_id: envelope::id(Some(&found.headers)).map(str::to_owned),
        type_name: envelope::type_name(Some(&found.headers)).map(str::to_owned),
        payload: found.payload.clone(),
        headers: found.headers.clone(),
    })
}
