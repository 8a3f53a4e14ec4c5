//! CSV with a header.

use std::fs::File;
use std::path::Path;

use anyhow::ensure;
use chrono::NaiveDateTime;
use domain::{Price, SessionDate, UnixNanos};

use super::names::Dictionary;
use super::refusal::{Refusal, Refusals};
use super::table::{Batch, Column, Kind};

pub(super) struct CsvTable {
    reader: csv::Reader<File>,
    columns: &'static [Column],
    /// Where each column stands in the file.
    places: Vec<Option<usize>>,
    batch_rows: usize,
    record: csv::StringRecord,
    values: Vec<Option<i64>>,
}

impl CsvTable {
    pub(super) fn open(file: File, columns: &'static [Column], batch_rows: usize) -> anyhow::Result<Self> {
        let mut reader =
            csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).buffer_capacity(1 << 18).from_reader(file);
        let header: Vec<String> = reader.headers()?.iter().map(str::to_ascii_lowercase).collect();
        let places: Vec<_> = columns.iter().map(|c| header.iter().position(|name| name == c.name)).collect();
        for (column, place) in columns.iter().zip(&places) {
            let found = header.join(",");
            ensure!(place.is_some() || !column.required, "no column `{}` in the header `{found}`", column.name);
        }
        let record = csv::StringRecord::new();
        Ok(Self { reader, columns, places, batch_rows, record, values: Vec::new() })
    }

    pub(super) fn read(
        &mut self,
        path: &Path,
        dictionary: &mut Dictionary,
        batch: &mut Batch,
        refusals: &mut Refusals,
    ) -> anyhow::Result<bool> {
        batch.clear(self.columns.len());
        let mut seen = false;
        while batch.lines.len() < self.batch_rows && self.reader.read_record(&mut self.record)? {
            seen = true;
            let line = self.record.position().map_or(0, csv::Position::line);
            match self.row(path, line, dictionary) {
                Ok(()) => {
                    batch.lines.push(line);
                    batch.columns.iter_mut().zip(&self.values).for_each(|(column, value)| column.push(*value));
                }
                Err(refusal) => refusals.add(refusal)?,
            }
        }
        Ok(seen)
    }

    fn row(&mut self, path: &Path, line: u64, dictionary: &mut Dictionary) -> Result<(), Refusal> {
        self.values.clear();
        for (column, place) in self.columns.iter().zip(&self.places) {
            let text = place.and_then(|place| self.record.get(place)).unwrap_or_default();
            let value = if text.is_empty() { None } else { Some(text) };
            let refused = |expected: &str| Refusal::new(path, line, column.name, text, expected);
            let parsed = match value {
                None if column.required => return Err(refused("given")),
                None => None,
                Some(text) if column.kind == Kind::Text => Some(i64::from(dictionary.number(text))),
                Some(text) => Some(parse(column.kind, text).ok_or_else(|| refused(expected(column.kind)))?),
            };
            self.values.push(parsed);
        }
        Ok(())
    }
}

pub(super) const fn expected(kind: Kind) -> &'static str {
    match kind {
        Kind::Time => "UTC nanoseconds or an RFC 3339 time",
        Kind::Date => "a date of the form 2026-11-24",
        Kind::Eastern => "a time of the form 2026-11-24 09:30:00",
        Kind::Decimal => "a decimal number with at most 9 decimals",
        Kind::Noisy => "a number",
        Kind::Count => "a whole number",
        Kind::Text => "a text",
    }
}

/// A value from its text.
pub(super) fn parse(kind: Kind, text: &str) -> Option<i64> {
    match kind {
        Kind::Time if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
        Kind::Time => {
            text.parse::<UnixNanos>().or_else(|_| text.replacen(' ', "T", 1).parse()).ok().map(UnixNanos::nanos)
        }
        Kind::Date => text.get(..10)?.parse::<SessionDate>().ok().map(|date| i64::from(date.epoch_days())),
        Kind::Eastern => {
            let local = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").ok()?;
            Some(SessionDate::new(local.date()).at(local.time()).nanos())
        }
        Kind::Decimal => text.parse::<Price>().ok().map(Price::nanos),
        Kind::Noisy => Price::from_f64((text.parse::<f64>().ok()? * 1e4).round() / 1e4).map(Price::nanos),
        Kind::Count => text.strip_suffix(".0").unwrap_or(text).parse().ok(),
        Kind::Text => None,
    }
}
