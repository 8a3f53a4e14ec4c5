//! Places for stores, one kind after the other, so that a test runs on each.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

use crate::postgres::PostgresServer;

/// Where a test's stores are; all of it goes when this is dropped.
pub struct Stores {
    kind: Kind,
    made: AtomicU32,
}

enum Kind {
    Sqlite(TempDir),
    Postgres(Box<PostgresServer>),
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
        let server = PostgresServer::start().unwrap_or_else(|error| panic!("{error}: {:?}", error));
        Self { kind: Kind::Postgres(Box::new(server)), made: AtomicU32::new(0) }
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
        }
    }

    /// The server, where it is one.
    pub fn server(&mut self) -> Option<&mut PostgresServer> {
        match &mut self.kind {
            Kind::Sqlite(_) => None,
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
macro_rules! on_every_store {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::Stores::sqlite()).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::Stores::postgres()).await;
            })+
        }
    };
}
