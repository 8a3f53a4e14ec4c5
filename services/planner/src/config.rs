//! The planner's table of the configuration.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// `planner:` in the configuration.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How long a round waits for a missing partition after the first one reported, wall milliseconds.
    pub round_deadline_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { round_deadline_ms: 30_000 }
    }
}

impl Config {
    /// The deadline as a duration.
    pub const fn round_deadline(&self) -> Duration {
        Duration::from_millis(self.round_deadline_ms)
    }
}
