//! One key of a bucket, written on condition of its last revision.

use std::time::Duration;

use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use bytes::Bytes;
use tokio::time::timeout;

use crate::connect::Bus;
use crate::error::BusError;

/// How long a server that is there may take to answer, for each half of a write.
const ANSWER: Duration = Duration::from_millis(800);

/// What became of a conditional write.
pub(crate) enum Written {
    /// Stored, as this revision.
    Stored(u64),
    /// Somebody else has written since.
    Refused,
}

/// Publishes `message`, which holds its condition, on the key's `subject`.
///
/// # Errors
/// Class Transient: it may have been stored or not.
pub(crate) async fn write(bus: &Bus, subject: &str, message: PublishMessage) -> Result<Written, BusError> {
    let sending = bus.context().send_publish(subject.to_owned(), message);
    let outcome = match timeout(ANSWER, sending).await {
        Ok(Ok(ack)) => timeout(ANSWER, ack.into_future()).await,
        Ok(Err(error)) => Ok(Err(error)),
        Err(elapsed) => Err(elapsed),
    };
    match outcome {
        Ok(Ok(ack)) => Ok(Written::Stored(ack.sequence)),
        Ok(Err(error)) if error.kind() == PublishErrorKind::WrongLastSequence => Ok(Written::Refused),
        Ok(Err(error)) => Err(BusError::request(format!("writing {subject}"), error)),
        Err(elapsed) => Err(BusError::request(format!("writing {subject}"), elapsed)),
    }
}

/// A value that the replicas of a service change together: whoever has not seen the last change looks again.
#[derive(Clone)]
pub struct Register {
    bus: Bus,
    stream: &'static str,
    subject: String,
}

impl Register {
    /// What `service` has used up of `key`, in the bucket `budgets`.
    pub fn budget(bus: &Bus, service: &str, key: &str) -> Self {
        Self { bus: bus.clone(), stream: "KV_budgets", subject: format!("$KV.budgets.{service}.{key}") }
    }

    /// Shows `decide` the value (`None` before the first) and stores what it makes of it, if anything; again with the
    /// newer value where another replica was quicker. The answer is that of the call whose value was stored.
    ///
    /// # Errors
    /// Class Transient: the bus does not answer, and the value may have been stored or not.
    pub async fn change<T>(&self, mut decide: impl FnMut(Option<&[u8]>) -> (Option<Bytes>, T)) -> Result<T, BusError> {
        loop {
            let found = self.bus.publisher().last_on(self.stream, &self.subject).await?;
            let (value, answer) = decide(found.as_ref().map(|message| message.payload.as_ref()));
            let Some(value) = value else { return Ok(answer) };
            let revision = found.map_or(0, |message| message.sequence);
            let message = PublishMessage::build().payload(value).expected_last_subject_sequence(revision);
            if let Written::Stored(_) = write(&self.bus, &self.subject, message).await? {
                return Ok(answer);
            }
        }
    }
}

impl std::fmt::Debug for Register {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Register").field(&self.subject).finish()
    }
}
