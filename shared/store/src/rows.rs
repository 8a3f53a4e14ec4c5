//! Many rows at once.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use sqlx::AssertSqlSafe;

use crate::connection::Tx;
use crate::query::{Query, Row, Value, query};
use crate::tables::{Kind, Table};

/// Most rows of one statement in SQLite. What is left over goes in halves of it, so that few statements are prepared.
const AT_ONCE: usize = 32;

/// Writes `rows`, which hold a value for each column of `table` and have different keys; `on_conflict` is the statement's
/// end, which says what happens to a row whose key is there already.
///
/// Postgres gets all of them in one statement, SQLite prepared statements of up to 32 rows.
///
/// # Errors
/// The database refuses, or the connection is lost; some of the rows may stand in the transaction then.
pub async fn write_rows(
    tx: &mut Tx<'_>,
    table: &Table,
    rows: Vec<Vec<Value<'_>>>,
    on_conflict: &str,
) -> Result<(), sqlx::Error> {
    for chunk in chunks(tx, rows) {
        match tx {
            Tx::Sqlite(_) => sqlite(table, chunk, on_conflict).execute(&mut *tx).await?,
            Tx::Postgres(connection) => {
                postgres(table, &chunk, on_conflict).execute(&mut **connection).await?.rows_affected()
            }
        };
    }
    Ok(())
}

/// The same for a table with a `store_seq`, which it returns of every row that was written.
///
/// # Errors
/// Those of [`write_rows`].
pub async fn write_numbered(
    tx: &mut Tx<'_>,
    table: &Table,
    rows: Vec<Vec<Value<'_>>>,
    on_conflict: &str,
) -> Result<BTreeSet<i64>, sqlx::Error> {
    let end = format!("{on_conflict} RETURNING store_seq");
    let mut written = BTreeSet::new();
    for chunk in chunks(tx, rows) {
        match tx {
            Tx::Sqlite(_) => {
                let rows = sqlite(table, chunk, &end).fetch_all(&mut *tx).await?;
                written.extend(rows.iter().map(|row| row.get::<i64>(0)));
            }
            Tx::Postgres(connection) => {
                let rows = postgres(table, &chunk, &end).fetch_all(&mut **connection).await?;
                written.extend(rows.into_iter().map(|row| Row::Postgres(row).get::<i64>(0)));
            }
        }
    }
    Ok(written)
}

/// The rows as the statements take them.
fn chunks<'v>(tx: &Tx<'_>, rows: Vec<Vec<Value<'v>>>) -> Vec<Vec<Vec<Value<'v>>>> {
    let mut size = match tx {
        Tx::Sqlite(_) => AT_ONCE,
        Tx::Postgres(_) => rows.len(),
    };
    let (mut chunks, mut rows) = (Vec::new(), rows.into_iter());
    while rows.len() > 0 {
        while size > rows.len() {
            size /= 2;
        }
        chunks.push(rows.by_ref().take(size).collect());
    }
    chunks
}

fn sqlite<'v>(table: &Table, rows: Vec<Vec<Value<'v>>>, end: &str) -> Query<'v> {
    let mut sql = format!("INSERT INTO {} ({}) VALUES ", table.name, table.names());
    for place in 0..rows.len() * table.columns.len() {
        let before = match (place, place % table.columns.len()) {
            (0, _) => "(",
            (_, 0) => "), (",
            _ => ", ",
        };
        let _ = write!(sql, "{before}${}", place + 1);
    }
    let _ = write!(sql, ") {end}");
    rows.into_iter().flatten().fold(query(AssertSqlSafe(sql)), Query::bind)
}

fn postgres<'q>(
    table: &Table,
    rows: &[Vec<Value<'_>>],
    end: &str,
) -> sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments> {
    let arrays: Vec<String> =
        table.columns.iter().enumerate().map(|(n, (_, kind))| format!("${}::{}[]", n + 1, name(*kind))).collect();
    // `WHERE true` ends the SELECT, without which `ON CONFLICT` could be a join's condition.
    let sql = format!(
        "INSERT INTO {} ({}) SELECT * FROM unnest({}) WHERE true {end}",
        table.name,
        table.names(),
        arrays.join(", ")
    );
    let mut statement = sqlx::query::<sqlx::Postgres>(AssertSqlSafe(sql));
    for (place, (_, kind)) in table.columns.iter().enumerate() {
        let column = rows.iter().map(|row| &row[place]);
        statement = match kind {
            Kind::Text => statement.bind(column.map(text).collect::<Vec<_>>()),
            Kind::Int => statement.bind(column.map(int).collect::<Vec<_>>()),
            Kind::Bool => statement.bind(column.map(truth).collect::<Vec<_>>()),
            Kind::Bytes => statement.bind(column.map(bytes).collect::<Vec<_>>()),
        };
    }
    statement
}

/// Postgres' name for a kind.
const fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Int => "bigint",
        Kind::Bool => "boolean",
        Kind::Bytes => "bytea",
    }
}

fn text<'v>(value: &'v Value<'_>) -> Option<&'v str> {
    if let Value::Text(text) = value { Some(text) } else { None }
}

fn int(value: &Value<'_>) -> Option<i64> {
    if let Value::Int(number) = value { Some(*number) } else { None }
}

fn truth(value: &Value<'_>) -> Option<bool> {
    if let Value::Bool(truth) = value { Some(*truth) } else { None }
}

fn bytes<'v>(value: &'v Value<'_>) -> Option<&'v [u8]> {
    if let Value::Bytes(bytes) = value { Some(bytes) } else { None }
}
