//! Tells people: always in the log on stderr, and by `ErrorRaised` when the bus is there.

use std::collections::HashSet;

use bus::{Bus, BusError};
use domain::ops::{ErrorRaised, Severity};
use domain::{Event, EventId, Meta, UnixNanos};
use tokio::sync::mpsc;

use crate::connection::wall_time;

/// The watchdog's name on the bus, in events and in its configuration.
pub(crate) const NAME: &str = "watchdog";
const QUEUE: usize = 64;

/// Raises each fault once an episode.
#[derive(Debug)]
pub(super) struct Alarms {
    queue: mpsc::Sender<ErrorRaised>,
    raised: HashSet<String>,
}

impl Alarms {
    pub(super) fn new() -> (Self, mpsc::Receiver<ErrorRaised>) {
        let (queue, raised) = mpsc::channel(QUEUE);
        (Self { queue, raised: HashSet::new() }, raised)
    }

    /// Tells of a fault unless that was done in this episode. `code` is from a closed set; `message` holds no secrets.
    pub(super) fn raise(&mut self, severity: Severity, code: &'static str, subject: Option<&str>, message: String) {
        if !self.raised.insert(format!("{code}/{}", subject.unwrap_or_default())) {
            return;
        }
        match severity {
            Severity::Info => tracing::info!(code, subject, "{message}"),
            Severity::Warning => tracing::warn!(code, subject, "{message}"),
            Severity::Critical => tracing::error!(code, subject, "{message}"),
        }
        let error = ErrorRaised {
            error_id: domain::id::content_hash(&["error", NAME, code, subject.unwrap_or_default()]),
            severity,
            service: NAME.to_owned(),
            code: code.to_owned(),
            message,
            detail: String::new(),
            subject: subject.map(str::to_owned),
            at: wall_time().unwrap_or_default(),
        };
        if self.queue.try_send(error).is_err() {
            tracing::warn!(code, "too many alarms wait for the bus; this one stands in the log only");
        }
    }

    /// What is raised from now on is of another episode.
    pub(super) fn reset(&mut self) {
        self.raised.clear();
    }
}

/// Publishes what is raised, oldest first; each one until the bus has taken it.
pub(super) async fn publish(bus: Bus, mut raised: mpsc::Receiver<ErrorRaised>) {
    while let Some(error) = raised.recv().await {
        let parts = ["error_raised", &error.error_id, &error.at.nanos().to_string()];
        let meta = meta(EventId::from_parts(&parts), error.at);
        let event = Event::from(error);
        while let Err(error) = bus.publisher().publish(&event, &meta).await {
            if !matches!(error.class(), bus::Class::Transient | bus::Class::UnknownOutcome) {
                refused(&error);
                break;
            }
        }
    }
}

fn refused(error: &BusError) {
    tracing::error!(error = chassis::logs::chain(error), "the bus refuses an alarm");
}

fn meta(id: EventId, at: UnixNanos) -> Meta {
    Meta { id, source: NAME.to_owned(), ts_init: at, causation: None, correlation: None, traceparent: None }
}
