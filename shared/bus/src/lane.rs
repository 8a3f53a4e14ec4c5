//! A lane: one subject with one writer, whose messages are stored in order, none missing and none twice.
//!
//! One message is under way at a time and names the sequence of the one before it on the subject. So a message that
//! was lost, stored without an answer, or left in the client's buffer over a reconnect can neither be overtaken nor
//! stored twice, whatever the deduplication window; and a second writer is found out at once. Throughput comes from
//! what a message carries (batches grow while one is under way) and from several lanes side by side.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use domain::StreamName;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::connect::Bus;
use crate::envelope;
use crate::error::BusError;
use crate::publish::{Outgoing, SequencedOutcome};

/// The newest message on a lane when it was opened.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Its sequence in the stream.
    pub seq: u64,
    /// Its event id.
    pub id: String,
    /// Its protobuf type.
    pub type_name: String,
    /// Its bytes.
    pub payload: Bytes,
}

/// The writing end of a lane.
pub struct Lane {
    shared: Arc<Shared>,
    last: Option<Stored>,
    writer: JoinHandle<()>,
}

struct Shared {
    capacity: usize,
    queue: Mutex<Queue>,
    pushed: Notify,
    settled: Notify,
}

#[derive(Default)]
struct Queue {
    // The first one is under way; it leaves when it is stored.
    waiting: VecDeque<Outgoing>,
    acked: u64,
    failure: Option<Arc<BusError>>,
}

impl Lane {
    /// Opens the lane on `subject` of `stream`; at most `capacity` messages wait on it.
    ///
    /// # Errors
    /// Class Transient: the newest message on the subject cannot be read.
    pub async fn open(
        bus: &Bus,
        stream: StreamName,
        subject: impl Into<String>,
        capacity: usize,
    ) -> Result<Self, BusError> {
        let subject = subject.into();
        let found = bus.publisher().last_on(stream.as_str(), &subject).await?;
        let last = found.map(|m| Stored {
            seq: m.sequence,
            id: envelope::id(Some(&m.headers)).unwrap_or_default().to_owned(),
            type_name: envelope::type_name(Some(&m.headers)).unwrap_or_default().to_owned(),
            payload: m.payload,
        });
        let shared = Arc::new(Shared {
            capacity: capacity.max(1),
            queue: Mutex::default(),
            pushed: Notify::new(),
            settled: Notify::new(),
        });
        let expected = last.as_ref().map_or(0, |l| l.seq);
        let writer = tokio::spawn(write(bus.clone(), stream, Arc::clone(&shared), expected));
        Ok(Self { shared, last, writer })
    }

    /// The newest message that was on the subject when the lane was opened.
    pub fn last(&self) -> Option<&Stored> {
        self.last.as_ref()
    }

    /// Queues `message`, whose subject must be the lane's.
    ///
    /// # Errors
    /// Gives it back if the lane is full or has failed.
    #[expect(clippy::result_large_err, reason = "a refused message goes back to its owner as it came")]
    pub fn try_push(&self, message: Outgoing) -> Result<(), Outgoing> {
        let mut queue = self.shared.queue();
        if queue.waiting.len() >= self.shared.capacity || queue.failure.is_some() {
            return Err(message);
        }
        queue.waiting.push_back(message);
        drop(queue);
        self.shared.pushed.notify_one();
        Ok(())
    }

    /// How many messages are not stored yet, the one under way included; 0 means idle.
    pub fn queued(&self) -> usize {
        self.shared.queue().waiting.len()
    }

    /// How many messages this lane has stored since it was opened.
    pub fn acked(&self) -> u64 {
        self.shared.queue().acked
    }

    /// Why the lane stopped for good, if it did: another writer, or a message the server refuses.
    pub fn failure(&self) -> Option<Arc<BusError>> {
        self.shared.queue().failure.clone()
    }

    /// Waits for the next message to be stored or for a failure; one that happened since the last call counts.
    pub async fn changed(&self) {
        self.shared.settled.notified().await;
    }

    /// Waits until everything is stored, at most `limit`; returns what is not, in order, for whoever sends it later.
    pub async fn close(self, limit: Duration) -> Vec<Outgoing> {
        let emptied = async {
            while self.queued() > 0 && self.failure().is_none() {
                self.changed().await;
            }
        };
        let _ = timeout(limit, emptied).await;
        self.writer.abort();
        self.shared.queue().waiting.drain(..).collect()
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.writer.abort();
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn write(bus: Bus, stream: StreamName, shared: Arc<Shared>, mut expected: u64) {
    loop {
        let first = shared.queue().waiting.front().cloned();
        let Some(message) = first else {
            shared.pushed.notified().await;
            continue;
        };
        match store(&bus, stream, &message, expected).await {
            Ok(seq) => {
                expected = seq;
                let mut queue = shared.queue();
                queue.waiting.pop_front();
                queue.acked += 1;
                drop(queue);
                shared.settled.notify_one();
            }
            Err(error) if error.class() == crate::Class::Transient => {
                tracing::warn!(subject = message.subject(), %error, "lane waits for the bus");
            }
            Err(error) => {
                tracing::error!(subject = message.subject(), %error, "lane stops");
                shared.queue().failure = Some(Arc::new(error));
                shared.settled.notify_one();
                return;
            }
        }
    }
}

/// Stores `message` right after `expected` and returns its sequence.
async fn store(bus: &Bus, stream: StreamName, message: &Outgoing, expected: u64) -> Result<u64, BusError> {
    let publisher = bus.publisher();
    let found = match publisher.after_subject_sequence(message.clone(), expected).await? {
        SequencedOutcome::Stored { seq, duplicate: false } => return Ok(seq),
        SequencedOutcome::Stored { .. } | SequencedOutcome::WrongSequence => {
            publisher.last_on(stream.as_str(), message.subject()).await?
        }
    };
    match found {
        // An earlier try was stored and its answer lost.
        Some(m) if envelope::id(Some(&m.headers)) == Some(message.id()) => Ok(m.sequence),
        Some(m) => Err(BusError::Fenced {
            subject: message.subject().to_owned(),
            expected,
            found: m.sequence,
            id: envelope::id(Some(&m.headers)).unwrap_or_default().to_owned(),
        }),
        // The stream has dropped everything this lane ever stored.
        None => match publisher.after_subject_sequence(message.clone(), 0).await? {
            SequencedOutcome::Stored { seq, .. } => Ok(seq),
            SequencedOutcome::WrongSequence => Err(BusError::request("storing on an emptied lane", "taken meanwhile")),
        },
    }
}
