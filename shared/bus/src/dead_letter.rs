//! Messages that could not be handled: how they are kept in DEAD, and how to look at them.

use async_nats::HeaderMap;
use async_nats::jetstream::stream::{LastRawMessageErrorKind, RawMessageErrorKind};
use bytes::Bytes;
use domain::{StreamName, UnixNanos};

use crate::connect::Bus;
use crate::consume::DeadLettered;
use crate::envelope;
use crate::error::BusError;
use crate::publish::Outgoing;
use crate::subject;

pub(crate) const STREAM: &str = "DEAD";

const REASON: &str = "fin-dead-reason";
const READER: &str = "fin-dead-reader";
const ORIGIN_STREAM: &str = "fin-dead-stream";
const ORIGIN_SEQ: &str = "fin-dead-seq";
const ORIGIN_SUBJECT: &str = "fin-dead-subject";
const DELIVERED: &str = "fin-dead-delivered";

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
                letters.push(read(&found));
            }
            Err(e) if e.kind() == RawMessageErrorKind::NoMessageFound => break,
            Err(e) => return Err(BusError::request("listing dead letters", e)),
        }
    }
    Ok(letters)
}

/// The dead letter at sequence `seq` of DEAD; `None` if it was dealt with.
pub async fn show(bus: &Bus, seq: u64) -> Result<Option<DeadLetter>, BusError> {
    match handle(bus).await?.get_raw_message(seq).await {
        Ok(found) => Ok(Some(read(&found))),
        Err(e) if e.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
        Err(e) => Err(BusError::request(format!("reading dead letter {seq}"), e)),
    }
}

/// Throws the dead letter at `seq` away; false if it was not there.
pub async fn discard(bus: &Bus, seq: u64) -> Result<bool, BusError> {
    if show(bus, seq).await?.is_none() {
        return Ok(false);
    }
    let deleted = handle(bus).await?.delete_message(seq).await;
    deleted.map_err(|e| BusError::request(format!("discarding dead letter {seq}"), e))
}

async fn handle(bus: &Bus) -> Result<async_nats::jetstream::stream::Stream<()>, BusError> {
    bus.context().get_stream_no_info(STREAM).await.map_err(|e| BusError::request("reading stream DEAD", e))
}

/// The message as it goes into DEAD: its own headers and payload, and why it is there.
pub(crate) fn outgoing(letter: &DeadLettered, delivered: u64, message: &async_nats::Message) -> Outgoing {
    let subject = subject::dead_letter(&letter.reader, letter.seq);
    let mut headers = HeaderMap::new();
    for (name, values) in message.headers.iter().flat_map(HeaderMap::iter) {
        // The server's own headers would act again.
        if !AsRef::<str>::as_ref(name).starts_with("Nats-") {
            for value in values {
                headers.append(name.clone(), value.clone());
            }
        }
    }
    let reason: String = letter.reason.chars().filter(|c| !c.is_control()).take(1_000).collect();
    headers.insert(REASON, reason);
    headers.insert(READER, letter.reader.as_str());
    headers.insert(ORIGIN_STREAM, letter.stream.as_str());
    headers.insert(ORIGIN_SEQ, letter.seq.to_string());
    headers.insert(ORIGIN_SUBJECT, letter.subject.as_str());
    headers.insert(DELIVERED, delivered.to_string());
    headers.insert(envelope::MESSAGE_ID, subject.as_str());
    Outgoing::copied(subject.clone(), subject, headers, message.payload.clone())
}

fn read(found: &async_nats::jetstream::message::StreamMessage) -> DeadLetter {
    let text = |name: &str| found.headers.get(name).map(|v| v.as_str().to_owned()).unwrap_or_default();
    let number = |name: &str| text(name).parse().unwrap_or_default();
    let origin = text(ORIGIN_STREAM);
    DeadLetter {
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
    }
}
