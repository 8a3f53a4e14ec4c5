//! Looks at a store without changing it.

use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};

use super::dialect::{MIGRATIONS, StoreUrl};

/// How a store is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// The last change of its tables; 0 for none.
    pub version: i64,
    /// The last change that this program knows.
    pub known_version: i64,
    /// Whether it takes a writer.
    pub access: Access,
}

/// Whether a store takes a writer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// It does.
    Writable,
    /// Another process has been writing for all the time that was given.
    Locked,
    /// It does not; the database's words.
    Refused(String),
}

/// Looks at the store at `url`, waiting at most `patience` for whoever writes; `None` if there is none.
///
/// # Errors
/// What stands there cannot be read as a store.
pub async fn inspect(url: &StoreUrl, patience: Duration) -> Result<Option<Inspection>, sqlx::Error> {
    if !url.path().exists() {
        return Ok(None);
    }
    let options = SqliteConnectOptions::new().filename(url.path()).busy_timeout(patience);
    let mut connection = options.connect().await?;
    let version = version(&mut connection).await?;
    let access = match sqlx::raw_sql("BEGIN IMMEDIATE; ROLLBACK").execute(&mut connection).await {
        Ok(_) => Access::Writable,
        Err(error) if is_busy(&error) => Access::Locked,
        Err(error) => Access::Refused(error.to_string()),
    };
    connection.close().await?;
    let known_version = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0);
    Ok(Some(Inspection { version, known_version, access }))
}

async fn version(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    let tables = "SELECT COUNT(*) FROM sqlite_master WHERE name = '_sqlx_migrations'";
    let made: i64 = sqlx::query(tables).fetch_one(&mut *connection).await?.get(0);
    if made == 0 {
        return Ok(0);
    }
    let last = "SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations WHERE success";
    Ok(sqlx::query(last).fetch_one(connection).await?.get(0))
}

/// `SQLITE_BUSY` and what extends it.
fn is_busy(error: &sqlx::Error) -> bool {
    let code =
        error.as_database_error().and_then(sqlx::error::DatabaseError::code).and_then(|code| code.parse::<u32>().ok());
    code.is_some_and(|code| code & 0xff == 5)
}
