//! The `watchdog` table of the configuration.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

/// When the watchdog acts, and with whose keys. Times are of the wall clock.
#[derive(Debug, Clone, Deserialize)]
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

/// A setting that cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("watchdog.{key} must be {range}")]
pub struct ConfigError {
    key: &'static str,
    range: &'static str,
}

impl Config {
    /// Checks what the types cannot. Silence below three beats, or below the time in which another executor takes the
    /// account over, would be no silence.
    pub fn validate(&self, real_money: bool) -> Result<(), ConfigError> {
        let least = if real_money { 15_000 } else { 3_000 };
        let rules = [
            ("silence_ms", (least..=600_000).contains(&self.silence_ms), "3000 (real money: 15000) to 600000"),
            ("grace_ms", (1_000..=600_000).contains(&self.grace_ms), "1000 to 600000"),
            ("poll_ms", (100..=10_000).contains(&self.poll_ms), "100 to 10000"),
            ("call_timeout_ms", (100..=60_000).contains(&self.call_timeout_ms), "100 to 60000"),
            ("secret_file", self.key_file.is_some() == self.secret_file.is_some(), "given with key_file, or neither"),
        ];
        match rules.into_iter().find(|(_, holds, _)| !holds) {
            Some((key, _, range)) => Err(ConfigError { key, range }),
            None => Ok(()),
        }
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
        assert_eq!(Config::default().validate(true), Ok(()));
        let check = |config: Config, real: bool, key: &str| {
            assert!(config.validate(real).unwrap_err().to_string().contains(key));
        };
        let quick = Config { silence_ms: 5_000, ..Config::default() };
        assert_eq!(quick.validate(false), Ok(()));
        check(quick, true, "watchdog.silence_ms");
        check(Config { grace_ms: 0, ..Config::default() }, false, "watchdog.grace_ms");
        check(Config { key_file: Some("k".into()), ..Config::default() }, false, "watchdog.secret_file");
    }
}
