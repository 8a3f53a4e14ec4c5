//! The gate before a vendor: the calls that its key allows, the pauses it asks for, and a breaker.
//!
//! One gate holds the calls of one key in this process. Replicas that share a key would share its windows here, and
//! nowhere else.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chassis::traces::Tracer;
use ports::VendorError;
use tokio::time::{Instant, sleep_until};

use crate::config::Limits;
use crate::metrics;

/// Failures in a row after which a vendor is left alone for a while.
const FAILURES_MAX: u32 = 8;
/// For how long.
const REST: Duration = Duration::from_secs(30);

/// Holds calls back.
#[derive(Debug)]
pub struct Gate {
    vendor: &'static str,
    state: Mutex<State>,
    tracer: Tracer,
}

#[derive(Debug)]
struct State {
    windows: Vec<Window>,
    closed_until: Option<Instant>,
    breaks: bool,
    failures: u32,
}

/// At most `max` calls within any stretch of `length`.
#[derive(Debug)]
struct Window {
    length: Duration,
    max: usize,
    calls: VecDeque<Instant>,
}

impl Window {
    /// When the next call fits.
    fn opens(&mut self, now: Instant) -> Instant {
        while self.calls.front().is_some_and(|first| now.duration_since(*first) >= self.length) {
            self.calls.pop_front();
        }
        if self.calls.len() < self.max { now } else { self.calls[self.calls.len() - self.max] + self.length }
    }
}

impl State {
    fn new(limits: Limits, breaks: bool) -> Self {
        let lengths = [(1, limits.per_second), (60, limits.per_minute), (86_400, limits.per_day)];
        let windows = lengths.into_iter().filter(|(_, max)| *max > 0).map(|(seconds, max)| Window {
            length: Duration::from_secs(seconds),
            max: max as usize,
            calls: VecDeque::new(),
        });
        Self { windows: windows.collect(), closed_until: None, breaks, failures: 0 }
    }

    /// When the next call may go, its place taken; or how long that is off, when it is later than `patience`.
    fn reserve(&mut self, now: Instant, patience: Duration) -> Result<Instant, Duration> {
        let closed = self.closed_until.map_or(now, |until| until.max(now));
        let at = self.windows.iter_mut().map(|window| window.opens(now)).fold(closed, Instant::max);
        let wait = at.duration_since(now);
        if wait > patience {
            return Err(wait);
        }
        self.windows.iter_mut().for_each(|window| window.calls.push_back(at));
        Ok(at)
    }

    fn close(&mut self, until: Instant) {
        self.closed_until = Some(self.closed_until.map_or(until, |known| known.max(until)));
    }

    fn ended(&mut self, failed: bool, now: Instant) {
        self.failures = if failed { self.failures + 1 } else { 0 };
        if self.breaks && self.failures >= FAILURES_MAX {
            self.close(now + REST);
        }
    }

    /// Calls left in the fullest window.
    fn left(&self) -> Option<usize> {
        self.windows.iter().map(|window| window.max.saturating_sub(window.calls.len())).min()
    }
}

impl Gate {
    /// A gate for `vendor` with the windows of `limits`.
    pub fn new(vendor: &'static str, limits: Limits) -> Self {
        Self { vendor, state: Mutex::new(State::new(limits, true)), tracer: Tracer::default() }
    }

    /// A gate without windows and without a breaker, for a peer of our own.
    pub fn open(vendor: &'static str) -> Self {
        Self { vendor, state: Mutex::new(State::new(Limits::default(), false)), tracer: Tracer::default() }
    }

    /// Each call that passes is a span of `tracer`.
    pub fn traced(mut self, tracer: &Tracer) -> Self {
        self.tracer = tracer.clone();
        self
    }

    /// Makes the spans of its calls.
    pub(super) const fn tracer(&self) -> &Tracer {
        &self.tracer
    }

    /// Takes a place for one call and waits until it may go; refuses, with the time to wait, when that is later than
    /// `patience` from now.
    ///
    /// # Errors
    /// `VendorError::Throttled`, without a call.
    pub async fn pass(&self, what: &str, patience: Duration) -> Result<(), VendorError> {
        let (reserved, left) = {
            let mut state = self.state();
            (state.reserve(Instant::now(), patience), state.left())
        };
        if let Some(left) = left {
            metrics::vendor_budget(self.vendor, left);
        }
        let at = reserved.map_err(|wait| {
            metrics::vendor_call(self.vendor, "held_back");
            VendorError::Throttled { vendor: self.vendor, what: what.to_owned(), retry_after: Some(wait) }
        })?;
        if at > Instant::now() {
            sleep_until(at).await;
        }
        Ok(())
    }

    /// Lets nobody pass for `pause`.
    pub fn close(&self, pause: Duration) {
        self.state().close(Instant::now() + pause);
    }

    /// Takes how a call ended: after several failures in a row the gate stays closed for a while.
    pub fn ended<T>(&self, outcome: &Result<T, VendorError>) {
        let (label, failed) = match outcome {
            Ok(_) => ("ok", false),
            Err(VendorError::Throttled { .. }) => ("throttled", false),
            Err(error) if error.is_transient() => ("failed", true),
            Err(_) => ("refused", false),
        };
        metrics::vendor_call(self.vendor, label);
        self.state().ended(failed, Instant::now());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn limits(per_second: u32, per_minute: u32, per_day: u32) -> State {
        State::new(Limits { per_second, per_minute, per_day }, true)
    }

    #[test]
    fn no_stretch_of_a_minute_holds_more_calls_than_allowed() {
        let (mut state, start) = (limits(0, 60, 0), Instant::now());
        let mut now = start;
        let mut passed = Vec::new();
        for n in 0..200 {
            let at = state.reserve(now, 120 * SECOND).unwrap();
            passed.push(at);
            now = at + if n % 7 == 0 { SECOND } else { Duration::ZERO };
        }
        for (first, later) in passed.iter().zip(&passed[60..]) {
            assert!(later.duration_since(*first) >= 60 * SECOND, "{first:?} {later:?}");
        }
        assert!(passed[199].duration_since(start) < 190 * SECOND, "nothing is held back without need");
    }

    #[test]
    fn calls_that_wait_at_the_same_time_take_places_one_after_the_other() {
        let (mut state, now) = (limits(1, 0, 0), Instant::now());
        let places: Vec<_> = (0..3).map(|_| state.reserve(now, 60 * SECOND).unwrap().duration_since(now)).collect();
        assert_eq!(places, [Duration::ZERO, SECOND, 2 * SECOND]);
    }

    #[test]
    fn a_used_up_day_refuses_at_once_and_opens_a_day_later() {
        let (mut state, start) = (limits(1, 0, 25), Instant::now());
        let mut now = start;
        for _ in 0..25 {
            now = state.reserve(now, 2 * SECOND).unwrap();
        }
        let wait = state.reserve(now, 60 * SECOND).unwrap_err();
        assert_eq!(now + wait, start + 86_400 * SECOND);
        assert!(state.reserve(now + wait, SECOND).is_ok());
    }

    #[test]
    fn failures_in_a_row_close_the_gate_for_a_while() {
        let (mut state, now) = (limits(0, 0, 0), Instant::now());
        (1..FAILURES_MAX).for_each(|_| state.ended(true, now));
        assert!(state.reserve(now, SECOND).is_ok());
        state.ended(true, now);
        assert_eq!(state.reserve(now, SECOND), Err(REST));
        assert!(state.reserve(now + REST, SECOND).is_ok());
        state.ended(false, now + REST);
        state.ended(true, now + REST);
        assert!(state.reserve(now + REST, SECOND).is_ok());
    }
}
