//! The tables, one file per change, written once for both databases.

use std::sync::LazyLock;

use sqlx::migrate::{MigrateError, Migration, Migrator};
use sqlx::{AssertSqlSafe, SqlSafeStr as _};
use store::Connection;

static SQLITE: Migrator = sqlx::migrate!("./migrations");
/// What Postgres needs before the tables.
static POSTGRES_FIRST: Migrator = sqlx::migrate!("./migrations/postgres");
const TIMESCALE: &str = include_str!("../../migrations/postgres/timescale.sql");

/// The same tables in the words of Postgres. Its texts compare by bytes, as in SQLite, whatever the database's language.
static POSTGRES: LazyLock<Migrator> = LazyLock::new(|| {
    let translated = SQLITE.iter().map(|migration| {
        let sql = migration.sql.as_str().replace(" TEXT", " TEXT COLLATE \"C\"").replace(" BLOB", " BYTEA");
        let sql = AssertSqlSafe(sql).into_sql_str();
        Migration::new(migration.version, migration.description.clone(), migration.migration_type, sql, migration.no_tx)
    });
    Migrator::with_migrations(POSTGRES_FIRST.iter().cloned().chain(translated).collect())
});

/// The last change that this program knows.
pub fn known_version() -> i64 {
    SQLITE.iter().map(|migration| migration.version).max().unwrap_or(0)
}

/// Brings the tables up to date.
pub(super) async fn migrate(connection: &mut Connection) -> Result<(), sqlx::Error> {
    // Not `run`: its future is bound to one lifetime and so cannot be sent to another thread.
    match connection {
        Connection::Sqlite(connection) => SQLITE.run_direct(None, connection, false).await?,
        Connection::Postgres(connection) => {
            POSTGRES.run_direct(None, &mut *connection, false).await?;
            sqlx::raw_sql(TIMESCALE).execute(connection).await.map_err(MigrateError::Execute)?;
        }
    }
    Ok(())
}
