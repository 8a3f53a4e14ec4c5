//! How many things happened within a minute.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::time::{NANOS_PER_SECOND, UnixNanos};

/// Counts what happens within any 60 s that end with the newest. A repeated event counts once.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Burst {
    recent: BTreeSet<(UnixNanos, String)>,
    peak: u32,
}

impl Burst {
    pub(super) fn note(&mut self, at: UnixNanos, id: &str) {
        self.recent.insert((at, id.to_owned()));
        if let Some((newest, _)) = self.recent.last() {
            let first = newest.plus_nanos(1 - 60 * NANOS_PER_SECOND);
            self.recent = self.recent.split_off(&(first, String::new()));
        }
        self.peak = self.peak.max(u32::try_from(self.recent.len()).unwrap_or(u32::MAX));
    }

    /// The most that happened within a minute so far.
    pub(super) const fn peak(&self) -> u32 {
        self.peak
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_sliding_and_repeats_count_once() {
        let mut burst = Burst::default();
        let mut note = |second: i64, id: &str| {
            burst.note(UnixNanos::new(second * NANOS_PER_SECOND), id);
            burst.peak()
        };
        assert_eq!([note(0, "a"), note(30, "b"), note(30, "b"), note(60, "c")], [1, 2, 2, 2]);
        assert_eq!([note(0, "a"), note(61, "d"), note(89, "e")], [2, 3, 4]);
    }
}
