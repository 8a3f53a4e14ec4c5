//! How much one caller may ask: a token bucket each, filled once a second's worth.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use crate::bucket::Bucket;

/// Callers remembered at once; who may ask as much as ever is forgotten first.
const CALLERS_MAX: usize = 10_000;

/// The callers' buckets.
#[derive(Debug)]
pub struct Limits {
    per_second: f64,
    buckets: Mutex<HashMap<String, Bucket>>,
}

impl Limits {
    /// Lets each caller ask `per_second` times a second, and as often at once.
    pub fn new(per_second: u32) -> Self {
        Self { per_second: per_second.into(), buckets: Mutex::default() }
    }

    /// Takes one request of `caller`; false if there is none left.
    pub fn take(&self, caller: &str) -> bool {
        self.take_at(caller, Instant::now())
    }

    fn take_at(&self, caller: &str, now: Instant) -> bool {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if !buckets.contains_key(caller) {
            if buckets.len() >= CALLERS_MAX {
                buckets.retain(|_, bucket| !bucket.is_full(now));
            }
            if buckets.len() >= CALLERS_MAX {
                return false;
            }
            buckets.insert(caller.to_owned(), Bucket::full(self.per_second, self.per_second, now));
        }
        buckets.get_mut(caller).is_some_and(|bucket| bucket.take(now))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_caller_who_asks_too_much_waits_and_nobody_else_does() {
        let limits = Limits::new(3);
        let start = Instant::now();
        let asked: Vec<bool> = (0..4).map(|_| limits.take_at("ann", start)).collect();
        assert_eq!(asked, [true, true, true, false]);
        assert!(limits.take_at("bob", start));
        let later = start + Duration::from_millis(400);
        assert!(limits.take_at("ann", later) && !limits.take_at("ann", later));
    }

    #[test]
    fn callers_are_forgotten_before_there_are_too_many() {
        let limits = Limits::new(1);
        let start = Instant::now();
        for n in 0..CALLERS_MAX {
            assert!(limits.take_at(&n.to_string(), start));
        }
        assert!(!limits.take_at("one more", start));
        assert!(limits.take_at("one more", start + Duration::from_secs(1)));
    }
}
