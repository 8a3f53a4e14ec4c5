//! The gap scanner's table of the configuration. Its thresholds stand in the strategy file.

use serde::Deserialize;

/// `scanner:` in the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Number of partitions; the same as `gateway.partitions`.
    pub partitions: u32,
    /// How often a partition's state is kept, ms: what a restart or another replica has to read again.
    pub snapshot_every_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { partitions: 4, snapshot_every_ms: 5_000 }
    }
}
