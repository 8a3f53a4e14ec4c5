//! The recorder's store.

use std::time::Duration;

use recorder::store::{Access, StoreUrl, inspect};

use super::Checked;
use super::finding::{Complaint, Finding};
use super::site::Site;

/// A transaction of the recorder takes a fraction of this.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) async fn check(site: &Site) -> Checked {
    let url = match site.recorder.store(&site.settings().data_dir) {
        Ok(url) => url,
        Err(error) => {
            let fix = "set `recorder.store_url` to sqlite:PATH or postgres://USER@HOST:PORT/DATABASE";
            return Finding::fail("store", chassis::logs::chain(&error), fix).into();
        }
    };
    let found = match inspect(&url, PATIENCE).await {
        Ok(Some(found)) => found,
        Ok(None) => return Finding::ok("store", format!("{url} is made at the first start")).into(),
        Err(error) => {
            let detail = format!("{url} cannot be read as a store: {error}");
            return Finding::fail("store", detail, mend(&url)).into();
        }
    };
    let mut complaints = Vec::new();
    if found.version > found.known_version {
        complaints.push(Complaint::fail(
            format!("its tables are of version {}, this program knows {}", found.version, found.known_version),
            format!("use the newer program, or {}", anew(&url)),
        ));
    }
    match &found.access {
        Access::Writable => {}
        Access::Locked => complaints.push(Complaint::fail(
            format!("another process has kept it locked for {} s", PATIENCE.as_secs()),
            format!("end what holds {url}: a second recorder, a backup, an open sqlite3 shell"),
        )),
        Access::Refused(words) => complaints.push(Complaint::fail(
            format!("it cannot be written: {words}"),
            match url {
                StoreUrl::Sqlite(_) => "let this user write the file and its folder, or mount them for writing",
                StoreUrl::Postgres(_) => "log in as the owner of the tables, at the server that takes writes",
            },
        )),
    }
    let word = if found.version < found.known_version { ", brought up to date at the next start" } else { "" };
    Finding::new("store", format!("{url}, tables of version {}{word}", found.version), complaints).into()
}

/// What to do with a store that cannot be read.
fn mend(url: &StoreUrl) -> &'static str {
    match url {
        StoreUrl::Sqlite(_) => "move the file away: the recorder fills a new store from the streams",
        StoreUrl::Postgres(_) => {
            "check address, user, password file and TLS with psql; the database and its owner must exist"
        }
    }
}

/// How to begin with an empty store.
fn anew(url: &StoreUrl) -> &'static str {
    match url {
        StoreUrl::Sqlite(_) => "move the file away and let the recorder read the streams again",
        StoreUrl::Postgres(_) => "name an empty database and let the recorder read the streams again",
    }
}
