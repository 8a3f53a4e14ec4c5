//! Tells people what went wrong: `ErrorRaised` on the bus, without ever holding up the work.
//!
//! - `finagent_errors_total`: faults raised, also those held back because they repeat.
//! - `finagent_errors_unreported_total`: faults that did not fit into the queue to the bus.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::metrics::counter;
use bus::Publisher;
use domain::Event;
use domain::EventId;
use domain::id::content_hash;
use domain::ops::{ErrorRaised, Severity};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::context::Author;

/// Raises errors of one service. Cheap to clone; raising never blocks.
#[derive(Clone)]
pub struct ErrorReporter {
    author: Author,
    queue: mpsc::Sender<ErrorRaised>,
    // When each fault was last reported, and how often it has come since.
    seen: Arc<Mutex<HashMap<String, (Instant, u64)>>>,
}

const QUEUE: usize = 256;
const FAULTS_MAX: usize = 1_024;
/// The same fault is reported at most this often.
const REPEAT: Duration = Duration::from_secs(5);

impl ErrorReporter {
    pub(crate) fn new(author: Author) -> (Self, mpsc::Receiver<ErrorRaised>) {
        let (queue, raised) = mpsc::channel(QUEUE);
        (Self { author, queue, seen: Arc::default() }, raised)
    }

    /// Reports a fault. Faults of the same `code` and `subject` are one and the same, and are counted while they
    /// repeat within seconds. `code` is from a closed set; `detail` is the input or the chain of causes, no secrets.
    pub fn raise(
        &self,
        severity: Severity,
        code: &str,
        message: impl Into<String>,
        detail: impl Into<String>,
        subject: Option<&str>,
    ) {
        let service = self.author.name();
        let error_id = content_hash(&["error", service, code, subject.unwrap_or_default()]);
        counter!("finagent_errors_total", "service" => service.to_owned(), "code" => code.to_owned()).increment(1);
        let Some(suppressed) = self.admit(&error_id) else { return };
        let detail = match suppressed {
            0 => detail.into(),
            more => format!("{} (and {more} more since the last report)", detail.into()),
        };
        let message = message.into();
        log(severity, service, code, &message, &detail, subject);
        let error = ErrorRaised {
            error_id,
            severity,
            service: service.to_owned(),
            code: code.to_owned(),
            message,
            detail,
            subject: subject.map(str::to_owned),
            at: self.author.now(),
        };
        if self.queue.try_send(error).is_err() {
            counter!("finagent_errors_unreported_total", "service" => service.to_owned()).increment(1);
        }
    }

    /// How often the fault was held back since it was last reported; `None` if it is to be held back again.
    fn admit(&self, error_id: &str) -> Option<u64> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if let Some((last, suppressed)) = seen.get_mut(error_id) {
            if now.duration_since(*last) < REPEAT {
                *suppressed += 1;
                return None;
            }
            *last = now;
            return Some(std::mem::take(suppressed));
        }
        if seen.len() >= FAULTS_MAX {
            seen.retain(|_, (last, _)| now.duration_since(*last) < REPEAT);
        }
        seen.insert(error_id.to_owned(), (now, 0));
        Some(0)
    }
}

/// Publishes what was raised until `stop`, then what is left, within a second.
pub(crate) async fn publish_until(
    mut raised: mpsc::Receiver<ErrorRaised>,
    publisher: Publisher,
    author: Author,
    stop: CancellationToken,
) {
    loop {
        let error = tokio::select! {
            biased;
            error = raised.recv() => error,
            () = stop.cancelled() => None,
        };
        match error {
            Some(error) => publish(&publisher, &author, error).await,
            None => break,
        }
    }
    raised.close();
    let rest = async {
        while let Some(error) = raised.recv().await {
            publish(&publisher, &author, error).await;
        }
    };
    if timeout(Duration::from_secs(1), rest).await.is_err() {
        tracing::warn!("the bus was away at the end: some errors stand in this log only");
    }
}

async fn publish(publisher: &Publisher, author: &Author, error: ErrorRaised) {
    let id = EventId::from_parts(&["error_raised", &error.error_id, &error.at.nanos().to_string()]);
    let event = Event::from(error);
    if let Err(error) = publisher.publish(&event, &author.meta(id).build()).await {
        tracing::warn!(%error, "an error could not be reported on the bus");
    }
}

fn log(severity: Severity, service: &str, code: &str, message: &str, detail: &str, subject: Option<&str>) {
    match severity {
        Severity::Info => tracing::info!(service, code, detail, subject, "{message}"),
        Severity::Warning => tracing::warn!(service, code, detail, subject, "{message}"),
        Severity::Critical => tracing::error!(service, code, detail, subject, "{message}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[tokio::test]
    async fn a_repeated_fault_is_reported_once_and_another_one_too() {
        let (errors, mut raised) = ErrorReporter::new(Author::new("gateway", Arc::new(SystemClock)));
        for _ in 0..3 {
            errors.raise(Severity::Warning, "malformed_frame", "a frame was skipped", "{", None);
        }
        errors.raise(Severity::Warning, "malformed_frame", "a frame was skipped", "{", Some("GME"));
        let first = raised.recv().await.unwrap();
        let second = raised.recv().await.unwrap();
        assert_ne!(first.error_id, second.error_id);
        assert!(raised.try_recv().is_err());
    }

    #[tokio::test]
    async fn a_flood_of_faults_neither_blocks_nor_grows() {
        let (errors, mut raised) = ErrorReporter::new(Author::new("gateway", Arc::new(SystemClock)));
        for i in 0..2 * QUEUE {
            errors.raise(Severity::Info, "unknown_symbol", "skipped", "", Some(&i.to_string()));
        }
        let mut reported = 0;
        while raised.try_recv().is_ok() {
            reported += 1;
        }
        assert_eq!(reported, QUEUE);
    }
}
