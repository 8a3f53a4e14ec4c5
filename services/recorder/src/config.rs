//! The `recorder` table of the configuration.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chassis::{Fault, Secret};
use serde::{Deserialize, Serialize};

use crate::store::{StoreSection, StoreUrl};

/// How the recorder works.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The store, `sqlite:PATH` or `postgres://USER@HOST:PORT/DATABASE`; empty means `store.db` in the data folder. The API
    /// reads the same key.
    pub store_url: String,
    /// Password of Postgres; environment only.
    #[cfg_attr(feature = "schema", schemars(skip))] // never in a file
    pub store_password: Option<Secret>,
    /// File that holds the password of Postgres.
    pub store_password_file: Option<PathBuf>,
    /// Most messages of one transaction, 1 to 10,000.
    pub batch_max: usize,
    /// How long a transaction waits for more messages after its first, ms.
    pub linger_ms: u64,
    /// Messages that may wait for the writer; when as many do, reading pauses.
    pub queue_max: usize,
    /// The trades as Parquet files.
    pub archive: ArchiveConfig,
}

/// The archive of MARKET's trades.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ArchiveConfig {
    /// Whether trades are archived.
    pub enabled: bool,
    /// Its folder; empty means `archive` in the data folder.
    pub dir: String,
    /// Most trades that wait in memory, 1,000 to 10,000,000; some 60 bytes each. As many make a file.
    pub rows_max: usize,
    /// How long they wait at most, ms, 100 to 3,600,000. A process that ends reads them again from the bus.
    pub flush_ms: u64,
    /// Sessions that are kept; 0: all.
    pub sessions_max: usize,
}

impl Default for ArchiveConfig {
    fn default() -> Self {
        Self { enabled: false, dir: String::new(), rows_max: 1_000_000, flush_ms: 300_000, sessions_max: 0 }
    }
}

impl ArchiveConfig {
    /// Its folder.
    pub fn folder(&self, data_dir: &Path) -> PathBuf {
        if self.dir.is_empty() { data_dir.join("archive") } else { PathBuf::from(&self.dir) }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            store_url: String::new(),
            store_password: None,
            store_password_file: None,
            batch_max: 1_000,
            linger_ms: 20,
            queue_max: 5_000,
            archive: ArchiveConfig::default(),
        }
    }
}

impl Config {
    /// The store's address.
    pub fn store(&self, data_dir: &Path) -> Result<StoreUrl, Fault> {
        let section = StoreSection {
            store_url: self.store_url.clone(),
            store_password: self.store_password.clone(),
            store_password_file: self.store_password_file.clone(),
        };
        section.url(data_dir)
    }

    /// What is wrong with it.
    pub fn check(&self, data_dir: &Path) -> Vec<Fault> {
        let faults = [
            self.store(data_dir).err(),
            Fault::outside("recorder.batch_max", self.batch_max as u64, 1..=10_000, "messages"),
            Fault::outside("recorder.linger_ms", self.linger_ms, 0..=1_000, "ms"),
            Fault::outside("recorder.queue_max", self.queue_max as u64, 1..=1_000_000, "messages"),
            Fault::outside("recorder.archive.rows_max", self.archive.rows_max as u64, 1_000..=10_000_000, "trades"),
            Fault::outside("recorder.archive.flush_ms", self.archive.flush_ms, 100..=3_600_000, "ms"),
        ];
        faults.into_iter().flatten().collect()
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
        let check = |config: Config, expected: &str| {
            let faults = config.check(Path::new("/d"));
            assert_eq!(faults.iter().map(Fault::to_string).collect::<Vec<_>>(), [expected]);
        };
        check(Config { batch_max: 0, ..Config::default() }, "`recorder.batch_max` is 0, must be 1 to 10000 messages");
        check(Config { linger_ms: 9_999, ..Config::default() }, "`recorder.linger_ms` is 9999, must be 0 to 1000 ms");
        let odd = Config { store_url: "mysql://x".into(), ..Config::default() };
        check(
            odd,
            "`recorder.store_url` is `mysql://x`, must be of the form sqlite:PATH or postgres://USER@HOST:PORT/DATABASE",
        );
        assert_eq!(Config::default().check(Path::new("/d")), []);
        assert_eq!(Config::default().store(Path::new("/d")).unwrap().to_string(), "sqlite:/d/store.db");
    }
}
