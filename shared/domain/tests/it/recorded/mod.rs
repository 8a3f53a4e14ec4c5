//! Real sessions held against values that were computed apart from this code. `FIN_TEST_DATA` names their folder; its
//! README tells where they come from.

mod minutes;
mod sessions;
mod ticks;
mod true_ranges;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use domain::Price;

/// The folder of recorded data; without it there is nothing to check, and the test says so.
#[allow(clippy::print_stdout, reason = "a skipped check says so")]
fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("FIN_TEST_DATA").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: FIN_TEST_DATA names no folder");
    }
    folder
}

/// The rows of a CSV file by column name.
fn rows(file: &Path) -> Vec<HashMap<String, String>> {
    let mut reader = csv::Reader::from_path(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    reader.deserialize().map(Result::unwrap).collect()
}

fn price(text: &str) -> Price {
    Price::from_f64(text.parse().unwrap_or_else(|_| panic!("`{text}` is no number"))).unwrap()
}

/// Differences between found and expected values; an empty expectation asks nothing.
struct Checks {
    compared: usize,
    wrong: Vec<String>,
}

impl Checks {
    const PRICE: f64 = 0.0001;
    const PERCENT: f64 = 0.001;

    fn new() -> Self {
        Self { compared: 0, wrong: Vec::new() }
    }

    fn number(&mut self, what: &str, found: Option<f64>, expected: &str, tolerance: f64) {
        if expected.is_empty() {
            return;
        }
        self.compared += 1;
        let wanted: f64 = expected.parse().unwrap();
        if !found.is_some_and(|f| (f - wanted).abs() <= tolerance + 1e-9) {
            self.wrong.push(format!("{what}: {found:?}, not {wanted}"));
        }
    }

    fn price(&mut self, what: &str, found: Option<Price>, expected: &str) {
        self.number(what, found.map(Price::to_f64), expected, Self::PRICE);
    }

    /// Fails with every difference, or if fewer than `least` values were compared.
    fn finish(self, least: usize) {
        assert!(self.wrong.is_empty(), "{} of {} differ:\n{}", self.wrong.len(), self.compared, self.wrong.join("\n"));
        assert!(self.compared >= least, "only {} values compared", self.compared);
    }
}
