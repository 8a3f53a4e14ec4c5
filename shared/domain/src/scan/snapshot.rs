//! A partition's fold as a value that can be kept, and the fold continued from it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::profile::Profile;
use super::state::HeldTrade;
use super::{Headline, PartitionState};
use crate::calendar;
use crate::market::{SymbolState, Tape, TradingStatus};
use crate::symbol::Symbol;
use crate::time::{SessionDate, UnixNanos};

/// Everything a partition has folded. Continuing from it gives what folding everything would have given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionSnapshot {
    partition: u32,
    partitions: u32,
    version: String,
    session_date: Option<SessionDate>,
    watermark: UnixNanos,
    boundary: UnixNanos,
    symbols: Vec<(Symbol, SymbolState)>,
    held: Vec<HeldTrade>,
    profiles: BTreeMap<Symbol, Profile>,
    headlines: BTreeMap<Symbol, Vec<Headline>>,
    gaps: Vec<(UnixNanos, UnixNanos)>,
    statuses: BTreeMap<Symbol, (UnixNanos, TradingStatus)>,
    tape: Option<Tape>,
    last_batch: BTreeMap<String, (u64, u64)>,
    late_trades: u64,
}

/// Why a fold cannot be continued from a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// It is of another partition.
    #[error("snapshot of partition {found} of {found_count}, not {wanted} of {wanted_count}")]
    Partition {
        /// The snapshot's.
        found: u32,
        /// Partitions then.
        found_count: u32,
        /// The fold's.
        wanted: u32,
        /// Partitions now.
        wanted_count: u32,
    },
    /// Another strategy was in force.
    #[error("snapshot of strategy version {found}, not {wanted}")]
    Version {
        /// The snapshot's.
        found: String,
        /// The fold's.
        wanted: String,
    },
    /// The exchange is closed on its day.
    #[error("snapshot of {0}, which is no session")]
    NoSession(SessionDate),
}

impl PartitionSnapshot {
    /// The strategy's version under which it was made.
    pub fn version(&self) -> &str {
        &self.version
    }
}

impl PartitionState {
    /// The fold so far.
    pub fn snapshot(&self) -> PartitionSnapshot {
        PartitionSnapshot {
            partition: self.partition,
            partitions: self.partitions,
            version: self.version.clone(),
            session_date: self.session_date(),
            watermark: self.watermark,
            boundary: self.boundary,
            symbols: self.symbols.clone(),
            held: self.held.clone(),
            profiles: self.profiles.iter().map(|(symbol, profile)| (symbol.clone(), profile.clone())).collect(),
            headlines: self.headlines.iter().map(|(symbol, known)| (symbol.clone(), known.clone())).collect(),
            gaps: self.gaps.clone(),
            statuses: self.statuses.clone(),
            tape: self.tape,
            last_batch: self.last_batch.iter().map(|(source, at)| (source.clone(), *at)).collect(),
            late_trades: self.late_trades,
        }
    }

    /// This fold with the contents of `snapshot`; what it had folded itself is forgotten.
    ///
    /// # Errors
    /// The snapshot is of another partition or strategy, or of a day that is no session.
    pub fn restore(mut self, snapshot: PartitionSnapshot) -> Result<Self, SnapshotError> {
        let (found, found_count) = (snapshot.partition, snapshot.partitions);
        if (found, found_count) != (self.partition, self.partitions) {
            let (wanted, wanted_count) = (self.partition, self.partitions);
            return Err(SnapshotError::Partition { found, found_count, wanted, wanted_count });
        }
        if snapshot.version != self.version {
            return Err(SnapshotError::Version { found: snapshot.version, wanted: self.version });
        }
        let session = |date| calendar::session(date).ok_or(SnapshotError::NoSession(date));
        self.windows = snapshot.session_date.map(session).transpose()?.map(|session| self.windows_of(session));
        self.watermark = snapshot.watermark;
        self.boundary = snapshot.boundary;
        self.index = (0..).zip(&snapshot.symbols).map(|(slot, (symbol, _))| (symbol.clone(), slot)).collect();
        self.symbols = snapshot.symbols;
        self.held = snapshot.held;
        self.profiles = snapshot.profiles.into_iter().collect();
        self.headlines = snapshot.headlines.into_iter().collect();
        self.gaps = snapshot.gaps;
        self.statuses = snapshot.statuses;
        self.tape = snapshot.tape;
        self.last_batch = snapshot.last_batch.into_iter().collect();
        self.late_trades = snapshot.late_trades;
        Ok(self)
    }
}
