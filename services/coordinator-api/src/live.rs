//! The store's changes, followed once and fanned out to every live stream.

use std::sync::Arc;
use std::time::Duration;

use domain::UnixNanos;
use serde_json::{Value, json};
use tokio::sync::broadcast;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::changes::{Change, SPAN, changes};
use crate::state::Shared;
use crate::status::{status, without_clock};
use crate::store::{Position, ReadError};

/// What every live stream is told.
#[derive(Debug, Clone)]
pub enum News {
    /// Rows changed.
    Changed {
        /// Number of the last change before these.
        after: i64,
        /// Number of the last of these.
        upto: i64,
        /// The changes, in order.
        changes: Arc<[Change]>,
    },
    /// The suite's status is different from before.
    Status(Arc<str>),
    /// A second has passed.
    Heartbeat(Arc<str>),
}

/// Follows the store until `shutdown`.
pub async fn follow(shared: Arc<Shared>, poll: Duration, shutdown: CancellationToken) {
    const SECOND: Duration = Duration::from_secs(1);
    let mut ticks = interval(poll);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut follower = Follower { shared: &shared, position: None, status: Value::Null };
    let mut last_second = None::<Instant>;
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let (readable, detail) = match follower.look().await {
            Ok(true) => (true, "readable".to_owned()),
            Ok(false) => (false, "there is no store yet".to_owned()),
            Err(error) => {
                tracing::warn!(error = %error, "the store cannot be followed");
                (false, error.to_string())
            }
        };
        shared.readiness.set("store", readable, detail);
        if last_second.is_none_or(|t| t.elapsed() >= SECOND) {
            last_second = Some(Instant::now());
            follower.second().await;
        }
    }
}

struct Follower<'a> {
    shared: &'a Shared,
    position: Option<Position>,
    status: Value,
}

impl Follower<'_> {
    /// Sends what changed since the last look; false while there is no store.
    async fn look(&mut self) -> Result<bool, ReadError> {
        let Some(now) = self.shared.reader.position().await? else { return Ok(false) };
        let before = self.position.map_or(now.store_seq, |p| p.store_seq);
        let mut after = before.min(now.store_seq);
        while after < now.store_seq && self.shared.news.receiver_count() > 0 {
            let upto = (after + SPAN).min(now.store_seq);
            let changes = changes(&self.shared.reader, after, upto).await?.into();
            self.tell(News::Changed { after, upto, changes });
            after = upto;
        }
        self.position = Some(now);
        Ok(true)
    }

    /// Sends the heartbeat, and the status if it is another than before.
    async fn second(&mut self) {
        let now = self.shared.clock.now();
        self.tell(News::Heartbeat(heartbeat(now, self.position).into()));
        let connected = self.shared.bus.is_up();
        match status(&self.shared.reader, &self.shared.around, connected, now).await {
            Ok(status) => {
                let rest = without_clock(&status);
                if rest != self.status {
                    self.status = rest;
                    self.tell(News::Status(json!({ "items": [status] }).to_string().into()));
                }
            }
            Err(error) => tracing::warn!(error = %error, "the status cannot be made"),
        }
    }

    fn tell(&self, news: News) {
        // An error only says that nobody listens.
        let _ = self.shared.news.send(news);
    }
}

/// The sender whose receivers are the live streams; a stream that falls this far behind reads the store instead.
pub fn channel() -> broadcast::Sender<News> {
    broadcast::channel(256).0
}

fn heartbeat(now: UnixNanos, position: Option<Position>) -> String {
    let at = position.unwrap_or_default();
    json!({ "now": now, "market": at.watermark, "store": at.committed_at }).to_string()
}
