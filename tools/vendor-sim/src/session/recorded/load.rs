//! The file layouts that are understood.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

use crate::calendar;
use crate::session::bars::Bar;
use crate::session::conditions::Conditions;

const MINUTE: i64 = 60_000_000_000;

/// A recorded print before its symbol has an index.
#[derive(Debug)]
pub(crate) struct Tick {
    pub(crate) symbol: String,
    pub(crate) ts_ms: i64,
    pub(crate) price: i64,
    pub(crate) size: u32,
    pub(crate) conditions: Conditions,
}

/// `minute-yahoo/<SYMBOL>.csv`: start-labelled bars with a UTC offset; extended-hours volume 0 means unknown.
pub(crate) fn minute_yahoo(file: &Path) -> anyhow::Result<Vec<Bar>> {
    rows(file, |row| {
        let start = DateTime::parse_from_str(row.text(0)?, "%Y-%m-%d %H:%M:%S%:z")?;
        row.bar(start.timestamp_nanos_opt().context("time out of range")?)
    })
}

/// `minute-alphavantage/<SYMBOL>.csv`: Eastern, labelled by the end of the bar, newest first.
pub(crate) fn minute_alphavantage(file: &Path) -> anyhow::Result<Vec<Bar>> {
    let mut bars = rows(file, |row| {
        let end = NaiveDateTime::parse_from_str(row.text(0)?, "%Y-%m-%d %H:%M:%S")?;
        row.bar(calendar::instant(end.date(), end.time()) - MINUTE)
    })?;
    bars.sort_by_key(|b| b.start);
    Ok(bars)
}

/// `daily-yahoo/<SYMBOL>.csv`: bars split-adjusted as of their download.
pub(crate) fn daily_yahoo(file: &Path) -> anyhow::Result<BTreeMap<NaiveDate, [f64; 5]>> {
    let parsed = rows(file, |row| {
        let date = NaiveDate::parse_from_str(row.text(0)?, "%Y-%m-%d")?;
        Ok((date, [row.float(1)?, row.float(2)?, row.float(3)?, row.float(4)?, row.float(6)?]))
    })?;
    Ok(parsed.into_iter().collect())
}

/// `ticks-taq/*_trades.csv`: every print with SIP sale-condition letters; corrected rows are left out.
pub(crate) fn ticks_taq(file: &Path) -> anyhow::Result<Vec<Tick>> {
    let parsed = rows(file, |row| {
        let at: DateTime<Utc> = row.text(0)?.parse()?;
        Ok((
            row.text(6)?.trim() == "0",
            Tick {
                symbol: row.text(2)?.to_owned(),
                ts_ms: at.timestamp_millis(),
                price: ten_thousandths(row.float(5)?),
                size: row.text(4)?.parse()?,
                conditions: Conditions::from_sip(row.text(3)?),
            },
        ))
    })?;
    Ok(parsed.into_iter().filter_map(|(good, tick)| good.then_some(tick)).collect())
}

/// The CSV files of `folder` with their stems, in name order; none when it does not exist.
pub(crate) fn csv_files(folder: &Path, ending: &str) -> anyhow::Result<Vec<(String, PathBuf)>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in folder.read_dir().with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        if let Some(stem) = name.strip_suffix(ending) {
            found.push((stem.to_owned(), path.clone()));
        }
    }
    found.sort();
    Ok(found)
}

/// Dollars to 1e-9 dollars on the grid of 1e-4 that the sources print; float noise beyond is rounding dirt.
pub(crate) fn ten_thousandths(dollars: f64) -> i64 {
    (dollars * 10_000.0).round() as i64 * 100_000
}

struct Row<'a>(Vec<&'a str>);

impl Row<'_> {
    fn text(&self, column: usize) -> anyhow::Result<&str> {
        self.0.get(column).copied().with_context(|| format!("column {} is missing", column + 1))
    }

    fn float(&self, column: usize) -> anyhow::Result<f64> {
        let text = self.text(column)?;
        text.parse().with_context(|| format!("column {} is `{text}`, not a number", column + 1))
    }

    fn bar(&self, start: i64) -> anyhow::Result<Bar> {
        let mut prices = [0; 4];
        for (column, price) in (1..).zip(&mut prices) {
            *price = ten_thousandths(self.float(column)?);
        }
        Ok(Bar::without_trades(start, prices, self.float(5)? as u64))
    }
}

fn rows<T>(file: &Path, parse: impl Fn(&Row) -> anyhow::Result<T>) -> anyhow::Result<Vec<T>> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    text.lines()
        .enumerate()
        .skip(1)
        .filter(|(_, line)| !line.is_empty())
        .map(|(at, line)| {
            parse(&Row(line.split(',').collect())).with_context(|| format!("{} line {}", file.display(), at + 1))
        })
        .collect()
}

/// Whether a bar starts inside the regular session of its day.
pub(crate) fn is_regular(start: i64) -> bool {
    calendar::hours(calendar::date_of(start)).is_some_and(|h| (h.open..h.close).contains(&start))
}
