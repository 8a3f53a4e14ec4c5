//! Where the store is.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use chassis::{Fault, Secret};
use serde::Deserialize;
use sqlx::postgres::PgConnectOptions;

/// What a store's address looks like, for messages.
const FORM: &str = "sqlite:PATH or postgres://USER@HOST:PORT/DATABASE";

/// The keys of the recorder's table that say where the store is; whoever reads the store reads them too.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct StoreSection {
    /// `sqlite:PATH` or `postgres://USER@HOST:PORT/DATABASE`; empty means `store.db` in the data folder.
    pub store_url: String,
    /// The password of Postgres; environment only.
    pub store_password: Option<Secret>,
    /// File that holds it.
    pub store_password_file: Option<PathBuf>,
}

impl StoreSection {
    /// The store's address, with its password if one is named.
    ///
    /// # Errors
    /// Names the key, and the file of the password if that cannot be read. Shows no password.
    pub fn url(&self, data_dir: &Path) -> Result<StoreUrl, Fault> {
        if self.store_url.is_empty() {
            return Ok(StoreUrl::Sqlite(data_dir.join("store.db")));
        }
        let mut url: StoreUrl =
            self.store_url.parse().map_err(|error: UrlError| Fault::new("recorder.store_url", error.to_string()))?;
        if let StoreUrl::Postgres(postgres) = &mut url
            && (self.store_password.is_some() || self.store_password_file.is_some())
        {
            let (value, file) = (self.store_password.as_ref(), self.store_password_file.as_deref());
            postgres.password = Some(Secret::resolve("recorder.store_password", value, file)?);
        }
        Ok(url)
    }
}

/// A store's address. Printing it shows no password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreUrl {
    /// `sqlite:PATH`
    Sqlite(PathBuf),
    /// `postgres://USER@HOST:PORT/DATABASE?sslmode=…`
    Postgres(Postgres),
}

/// A database of a Postgres server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Postgres {
    /// The address, without a password.
    pub address: String,
    /// What opens it; without one libpq's variables and `~/.pgpass` are asked.
    pub password: Option<Secret>,
}

/// Why a store's address was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// It is something else. Holds what was given, a password in it replaced.
    #[error("is `{0}`, must be of the form {FORM}")]
    Form(String),
    /// A password stands in it, where logs and process lists would show it.
    #[error("holds a password (`{0}`): give it in a file named by recorder.store_password_file, or in the environment")]
    Password(String),
    /// A Postgres address that cannot be read.
    #[error("is `{address}`, which cannot be read: {reason}")]
    Unreadable {
        /// What was given.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl StoreUrl {
    /// The store in this file.
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        Self::Sqlite(path.into())
    }

    /// Its file, if it is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
            Self::Postgres(_) => None,
        }
    }

    /// How long a transaction may take before the store counts as lost. A file cannot be.
    pub const fn silence_max(&self) -> Duration {
        match self {
            Self::Sqlite(_) => Duration::MAX,
            Self::Postgres(_) => Duration::from_secs(60),
        }
    }

    /// The same with a password, which a file does not need.
    #[must_use]
    pub fn with_password(mut self, password: Option<Secret>) -> Self {
        if let Self::Postgres(postgres) = &mut self {
            postgres.password = password;
        }
        self
    }
}

impl Postgres {
    pub(crate) fn options(&self) -> Result<PgConnectOptions, sqlx::Error> {
        let options = PgConnectOptions::from_str(&self.address)?;
        Ok(match &self.password {
            Some(password) => options.password(password.expose()),
            None => options,
        })
    }
}

impl FromStr for StoreUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        match text.split_once(':') {
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::sqlite(path)),
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => {
                let shown = without_password(text);
                if shown != text {
                    return Err(UrlError::Password(shown));
                }
                PgConnectOptions::from_str(text)
                    .map_err(|error| UrlError::Unreadable { address: text.to_owned(), reason: error.to_string() })?;
                Ok(Self::Postgres(Postgres { address: text.to_owned(), password: None }))
            }
            _ => Err(UrlError::Form(without_password(text))),
        }
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(postgres) => f.write_str(&postgres.address),
        }
    }
}

/// The address with stars for a password, before the host or among the parameters.
fn without_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    // The host begins after the last `@`: an unescaped one may stand in the password, as may a `/` or `?`.
    let (before, after) = rest.rsplit_once('@').map_or((None, rest), |(user, host)| (Some(user), host));
    let user = before.map(|user| user.split_once(':').map_or(user.to_owned(), |(name, _)| format!("{name}:***")));
    let (place, parameters) = after.split_once('?').map_or((after, None), |(place, found)| (place, Some(found)));
    let parameters = parameters.map(|found| {
        let hidden = found.split('&').map(|pair| match pair.split_once('=') {
            Some((key @ ("password" | "sslpassword"), _)) => format!("{key}=***"),
            _ => pair.to_owned(),
        });
        format!("?{}", hidden.collect::<Vec<_>>().join("&"))
    });
    let user = user.map(|user| format!("{user}@")).unwrap_or_default();
    format!("{scheme}://{user}{place}{}", parameters.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_a_password_in_one_is_refused_without_being_shown() {
        for text in ["sqlite:/d/store.db", "postgres://fin@db:5432/fin?sslmode=require", "postgresql:///fin?host=/run"]
        {
            assert_eq!(text.parse::<StoreUrl>().unwrap().to_string(), text);
        }
        let check = |text: &str, expected: &str| {
            let error = text.parse::<StoreUrl>().unwrap_err().to_string();
            assert!(error.contains(expected) && !error.contains("hush"), "{error}");
        };
        check("postgres://fin:hush@db/fin", "`postgres://fin:***@db/fin`");
        check("postgres://fin:hu@hush/?@db/fin", "holds a password (`postgres://fin:***@db/fin`)");
        check("postgres://fin@db/fin?sslmode=require&password=hush", "password=***");
        check("mysql://root:hush@x/y", "is `mysql://root:***@x/y`, must be of the form sqlite:PATH or postgres://");
        check("sqlite:", "must be of the form");
        check("postgres://fin@db:port/fin", "cannot be read");
    }

    #[test]
    fn the_password_comes_from_the_file_or_the_environment_and_is_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        std::fs::write(&file, "hush\n").unwrap();
        let section = StoreSection {
            store_url: "postgres://fin@db/fin".into(),
            store_password_file: Some(file.clone()),
            ..StoreSection::default()
        };
        let url = section.url(folder.path()).unwrap();
        let StoreUrl::Postgres(postgres) = &url else { panic!("{url}") };
        assert_eq!(postgres.password.as_ref().map(Secret::expose), Some("hush"));
        assert!(!format!("{url} {url:?}").contains("hush"));
        std::fs::remove_file(&file).unwrap();
        let fault = section.url(folder.path()).unwrap_err().to_string();
        assert!(fault.contains("recorder.store_password_file") && fault.contains("cannot be read"), "{fault}");
        let none = StoreSection::default().url(Path::new("/d")).unwrap();
        assert_eq!(none, StoreUrl::sqlite("/d/store.db"));
    }
}
