//! What differs between databases: how to connect, and which errors pass.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

/// The database driver.
pub(super) type Db = sqlx::Sqlite;
/// A connection of that driver.
pub type Connection = sqlx::SqliteConnection;

/// The tables, one file per change.
pub(super) static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!();

/// Where the store is: `sqlite:PATH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreUrl {
    path: PathBuf,
}

/// Why a store URL was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("store URL `{0}` is not of the form sqlite:PATH")]
pub struct UrlError(pub String);

impl StoreUrl {
    /// The store in this file.
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl FromStr for StoreUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        match text.strip_prefix("sqlite:") {
            Some(path) if !path.is_empty() => Ok(Self::sqlite(path)),
            _ => Err(UrlError(text.to_owned())),
        }
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sqlite:{}", self.path.display())
    }
}

/// Connects as the writer.
///
/// A commit is not synced one by one: what a power cut takes from the end of the log is read from the bus again, because
/// `progress` goes back with it.
pub(super) async fn connect(url: &StoreUrl) -> Result<Connection, sqlx::Error> {
    if let Some(folder) = url.path.parent() {
        std::fs::create_dir_all(folder).map_err(sqlx::Error::Io)?;
    }
    SqliteConnectOptions::new()
        .filename(&url.path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(std::time::Duration::from_secs(5))
        .pragma("temp_store", "memory")
        .pragma("wal_autocheckpoint", "4000")
        .statement_cache_capacity(256)
        .connect()
        .await
}
