//! The `recorder` table of the configuration.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use crate::store::{StoreUrl, UrlError};

/// How the recorder works.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The store, `sqlite:PATH`; empty means `store.db` in the data folder. The API reads the same key.
    pub store_url: String,
    /// Most messages of one transaction, 1 to 10,000.
    pub batch_max: usize,
    /// How long a transaction waits for more messages after its first, ms.
    pub linger_ms: u64,
    /// Messages that may wait for the writer; when as many do, reading pauses.
    pub queue_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { store_url: String::new(), batch_max: 1_000, linger_ms: 20, queue_max: 5_000 }
    }
}

/// Why the table was refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The store's address is not one.
    #[error("recorder.store_url")]
    Store(#[from] UrlError),
    /// A number is outside its range.
    #[error("recorder.{key} is {value}, must be {expected}")]
    Range {
        /// The key below `recorder`.
        key: &'static str,
        /// Its value.
        value: u64,
        /// What it may be.
        expected: &'static str,
    },
}

impl Config {
    /// The store's address.
    pub fn store(&self, data_dir: &Path) -> Result<StoreUrl, ConfigError> {
        if self.store_url.is_empty() {
            Ok(StoreUrl::sqlite(data_dir.join("store.db")))
        } else {
            Ok(self.store_url.parse()?)
        }
    }

    /// Checks every number against its range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let within = |key, value: u64, low, high, expected| {
            if (low..=high).contains(&value) { Ok(()) } else { Err(ConfigError::Range { key, value, expected }) }
        };
        within("batch_max", self.batch_max as u64, 1, 10_000, "1 to 10,000 messages")?;
        within("linger_ms", self.linger_ms, 0, 1_000, "0 to 1,000 ms")?;
        within("queue_max", self.queue_max as u64, 1, 1_000_000, "1 to 1,000,000 messages")
    }

    /// `linger_ms` as a duration.
    pub const fn linger(&self) -> Duration {
        Duration::from_millis(self.linger_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_values_name_their_key() {
        let check = |config: Config, part: &str| {
            let error = config.validate().unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        };
        check(Config { batch_max: 0, ..Config::default() }, "recorder.batch_max is 0");
        check(Config { linger_ms: 9_999, ..Config::default() }, "recorder.linger_ms is 9999");
        assert!(Config::default().validate().is_ok());
        let odd = Config { store_url: "mysql://x".into(), ..Config::default() };
        assert!(odd.store(Path::new("/d")).is_err());
        assert_eq!(Config::default().store(Path::new("/d")).unwrap().to_string(), "sqlite:/d/store.db");
    }
}
