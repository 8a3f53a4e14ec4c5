//! The gap scanner's table of the configuration. Its thresholds stand in the strategy file.

use bus::topology::PARTITIONS_MAX;
use chassis::Fault;
use serde::{Deserialize, Serialize};

/// `scanner:` in the configuration.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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

impl Config {
    /// What is wrong with it.
    pub fn check(&self) -> Vec<Fault> {
        let (partitions, most) = (u64::from(self.partitions), u64::from(PARTITIONS_MAX));
        let faults = [
            Fault::outside("scanner.partitions", partitions, 1..=most, "partitions"),
            Fault::outside("scanner.snapshot_every_ms", self.snapshot_every_ms, 1..=3_600_000, "ms"),
        ];
        faults.into_iter().flatten().collect()
    }
}
