//! What is heard of the executor, over the bus and directly.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bus::Bus;
use serde::Deserialize;
use tokio::time::{MissedTickBehavior, interval};

/// The service that is minded.
pub(super) const EXECUTOR: &str = "executor";
const ASK_LIMIT: Duration = Duration::from_secs(2);

/// When the executor was last heard. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Hearing {
    since: Instant,
    last: Arc<Mutex<Option<Instant>>>,
}

impl Hearing {
    /// Listens from now on.
    pub(super) fn new() -> Self {
        Self { since: Instant::now(), last: Arc::default() }
    }

    /// For how long nothing has been heard.
    pub(super) fn silence(&self) -> Duration {
        self.last().unwrap_or(self.since).elapsed()
    }

    /// True once something has been heard.
    pub(super) fn has_heard(&self) -> bool {
        self.last().is_some()
    }

    fn heard(&self, at: Instant) {
        let mut last = self.last();
        *last = last.max(Some(at));
    }

    fn last(&self) -> MutexGuard<'_, Option<Instant>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hears heartbeats on `bus` until its connection is closed for good.
pub(super) async fn listen(bus: Bus, hearing: Hearing) -> Result<(), bus::BusError> {
    let mut beats = bus.heartbeats(EXECUTOR).await?;
    while beats.next().await.is_some() {
        hearing.heard(Instant::now());
    }
    Ok(())
}

#[derive(Deserialize)]
struct Beat {
    age_ms: u64,
}

/// Asks the executor at `url` every `poll` for the age of its last heartbeat, for ever.
pub(super) async fn ask(url: String, poll: Duration, hearing: Hearing) -> Result<(), reqwest::Error> {
    let client = reqwest::Client::builder().timeout(ASK_LIMIT.min(poll.max(Duration::from_millis(500)))).build()?;
    let url = format!("{}/heartbeat", url.trim_end_matches('/'));
    let mut turns = interval(poll);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turns.tick().await;
        let asked = Instant::now();
        let answer = async { client.get(&url).send().await?.error_for_status()?.json::<Beat>().await };
        match answer.await {
            Ok(Beat { age_ms }) => {
                if let Some(at) = asked.checked_sub(Duration::from_millis(age_ms)) {
                    hearing.heard(at);
                }
            }
            Err(error) => tracing::debug!(%error, "the executor does not answer directly"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_of_both_ways_counts() {
        let hearing = Hearing::new();
        assert!(!hearing.has_heard());
        let now = Instant::now();
        hearing.heard(now);
        hearing.heard(now.checked_sub(Duration::from_secs(1)).unwrap_or(now));
        assert!(hearing.has_heard() && hearing.silence() < Duration::from_millis(900));
    }
}
