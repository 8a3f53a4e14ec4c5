//! The wall clock, for envelopes, logs and timeouts. Market time comes in events, never from here.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use domain::UnixNanos;

/// Tells the time of day.
pub trait Clock: Send + Sync {
    /// Now, UTC.
    fn now(&self) -> UnixNanos;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixNanos {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixNanos::new(i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX))
    }
}

/// A clock that stands still until it is set; for tests.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `start`.
    pub const fn new(start: UnixNanos) -> Self {
        Self(AtomicI64::new(start.nanos()))
    }

    /// Sets it to `now`.
    pub fn set(&self, now: UnixNanos) {
        self.0.store(now.nanos(), Ordering::SeqCst);
    }

    /// Moves it on by `seconds`.
    pub fn advance(&self, seconds: i64) {
        self.set(self.now().plus_seconds(seconds));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixNanos {
        UnixNanos::new(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = ManualClock::new(UnixNanos::new(1_000));
        assert_eq!(clock.now(), UnixNanos::new(1_000));
        clock.advance(2);
        assert_eq!(clock.now(), UnixNanos::new(2_000_001_000));
    }

    #[test]
    fn the_system_clock_is_past_the_release_of_this_suite() {
        assert!(SystemClock.now() > "2026-01-01T00:00:00Z".parse().unwrap());
    }
}
