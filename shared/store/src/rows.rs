//! Many rows at once.

use std::collections::BTreeSet;
use std::sync::Arc;

use sqlx::{AssertSqlSafe, Row as _};

use crate::connection::Tx;
use crate::query::{Query, Value, query};
use crate::tables::{Kind, Table};

/// Writes `rows`, which hold a value for each column of `table` and have different keys; `on_conflict` is the statement's
/// end, which says what happens to a row whose key is there already. Returns the `store_seq` of every row that was written;
/// nothing for a table without that column.
///
/// Postgres gets all of them in one statement, SQLite a prepared statement for each.
///
/// # Errors
/// The database refuses, or the connection is lost; some of the rows may stand in the transaction then.
pub async fn write_rows(
    tx: &mut Tx<'_>,
    table: &Table,
    rows: Vec<Vec<Value<'_>>>,
    on_conflict: &str,
) -> Result<BTreeSet<i64>, sqlx::Error> {
    if rows.is_empty() {
        return Ok(BTreeSet::new());
    }
    let seq = table.place_of("store_seq");
    let into = format!("INSERT INTO {} ({})", table.name, table.names());
    match tx {
        Tx::Sqlite(_) => {
            let places: Vec<String> = (1..=table.columns.len()).map(|n| format!("${n}")).collect();
            let sql: Arc<str> = format!("{into} VALUES ({}) {on_conflict}", places.join(", ")).into();
            let mut written = BTreeSet::new();
            for row in rows {
                let number = seq.and_then(|place| match row[place] {
                    Value::Int(number) => Some(number),
                    _ => None,
                });
                let statement = query(AssertSqlSafe(Arc::clone(&sql)));
                let statement = row.into_iter().fold(statement, Query::bind);
                if statement.execute(&mut *tx).await? > 0 {
                    written.extend(number);
                }
            }
            Ok(written)
        }
        Tx::Postgres(connection) => {
            let arrays: Vec<String> =
                table.columns.iter().enumerate().map(|(n, (_, kind))| format!("${}::{}[]", n + 1, name(*kind))).collect();
            let returning = if seq.is_some() { "RETURNING store_seq" } else { "" };
            // `WHERE true` ends the SELECT, without which `ON CONFLICT` could be a join's condition.
            let sql =
                format!("{into} SELECT * FROM unnest({}) WHERE true {on_conflict} {returning}", arrays.join(", "));
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
            let written = statement.fetch_all(&mut **connection).await?;
            Ok(written.iter().map(|row| row.get(0)).collect())
        }
    }
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
