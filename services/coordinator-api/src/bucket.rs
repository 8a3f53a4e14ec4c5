//! Tokens that come back with time: how often something may happen.
//!
//! Time is an argument; nothing here waits.

use std::time::Duration;

use tokio::time::Instant;

/// So many tokens at most, and a steady rate at which they come back.
#[derive(Debug)]
pub(crate) struct Bucket {
    tokens: f64,
    most: f64,
    per_second: f64,
    filled: Instant,
}

impl Bucket {
    /// A full one at `now`.
    pub(crate) fn full(most: f64, per_second: f64, now: Instant) -> Self {
        Self { tokens: most, most, per_second, filled: now }
    }

    /// Takes a token; false if there is none.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        (self.tokens, self.filled) = (self.at(now), now);
        let has = self.tokens >= 1.0;
        self.tokens -= f64::from(u8::from(has));
        has
    }

    /// When there is a token again; `now` if there is one.
    pub(crate) fn next(&self, now: Instant) -> Instant {
        let lacking = 1.0 - self.at(now);
        if lacking <= 0.0 {
            return now;
        }
        // A little later than computed, so that rounding does not wake it too early.
        now + Duration::from_secs_f64(lacking / self.per_second) + Duration::from_millis(1)
    }

    /// True once it is full again, so that forgetting it changes nothing.
    pub(crate) fn is_full(&self, now: Instant) -> bool {
        self.at(now) >= self.most
    }

    fn at(&self, now: Instant) -> f64 {
        let gained = now.saturating_duration_since(self.filled).as_secs_f64() * self.per_second;
        (self.tokens + gained).min(self.most)
    }
}
