//! What a person decides about a dead letter. A note takes its place in DEAD, so that it is dealt with once and, when it
//! was discarded, stays so however often its reader meets the message again.

use async_nats::HeaderMap;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::RawMessageErrorKind;
use bytes::Bytes;
use domain::control::{Authorship, DeadLetterAction, DeadLetterHandled};
use domain::{Event, EventId, Meta, StreamName, UnixNanos};

use super::{DELIVERED, DeadLetter, HANDLED, READER, REASON, copied, handle, show};
use crate::connect::Bus;
use crate::envelope;
use crate::error::BusError;
use crate::publish::{Outgoing, SequencedOutcome};
use crate::subject::{self, Kind};
use crate::topology::{DURABLES, Durable, REDRIVE, STREAMS};

const REDRIVEN: &str = "redriven";
const DISCARDED: &str = "discarded";
const HANDLED_SEQ: &str = "fin-dead-handled-seq";
const HANDLED_BY: &str = "fin-dead-handled-by";
const HANDLED_REQUEST: &str = "fin-dead-handled-request";

/// Who asks, and by which clock.
#[derive(Debug, Clone)]
pub struct Request {
    /// The person. A second request with the same id changes nothing: it is answered like the first, or refused if it
    /// asks for something else.
    pub by: Authorship,
    /// The program that asks on the person's behalf.
    pub source: String,
    /// Market time, for what may be too late.
    pub now: UnixNanos,
}

/// Where the message goes now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// To the durable of this name, at once and to nobody else.
    Durable(&'static str),
    /// Nowhere yet: this reader folds its stream in order, where the message still has its place, and reads it again
    /// when it starts next. What it then cannot read becomes a dead letter again.
    NextStart(String),
    /// Nowhere.
    Discarded,
}

/// A dead letter that was dealt with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handled {
    /// Id of the event on CONTROL that says so.
    pub event_id: EventId,
    /// What became of it.
    pub way: Way,
}

/// Why a dead letter was not dealt with.
#[derive(Debug, thiserror::Error)]
pub enum HandleError {
    /// There is none.
    #[error("there is no dead letter {0}")]
    NotFound(u64),
    /// Somebody was faster.
    #[error("dead letter {seq} was {action} by {by} already")]
    AlreadyHandled {
        /// Its number.
        seq: u64,
        /// What was done.
        action: String,
        /// Who did it.
        by: String,
    },
    /// Its reader has it again: a redrive was cut short, and only redriving once more completes it.
    #[error("dead letter {seq} was sent to {reader} already; redrive it once more to complete that")]
    SentAlready {
        /// Its number.
        seq: u64,
        /// The durable.
        reader: &'static str,
    },
    /// The request's id belongs to another request.
    #[error("request `{id}` {action} dead letter {seq} before")]
    KeyReused {
        /// The id.
        id: String,
        /// What it did.
        action: &'static str,
        /// With which letter.
        seq: u64,
    },
    /// It could make the suite trade, and it may not any more.
    #[error(
        "dead letter {seq} is the approval of plan {plan}, whose entry was to be withdrawn at {valid_until}; it is {now} \
         now. It can only be discarded"
    )]
    TooLate {
        /// Its number.
        seq: u64,
        /// The plan.
        plan: String,
        /// Its entry deadline.
        valid_until: UnixNanos,
        /// Market time.
        now: UnixNanos,
    },
    /// Nobody can tell what it would do.
    #[error("dead letter {seq} cannot be read here, so that nobody knows whether it is too late: {reason}")]
    Unreadable {
        /// Its number.
        seq: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The bus did not do it; trying again with the same request id does no harm.
    #[error(transparent)]
    Bus(#[from] BusError),
}

/// Gives the letter at `seq` to its reader again, with its own headers: to a durable at once, to a fold at its next start.
///
/// # Errors
/// See [`HandleError`]; an approval whose entry deadline has passed is refused.
pub async fn redrive(bus: &Bus, seq: u64, request: &Request) -> Result<Handled, HandleError> {
    let action = DeadLetterAction::Redriven;
    check_id(bus, seq, action, request).await?;
    let Some(letter) = show(bus, seq).await? else { return repeated(bus, seq, action, request).await };
    let way = match durable_of(&letter) {
        None => Way::NextStart(letter.reader.clone()),
        Some(durable) => {
            // A redrive that was cut short after this is only completed, however late it is.
            if !is_sent(bus, durable, seq).await? {
                check_time(&letter, request.now)?;
                bus.publisher().create_raw(sent_again(&letter, durable), REDRIVE).await?;
            }
            Way::Durable(durable.name)
        }
    };
    settle(bus, &letter, action, way, request).await
}

/// Throws the letter at `seq` away for good.
///
/// # Errors
/// See [`HandleError`].
pub async fn discard(bus: &Bus, seq: u64, request: &Request) -> Result<Handled, HandleError> {
    let action = DeadLetterAction::Discarded;
    check_id(bus, seq, action, request).await?;
    let Some(letter) = show(bus, seq).await? else { return repeated(bus, seq, action, request).await };
    if let Some(durable) = durable_of(&letter)
        && is_sent(bus, durable, seq).await?
    {
        return Err(HandleError::SentAlready { seq, reader: durable.name });
    }
    settle(bus, &letter, action, Way::Discarded, request).await
}

/// How far market time has come: the watermark of the newest batch of trades.
pub async fn market_time(bus: &Bus) -> Result<Option<UnixNanos>, BusError> {
    let newest = bus.publisher().last_on(StreamName::Market.as_str(), &Kind::TradeBatch.filter()).await?;
    let opened = newest.map(|m| envelope::open(&m.subject, Some(&m.headers), &m.payload, None)).transpose()?;
    Ok(opened.and_then(|(event, _)| match event {
        Event::TradeBatch(batch) => Some(batch.watermark),
        _ => None,
    }))
}

/// The durable that failed; `None` when the reader was a fold, which may bear the same name.
fn durable_of(letter: &DeadLetter) -> Option<&'static Durable> {
    let failed = |d: &&&Durable| d.name == letter.reader && Some(d.stream) == letter.stream;
    DURABLES.iter().find(failed).copied().filter(|d| d.reads(&letter.origin_subject))
}

fn check_time(letter: &DeadLetter, now: UnixNanos) -> Result<(), HandleError> {
    let headers = Some(&letter.headers);
    let opened = envelope::open(&letter.origin_subject, headers, &letter.payload, None);
    let (event, _) = opened.map_err(|error| HandleError::Unreadable { seq: letter.seq, reason: error.to_string() })?;
    match event {
        Event::PlanApproved(approved) if now >= approved.plan.valid_until => Err(HandleError::TooLate {
            seq: letter.seq,
            plan: approved.plan.plan_id.to_string(),
            valid_until: approved.plan.valid_until,
            now,
        }),
        _ => Ok(()),
    }
}

/// Refuses a request under the id of another one before anything is done.
async fn check_id(bus: &Bus, seq: u64, action: DeadLetterAction, request: &Request) -> Result<(), HandleError> {
    let asked = DeadLetterHandled { subject: String::new(), sequence: seq, action, by: request.by.clone() };
    match bus.publisher().stored_for(&asked.into()).await? {
        Some((Event::DeadLetterHandled(first), _)) if (first.sequence, first.action) != (seq, action) => {
            let id = request.by.request_id.clone();
            Err(HandleError::KeyReused { id, action: word(first.action), seq: first.sequence })
        }
        _ => Ok(()),
    }
}

/// True when the message of letter `seq` lies in REDRIVE.
async fn is_sent(bus: &Bus, durable: &Durable, seq: u64) -> Result<bool, BusError> {
    Ok(bus.publisher().last_on(REDRIVE, &subject::redrive(durable.name, seq)).await?.is_some())
}

/// Which letter was redriven, if these are the headers of a note that says so.
pub(super) fn redriven(headers: &HeaderMap) -> Option<u64> {
    headers.get(HANDLED).filter(|action| action.as_str() == REDRIVEN)?;
    headers.get(HANDLED_SEQ)?.as_str().parse().ok()
}

/// The message as it was, with the place it came from.
fn sent_again(letter: &DeadLetter, durable: &Durable) -> Outgoing {
    let subject = subject::redrive(durable.name, letter.seq);
    let mut headers = HeaderMap::new();
    for (name, values) in copied(Some(&letter.headers)).iter() {
        if ![REASON, READER, DELIVERED].contains(&AsRef::<str>::as_ref(name)) {
            values.iter().for_each(|value| headers.append(name.clone(), value.clone()));
        }
    }
    headers.insert(envelope::MESSAGE_ID, subject.as_str());
    Outgoing::copied(subject.clone(), subject, headers, letter.payload.clone())
}

/// Puts the note in the letter's place and says so on CONTROL.
async fn settle(
    bus: &Bus,
    letter: &DeadLetter,
    action: DeadLetterAction,
    way: Way,
    request: &Request,
) -> Result<Handled, HandleError> {
    match bus.publisher().after_subject_sequence(note(letter, action, request), letter.seq).await? {
        SequencedOutcome::Stored { .. } => say(bus, &letter.subject, letter.seq, action, way, request).await,
        SequencedOutcome::WrongSequence => match (repeated(bus, letter.seq, action, request).await, way) {
            // It has failed again already and lies in DEAD under another sequence.
            (Err(HandleError::NotFound(_)), way @ Way::Durable(_)) => {
                say(bus, &letter.subject, letter.seq, action, way, request).await
            }
            (outcome, _) => outcome,
        },
    }
}

/// Smaller than any letter, so that a full DEAD takes it; kept for as long as the message can be met again.
fn note(letter: &DeadLetter, action: DeadLetterAction, request: &Request) -> Outgoing {
    let id = format!("{}/{}/{}", letter.subject, letter.seq, request.by.request_id);
    let days =
        STREAMS.iter().find(|s| letter.stream.is_some_and(|stream| stream.as_str() == s.name)).map_or(0, |s| s.days);
    let mut headers = HeaderMap::new();
    headers.insert(HANDLED, word(action));
    headers.insert(HANDLED_SEQ, letter.seq.to_string());
    headers.insert(HANDLED_BY, request.by.author.as_str());
    headers.insert(HANDLED_REQUEST, request.by.request_id.as_str());
    headers.insert(envelope::MESSAGE_ID, id.as_str());
    if days > 0 {
        headers.insert("Nats-TTL", format!("{}s", days * 24 * 60 * 60));
    }
    Outgoing::copied(letter.subject.clone(), id, headers, Bytes::new())
}

async fn say(
    bus: &Bus,
    subject: &str,
    sequence: u64,
    action: DeadLetterAction,
    way: Way,
    request: &Request,
) -> Result<Handled, HandleError> {
    let event_id = EventId::from_parts(&["dead_letter_handled", &request.by.request_id]);
    let handled = DeadLetterHandled { subject: subject.to_owned(), sequence, action, by: request.by.clone() };
    let meta = Meta {
        id: event_id.clone(),
        source: request.source.clone(),
        ts_init: request.by.requested_at,
        causation: None,
        correlation: Some(request.by.request_id.clone()),
        traceparent: None,
    };
    bus.publisher().create(&handled.into(), &meta).await?;
    Ok(Handled { event_id, way })
}

/// The letter is not there: the answer to the request that dealt with it, if this is that request again.
async fn repeated(bus: &Bus, seq: u64, action: DeadLetterAction, request: &Request) -> Result<Handled, HandleError> {
    let Some(note) = note_about(bus, seq).await? else { return Err(HandleError::NotFound(seq)) };
    let text = |name: &str| note.headers.get(name).map(|v| v.as_str().to_owned()).unwrap_or_default();
    if text(HANDLED) != word(action) || text(HANDLED_REQUEST) != request.by.request_id {
        return Err(HandleError::AlreadyHandled { seq, action: text(HANDLED), by: text(HANDLED_BY) });
    }
    let reader = note.subject.split('.').nth(1).unwrap_or_default();
    let sent = match DURABLES.iter().find(|d| d.name == reader) {
        Some(durable) => is_sent(bus, durable, seq).await?.then_some(durable.name),
        None => None,
    };
    let way = match (action, sent) {
        (DeadLetterAction::Discarded, _) => Way::Discarded,
        (DeadLetterAction::Redriven, Some(durable)) => Way::Durable(durable),
        (DeadLetterAction::Redriven, None) => Way::NextStart(reader.to_owned()),
    };
    say(bus, &note.subject, seq, action, way, request).await
}

async fn note_about(bus: &Bus, seq: u64) -> Result<Option<StreamMessage>, BusError> {
    let stream = handle(bus).await?;
    let mut next = seq.saturating_add(1);
    loop {
        match stream.raw_message_builder().sequence(next).next_by_subject("dead.>").send().await {
            Ok(found) => {
                next = found.sequence + 1;
                if found.headers.get(HANDLED_SEQ).is_some_and(|of| of.as_str() == seq.to_string()) {
                    return Ok(Some(found));
                }
            }
            Err(e) if e.kind() == RawMessageErrorKind::NoMessageFound => return Ok(None),
            Err(e) => return Err(BusError::request("looking for a handled dead letter", e)),
        }
    }
}

const fn word(action: DeadLetterAction) -> &'static str {
    match action {
        DeadLetterAction::Redriven => REDRIVEN,
        DeadLetterAction::Discarded => DISCARDED,
    }
}
