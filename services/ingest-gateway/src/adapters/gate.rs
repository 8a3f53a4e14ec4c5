//! The gate before a vendor: the calls that its key allows, the pauses it asks for, and a breaker.
//!
//! Replicas count together, through a value on the bus, and a restart goes on counting. While the bus is away each counts
//! for itself on top of what it last saw. Their clocks are taken to agree.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bus::Register;
use bytes::Bytes;
use chassis::clock::{Clock, SystemClock};
use chassis::traces::Tracer;
use ports::VendorError;
use tokio::time::{Instant, sleep, timeout};

use super::budget::{Budget, Used};
use crate::config::Limits;
use crate::metrics;

/// Failures in a row after which a vendor is left alone for a while.
const FAILURES_MAX: u32 = 8;
/// For how long.
const REST: Duration = Duration::from_secs(30);
/// How long counting together may hold up a call.
const SHARED_WITHIN: Duration = Duration::from_secs(2);
/// After the bus did not answer each counts for itself so long.
const ALONE_FOR: Duration = Duration::from_secs(5);

/// Holds calls back.
pub struct Gate {
    vendor: &'static str,
    budget: Mutex<Budget>,
    breaks: bool,
    failures: AtomicU32,
    shared: Option<Shared>,
    clock: Arc<dyn Clock>,
    tracer: Tracer,
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate").field("vendor", &self.vendor).field("budget", &self.budget).finish_non_exhaustive()
    }
}

/// The budget that replicas share.
#[derive(Debug)]
struct Shared {
    register: Register,
    /// Until when the bus is not asked; held by the one call of this process that is asking.
    alone_until: tokio::sync::Mutex<Option<Instant>>,
}

impl Gate {
    /// A gate for `vendor` with the windows of `limits`.
    pub fn new(vendor: &'static str, limits: Limits) -> Self {
        Self {
            vendor,
            budget: Mutex::new(Budget::new(limits)),
            breaks: true,
            failures: AtomicU32::new(0),
            shared: None,
            clock: Arc::new(SystemClock),
            tracer: Tracer::default(),
        }
    }

    /// A gate without windows and without a breaker, for a peer of our own.
    pub fn open(vendor: &'static str) -> Self {
        Self { breaks: false, ..Self::new(vendor, Limits::default()) }
    }

    /// Counts together with every gate on `register`, where the windows are long enough for that to matter.
    pub fn shared(mut self, register: Register) -> Self {
        if self.budget().is_shared() {
            self.shared = Some(Shared { register, alone_until: tokio::sync::Mutex::default() });
        }
        self
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
        let now = self.now();
        let reserved = match self.reserve_together(patience).await {
            Some(reserved) => reserved,
            None => self.budget().reserve(now, patience),
        };
        if let Some(left) = self.budget().left(now) {
            metrics::vendor_budget(self.vendor, left);
        }
        let at = reserved.map_err(|wait| {
            metrics::vendor_call(self.vendor, "held_back");
            VendorError::Throttled { vendor: self.vendor, what: what.to_owned(), retry_after: Some(wait) }
        })?;
        let wait = u64::try_from(at - self.now()).unwrap_or(0);
        if wait > 0 {
            sleep(Duration::from_millis(wait)).await;
        }
        Ok(())
    }

    /// Takes a place among those of every replica; `None` where each counts for itself.
    async fn reserve_together(&self, patience: Duration) -> Option<Result<i64, Duration>> {
        let shared = self.shared.as_ref()?;
        let mut alone_until = shared.alone_until.lock().await;
        if alone_until.is_some_and(|until| Instant::now() < until) {
            return None;
        }
        let change = shared.register.change(|stored| {
            // A try that another replica was quicker than leaves nothing behind.
            let mut budget = self.budget().clone();
            match stored.map(serde_json::from_slice::<Used>) {
                Some(Ok(used)) => budget.adopt(&used),
                Some(Err(error)) => tracing::warn!(vendor = self.vendor, %error, "a stored budget is none: begun anew"),
                None => {}
            }
            let reserved = budget.reserve(self.now(), patience);
            let value = if reserved.is_ok() { serde_json::to_vec(budget.used()).ok() } else { None };
            (value.map(Bytes::from), (budget, reserved))
        });
        match timeout(SHARED_WITHIN, change).await {
            Ok(Ok((budget, reserved))) => {
                *alone_until = None;
                self.budget().adopt(budget.used());
                Some(reserved)
            }
            Ok(Err(_)) | Err(_) => {
                tracing::debug!(vendor = self.vendor, "the bus does not answer: counting alone");
                *alone_until = Some(Instant::now() + ALONE_FOR);
                None
            }
        }
    }

    /// Lets nobody pass for `pause`.
    pub fn close(&self, pause: Duration) {
        let pause = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
        self.budget().close(self.now().saturating_add(pause));
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
        if !failed {
            self.failures.store(0, Ordering::Relaxed);
        } else if self.failures.fetch_add(1, Ordering::Relaxed) + 1 >= FAILURES_MAX && self.breaks {
            self.close(REST);
        }
    }

    /// Milliseconds of the wall clock.
    fn now(&self) -> i64 {
        self.clock.now().nanos() / 1_000_000
    }

    fn budget(&self) -> MutexGuard<'_, Budget> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn failures_in_a_row_close_the_gate_for_a_while() {
        let clock = Arc::new(chassis::clock::ManualClock::new(domain::UnixNanos::new(1_790_000_000_000_000_000)));
        let gate = Gate { clock: Arc::clone(&clock) as Arc<dyn Clock>, ..Gate::new("x", Limits::default()) };
        let failed = Err::<(), _>(VendorError::Failed { vendor: "x", what: "a call".into(), status: 500 });
        let pass = async || gate.pass("a call", Duration::from_secs(1)).await;
        (1..FAILURES_MAX).for_each(|_| gate.ended(&failed));
        assert!(pass().await.is_ok());
        gate.ended(&failed);
        assert_eq!(pass().await.unwrap_err().retry_after(), Some(REST));
        clock.advance(30);
        assert!(pass().await.is_ok());
        gate.ended(&Ok(()));
        gate.ended(&failed);
        assert!(pass().await.is_ok(), "one failure after a success is the first");
    }
}
