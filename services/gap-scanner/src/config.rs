//! The gap scanner's table of the configuration. Its thresholds stand in the strategy file.

use serde::Deserialize;

/// `scanner:` in the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Number of partitions; the same as `gateway.partitions`.
    pub partitions: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { partitions: 4 }
    }
}
