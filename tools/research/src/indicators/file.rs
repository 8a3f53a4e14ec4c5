//! Daily bars of one symbol, from a file.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use domain::market::DailyBar;
use domain::{Price, SessionDate, Symbol};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;

/// Why a file gives no daily bars.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be opened or read.
    #[error("{}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It has no such column.
    #[error("{}: no column `{column}`", path.display())]
    Column {
        /// The file.
        path: PathBuf,
        /// What it lacks.
        column: &'static str,
    },
    /// A value makes no sense.
    #[error("{}:{line}: {column} is `{value}`, must be {expected}", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// The line, or the row of a Parquet file, from 1.
        line: usize,
        /// The column.
        column: &'static str,
        /// What it holds.
        value: String,
        /// What it may hold.
        expected: &'static str,
    },
    /// It has no bars of the symbol.
    #[error("{}: no daily bars of {symbol}", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// The symbol asked for.
        symbol: Symbol,
    },
}

/// The daily bars of `symbol` in `path`, oldest first. The ending tells the format: `.csv` with a header, `.parquet`, or
/// `.zip` as LEAN writes it.
///
/// # Errors
/// The file cannot be read, lacks a column, holds a value that makes no sense, or has no bars of `symbol`.
pub fn daily_bars(path: &Path, symbol: &Symbol) -> Result<Vec<DailyBar>, FileError> {
    let bars = match path.extension().and_then(|ending| ending.to_str()) {
        Some("parquet") => from_parquet(path, symbol)?,
        Some("zip") => from_lean(path, symbol)?,
        _ => from_csv(path, symbol)?,
    };
    if bars.is_empty() {
        return Err(FileError::Empty { path: path.to_owned(), symbol: symbol.clone() });
    }
    Ok(bars.into_values().collect())
}

/// The columns of a row, in the order in which they are read.
const COLUMNS: [&str; 6] = ["date", "open", "high", "low", "close", "volume"];
const SYMBOL: &str = "symbol";

/// LEAN counts dollars in hundredths of a cent.
const LEAN_PRICE: Price = Price::from_nanos(100_000);

type Bars = BTreeMap<SessionDate, DailyBar>;

fn from_csv(path: &Path, symbol: &Symbol) -> Result<Bars, FileError> {
    let mut reader = csv::Reader::from_path(path).map_err(|e| unreadable(path, e))?;
    let header = reader.headers().map_err(|e| unreadable(path, e))?.clone();
    let place = |name: &str| header.iter().position(|column| column.trim().eq_ignore_ascii_case(name));
    let mut places = [0; 6];
    for (slot, column) in places.iter_mut().zip(COLUMNS) {
        *slot = place(column).ok_or_else(|| FileError::Column { path: path.to_owned(), column })?;
    }
    let symbols = place(SYMBOL);
    let mut bars = Bars::new();
    for record in reader.records() {
        let record = record.map_err(|e| unreadable(path, e))?;
        let cell = |place: usize| record.get(place).unwrap_or_default().trim();
        if symbols.is_some_and(|place| cell(place) != symbol.as_str()) {
            continue;
        }
        let line = record.position().map_or(0, |at| at.line() as usize);
        Row { path, line, cells: places.map(cell), price_unit: Price::from_cents(100) }.add_to(&mut bars)?;
    }
    Ok(bars)
}

fn from_lean(path: &Path, symbol: &Symbol) -> Result<Bars, FileError> {
    let file = File::open(path).map_err(|e| unreadable(path, e))?;
    let mut archive = zip::ZipArchive::new(file).map_err(|e| unreadable(path, e))?;
    let name = format!("{}.csv", symbol.as_str().to_ascii_lowercase());
    let mut text = String::new();
    match archive.by_name(&name) {
        Ok(mut entry) => entry.read_to_string(&mut text).map_err(|e| unreadable(path, e))?,
        Err(zip::result::ZipError::FileNotFound) => return Ok(Bars::new()),
        Err(error) => return Err(unreadable(path, error)),
    };
    let mut bars = Bars::new();
    for (line, row) in (1..).zip(text.lines()) {
        let mut cells = row.split(',').map(str::trim);
        let day = cells.next().and_then(|time| time.split(' ').next()).unwrap_or_default();
        let date = match (day.get(..4), day.get(4..6), day.get(6..8)) {
            (Some(year), Some(month), Some(day)) => format!("{year}-{month}-{day}"),
            _ => day.to_owned(),
        };
        let mut next = || cells.next().unwrap_or_default();
        let cells = [date.as_str(), next(), next(), next(), next(), next()];
        Row { path, line, cells, price_unit: LEAN_PRICE }.add_to(&mut bars)?;
    }
    Ok(bars)
}

fn from_parquet(path: &Path, symbol: &Symbol) -> Result<Bars, FileError> {
    let file = File::open(path).map_err(|e| unreadable(path, e))?;
    let reader = SerializedFileReader::new(file).map_err(|e| unreadable(path, e))?;
    let rows = reader.get_row_iter(None).map_err(|e| unreadable(path, e))?;
    let mut bars = Bars::new();
    for (line, row) in (1..).zip(rows) {
        let row = row.map_err(|e| unreadable(path, e))?;
        let cells: HashMap<String, String> =
            row.get_column_iter().map(|(name, field)| (name.to_ascii_lowercase(), text(field))).collect();
        if cells.get(SYMBOL).is_some_and(|found| found != symbol.as_str()) {
            continue;
        }
        let mut texts = [""; 6];
        for (slot, column) in texts.iter_mut().zip(COLUMNS) {
            *slot = cells.get(column).ok_or_else(|| FileError::Column { path: path.to_owned(), column })?;
        }
        Row { path, line, cells: texts, price_unit: Price::from_cents(100) }.add_to(&mut bars)?;
    }
    Ok(bars)
}

/// A field as it would stand in a CSV file.
fn text(field: &Field) -> String {
    match field {
        Field::Str(text) => text.clone(),
        Field::Date(days) => SessionDate::from_epoch_days(*days).map_or(String::new(), |date| date.to_string()),
        Field::Double(number) => number.to_string(),
        Field::Float(number) => number.to_string(),
        other => other.to_string(),
    }
}

/// One row's texts, in the order of [`COLUMNS`].
struct Row<'a> {
    path: &'a Path,
    line: usize,
    cells: [&'a str; 6],
    price_unit: Price,
}

impl Row<'_> {
    fn add_to(&self, bars: &mut Bars) -> Result<(), FileError> {
        let date: SessionDate = self.cells[0].parse().map_err(|_| self.refused(0, "a date such as 2022-03-28"))?;
        let bar = DailyBar {
            date,
            open: self.price(1)?,
            high: self.price(2)?,
            low: self.price(3)?,
            close: self.price(4)?,
            volume: self.volume(5)?,
        };
        for (column, price) in [(1, bar.open), (4, bar.close)] {
            if price < bar.low || price > bar.high {
                return Err(self.refused(column, "between low and high"));
            }
        }
        if bars.insert(date, bar).is_some() {
            return Err(self.refused(0, "a date that has not come before"));
        }
        Ok(())
    }

    fn price(&self, column: usize) -> Result<Price, FileError> {
        let text = self.cells[column];
        let exact = text.parse::<Price>().ok();
        let read = exact.or_else(|| text.parse().ok().and_then(Price::from_f64));
        let in_dollars = |read: Price| read.scaled(self.price_unit.nanos(), domain::money::NANOS, "price").ok();
        let price = read.and_then(in_dollars).filter(|price| *price > Price::ZERO);
        price.ok_or_else(|| self.refused(column, "a positive price"))
    }

    fn volume(&self, column: usize) -> Result<u64, FileError> {
        let text = self.cells[column];
        let whole = |number: f64| ((0.0..1e15).contains(&number) && number.fract() == 0.0).then_some(number as u64);
        let volume = text.parse::<u64>().ok().or_else(|| text.parse().ok().and_then(whole));
        volume.ok_or_else(|| self.refused(column, "a whole number of shares"))
    }

    fn refused(&self, column: usize, expected: &'static str) -> FileError {
        FileError::Value {
            path: self.path.to_owned(),
            line: self.line,
            column: COLUMNS[column],
            value: self.cells[column].chars().take(40).collect(),
            expected,
        }
    }
}

fn unreadable(path: &Path, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> FileError {
    FileError::Read { path: path.to_owned(), source: source.into() }
}
