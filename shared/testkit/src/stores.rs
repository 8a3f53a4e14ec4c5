//! Places for stores, one kind after the other, so that a test runs on each.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use tempfile::TempDir;

use crate::postgres::PostgresServer;
use crate::timescale::TimescaleServer;

/// Where a test's stores are; all of it goes when this is dropped.
pub struct Stores {
    kind: Kind,
    made: AtomicU32,
}

enum Kind {
    Sqlite(TempDir),
    Postgres(Box<PostgresServer>),
    Timescale(Mutex<Vec<TimescaleServer>>),
}

/// The address of a store that is not there yet.
#[derive(Debug, Clone)]
pub struct Place {
    /// Its URL.
    pub url: String,
    /// The file of its password, if it has one.
    pub password_file: Option<PathBuf>,
}

impl Stores {
    /// Files in a folder.
    pub fn sqlite() -> Self {
        Self { kind: Kind::Sqlite(TempDir::new().unwrap()), made: AtomicU32::new(0) }
    }

    /// Databases of a Postgres server that is started for them.
    pub fn postgres() -> Self {
        let server = PostgresServer::start().unwrap_or_else(|error| panic!("{error}: {error:?}"));
        Self { kind: Kind::Postgres(Box::new(server)), made: AtomicU32::new(0) }
    }

    /// Timescale databases, each of a server of its own. One that writes and one that reads at a time is what they bear.
    pub fn timescale() -> Self {
        Self { kind: Kind::Timescale(Mutex::default()), made: AtomicU32::new(0) }
    }

    /// The next empty one.
    pub fn fresh(&self) -> Place {
        let name = format!("store{}", self.made.fetch_add(1, Ordering::Relaxed));
        match &self.kind {
            Kind::Sqlite(folder) => {
                let path = folder.path().join(name).join("store.db");
                Place { url: format!("sqlite:{}", path.display()), password_file: None }
            }
            Kind::Postgres(server) => {
                server.create(&name).unwrap();
                Place { url: server.url(&name), password_file: Some(server.password_file().unwrap()) }
            }
            Kind::Timescale(servers) => {
                let server = TimescaleServer::start().unwrap();
                let url = server.url();
                servers.lock().unwrap_or_else(PoisonError::into_inner).push(server);
                Place { url, password_file: None }
            }
        }
    }

    /// The server, where it is one.
    pub fn server(&mut self) -> Option<&mut PostgresServer> {
        match &mut self.kind {
            Kind::Sqlite(_) | Kind::Timescale(_) => None,
            Kind::Postgres(server) => Some(server),
        }
    }
}

impl Place {
    /// What opens it.
    pub fn password(&self) -> Option<String> {
        self.password_file.as_ref().map(|file| std::fs::read_to_string(file).unwrap().trim().to_owned())
    }
}

/// Runs each of the named functions, which take [`Stores`], as a test on SQLite and as one on Postgres.
#[macro_export]
macro_rules! on_sqlite_and_postgres {
    ($($name:ident),+ $(,)?) => {
        $crate::on_stores!(sqlite: $($name),+);
        $crate::on_stores!(postgres: $($name),+);
    };
}

/// The same on one kind, which the module is named after.
#[macro_export]
macro_rules! on_stores {
    ($kind:ident: $($name:ident),+ $(,)?) => {
        mod $kind {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::Stores::$kind()).await;
            })+
        }
    };
}
