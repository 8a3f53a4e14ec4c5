//! Looks at a store without changing it.

use std::time::Duration;

use store::{Connection, StoreUrl, query};

use super::schema;

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

/// Looks at the store at `url`, waiting at most `patience` for whoever writes; `None` if there is none, or no table in it.
///
/// # Errors
/// What stands there cannot be reached, or not be read as a store.
pub async fn inspect(url: &StoreUrl, patience: Duration) -> Result<Option<Inspection>, sqlx::Error> {
    if url.path().is_some_and(|path| !path.exists()) {
        return Ok(None);
    }
    let mut connection = Connection::reader(url, patience).await?;
    let version = tables_version(&mut connection).await?;
    if matches!(url, StoreUrl::Postgres(_)) && version == 0 {
        connection.close().await?;
        return Ok(None);
    }
    let access = access(url, &mut connection, patience).await?;
    connection.close().await?;
    Ok(Some(Inspection { version, known_version: schema::known_version(), access }))
}

/// The last change of a store's tables; 0 where there are none.
///
/// # Errors
/// The database refuses, or the connection is lost.
pub async fn tables_version(connection: &mut Connection) -> Result<i64, sqlx::Error> {
    let tables = match connection {
        Connection::Sqlite(_) => "SELECT COUNT(*) FROM sqlite_master WHERE name = '_sqlx_migrations'",
        Connection::Postgres(_) => "SELECT COUNT(*) FROM pg_tables WHERE tablename = '_sqlx_migrations'",
    };
    if query(tables).fetch_one(&mut *connection).await?.get::<i64>(0) == 0 {
        return Ok(0);
    }
    let last = "SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations WHERE success";
    Ok(query(last).fetch_one(connection).await?.get(0))
}

async fn access(url: &StoreUrl, found: &mut Connection, patience: Duration) -> Result<Access, sqlx::Error> {
    match url {
        // Only a transaction that may write shows it.
        StoreUrl::Sqlite(path) => {
            use sqlx::{ConnectOptions as _, Connection as _};
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).busy_timeout(patience);
            let mut connection = options.connect().await?;
            let access = match sqlx::raw_sql("BEGIN IMMEDIATE; ROLLBACK").execute(&mut connection).await {
                Ok(_) => Access::Writable,
                Err(error) if is_busy(&error) => Access::Locked,
                Err(error) => Access::Refused(error.to_string()),
            };
            connection.close().await?;
            Ok(access)
        }
        // Here the recorder that runs keeps the writer's lock for good, so only the rights are asked for.
        StoreUrl::Postgres(_) => {
            let rights = "SELECT current_user::text, has_table_privilege('events', 'INSERT'), pg_is_in_recovery()";
            let row = query(rights).fetch_one(found).await?;
            Ok(if row.get::<bool>(2) {
                Access::Refused("the server is a replica".to_owned())
            } else if row.get::<bool>(1) {
                Access::Writable
            } else {
                Access::Refused(format!("{} may not insert into events", row.get::<&str>(0)))
            })
        }
    }
}

/// `SQLITE_BUSY` and what extends it.
pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    let code =
        error.as_database_error().and_then(sqlx::error::DatabaseError::code).and_then(|code| code.parse::<u32>().ok());
    code.is_some_and(|code| code & 0xff == 5)
}
