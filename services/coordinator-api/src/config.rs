//! The `api` table of the configuration.

use std::net::SocketAddr;
use std::time::Duration;

use chassis::Fault;
use serde::{Deserialize, Serialize};

/// How the API is served.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address and port of REST, live events and the dashboard.
    pub listen: SocketAddr,
    /// How often the store is asked whether something changed, ms.
    pub poll_ms: u64,
    /// Live streams at once; more are refused.
    pub streams_max: usize,
    /// Requests that one token, or one address without a token, may send in a second; more are refused.
    pub requests_per_second: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            poll_ms: 75,
            streams_max: 1_000,
            requests_per_second: 3_000,
        }
    }
}

impl Config {
    /// Every number that is outside its range.
    pub fn check(&self) -> Vec<Fault> {
        let faults = [
            Fault::outside("api.poll_ms", self.poll_ms, 10..=1_000, "ms"),
            Fault::outside("api.streams_max", self.streams_max as u64, 1..=100_000, "streams"),
            Fault::outside("api.requests_per_second", self.requests_per_second.into(), 1..=1_000_000, "requests"),
        ];
        faults.into_iter().flatten().collect()
    }

    /// `poll_ms` as a duration.
    pub const fn poll(&self) -> Duration {
        Duration::from_millis(self.poll_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_values_name_their_key() {
        let faults = Config { poll_ms: 1, ..Config::default() }.check();
        assert_eq!(faults, [Fault::new("api.poll_ms", "is 1, must be 10 to 1000 ms")]);
        assert_eq!(Config::default().check(), []);
    }
}
