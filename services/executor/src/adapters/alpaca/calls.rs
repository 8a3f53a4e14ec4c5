//! How many calls a minute has seen. Only readings that can wait do; what leaves a position never looks here.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use crate::metrics;

/// The broker's limit is for a minute.
const WINDOW: Duration = Duration::from_mins(1);
/// Longest that a reading is put off: exits go by clock and account too, which may not become old.
const LATER_MAX: Duration = Duration::from_secs(10);

/// Counts every call, and puts readings off when the minute has seen many.
#[derive(Debug)]
pub(super) struct Calls {
    /// 0: no limit.
    max: usize,
    /// When calls went out, the oldest first.
    made: Mutex<VecDeque<Instant>>,
}

impl Calls {
    /// Readings wait where a minute has seen `max` calls, never where that is 0.
    pub(super) const fn new(max: usize) -> Self {
        Self { max, made: Mutex::new(VecDeque::new()) }
    }

    /// A call goes out.
    pub(super) fn count(&self) {
        if self.max == 0 {
            return;
        }
        let now = Instant::now();
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        forget(&mut made, now);
        made.push_back(now);
        metrics::routine_calls_left(self.max.saturating_sub(made.len()));
    }

    /// Waits until the minute has room for a reading, at most [`LATER_MAX`].
    pub(super) async fn room(&self) {
        let latest = sleep(LATER_MAX);
        tokio::pin!(latest);
        while let Some(free_at) = self.full_until() {
            tokio::select! {
                () = sleep_until(free_at) => {}
                () = &mut latest => return,
            }
        }
    }

    /// When the minute has room again; `None` if it has.
    fn full_until(&self) -> Option<Instant> {
        if self.max == 0 {
            return None;
        }
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        forget(&mut made, Instant::now());
        let excess = made.len().checked_sub(self.max)?;
        made.get(excess).map(|oldest| *oldest + WINDOW)
    }
}

/// Drops the calls that no minute which ends at `now` or later reaches.
fn forget(made: &mut VecDeque<Instant>, now: Instant) {
    while made.front().is_some_and(|at| *at + WINDOW <= now) {
        made.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn waited(calls: &Calls) -> Duration {
        let begun = Instant::now();
        calls.room().await;
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_reading_waits_for_the_minutes_room_and_no_longer_than_it_may() {
        let calls = Calls::new(3);
        for _ in 0..3 {
            assert_eq!(waited(&calls).await, Duration::ZERO);
            calls.count();
        }
        assert_eq!(waited(&calls).await, LATER_MAX, "room comes after a minute, but it may not wait so long");
        tokio::time::advance(Duration::from_secs(45)).await;
        let waited_for = waited(&calls).await;
        assert!(waited_for > Duration::from_secs(4) && waited_for < Duration::from_secs(6), "{waited_for:?}");
        assert_eq!(waited(&calls).await, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn orders_beyond_the_limit_count_and_make_readings_wait_for_them() {
        let calls = Calls::new(2);
        for _ in 0..2 {
            calls.count();
        }
        tokio::time::advance(Duration::from_secs(55)).await;
        for _ in 0..2 {
            calls.count();
        }
        assert_eq!(waited(&calls).await, LATER_MAX, "the first two are gone by then, the later two fill the minute");
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_limit_nothing_waits_and_nothing_is_kept() {
        let calls = Calls::new(0);
        for _ in 0..1_000 {
            calls.count();
        }
        assert_eq!(waited(&calls).await, Duration::ZERO);
        assert!(calls.made.lock().unwrap().is_empty());
    }
}
