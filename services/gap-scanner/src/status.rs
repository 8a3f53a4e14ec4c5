//! How far each partition of this replica is.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::UnixNanos;

/// One partition's state of affairs.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Status {
    pub(crate) caught_up: bool,
    pub(crate) watermark: UnixNanos,
    /// Symbols with the session's reference data, and symbols known.
    pub(crate) reference: (usize, usize),
    pub(crate) trades: u64,
    pub(crate) holes: u64,
}

/// Every partition's, told by its worker.
#[derive(Default)]
pub(crate) struct Board {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    held: BTreeMap<u32, Status>,
    /// Trades and holes of partitions that were given away since.
    trades_before: u64,
    holes_before: u64,
}

/// All partitions of this replica together.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Summary {
    pub(crate) held: usize,
    pub(crate) caught_up: usize,
    /// The slowest partition's; `None` while none is held.
    pub(crate) watermark: Option<UnixNanos>,
    pub(crate) reference: (usize, usize),
    pub(crate) trades: u64,
    pub(crate) holes: u64,
}

impl Board {
    pub(crate) fn put(&self, partition: u32, status: Status) {
        self.lock().held.insert(partition, status);
    }

    /// The partition is no longer this replica's.
    pub(crate) fn withdraw(&self, partition: u32) {
        let mut inner = self.lock();
        if let Some(status) = inner.held.remove(&partition) {
            inner.trades_before += status.trades;
            inner.holes_before += status.holes;
        }
    }

    pub(crate) fn summary(&self) -> Summary {
        let inner = self.lock();
        let of = |f: fn(&Status) -> usize| inner.held.values().map(f).sum();
        let count = |f: fn(&Status) -> u64| inner.held.values().map(f).sum::<u64>();
        Summary {
            held: inner.held.len(),
            caught_up: of(|s| usize::from(s.caught_up)),
            watermark: inner.held.values().map(|s| s.watermark).min(),
            reference: (of(|s| s.reference.0), of(|s| s.reference.1)),
            trades: inner.trades_before + count(|s| s.trades),
            holes: inner.holes_before + count(|s| s.holes),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
