//! Read-only look at the recorder's store, whose tables `services/recorder/migrations` describes.

use std::fmt::Write as _;

use domain::{SessionDate, UnixNanos, calendar};
use serde_json::value::RawValue;
use store::{AssertSqlSafe, Pool, Query, Row, StoreUrl, Value};

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
    Query(#[from] store::Error),
    /// A document in the store is not JSON.
    #[error("store: a document is not JSON: {0}")]
    Document(#[from] serde_json::Error),
}

/// Connections that can only read. A store that does not exist yet reads as an empty one.
#[derive(Debug, Clone)]
pub struct Reader {
    pool: Pool,
}

impl Reader {
    /// A reader of the store at `url`, which need not exist yet.
    ///
    /// # Errors
    /// The address cannot be used.
    pub fn new(url: &StoreUrl) -> Result<Self, ReadError> {
        Ok(Self { pool: Pool::readers(url)? })
    }

    /// How far the store is; `None` while there is none.
    pub async fn position(&self) -> Result<Option<Position>, ReadError> {
        let row = store::query(
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
            committed_at: Some(r.get::<i64>(1)).filter(|t| *t > 0).map(UnixNanos::new),
            watermark: r.get::<Option<i64>>(2).map(UnixNanos::new),
        }))
    }

    /// One page of a list, newest first. With `live_only`, rows that only say that something is over are left out.
    pub async fn list(&self, listing: Listing, query: &ListQuery, live_only: bool) -> Result<Page<Doc>, ReadError> {
        let mut select = Select::new("at, id, doc", listing.table());
        if let Some(day) = query.day {
            select.only("day =", day.to_string());
        }
        if let Some(symbol) = &query.symbol {
            select.only("symbol =", symbol.to_string());
        }
        if let Some(plan_id) = &query.plan_id {
            select.only("plan_id =", plan_id.clone());
        }
        if live_only {
            select.only("live =", true);
        }
        if let Some(after) = &query.after {
            select.before(after);
        }
        let rows = select.page("at DESC, id DESC", query.limit).fetch_all(&self.pool).await;
        let rows = present(rows)?.unwrap_or_default();
        let cursor = |r: &Row| Cursor { at: r.get(0), id: r.get(1) }.to_string();
        page(&rows, query.limit, cursor, |r| doc(r, 2))
    }

    /// One document by its id.
    pub async fn find(&self, listing: Listing, id: &str) -> Result<Option<Doc>, ReadError> {
        let mut select = Select::new("doc", listing.table());
        select.only("id =", id.to_owned());
        let row = present(select.query().fetch_optional(&self.pool).await)?.flatten();
        row.as_ref().map(|r| doc(r, 0)).transpose()
    }

    /// The pool, for the queries that only one route needs.
    pub(crate) const fn pool(&self) -> &Pool {
        &self.pool
    }
}

/// A statement whose conditions depend on what was asked for. Names and operators come from the code alone, whatever was
/// asked for is bound.
pub(crate) struct Select {
    sql: String,
    values: Vec<Value<'static>>,
}

impl Select {
    pub(crate) fn new(columns: &'static str, table: &'static str) -> Self {
        Self { sql: format!("SELECT {columns} FROM {table} WHERE 1 = 1"), values: Vec::new() }
    }

    /// Only rows of which this is true: a column with its operator, and what it is compared with.
    pub(crate) fn only(&mut self, compared: &'static str, with: impl Into<Value<'static>>) -> &mut Self {
        self.values.push(with.into());
        let _ = write!(self.sql, " AND {compared} ${}", self.values.len());
        self
    }

    /// Only rows that stand before the cursor.
    fn before(&mut self, cursor: &Cursor) {
        self.values.extend([cursor.at.into(), cursor.id.clone().into()]);
        let last = self.values.len();
        let _ = write!(self.sql, " AND (at, id) < (${}, ${last})", last - 1);
    }

    /// One page in this order, and a row more that says whether there is another.
    pub(crate) fn page(mut self, order: &'static str, limit: u32) -> Query<'static> {
        self.values.push((i64::from(limit) + 1).into());
        let _ = write!(self.sql, " ORDER BY {order} LIMIT ${}", self.values.len());
        self.query()
    }

    fn query(self) -> Query<'static> {
        self.values.into_iter().fold(store::query(AssertSqlSafe(self.sql)), Query::bind)
    }
}

/// Cuts the row that was read beyond the limit and makes the next page's cursor from the last one kept.
pub(crate) fn page<T>(
    rows: &[Row],
    limit: u32,
    cursor: impl Fn(&Row) -> String,
    item: impl Fn(&Row) -> Result<T, ReadError>,
) -> Result<Page<T>, ReadError> {
    let kept = &rows[..rows.len().min(limit as usize)];
    let next = (rows.len() > kept.len()).then(|| kept.last().map(cursor)).flatten();
    Ok(Page { items: kept.iter().map(item).collect::<Result<_, _>>()?, next })
}

pub(crate) fn doc(row: &Row, column: usize) -> Result<Doc, ReadError> {
    Ok(RawValue::from_string(row.get(column))?)
}

/// `None` when the store, or its tables, are not there yet.
pub(crate) fn present<T>(result: Result<T, store::Error>) -> Result<Option<T>, ReadError> {
    /// SQLite cannot open the file; Postgres knows no such table.
    const MISSING: [&str; 2] = ["14", "42P01"];
    match result {
        Ok(value) => Ok(Some(value)),
        Err(store::Error::Database(e))
            if e.code().is_some_and(|code| MISSING.contains(&&*code)) || e.message().starts_with("no such table") =>
        {
            Ok(None)
        }
        Err(e) => Err(e.into()),
    }
}
