//! Rows of a CSV or Parquet file, a batch of columns at a time.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::csv_table::CsvTable;
use super::names::Dictionary;
use super::parquet_table::ParquetTable;
use super::refusal::Refusals;

/// What a column holds and in which unit its numbers come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An instant: UTC nanoseconds.
    Time,
    /// A New York date: days since 1970-01-01.
    Date,
    /// New York wall time: UTC nanoseconds.
    Eastern,
    /// A decimal: counts of 1e-9.
    Decimal,
    /// A price with the noise of a float: to the nearest 1e-4, in counts of 1e-9.
    Noisy,
    /// A whole number.
    Count,
    /// A text: its number in the table's dictionary.
    Text,
}

/// A column as the reader of a file wants it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    /// Its name in the header, in lower case.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// False when the file or a row may lack it.
    pub required: bool,
}

/// A column that every row has.
pub(super) const fn required(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, required: true }
}

/// A column that may be absent or empty.
pub(super) const fn optional(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, required: false }
}

/// Some rows, by column in the order they were asked for. Rows that cannot be read are left out, so `lines` may have
/// holes.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Each row's line in a CSV file, its number from 1 in a Parquet file.
    pub lines: Vec<u64>,
    /// The columns; `None` where a value is not there.
    pub columns: Vec<Vec<Option<i64>>>,
}

impl Batch {
    pub(super) fn clear(&mut self, columns: usize) {
        self.lines.clear();
        self.columns.resize_with(columns, Vec::new);
        self.columns.iter_mut().for_each(Vec::clear);
    }

    /// The value of `column` in `row`; zero where there is none, which a required column excludes.
    pub(super) fn get(&self, column: usize, row: usize) -> i64 {
        self.columns[column][row].unwrap_or_default()
    }
}

/// An open file.
pub(super) struct Table {
    /// Where it is, for errors.
    pub path: PathBuf,
    /// Texts of its text columns.
    pub dictionary: Dictionary,
    rows: Rows,
}

enum Rows {
    Csv(Box<CsvTable>),
    Parquet(Box<ParquetTable>),
}

impl Table {
    /// Opens a file by its ending and finds `columns` in it.
    ///
    /// # Errors
    /// The file cannot be read, or lacks a required column.
    pub(super) fn open(path: &Path, columns: &'static [Column], batch_rows: usize) -> anyhow::Result<Self> {
        let name = || path.display().to_string();
        let file = File::open(path).with_context(name)?;
        let rows = if path.extension().is_some_and(|ending| ending == "parquet") {
            Rows::Parquet(Box::new(ParquetTable::open(file, columns, batch_rows).with_context(name)?))
        } else {
            Rows::Csv(Box::new(CsvTable::open(file, columns, batch_rows).with_context(name)?))
        };
        Ok(Self { path: path.to_owned(), dictionary: Dictionary::default(), rows })
    }

    /// Reads the next rows into `batch`; false at the end of the file.
    ///
    /// # Errors
    /// The file is damaged, or a row is refused and that is not allowed.
    pub(super) fn read(&mut self, batch: &mut Batch, refusals: &mut Refusals) -> anyhow::Result<bool> {
        let read = match &mut self.rows {
            Rows::Csv(table) => table.read(&self.path, &mut self.dictionary, batch, refusals),
            Rows::Parquet(table) => table.read(&self.path, &mut self.dictionary, batch, refusals),
        };
        read.with_context(|| self.path.display().to_string())
    }
}
