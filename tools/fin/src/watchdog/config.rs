//! The `watchdog` table of the configuration.

use std::path::PathBuf;
use std::time::Duration;

use chassis::Fault;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When the watchdog acts, and with whose keys. Times are of the wall clock.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Silence of the executor in market hours after which entries are cancelled, ms.
    pub silence_ms: u64,
    /// Further silence after which positions are closed, ms.
    pub grace_ms: u64,
    /// Time between two looks, ms.
    pub poll_ms: u64,
    /// Deadline of one call to the broker, ms.
    pub call_timeout_ms: u64,
    /// Health address of the executor, asked beside the bus: `http://executor:9090`; empty: the bus alone.
    pub executor_url: String,
    /// File that holds the key id of the watchdog's own key; that of `vendors.alpaca` when absent.
    pub key_file: Option<PathBuf>,
    /// File that holds its secret key.
    pub secret_file: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            silence_ms: 30_000,
            grace_ms: 60_000,
            poll_ms: 1_000,
            call_timeout_ms: 5_000,
            executor_url: String::new(),
            key_file: None,
            secret_file: None,
        }
    }
}

impl Config {
    /// Every number outside its range, and half a key. Silence below three beats, or with real money below the time in
    /// which another executor takes the account over, would be no silence.
    pub fn check(&self, real_money: bool) -> Vec<Fault> {
        let within = |key, value, range| Fault::outside(&format!("watchdog.{key}"), value, range, "ms");
        let silence_min = if real_money { 15_000 } else { 3_000 };
        let half = self.key_file.is_some() != self.secret_file.is_some();
        let faults = [
            within("silence_ms", self.silence_ms, silence_min..=600_000),
            within("grace_ms", self.grace_ms, 1_000..=600_000),
            within("poll_ms", self.poll_ms, 100..=10_000),
            within("call_timeout_ms", self.call_timeout_ms, 100..=60_000),
            half.then(|| {
                Fault::new("watchdog.key_file", "and `watchdog.secret_file` belong together, and one is not set")
            }),
        ];
        faults.into_iter().flatten().collect()
    }

    pub(super) const fn silence(&self) -> Duration {
        Duration::from_millis(self.silence_ms)
    }

    pub(super) const fn grace(&self) -> Duration {
        Duration::from_millis(self.grace_ms)
    }

    pub(super) const fn poll(&self) -> Duration {
        Duration::from_millis(self.poll_ms)
    }

    pub(super) const fn call_timeout(&self) -> Duration {
        Duration::from_millis(self.call_timeout_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impatience_is_refused() {
        assert_eq!(Config::default().check(true), []);
        let check = |config: Config, real: bool, key: &str| {
            let faults = config.check(real);
            assert_eq!(faults.iter().map(|fault| fault.key.as_str()).collect::<Vec<_>>(), [key]);
        };
        let quick = Config { silence_ms: 5_000, ..Config::default() };
        assert_eq!(quick.check(false), []);
        check(quick, true, "watchdog.silence_ms");
        check(Config { grace_ms: 0, ..Config::default() }, false, "watchdog.grace_ms");
        check(Config { key_file: Some("k".into()), ..Config::default() }, false, "watchdog.key_file");
    }
}
