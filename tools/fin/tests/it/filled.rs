//! Stores with rows of every kind in every table, and the program that moves them.

use std::cmp::Ordering;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use recorder::store::{Store, StoreUrl};
use serde_json::Value as Json;
use store::tables::{EVENTS, Kind, STORE, TABLES, Table};
use store::{AssertSqlSafe, Connection, Value, Values, query, write_rows};
use testkit::Place;
use tokio::process::Command;

/// The command with these arguments, in no configured surroundings.
pub(crate) fn command<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fin"));
    command.args(arguments).kill_on_drop(true);
    for name in ["FIN__PROFILE", "PGPASSWORD", "PGPASSFILE", "PGHOST"] {
        command.env_remove(name);
    }
    command
}

/// Carries it out.
pub(crate) async fn fin<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> Output {
    command(arguments).output().await.unwrap()
}

/// What it told beside its data.
pub(crate) fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The last line of its data.
pub(crate) fn json(output: &Output) -> Json {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(text.lines().last().unwrap_or_default()).unwrap_or_else(|e| panic!("{e}: {}", told(output)))
}

/// An address and the file of its password as options.
pub(crate) fn options(place: &Place, url: &str, password_file: &str) -> Vec<String> {
    let mut options = vec![url.to_owned(), place.url.clone()];
    options.extend(place.password_file.iter().flat_map(|file| [password_file.to_owned(), text(file)]));
    options
}

pub(crate) fn text(path: &Path) -> String {
    path.display().to_string()
}

/// Rows of a table of the filled store, in the order of their keys.
pub(crate) fn rows(table: &Table, events: i64) -> Vec<Values> {
    let count = if *table == STORE { 1 } else { 150 };
    let count = if *table == EVENTS { events } else { count };
    let mut rows: Vec<Values> = (0..count).map(|n| row(table, n)).collect();
    rows.sort_by(|a, b| by_key(&a[..table.key], &b[..table.key]));
    rows
}

/// The order of both databases: texts by their bytes, numbers by their size.
fn by_key(a: &[Value<'_>], b: &[Value<'_>]) -> Ordering {
    let pair = |(a, b): (&Value<'_>, &Value<'_>)| match (a, b) {
        (Value::Text(a), Value::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        other => panic!("{other:?} is no key"),
    };
    a.iter().zip(b).map(pair).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

/// Row `n`: texts that languages sort in other ways than bytes, the outermost numbers, what is unknown, and a large blob.
fn row(table: &Table, n: i64) -> Values {
    const BLOB: usize = 3 * 1024 * 1024;
    let word = ["a", "B", "é", "z-", "😀"][n as usize % 5];
    let value = |place: usize, name: &str, kind: Kind| match kind {
        Kind::Int if *table == STORE && place == 0 => Value::Int(1),
        Kind::Int if place == 0 || n > 1 => Value::Int(n * 1_000_000_007 - 70_000_000_000),
        Kind::Int => Value::Int(if n == 0 { i64::MIN } else { i64::MAX }),
        Kind::Text if place < table.key => format!("{word}{n}").into(),
        Kind::Text if ["story", "symbol", "plan_id"].contains(&name) && n % 3 == 0 => Value::Null,
        Kind::Text => format!("{name} {n}: \"{word}\", and\na second line").into(),
        Kind::Bool => Value::Bool(n % 2 == 0),
        Kind::Bytes if n == 7 => Value::Bytes((0..BLOB).map(|at| at as u8).collect()),
        Kind::Bytes => Value::Bytes((0..600).map(|at| (at * n) as u8).collect()),
    };
    table.columns.iter().enumerate().map(|(place, (name, kind))| value(place, name, *kind)).collect()
}

/// Makes the store, with so many events.
pub(crate) async fn fill(url: &StoreUrl, events: i64) {
    let mut store = Store::open(url).await.unwrap();
    let mut tx = store.connection().begin().await.unwrap();
    query("DELETE FROM store").execute(&mut tx).await.unwrap();
    for table in &TABLES {
        for part in rows(table, events).chunks(1_000) {
            write_rows(&mut tx, table, part.to_vec(), "").await.unwrap();
        }
    }
    tx.commit().await.unwrap();
    store.close().await.unwrap();
}

/// Everything in a table as the database gives it, sorted here.
pub(crate) async fn held(url: &StoreUrl, table: &Table) -> Vec<Values> {
    let mut connection = Connection::reader(url, Duration::from_secs(5)).await.unwrap();
    let sql = AssertSqlSafe(format!("SELECT {} FROM {}", table.names(), table.name));
    let found = query(sql).fetch_all(&mut connection).await.unwrap();
    let values = |row: &store::Row| -> Values {
        table.columns.iter().enumerate().map(|(at, (_, kind))| row.value(at, *kind).unwrap()).collect()
    };
    let mut rows: Vec<Values> = found.iter().map(values).collect();
    rows.sort_by(|a, b| by_key(&a[..table.key], &b[..table.key]));
    connection.close().await.unwrap();
    rows
}

/// Changes a store behind everybody's back.
pub(crate) async fn change(url: &StoreUrl, sql: &'static str) {
    let mut connection = Connection::writer(url).await.unwrap();
    assert_eq!(query(sql).execute(&mut connection).await.unwrap(), 1, "{sql}");
    connection.close().await.unwrap();
}
