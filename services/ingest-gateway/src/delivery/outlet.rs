//! One lane of the gateway, and what was handed to it and is not stored yet.

use std::collections::VecDeque;
use std::time::Duration;

use bus::{Bus, Lane, Stored};
use chassis::traces::{Span, Tracer};
use domain::{StreamName, UnixNanos};
use tokio::time::Instant;

use crate::delivery::Entry;
use crate::error::GatewayError;

/// One message is under way and one waits behind it, so that the lane never stands still.
const QUEUED_MAX: usize = 2;

/// A lane, and copies of what it has not stored.
pub(crate) struct Outlet {
    subject: String,
    type_name: &'static str,
    tracer: Tracer,
    lane: Lane,
    handed: VecDeque<Handed>,
    acked: u64,
    /// When the oldest of `handed` got under way.
    moved: Instant,
}

/// A message that the lane has, and its number in the spool if it stands there.
pub(crate) struct Handed {
    pub(crate) entry: Entry,
    pub(crate) place: Option<u64>,
    /// Ends when it is stored.
    _span: Span,
}

impl Outlet {
    pub(crate) async fn open(
        bus: &Bus,
        tracer: &Tracer,
        subject: String,
        type_name: &'static str,
    ) -> Result<Self, GatewayError> {
        let lane = Lane::open(bus, StreamName::Market, subject.clone(), QUEUED_MAX).await?;
        let tracer = tracer.clone();
        Ok(Self { subject, type_name, tracer, lane, handed: VecDeque::new(), acked: 0, moved: Instant::now() })
    }

    /// The newest message on the lane when it was opened.
    pub(crate) fn last(&self) -> Option<&Stored> {
        self.lane.last()
    }

    /// Hands `entry` over; only when there is room.
    pub(crate) fn push(&mut self, mut entry: Entry, place: Option<u64>, now: Instant) -> Result<(), GatewayError> {
        let name = self.type_name.rsplit('.').next().unwrap_or(self.type_name);
        let span = self.tracer.publish_sampled(&entry.meta.id, name, &self.subject, entry.meta.ts_init);
        entry.meta.traceparent = span.context().map(|context| context.to_string());
        let message = entry.outgoing(&self.subject, self.type_name);
        self.lane.try_push(message).map_err(|_| self.failure())?;
        if self.handed.is_empty() {
            self.moved = now;
        }
        self.handed.push_back(Handed { entry, place, _span: span });
        Ok(())
    }

    /// Forgets what was stored meanwhile.
    ///
    /// # Errors
    /// `Lane`: it has stopped for good.
    pub(crate) fn settle(&mut self, now: Instant) -> Result<(), GatewayError> {
        let acked = self.lane.acked();
        if acked > self.acked {
            self.handed.drain(..((acked - self.acked) as usize).min(self.handed.len()));
            (self.acked, self.moved) = (acked, now);
        }
        if !self.handed.is_empty() && self.lane.failure().is_some() {
            return Err(self.failure());
        }
        Ok(())
    }

    /// Messages not stored yet.
    pub(crate) fn queued(&self) -> usize {
        self.handed.len()
    }

    /// True when another message can be handed over.
    pub(crate) fn has_room(&self) -> bool {
        self.handed.len() < QUEUED_MAX
    }

    /// True when the oldest message has been under way for `limit`.
    pub(crate) fn is_late(&self, now: Instant, limit: Duration) -> bool {
        !self.handed.is_empty() && now.saturating_duration_since(self.moved) >= limit
    }

    /// What is not stored yet, oldest first.
    pub(crate) fn handed(&mut self) -> &mut VecDeque<Handed> {
        &mut self.handed
    }

    /// The oldest message's number in the spool, and when it was made.
    pub(crate) fn oldest(&self) -> Option<(Option<u64>, UnixNanos)> {
        self.handed.front().map(|handed| (handed.place, handed.entry.meta.ts_init))
    }

    /// Waits until a message is stored.
    pub(crate) async fn changed(&self) {
        self.lane.changed().await;
    }

    fn failure(&self) -> GatewayError {
        GatewayError::Lane { subject: self.subject.clone(), source: self.lane.failure() }
    }
}
