//! The store: one writer, one transaction per batch.

mod events;
mod inspect;
mod market;
mod rows;
mod schema;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::{StreamName, UnixNanos};
use store::tables::{ACCOUNT_CURVE, BARS, PROGRESS, WATERMARKS};
use store::{Connection, Tx, Value, query, write_rows};

pub use events::NewEvent;
pub use inspect::{Access, Inspection, inspect, tables_version};
pub use market::StoredWatermark;
pub use schema::known_version;
pub use store::{StoreSection, StoreUrl, UrlError};

use crate::view::{Row, View};

/// The recorder's connection to its store.
#[derive(Debug)]
pub struct Store {
    url: StoreUrl,
    connection: Connection,
}

impl Store {
    /// Opens the store at `url`, makes it if it is not there (in Postgres the database must be), and brings its tables up to
    /// date. Waits while another process writes to the same database of Postgres; the lock falls with the connection.
    pub async fn open(url: &StoreUrl) -> Result<Self, sqlx::Error> {
        let mut connection = Connection::writer(url).await?;
        lock(&mut connection).await?;
        schema::migrate(&mut connection).await?;
        Ok(Self { url: url.clone(), connection })
    }

    /// Opens the store at `url` for whoever fills it in the recorder's place, and keeps everybody else from writing it; in
    /// SQLite from opening it. `None` if somebody has it for five seconds: a recorder, in SQLite a reader too.
    pub async fn open_alone(url: &StoreUrl) -> Result<Option<Self>, sqlx::Error> {
        const PATIENCE: Duration = Duration::from_secs(5);
        let mut connection = match Connection::sole_writer(url).await {
            Err(error) if url.path().is_some() && inspect::is_busy(&error) => return Ok(None),
            connected => connected?,
        };
        match tokio::time::timeout(PATIENCE, lock(&mut connection)).await {
            Ok(locked) => locked?,
            Err(_) => return Ok(None),
        }
        schema::migrate(&mut connection).await?;
        Ok(Some(Self { url: url.clone(), connection }))
    }

    /// Its address.
    pub const fn url(&self) -> &StoreUrl {
        &self.url
    }

    /// Starts a transaction; dropping it without [`Batch::commit`] leaves the store as it was.
    pub async fn begin(&mut self) -> Result<Batch<'_>, sqlx::Error> {
        let mut tx = self.connection.begin().await?;
        let store_seq: i64 = query("SELECT store_seq FROM store").fetch_one(&mut tx).await?.get(0);
        Ok(Batch {
            tx,
            store_seq,
            rows: BTreeMap::new(),
            bars: Vec::new(),
            watermarks: BTreeMap::new(),
            curve: BTreeMap::new(),
        })
    }

    /// The last sequence of each stream that is in the store; streams without any are left out.
    pub async fn progress(&mut self) -> Result<BTreeMap<StreamName, u64>, sqlx::Error> {
        let rows = query("SELECT stream, seq FROM progress").fetch_all(&mut self.connection).await?;
        let known = |name: &str| StreamName::ALL.into_iter().find(|s| s.as_str() == name);
        Ok(rows.iter().filter_map(|r| Some((known(r.get(0))?, r.get::<i64>(1) as u64))).collect())
    }

    /// True while the database answers; false when the connection is lost, and the writer's lock with it.
    pub async fn is_up(&mut self) -> bool {
        self.connection.is_up().await
    }

    /// The connection, for whoever copies whole tables.
    pub const fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Closes the connection, so that SQLite's write-ahead log is folded into the file.
    pub async fn close(self) -> Result<(), sqlx::Error> {
        self.connection.close().await
    }
}

/// Takes the writer's place in a Postgres database. In SQLite every transaction takes it for itself.
async fn lock(connection: &mut Connection) -> Result<(), sqlx::Error> {
    /// "fin-store"; a database holds one store.
    const WRITER: i64 = 0x0066_696e_7374_6f72;
    const AGAIN: Duration = Duration::from_millis(500);
    if matches!(connection, Connection::Sqlite(_)) {
        return Ok(());
    }
    let mut told = false;
    while !query("SELECT pg_try_advisory_lock($1)").bind(WRITER).fetch_one(&mut *connection).await?.get::<bool>(0) {
        if !std::mem::replace(&mut told, true) {
            tracing::info!("another process writes to the store; waiting for it to end");
        }
        tokio::time::sleep(AGAIN).await;
    }
    Ok(())
}

/// One transaction. Every changed row takes a `store_seq` of its own, above all that were there before.
pub struct Batch<'a> {
    tx: Tx<'a>,
    store_seq: i64,
    /// Rows that are not written yet; the last of each key stands.
    rows: BTreeMap<(View, String), Row>,
    bars: Vec<Vec<Value<'static>>>,
    watermarks: BTreeMap<(String, u32), market::Mark>,
    curve: BTreeMap<(String, i64), market::Point>,
}

impl Batch<'_> {
    /// Makes everything durable at once, together with how far each stream has been read.
    pub async fn commit(mut self, read: &BTreeMap<StreamName, u64>, now: UnixNanos) -> Result<(), sqlx::Error> {
        self.flush().await?;
        let progress = read.iter().map(|(stream, seq)| vec![stream.as_str().into(), Value::Int(*seq as i64)]).collect();
        write_rows(&mut self.tx, &PROGRESS, progress, "ON CONFLICT (stream) DO UPDATE SET seq = excluded.seq").await?;
        query("UPDATE store SET store_seq = $1, committed_at = $2")
            .bind(self.store_seq)
            .bind(now.nanos())
            .execute(&mut self.tx)
            .await?;
        self.tx.commit().await
    }

    /// Writes what waits to be written.
    async fn flush(&mut self) -> Result<(), sqlx::Error> {
        self.flush_rows().await?;
        let bars = std::mem::take(&mut self.bars);
        write_rows(
            &mut self.tx,
            &BARS,
            bars,
            "ON CONFLICT (symbol, start) DO UPDATE SET open = excluded.open, high = excluded.high, low = excluded.low,
             close = excluded.close, volume = excluded.volume, open_at = excluded.open_at,
             close_at = excluded.close_at, store_seq = excluded.store_seq",
        )
        .await?;
        let conflict = "ON CONFLICT (source, partition_no) DO UPDATE SET epoch = excluded.epoch,
                        batch_no = excluded.batch_no, watermark = excluded.watermark, ts_recv = excluded.ts_recv";
        let rows = std::mem::take(&mut self.watermarks);
        let rows = rows.into_iter().map(|((source, partition), mark)| mark.row(source, partition)).collect();
        write_rows(&mut self.tx, &WATERMARKS, rows, conflict).await?;
        let conflict = "ON CONFLICT (account, minute) DO UPDATE SET at = excluded.at, equity = excluded.equity
                        WHERE excluded.at >= account_curve.at";
        let rows = std::mem::take(&mut self.curve).into_values().map(market::Point::row).collect();
        write_rows(&mut self.tx, &ACCOUNT_CURVE, rows, conflict).await?;
        Ok(())
    }

    /// Goes on behind the numbers that rows have taken.
    fn advance(&mut self, written: &BTreeSet<i64>) {
        self.store_seq = self.store_seq.max(written.last().copied().unwrap_or(0));
    }
}
