//! What a key's limits leave, in milliseconds of the wall clock, so that replicas and restarts can count together.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::Limits;

/// A window that long is worth telling other replicas of.
const SHARED_MS_MIN: i64 = 60_000;
/// Larger budgets are each replica's own: every call would carry all those before it.
const SHARED_CALLS_MAX: usize = 1_000;

/// What has been used of a key: the stored form.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Used {
    /// When calls went or will go, each at a millisecond of its own.
    calls: BTreeSet<i64>,
    /// Nothing goes before, because the vendor said so.
    #[serde(default)]
    closed_until: i64,
}

/// At most `max` calls within any stretch of `length`.
#[derive(Debug, Clone, Copy)]
struct Window {
    length: i64,
    max: usize,
}

/// Windows, and what has been used of them.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    windows: Vec<Window>,
    used: Used,
}

impl Budget {
    /// Nothing used yet; a limit of 0 is none.
    pub(super) fn new(limits: Limits) -> Self {
        let lengths = [(1_000, limits.per_second), (60_000, limits.per_minute), (86_400_000, limits.per_day)];
        let windows = lengths.into_iter().filter(|(_, max)| *max > 0);
        let windows = windows.map(|(length, max)| Window { length, max: max as usize }).collect();
        Self { windows, used: Used::default() }
    }

    /// Whether replicas should count together.
    pub(super) fn is_shared(&self) -> bool {
        let largest = self.windows.iter().map(|window| window.max).max().unwrap_or(0);
        self.windows.iter().any(|window| window.length >= SHARED_MS_MIN) && largest <= SHARED_CALLS_MAX
    }

    /// What has been used.
    pub(super) const fn used(&self) -> &Used {
        &self.used
    }

    /// Takes up what else has been used.
    pub(super) fn adopt(&mut self, other: &Used) {
        self.used.calls.extend(&other.calls);
        self.used.closed_until = self.used.closed_until.max(other.closed_until);
    }

    /// When the next call may go, its place taken; or how long that is off, when it is later than `patience`.
    pub(super) fn reserve(&mut self, now: i64, patience: Duration) -> Result<i64, Duration> {
        self.forget(now);
        let opens = |window: &Window| {
            let mut recent = self.used.calls.range(now - window.length + 1..).rev();
            recent.nth(window.max - 1).map_or(now, |first| first + window.length)
        };
        let mut at = self.windows.iter().map(opens).fold(self.used.closed_until.max(now), i64::max);
        let wait = Duration::from_millis(at.abs_diff(now));
        if wait > patience {
            return Err(wait);
        }
        if !self.windows.is_empty() {
            while !self.used.calls.insert(at) {
                at += 1;
            }
        }
        Ok(at)
    }

    /// Lets nothing go before `until`.
    pub(super) fn close(&mut self, until: i64) {
        self.used.closed_until = self.used.closed_until.max(until);
    }

    /// Calls left in the fullest window.
    pub(super) fn left(&self, now: i64) -> Option<usize> {
        let left =
            |window: &Window| window.max.saturating_sub(self.used.calls.range(now - window.length + 1..).count());
        self.windows.iter().map(left).min()
    }

    /// Drops what no window reaches any more, and what only a clock that has gone back can have put so far ahead.
    fn forget(&mut self, now: i64) {
        let longest = self.windows.iter().map(|window| window.length).max().unwrap_or(0);
        self.used.calls.retain(|call| (now - longest..=now + longest).contains(call));
        if self.used.closed_until > now + 86_400_000 {
            self.used.closed_until = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const START: i64 = 1_790_000_000_000;

    fn budget(per_second: u32, per_minute: u32, per_day: u32) -> Budget {
        Budget::new(Limits { per_second, per_minute, per_day })
    }

    #[test]
    fn no_stretch_of_a_minute_holds_more_calls_than_allowed() {
        let (mut budget, mut now) = (budget(0, 60, 0), START);
        let mut passed = Vec::new();
        for n in 0..200 {
            let at = budget.reserve(now, 120 * SECOND).unwrap();
            passed.push(at);
            now = at + if n % 7 == 0 { 1_000 } else { 0 };
        }
        for (first, later) in passed.iter().zip(&passed[60..]) {
            assert!(later - first >= 60_000, "{first} {later}");
        }
        assert!(passed[199] - START < 190_000, "nothing is held back without need");
    }

    #[test]
    fn calls_that_wait_at_the_same_time_take_places_one_after_the_other() {
        let mut budget = budget(1, 0, 0);
        let places: Vec<_> = (0..3).map(|_| budget.reserve(START, 60 * SECOND).unwrap() - START).collect();
        assert_eq!(places, [0, 1_000, 2_000]);
    }

    #[test]
    fn a_used_up_day_refuses_at_once_and_opens_a_day_later() {
        let (mut budget, mut now) = (budget(1, 0, 25), START);
        for _ in 0..25 {
            now = budget.reserve(now, 2 * SECOND).unwrap();
        }
        let wait = budget.reserve(now, 60 * SECOND).unwrap_err();
        let opens = now + i64::try_from(wait.as_millis()).unwrap();
        assert_eq!(opens, START + 86_400_000);
        assert!(budget.reserve(opens, SECOND).is_ok());
    }

    #[test]
    fn what_another_replica_used_counts_and_a_pause_it_was_told_holds() {
        let (mut ours, mut theirs) = (budget(0, 3, 0), budget(0, 3, 0));
        theirs.reserve(START, SECOND).unwrap();
        theirs.reserve(START, SECOND).unwrap();
        ours.reserve(START + 5, SECOND).unwrap();
        ours.adopt(theirs.used());
        assert_eq!(
            (ours.left(START + 6), ours.reserve(START + 6, SECOND)),
            (Some(0), Err(Duration::from_millis(59_994)))
        );
        theirs.close(START + 500_000);
        ours.adopt(theirs.used());
        assert_eq!(ours.reserve(START + 60_005, SECOND), Err(Duration::from_millis(439_995)));
    }

    #[test]
    fn calls_of_a_clock_that_was_ahead_do_not_hold_up_for_hours() {
        let mut budget = budget(0, 1, 0);
        budget.reserve(START + 7_200_000, SECOND).unwrap();
        assert_eq!(budget.reserve(START, SECOND), Ok(START));
    }
}
