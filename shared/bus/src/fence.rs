//! A fence: one subject whose newest message names the owner, and writes that only count while it stands.

use async_nats::Subject;
use async_nats::jetstream::message::StreamMessage;
use domain::{Event, Meta};

use crate::envelope;
use crate::error::BusError;
use crate::publish::{Condition, Created, Publisher, SequencedOutcome};

/// The newest message on a subject that says who may write: void as soon as a newer one is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fence {
    pub(crate) subject: Subject,
    pub(crate) seq: u64,
}

impl Publisher {
    /// Stores `event`, which says who may write from now on, as the newest on its subject.
    ///
    /// # Errors
    /// `BusError::Fenced` (Fatal): another owner was quicker.
    pub async fn raise_fence(&self, event: &Event, meta: &Meta) -> Result<Fence, BusError> {
        let message = self.sealed(event, meta)?;
        let (stream, subject) = (event.stream().as_str(), message.subject.clone());
        let expected = self.last_on(stream, &subject).await?.map_or(0, |found| found.sequence);
        match self.after_subject_sequence(message.clone(), expected).await? {
            SequencedOutcome::Stored { seq, duplicate: false } => Ok(Fence { subject, seq }),
            SequencedOutcome::Stored { .. } | SequencedOutcome::WrongSequence => {
                match self.last_on(stream, &subject).await? {
                    Some(own) if own.payload == message.payload => Ok(Fence { subject, seq: own.sequence }),
                    found => Err(fenced(subject.to_string(), expected, found.as_ref())),
                }
            }
        }
    }

    /// Stores `event` if `fence` still stands. The owner of the fence has folded the stream up to it, so that what is
    /// stored once is not decided again; an earlier try whose answer was lost is recognised.
    ///
    /// # Errors
    /// `BusError::Fenced` (Fatal): another owner has taken over, and nothing was stored.
    pub async fn create_behind(&self, event: &Event, meta: &Meta, fence: &Fence) -> Result<Created, BusError> {
        let (message, stream) = (self.sealed(event, meta)?, event.stream().as_str());
        match self.conditional(message.clone().under(Condition::Behind(fence.clone()))).await? {
            SequencedOutcome::Stored { seq, duplicate: false } => return Ok(Created::New { seq }),
            SequencedOutcome::Stored { .. } | SequencedOutcome::WrongSequence => {}
        }
        match self.last_on(stream, &message.subject).await? {
            Some(own) => Ok(Created::Exists { seq: own.sequence, same: own.payload == message.payload }),
            None => {
                let found = self.last_on(stream, &fence.subject).await?;
                Err(fenced(fence.subject.to_string(), fence.seq, found.as_ref()))
            }
        }
    }
}

fn fenced(subject: String, expected: u64, found: Option<&StreamMessage>) -> BusError {
    let id = found.and_then(|m| envelope::id(Some(&m.headers))).unwrap_or_default().to_owned();
    BusError::Fenced { subject, expected, found: found.map_or(0, |m| m.sequence), id }
}
