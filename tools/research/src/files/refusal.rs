//! Rows that make no sense: counted, named with their place, never silently passed over.

use std::fmt;
use std::path::Path;

/// One refused row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {column} is `{value}`, must be {expected}")]
pub struct Refusal {
    place: String,
    column: &'static str,
    value: String,
    expected: String,
}

impl Refusal {
    /// `value` of `column` at `line` (of a Parquet file: at that row, from 1) of `file`.
    pub fn new(file: &Path, line: u64, column: &'static str, value: &str, expected: impl fmt::Display) -> Self {
        let value = value.chars().take(40).collect();
        Self { place: format!("{}:{line}", file.display()), column, value, expected: expected.to_string() }
    }
}

/// What was refused so far.
#[derive(Debug, Default)]
pub struct Refusals {
    strict: bool,
    count: u64,
    first: Vec<Refusal>,
}

/// How many refused rows are kept word for word.
const KEPT: usize = 20;

impl Refusals {
    /// With `strict` the first refused row is an error.
    pub const fn new(strict: bool) -> Self {
        Self { strict, count: 0, first: Vec::new() }
    }

    /// Takes a refused row.
    ///
    /// # Errors
    /// The row itself, when strict.
    pub fn add(&mut self, refusal: Refusal) -> Result<(), Refusal> {
        if self.strict {
            return Err(refusal);
        }
        self.count += 1;
        if self.first.len() < KEPT {
            self.first.push(refusal);
        }
        Ok(())
    }

    /// How many rows were refused.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The first of them, in words.
    pub fn first(&self) -> impl Iterator<Item = String> {
        self.first.iter().map(ToString::to_string)
    }
}
