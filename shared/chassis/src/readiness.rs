//! What a service needs before it can do its work, and whether it is there.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::ops::ReadinessCheck;
use tokio::sync::watch;

/// The named checks of one service. Cheap to clone; setting one never blocks.
#[derive(Debug, Clone)]
pub struct Readiness {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    checks: Mutex<Vec<ReadinessCheck>>,
    changes: watch::Sender<u64>,
}

impl Default for Readiness {
    fn default() -> Self {
        Self { inner: Arc::new(Inner { checks: Mutex::default(), changes: watch::Sender::new(0) }) }
    }
}

impl Readiness {
    /// Says how `name` is; `detail` holds numbers or the reason.
    pub fn set(&self, name: &str, ok: bool, detail: impl Into<String>) {
        let detail = detail.into();
        let mut checks = self.checks();
        let changed = if let Some(check) = checks.iter_mut().find(|c| c.name == name) {
            check.detail = detail;
            std::mem::replace(&mut check.ok, ok) != ok
        } else {
            checks.push(ReadinessCheck { name: name.to_owned(), ok, detail });
            true
        };
        drop(checks);
        if changed {
            self.inner.changes.send_modify(|n| *n += 1);
        }
    }

    /// Forgets every check but `names`: whoever stands by needs nothing else.
    pub fn keep_only(&self, names: &[&str]) {
        self.checks().retain(|check| names.contains(&check.name.as_str()));
        self.inner.changes.send_modify(|n| *n += 1);
    }

    /// True when every check is.
    pub fn is_ready(&self) -> bool {
        self.checks().iter().all(|c| c.ok)
    }

    /// The checks in the order they were first named.
    pub fn snapshot(&self) -> Vec<ReadinessCheck> {
        self.checks().clone()
    }

    /// Counts the times that a check appeared or turned.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.inner.changes.subscribe()
    }

    fn checks(&self) -> MutexGuard<'_, Vec<ReadinessCheck>> {
        self.inner.checks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_when_every_check_is_and_only_turns_are_announced() {
        let readiness = Readiness::default();
        let changes = readiness.changes();
        readiness.set("bus", true, "up");
        readiness.set("feed", false, "connecting");
        assert!(!readiness.is_ready());
        readiness.set("feed", false, "still connecting");
        assert_eq!(*changes.borrow(), 2);
        readiness.set("feed", true, "300 symbols");
        assert!(readiness.is_ready());
        assert_eq!(*changes.borrow(), 3);
        assert_eq!(readiness.snapshot()[1].detail, "300 symbols");
    }
}
