//! The spool in real folders: against a model, against torn and changed files, against the kill of its process.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic here is a failed test")]

mod damage;
mod kill;
mod model;

use std::path::Path;

use spool::{Recovered, Spool};

/// Opens the spool in `folder` and gives every record found, in order.
fn open(folder: &Path, bytes_max: u64) -> (Spool, Vec<(u64, Vec<u8>)>, Recovered) {
    let mut found = Vec::new();
    let (spool, recovered) = Spool::open(folder, bytes_max, |seq, record| found.push((seq, record.to_vec()))).unwrap();
    assert_eq!(recovered.records, found.len() as u64);
    (spool, found, recovered)
}
