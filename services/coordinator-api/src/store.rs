//! Read-only look at the recorder's store, whose tables `services/recorder/migrations` describes.

use std::path::PathBuf;
use std::time::Duration;

use domain::{SessionDate, UnixNanos, calendar};
use serde_json::value::RawValue;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions, SqliteRow};
use sqlx::{QueryBuilder, Row as _, Sqlite};

use crate::query::{Cursor, ListQuery};

/// A list that is served as the recorder wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // each is named after its table
pub enum Listing {
    Candidates,
    Plans,
    Decisions,
    Orders,
    Fills,
    Positions,
    Account,
    Errors,
    News,
    Audit,
}

impl Listing {
    /// The table's name.
    pub const fn table(self) -> &'static str {
        match self {
            Self::Candidates => "candidates",
            Self::Plans => "plans",
            Self::Decisions => "decisions",
            Self::Orders => "orders",
            Self::Fills => "fills",
            Self::Positions => "positions",
            Self::Account => "account",
            Self::Errors => "errors",
            Self::News => "news",
            Self::Audit => "audit",
        }
    }

    /// True when a list without `day` means the current session; the others speak of wall time or of all days.
    pub const fn by_session(self) -> bool {
        match self {
            Self::Candidates
            | Self::Plans
            | Self::Decisions
            | Self::Orders
            | Self::Fills
            | Self::Positions
            | Self::Account => true,
            Self::Errors | Self::News | Self::Audit => false,
        }
    }
}

/// A JSON document as the recorder wrote it.
pub type Doc = Box<RawValue>;

/// One page of a list.
#[derive(Debug, serde::Serialize)]
pub struct Page<T> {
    /// The items, newest first (bars: oldest first).
    pub items: Vec<T>,
    /// What to pass as `after` for the next page; `null` at the end.
    pub next: Option<String>,
}

/// How far the store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// Number of the last changed row.
    pub store_seq: i64,
    /// When the recorder last said that it is up to date, wall time.
    pub committed_at: Option<UnixNanos>,
    /// How far market time has come in every partition.
    pub watermark: Option<UnixNanos>,
}

impl Position {
    /// The current session: the market's, or the wall clock's while no market time is known.
    pub fn session(&self, now: UnixNanos) -> SessionDate {
        calendar::session_at(self.watermark.unwrap_or(now)).date
    }
}

/// Why the store cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A query failed.
    #[error("store: {0}")]
    Query(#[from] sqlx::Error),
    /// A document in the store is not JSON.
    #[error("store: a document is not JSON: {0}")]
    Document(#[from] serde_json::Error),
}

/// Connections that can only read. A store that does not exist yet reads as an empty one.
#[derive(Debug, Clone)]
pub struct Reader {
    pool: SqlitePool,
}

impl Reader {
    /// A reader of the file at `path`, which need not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let options = SqliteConnectOptions::new()
            .filename(path.into())
            .read_only(true)
            .create_if_missing(false)
            .busy_timeout(Duration::from_secs(2))
            .pragma("query_only", "on");
        let pool = SqlitePoolOptions::new()
            .max_connections(8)
            .min_connections(0)
            .acquire_timeout(Duration::from_secs(5))
            .test_before_acquire(false)
            .connect_lazy_with(options);
        Self { pool }
    }

    /// How far the store is; `None` while there is none.
    pub async fn position(&self) -> Result<Option<Position>, ReadError> {
        let row = sqlx::query(
            "SELECT store_seq, committed_at,
                    (SELECT MIN(w.watermark) FROM watermarks w
                     JOIN (SELECT source, epoch FROM watermarks ORDER BY watermark DESC LIMIT 1) newest
                     ON w.source = newest.source AND w.epoch = newest.epoch)
             FROM store",
        )
        .fetch_one(&self.pool)
        .await;
        Ok(present(row)?.map(|r| Position {
            store_seq: r.get(0),
            committed_at: Some(r.get::<i64, _>(1)).filter(|t| *t > 0).map(UnixNanos::new),
            watermark: r.get::<Option<i64>, _>(2).map(UnixNanos::new),
        }))
    }

    /// One page of a list, newest first. With `live_only`, rows that only say that something is over are left out.
    pub async fn list(&self, listing: Listing, query: &ListQuery, live_only: bool) -> Result<Page<Doc>, ReadError> {
        let mut sql = QueryBuilder::<Sqlite>::new("SELECT at, id, doc FROM ");
        sql.push(listing.table()).push(" WHERE 1 = 1");
        if let Some(day) = query.day {
            sql.push(" AND day = ").push_bind(day.to_string());
        }
        if let Some(symbol) = &query.symbol {
            sql.push(" AND symbol = ").push_bind(symbol.to_string());
        }
        if let Some(plan_id) = &query.plan_id {
            sql.push(" AND plan_id = ").push_bind(plan_id.clone());
        }
        if live_only {
            sql.push(" AND live");
        }
        if let Some(after) = &query.after {
            sql.push(" AND (at, id) < (").push_bind(after.at).push(", ").push_bind(after.id.clone()).push(")");
        }
        sql.push(" ORDER BY at DESC, id DESC LIMIT ").push_bind(i64::from(query.limit) + 1);
        let rows = present(sql.build().fetch_all(&self.pool).await)?.unwrap_or_default();
        let cursor = |r: &SqliteRow| Cursor { at: r.get(0), id: r.get(1) }.to_string();
        page(&rows, query.limit, cursor, |r| doc(r, 2))
    }

    /// One document by its id.
    pub async fn find(&self, listing: Listing, id: &str) -> Result<Option<Doc>, ReadError> {
        let mut sql = QueryBuilder::<Sqlite>::new("SELECT doc FROM ");
        sql.push(listing.table()).push(" WHERE id = ").push_bind(id.to_owned());
        let row = present(sql.build().fetch_optional(&self.pool).await)?.flatten();
        row.as_ref().map(|r| doc(r, 0)).transpose()
    }

    /// The pool, for the queries that only one route needs.
    pub(crate) const fn pool(&self) -> &SqlitePool {
        &self.pool
    }
}

/// Cuts the row that was read beyond the limit and makes the next page's cursor from the last one kept.
pub(crate) fn page<T>(
    rows: &[SqliteRow],
    limit: u32,
    cursor: impl Fn(&SqliteRow) -> String,
    item: impl Fn(&SqliteRow) -> Result<T, ReadError>,
) -> Result<Page<T>, ReadError> {
    let kept = &rows[..rows.len().min(limit as usize)];
    let next = (rows.len() > kept.len()).then(|| kept.last().map(cursor)).flatten();
    Ok(Page { items: kept.iter().map(item).collect::<Result<_, _>>()?, next })
}

pub(crate) fn doc(row: &SqliteRow, column: usize) -> Result<Doc, ReadError> {
    Ok(RawValue::from_string(row.get(column))?)
}

/// `None` when the store, or its tables, are not there yet.
pub(crate) fn present<T>(result: Result<T, sqlx::Error>) -> Result<Option<T>, ReadError> {
    const CANNOT_OPEN: &str = "14";
    match result {
        Ok(value) => Ok(Some(value)),
        Err(sqlx::Error::Database(e))
            if e.code().as_deref() == Some(CANNOT_OPEN) || e.message().starts_with("no such table") =>
        {
            Ok(None)
        }
        Err(e) => Err(e.into()),
    }
}
