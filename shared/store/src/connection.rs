//! The ways to a store: one connection that writes, several that cannot.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteLockingMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _};

use crate::url::StoreUrl;

/// How long one waits for somebody else's lock.
pub type Patience = Duration;

/// One connection.
#[derive(Debug)]
#[allow(missing_docs, reason = "each is named after its database")]
pub enum Connection {
    Sqlite(sqlx::SqliteConnection),
    Postgres(sqlx::PgConnection),
}

/// A transaction; dropping it without [`Tx::commit`] leaves the store as it was.
#[derive(Debug)]
#[allow(missing_docs, reason = "each is named after its database")]
pub enum Tx<'a> {
    Sqlite(sqlx::Transaction<'a, sqlx::Sqlite>),
    Postgres(sqlx::Transaction<'a, sqlx::Postgres>),
}

/// Connections that can only read, made when they are needed.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "each is named after its database")]
pub enum Pool {
    Sqlite(sqlx::SqlitePool),
    Postgres(sqlx::PgPool),
}

impl Connection {
    /// Connects as the writer; a file that is not there is made, a database is not.
    ///
    /// A commit is not synced one by one: what a power cut takes from the end is read from the bus again, because how far
    /// the streams were read goes back with it.
    ///
    /// # Errors
    /// The store cannot be reached or opened.
    pub async fn writer(url: &StoreUrl) -> Result<Self, sqlx::Error> {
        Self::writing(url, SqliteLockingMode::Normal).await
    }

    /// The same, so that nobody else can have the file open at the same time, not even to read it. Postgres knows no such
    /// thing: there it is the writer's lock that counts.
    ///
    /// # Errors
    /// The store cannot be reached or opened, or somebody has kept the file open for five seconds.
    pub async fn sole_writer(url: &StoreUrl) -> Result<Self, sqlx::Error> {
        Self::writing(url, SqliteLockingMode::Exclusive).await
    }

    async fn writing(url: &StoreUrl, locking: SqliteLockingMode) -> Result<Self, sqlx::Error> {
        match url {
            StoreUrl::Sqlite(path) => {
                if let Some(folder) = path.parent() {
                    std::fs::create_dir_all(folder).map_err(sqlx::Error::Io)?;
                }
                let options = SqliteConnectOptions::new()
                    .filename(path)
                    .create_if_missing(true)
                    .locking_mode(locking)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Normal)
                    .busy_timeout(Duration::from_secs(5))
                    .pragma("temp_store", "memory")
                    .pragma("wal_autocheckpoint", "4000");
                Ok(Self::Sqlite(options.statement_cache_capacity(256).connect().await?))
            }
            StoreUrl::Postgres(postgres) => {
                // The lock of a writer whose machine is gone must fall soon, so the server asks after it.
                let options = keep_alive(postgres.options()?)
                    .options([("synchronous_commit", "off"), ("idle_in_transaction_session_timeout", "60s")]);
                Ok(Self::Postgres(options.statement_cache_capacity(256).connect().await?))
            }
        }
    }

    /// Connects to a store that is there, so that it cannot be written.
    ///
    /// # Errors
    /// There is none, or it cannot be opened.
    pub async fn reader(url: &StoreUrl, patience: Patience) -> Result<Self, sqlx::Error> {
        match url {
            StoreUrl::Sqlite(path) => {
                let options = SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(patience);
                Ok(Self::Sqlite(options.connect().await?))
            }
            StoreUrl::Postgres(postgres) => Ok(Self::Postgres(read_only(postgres.options()?).connect().await?)),
        }
    }

    /// Starts a transaction.
    ///
    /// # Errors
    /// The database refuses, or the connection is lost.
    pub async fn begin(&mut self) -> Result<Tx<'_>, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(connection) => Tx::Sqlite(connection.begin().await?),
            Self::Postgres(connection) => Tx::Postgres(connection.begin().await?),
        })
    }

    /// Starts a transaction whose every statement sees the store as it is at the first.
    ///
    /// # Errors
    /// The database refuses, or the connection is lost.
    pub async fn snapshot(&mut self) -> Result<Tx<'_>, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(connection) => Tx::Sqlite(connection.begin().await?),
            Self::Postgres(connection) => {
                Tx::Postgres(connection.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
            }
        })
    }

    /// True while the database answers on this connection.
    pub async fn is_up(&mut self) -> bool {
        match self {
            Self::Sqlite(_) => true,
            Self::Postgres(connection) => {
                const PATIENCE: Duration = Duration::from_secs(5);
                matches!(tokio::time::timeout(PATIENCE, connection.ping()).await, Ok(Ok(())))
            }
        }
    }

    /// Closes it; SQLite's log is folded into the file.
    ///
    /// # Errors
    /// The database could not finish.
    pub async fn close(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(connection) => connection.close().await,
            Self::Postgres(connection) => connection.close().await,
        }
    }
}

impl Tx<'_> {
    /// Makes it durable.
    ///
    /// # Errors
    /// Nothing of it is stored then.
    pub async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(tx) => tx.commit().await,
            Self::Postgres(tx) => tx.commit().await,
        }
    }
}

impl Pool {
    /// Connections to the store at `url`, which need not be there yet.
    ///
    /// # Errors
    /// The address cannot be used.
    pub fn readers(url: &StoreUrl) -> Result<Self, sqlx::Error> {
        const CONNECTIONS: u32 = 8;
        const PATIENCE: Duration = Duration::from_secs(5);
        Ok(match url {
            StoreUrl::Sqlite(path) => {
                let options = SqliteConnectOptions::new()
                    .filename(path)
                    .read_only(true)
                    .create_if_missing(false)
                    .busy_timeout(Duration::from_secs(2))
                    .pragma("query_only", "on");
                let pool = SqlitePoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(PATIENCE);
                Self::Sqlite(pool.test_before_acquire(false).connect_lazy_with(options))
            }
            StoreUrl::Postgres(postgres) => {
                let options = read_only(postgres.options()?).options([("statement_timeout", "30s")]);
                let pool = PgPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(PATIENCE);
                Self::Postgres(pool.connect_lazy_with(options))
            }
        })
    }

    /// Closes every connection.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

fn read_only(options: PgConnectOptions) -> PgConnectOptions {
    keep_alive(options).options([("default_transaction_read_only", "on")])
}

fn keep_alive(options: PgConnectOptions) -> PgConnectOptions {
    options.application_name("fin-agent").options([
        ("tcp_keepalives_idle", "5"),
        ("tcp_keepalives_interval", "5"),
        ("tcp_keepalives_count", "3"),
    ])
}
