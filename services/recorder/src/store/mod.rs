//! The store: one writer, one transaction per batch.

mod dialect;
mod events;
mod inspect;
mod market;
mod rows;

use std::collections::BTreeMap;

use domain::{StreamName, UnixNanos};
use sqlx::{Connection as _, Row as _};

pub use dialect::{Connection, StoreUrl, UrlError};
pub use events::NewEvent;
pub use inspect::{Access, Inspection, inspect};
pub use market::StoredWatermark;

/// The recorder's connection to its store.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
}

impl Store {
    /// Opens the store at `url`, makes it if it is not there, and brings its tables up to date.
    pub async fn open(url: &StoreUrl) -> Result<Self, sqlx::Error> {
        let mut connection = dialect::connect(url).await?;
        // Not `run`: its future is bound to one lifetime and so cannot be sent to another thread.
        dialect::MIGRATIONS.run_direct(None, &mut connection, false).await?;
        Ok(Self { connection })
    }

    /// Starts a transaction; dropping it without [`Batch::commit`] leaves the store as it was.
    pub async fn begin(&mut self) -> Result<Batch<'_>, sqlx::Error> {
        let mut tx = self.connection.begin().await?;
        let store_seq: i64 = sqlx::query("SELECT store_seq FROM store").fetch_one(&mut *tx).await?.get(0);
        Ok(Batch { tx, store_seq })
    }

    /// The last sequence of each stream that is in the store; streams without any are left out.
    pub async fn progress(&mut self) -> Result<BTreeMap<StreamName, u64>, sqlx::Error> {
        let rows = sqlx::query("SELECT stream, seq FROM progress").fetch_all(&mut self.connection).await?;
        let known = |name: &str| StreamName::ALL.into_iter().find(|s| s.as_str() == name);
        Ok(rows.iter().filter_map(|r| Some((known(r.get(0))?, r.get::<i64, _>(1) as u64))).collect())
    }

    /// Closes the connection, so that the write-ahead log is folded into the file.
    pub async fn close(self) -> Result<(), sqlx::Error> {
        self.connection.close().await
    }
}

/// One transaction. Every changed row takes the next `store_seq`.
pub struct Batch<'a> {
    tx: sqlx::Transaction<'a, dialect::Db>,
    store_seq: i64,
}

impl Batch<'_> {
    /// The number of the last changed row, this transaction's included.
    pub const fn store_seq(&self) -> i64 {
        self.store_seq
    }

    /// Makes everything durable at once, together with how far each stream has been read.
    pub async fn commit(mut self, read: &BTreeMap<StreamName, u64>, now: UnixNanos) -> Result<(), sqlx::Error> {
        for (stream, seq) in read {
            sqlx::query(
                "INSERT INTO progress (stream, seq) VALUES ($1, $2)
                 ON CONFLICT (stream) DO UPDATE SET seq = excluded.seq",
            )
            .bind(stream.as_str())
            .bind(*seq as i64)
            .execute(&mut *self.tx)
            .await?;
        }
        sqlx::query("UPDATE store SET store_seq = $1, committed_at = $2")
            .bind(self.store_seq)
            .bind(now.nanos())
            .execute(&mut *self.tx)
            .await?;
        self.tx.commit().await
    }
}
