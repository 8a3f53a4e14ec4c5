//! The rows that the recorder wrote, inserted by nothing but the database's driver.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};
use store::tables::{TABLES, Table};
use store::{Connection, StoreUrl, Value, query};
use testkit::PostgresServer;

/// One row in so many is taken.
const ONE_IN: i64 = 10;
/// Rows of one transaction, about as many as the recorder writes in one.
const BATCH: usize = 2_000;
/// Each side is measured so often; the quickest counts, since disturbances only slow it down.
const ROUNDS: usize = 3;

/// Some rows of every table, and the statements that make the tables.
pub(crate) struct Sample {
    schema: Vec<String>,
    rows: Vec<(&'static Table, Vec<Vec<Value<'static>>>)>,
}

impl Sample {
    /// Takes it out of a store in SQLite.
    pub(crate) async fn read(url: &StoreUrl) -> anyhow::Result<Self> {
        let mut connection = Connection::reader(url, Duration::from_secs(5)).await?;
        let made = query("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE '\\_%' ESCAPE '\\'");
        let schema = made.fetch_all(&mut connection).await?.iter().map(|row| row.get(0)).collect();
        let mut rows = Vec::new();
        for table in &TABLES {
            let sql = AssertSqlSafe(format!("SELECT {} FROM {} WHERE rowid % $1 = 0", table.names(), table.name));
            let found = query(sql).bind(ONE_IN).fetch_all(&mut connection).await?;
            let values = found.iter().map(|row| {
                table.columns.iter().enumerate().map(|(at, (_, kind))| row.value(at, *kind)).collect::<Result<_, _>>()
            });
            rows.push((table, values.collect::<Result<Vec<_>, _>>()?));
        }
        Ok(Self { schema, rows })
    }

    fn count(&self) -> usize {
        self.rows.iter().map(|(_, rows)| rows.len()).sum()
    }
}

/// Rows a second of a prepared statement for each row.
pub(crate) async fn into_sqlite(sample: &Sample, path: &Path) -> anyhow::Result<f64> {
    let mut best = 0.0_f64;
    for _ in 0..ROUNDS {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal);
        let mut connection = options.connect().await?;
        for statement in &sample.schema {
            connection.execute(AssertSqlSafe(statement.clone())).await.with_context(|| statement.clone())?;
        }
        let begun = Instant::now();
        for (table, rows) in &sample.rows {
            let places: Vec<String> = (1..=table.columns.len()).map(|n| format!("${n}")).collect();
            let sql = format!("INSERT INTO {} ({}) VALUES ({})", table.name, table.names(), places.join(", "));
            for batch in rows.chunks(BATCH) {
                let mut tx = connection.begin().await?;
                for row in batch {
                    let mut statement = sqlx::query(AssertSqlSafe(sql.clone()));
                    for value in row {
                        statement = match value {
                            Value::Null => statement.bind(None::<&str>),
                            Value::Text(text) => statement.bind(text.as_ref()),
                            Value::Int(number) => statement.bind(*number),
                            Value::Bool(truth) => statement.bind(*truth),
                            Value::Bytes(bytes) => statement.bind(bytes.as_ref()),
                        };
                    }
                    statement.execute(&mut *tx).await?;
                }
                tx.commit().await?;
            }
        }
        best = best.max(sample.count() as f64 / begun.elapsed().as_secs_f64());
        connection.close().await?;
        std::fs::remove_file(path)?;
    }
    Ok(best)
}

/// Rows a second of `COPY`, into tables of the same keys and indexes.
pub(crate) async fn into_postgres(sample: &Sample, server: &PostgresServer, database: &str) -> anyhow::Result<f64> {
    let options: sqlx::postgres::PgConnectOptions = server.url(database).parse()?;
    let mut connection =
        options.password(PostgresServer::PASSWORD).options([("synchronous_commit", "off")]).connect().await?;
    for statement in &sample.schema {
        let statement = statement.replace("BLOB", "BYTEA");
        connection.execute(AssertSqlSafe(statement.clone())).await.with_context(|| statement.clone())?;
    }
    let batches: Vec<(String, String)> = sample
        .rows
        .iter()
        .flat_map(|(table, rows)| {
            let sql = format!("COPY {} ({}) FROM STDIN", table.name, table.names());
            rows.chunks(BATCH).map(move |batch| (sql.clone(), lines(batch)))
        })
        .collect();
    let mut best = 0.0_f64;
    for _ in 0..ROUNDS {
        for table in &TABLES {
            connection.execute(AssertSqlSafe(format!("TRUNCATE {}", table.name))).await?;
        }
        let begun = Instant::now();
        for (sql, text) in &batches {
            let mut copy = connection.copy_in_raw(sql).await?;
            copy.send(text.as_bytes()).await?;
            copy.finish().await?;
        }
        best = best.max(sample.count() as f64 / begun.elapsed().as_secs_f64());
    }
    Ok(best)
}

/// Rows in COPY's text form.
fn lines(rows: &[Vec<Value<'_>>]) -> String {
    let mut text = String::new();
    for row in rows {
        for (at, value) in row.iter().enumerate() {
            if at > 0 {
                text.push('\t');
            }
            match value {
                Value::Null => text.push_str("\\N"),
                Value::Int(number) => {
                    let _ = write!(text, "{number}");
                }
                Value::Bool(truth) => text.push(if *truth { 't' } else { 'f' }),
                Value::Bytes(bytes) => {
                    text.push_str("\\\\x");
                    for byte in bytes.iter() {
                        let _ = write!(text, "{byte:02x}");
                    }
                }
                Value::Text(words) => words.chars().for_each(|c| match c {
                    '\\' => text.push_str("\\\\"),
                    '\t' => text.push_str("\\t"),
                    '\n' => text.push_str("\\n"),
                    '\r' => text.push_str("\\r"),
                    other => text.push(other),
                }),
            }
        }
        text.push('\n');
    }
    text
}
