//! Frames on their way to one subscriber, and how long the market waits for a slow one.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;

/// A subscriber that reads nothing for so long is dropped.
const PATIENCE: Duration = Duration::from_secs(5);

/// The sending end.
#[derive(Debug)]
pub(crate) struct Queue {
    frames: mpsc::Sender<String>,
    headroom: usize,
    stuck_since: Option<Instant>,
}

/// Whether a subscriber can take what one tick may bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    Enough,
    /// The market has to wait.
    None,
    /// It is gone, or has read too slowly for too long.
    Over,
}

impl Queue {
    /// A queue of `capacity` frames that counts as full with less room than `headroom`.
    pub(crate) fn new(capacity: usize, headroom: usize) -> (Self, mpsc::Receiver<String>) {
        let (frames, receiver) = mpsc::channel(capacity);
        (Self { frames, headroom, stuck_since: None }, receiver)
    }

    pub(crate) fn room(&mut self, wall: Instant) -> Room {
        if self.frames.is_closed() {
            return Room::Over;
        }
        if self.frames.capacity() >= self.headroom {
            self.stuck_since = None;
            return Room::Enough;
        }
        let since = *self.stuck_since.get_or_insert(wall);
        if wall.saturating_duration_since(since) > PATIENCE {
            tracing::warn!("dropped a subscriber that reads too slowly");
            return Room::Over;
        }
        Room::None
    }

    /// Takes a frame; a closed or full queue is noticed, and the subscriber dropped, by [`Self::room`].
    pub(crate) fn push(&self, frame: String) {
        let _ = self.frames.try_send(frame);
    }
}
