//! One statement for either database.

use std::borrow::Cow;

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Decode, Row as _, SqlSafeStr, SqlStr, Type};

use crate::connection::{Connection, Pool, Tx};
use crate::tables::Kind;

/// A value in a statement or a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'v> {
    /// No text.
    Null,
    /// A text; holds no U+0000, which Postgres cannot store.
    Text(Cow<'v, str>),
    /// A number.
    Int(i64),
    /// A truth value.
    Bool(bool),
    /// Bytes.
    Bytes(Cow<'v, [u8]>),
}

/// A statement with its values.
#[derive(Debug)]
pub struct Query<'q> {
    sql: SqlStr,
    values: Vec<Value<'q>>,
}

/// A statement: `$1` stands for the first value that is bound to it.
pub fn query<'q>(sql: impl SqlSafeStr) -> Query<'q> {
    Query { sql: sql.into_sql_str(), values: Vec::new() }
}

/// What a statement is carried out on.
#[derive(Debug)]
#[allow(missing_docs, reason = "each is named after what it holds")]
pub enum On<'a> {
    Sqlite(&'a mut sqlx::SqliteConnection),
    SqlitePool(&'a sqlx::SqlitePool),
    Postgres(&'a mut sqlx::PgConnection),
    PostgresPool(&'a sqlx::PgPool),
}

/// A row of an answer.
#[derive(Debug)]
#[allow(missing_docs, reason = "each is named after its database")]
pub enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// What can be read from a row of either database.
pub trait Column<'r>:
    Decode<'r, sqlx::Sqlite> + Type<sqlx::Sqlite> + Decode<'r, sqlx::Postgres> + Type<sqlx::Postgres>
{
}

impl<'r, T> Column<'r> for T where
    T: Decode<'r, sqlx::Sqlite> + Type<sqlx::Sqlite> + Decode<'r, sqlx::Postgres> + Type<sqlx::Postgres>
{
}

macro_rules! carry_out {
    ($query:expr, $on:expr, $method:ident) => {
        match $on {
            On::Sqlite(to) => ($query.for_sqlite().$method(to).await).map(Into::into),
            On::SqlitePool(to) => ($query.for_sqlite().$method(to).await).map(Into::into),
            On::Postgres(to) => ($query.for_postgres().$method(to).await).map(Into::into),
            On::PostgresPool(to) => ($query.for_postgres().$method(to).await).map(Into::into),
        }
    };
}

macro_rules! bind_all {
    ($query:expr, $values:expr) => {{
        let mut query = $query;
        for value in $values {
            query = match value {
                Value::Null => query.bind(None::<&str>),
                Value::Text(text) => query.bind(text.into_owned()),
                Value::Int(number) => query.bind(number),
                Value::Bool(truth) => query.bind(truth),
                Value::Bytes(bytes) => query.bind(bytes.into_owned()),
            };
        }
        query
    }};
}

impl<'q> Query<'q> {
    /// Gives the next value.
    #[must_use]
    pub fn bind(mut self, value: impl Into<Value<'q>>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Carries it out and tells how many rows it changed.
    ///
    /// # Errors
    /// The database refuses, or the connection is lost.
    pub async fn execute(self, on: impl Into<On<'_>>) -> Result<u64, sqlx::Error> {
        match on.into() {
            On::Sqlite(to) => Ok(self.for_sqlite().execute(to).await?.rows_affected()),
            On::SqlitePool(to) => Ok(self.for_sqlite().execute(to).await?.rows_affected()),
            On::Postgres(to) => Ok(self.for_postgres().execute(to).await?.rows_affected()),
            On::PostgresPool(to) => Ok(self.for_postgres().execute(to).await?.rows_affected()),
        }
    }

    /// Every row of the answer.
    ///
    /// # Errors
    /// The database refuses, or the connection is lost.
    pub async fn fetch_all(self, on: impl Into<On<'_>>) -> Result<Vec<Row>, sqlx::Error> {
        carry_out!(self, on.into(), fetch_all).map(|Rows(rows)| rows)
    }

    /// The answer's only row.
    ///
    /// # Errors
    /// The database refuses, the connection is lost, or there is no row.
    pub async fn fetch_one(self, on: impl Into<On<'_>>) -> Result<Row, sqlx::Error> {
        carry_out!(self, on.into(), fetch_one)
    }

    /// The answer's only row, if it has one.
    ///
    /// # Errors
    /// The database refuses, or the connection is lost.
    pub async fn fetch_optional(self, on: impl Into<On<'_>>) -> Result<Option<Row>, sqlx::Error> {
        match self.fetch_one(on).await {
            Ok(row) => Ok(Some(row)),
            Err(sqlx::Error::RowNotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn for_sqlite(self) -> sqlx::query::Query<'q, sqlx::Sqlite, SqliteArguments> {
        bind_all!(sqlx::query::<sqlx::Sqlite>(self.sql), self.values)
    }

    fn for_postgres(self) -> sqlx::query::Query<'q, sqlx::Postgres, PgArguments> {
        bind_all!(sqlx::query::<sqlx::Postgres>(self.sql), self.values)
    }
}

/// All rows of one answer.
struct Rows(Vec<Row>);

impl From<Vec<SqliteRow>> for Rows {
    fn from(rows: Vec<SqliteRow>) -> Self {
        Self(rows.into_iter().map(Row::Sqlite).collect())
    }
}

impl From<Vec<PgRow>> for Rows {
    fn from(rows: Vec<PgRow>) -> Self {
        Self(rows.into_iter().map(Row::Postgres).collect())
    }
}

impl From<SqliteRow> for Row {
    fn from(row: SqliteRow) -> Self {
        Self::Sqlite(row)
    }
}

impl From<PgRow> for Row {
    fn from(row: PgRow) -> Self {
        Self::Postgres(row)
    }
}

impl Row {
    /// The column at `index`, from 0.
    ///
    /// # Panics
    /// There is no such column, or it holds another type: the statement is wrong.
    pub fn get<'r, T: Column<'r>>(&'r self, index: usize) -> T {
        match self {
            Self::Sqlite(row) => row.get(index),
            Self::Postgres(row) => row.get(index),
        }
    }

    /// The column at `index` as a value of this kind.
    ///
    /// # Errors
    /// It holds something else.
    pub fn value(&self, index: usize, kind: Kind) -> Result<Value<'static>, sqlx::Error> {
        Ok(match kind {
            Kind::Text => self.read::<Option<String>>(index)?.into(),
            Kind::Int => Value::Int(self.read(index)?),
            Kind::Bool => Value::Bool(self.read(index)?),
            Kind::Bytes => Value::Bytes(Cow::Owned(self.read(index)?)),
        })
    }

    fn read<'r, T: Column<'r>>(&'r self, index: usize) -> Result<T, sqlx::Error> {
        match self {
            Self::Sqlite(row) => row.try_get(index),
            Self::Postgres(row) => row.try_get(index),
        }
    }
}

impl On<'_> {
    /// The same for one statement, so that another can follow.
    pub const fn again(&mut self) -> On<'_> {
        match self {
            Self::Sqlite(to) => On::Sqlite(to),
            Self::SqlitePool(to) => On::SqlitePool(to),
            Self::Postgres(to) => On::Postgres(to),
            Self::PostgresPool(to) => On::PostgresPool(to),
        }
    }
}

impl<'a> From<&'a mut Connection> for On<'a> {
    fn from(connection: &'a mut Connection) -> Self {
        match connection {
            Connection::Sqlite(connection) => On::Sqlite(connection),
            Connection::Postgres(connection) => On::Postgres(connection),
        }
    }
}

impl<'a> From<&'a mut Tx<'_>> for On<'a> {
    fn from(tx: &'a mut Tx<'_>) -> Self {
        match tx {
            Tx::Sqlite(tx) => On::Sqlite(tx),
            Tx::Postgres(tx) => On::Postgres(tx),
        }
    }
}

impl<'a> From<&'a Pool> for On<'a> {
    fn from(pool: &'a Pool) -> Self {
        match pool {
            Pool::Sqlite(pool) => On::SqlitePool(pool),
            Pool::Postgres(pool) => On::PostgresPool(pool),
        }
    }
}

impl<'v> From<&'v str> for Value<'v> {
    fn from(text: &'v str) -> Self {
        Self::Text(if text.contains('\0') { text.replace('\0', "\u{fffd}").into() } else { text.into() })
    }
}

impl<'v> From<&'v String> for Value<'v> {
    fn from(text: &'v String) -> Self {
        text.as_str().into()
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(if text.contains('\0') { text.replace('\0', "\u{fffd}").into() } else { text.into() })
    }
}

impl<'v, T: Into<Value<'v>>> From<Option<T>> for Value<'v> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<bool> for Value<'_> {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl<'v> From<&'v [u8]> for Value<'v> {
    fn from(bytes: &'v [u8]) -> Self {
        Self::Bytes(bytes.into())
    }
}
