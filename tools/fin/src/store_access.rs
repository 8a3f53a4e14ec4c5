//! A store that the command line names: its address, its password, and whether it can be read.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use chassis::Secret;
use recorder::store::{StoreUrl, UrlError, known_version, tables_version};
use research::usage::UsageError;
use store::{Connection, query};

use crate::exit::NotFound;

/// The address that the option of this name holds. Postgres gets the password in the file, else what libpq knows counts.
pub(crate) fn address(option: &str, text: &str, password_file: Option<&Path>) -> anyhow::Result<StoreUrl> {
    let url = text.parse::<StoreUrl>().map_err(|error| match error {
        UrlError::Password(shown) => UsageError(format!(
            "{option} holds a password (`{shown}`), which others could see: put it into a file and name that, or use \
             PGPASSWORD or ~/.pgpass"
        )),
        UrlError::Form(_) | UrlError::Unreadable { .. } => UsageError(format!("{option} {error}")),
    })?;
    let Some(file) = password_file else { return Ok(url) };
    let password = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    match password.trim() {
        "" => bail!("{} is empty", file.display()),
        password => Ok(url.with_password(Some(Secret::new(password)))),
    }
}

/// Opens a store for reading, if it is one and whole.
pub(crate) async fn open_to_read(url: &StoreUrl) -> anyhow::Result<Connection> {
    const PATIENCE: Duration = Duration::from_secs(5);
    let none = || NotFound(format!("there is no store at {url}"));
    if url.path().is_some_and(|path| !path.exists()) {
        return Err(none().into());
    }
    let cannot = || format!("{url} cannot be read");
    let mut connection = Connection::reader(url, PATIENCE).await.with_context(cannot)?;
    let (found, known) = (tables_version(&mut connection).await.with_context(cannot)?, known_version());
    if found == 0 {
        return Err(none().into());
    }
    if found != known {
        bail!(
            "the tables of {url} are of version {found}, this program knows {known}: start a recorder of its version once"
        );
    }
    let finished = query("SELECT COUNT(*) FROM store").fetch_one(&mut connection).await.with_context(cannot)?;
    if finished.get::<i64>(0) == 0 {
        bail!("{url} is an unfinished copy: first finish the `fin migrate` that makes it");
    }
    Ok(connection)
}
