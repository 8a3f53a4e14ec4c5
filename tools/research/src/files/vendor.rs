//! Vendors' downloads as they come: one file a symbol, minutes and days in the vendor's own columns.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use domain::calendar;
use domain::market::DailyBar;
use domain::{Price, SessionDate, UnixNanos};

use super::path::Bar;
use super::refusal::{Refusal, Refusals};
use super::table::{Batch, Column, Kind, Table, required};

const MINUTE: i64 = 60_000_000_000;

const MINUTE_YAHOO: &[Column] = &[
    required("datetime", Kind::Time),
    required("open", Kind::Noisy),
    required("high", Kind::Noisy),
    required("low", Kind::Noisy),
    required("close", Kind::Noisy),
    required("volume", Kind::Count),
];
const MINUTE_ALPHAVANTAGE: &[Column] = &[
    required("time", Kind::Eastern),
    required("open", Kind::Noisy),
    required("high", Kind::Noisy),
    required("low", Kind::Noisy),
    required("close", Kind::Noisy),
    required("volume", Kind::Count),
];
const DAILY_YAHOO: &[Column] = &[
    required("date", Kind::Date),
    required("open", Kind::Decimal),
    required("high", Kind::Decimal),
    required("low", Kind::Decimal),
    required("close", Kind::Decimal),
    required("volume", Kind::Count),
];

/// Minute files whose daily bars carry the company's later symbol.
const RENAMED: [(&str, &str); 1] = [("FB", "META")];
/// Split ratios that a ratio of closes is taken for, beside their inverses.
const SPLITS: [f64; 14] = [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 15.0, 20.0, 25.0, 50.0];
const ROWS: usize = 8_192;

/// One symbol's minutes by session.
pub(super) type Minutes = BTreeMap<SessionDate, Vec<Bar>>;

/// The CSV files of a folder with their tickers; none when there is no such folder.
pub(super) fn files(folder: &Path, ending: &str) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let ticker = path.file_name().and_then(|n| n.to_str()).and_then(|n| n.strip_suffix(ending));
        if let Some(ticker) = ticker.map(str::to_owned) {
            found.push((ticker, path));
        }
    }
    found.sort();
    Ok(found)
}

/// `minute-yahoo`: labelled by the bar's start, with an offset; volume 0 outside regular hours means unknown.
pub(super) fn minute_yahoo(file: &Path, refusals: &mut Refusals) -> anyhow::Result<Minutes> {
    minutes(file, MINUTE_YAHOO, 0, refusals)
}

/// `minute-alphavantage`: Eastern time, labelled by the bar's end, newest first.
pub(super) fn minute_alphavantage(file: &Path, refusals: &mut Refusals) -> anyhow::Result<Minutes> {
    minutes(file, MINUTE_ALPHAVANTAGE, MINUTE, refusals)
}

fn minutes(file: &Path, columns: &'static [Column], late: i64, refusals: &mut Refusals) -> anyhow::Result<Minutes> {
    let mut found = Minutes::new();
    let mut table = Table::open(file, columns, ROWS)?;
    let mut batch = Batch::default();
    while table.read(&mut batch, refusals)? {
        for row in 0..batch.lines.len() {
            let [at, open, high, low, close, volume] = [0, 1, 2, 3, 4, 5].map(|column| batch.get(column, row));
            let bar = Bar { start: at - late, open, high, low, close, volume: u64::try_from(volume).unwrap_or(0) };
            if bar.is_sound() {
                found.entry(UnixNanos::new(bar.start).session_date()).or_default().push(bar);
            } else {
                let low = Price::from_nanos(low).to_string();
                refusals.add(Refusal::new(
                    file,
                    batch.lines[row],
                    "low",
                    &low,
                    "a bar with low <= open, close <= high",
                ))?;
            }
        }
    }
    found.values_mut().for_each(|bars| bars.sort_by_key(|bar| bar.start));
    Ok(found)
}

/// `daily-yahoo`, undone: its prices are adjusted for every later split, ours are those that were paid.
///
/// The split is the simple ratio nearest to that of the minutes' last closes and the file's, where minutes are given.
pub(super) fn daily_yahoo(
    folder: &Path,
    ticker: &str,
    minutes: &Minutes,
    factor: Option<f64>,
    refusals: &mut Refusals,
) -> anyhow::Result<Option<Vec<DailyBar>>> {
    let later = RENAMED.iter().find(|(old, _)| *old == ticker).map_or(ticker, |(_, new)| *new);
    let names = [ticker, later].map(|name| folder.join(format!("{name}.csv")));
    let Some(file) = names.iter().find(|file| file.is_file()) else { return Ok(None) };
    let mut table = Table::open(file, DAILY_YAHOO, ROWS)?;
    let mut batch = Batch::default();
    let mut rows: BTreeMap<SessionDate, [f64; 5]> = BTreeMap::new();
    while table.read(&mut batch, refusals)? {
        for row in 0..batch.lines.len() {
            let Some(date) = SessionDate::from_epoch_days(batch.get(0, row) as i32) else { continue };
            let price = |column| batch.get(column, row) as f64 / 1e9;
            rows.insert(date, [price(1), price(2), price(3), price(4), batch.get(5, row) as f64]);
        }
    }
    let factor = factor.unwrap_or_else(|| split_between(&rows, minutes));
    Ok(Some(rows.iter().filter_map(|(date, row)| undone(*date, *row, factor)).collect()))
}

/// The close is an exchange's and stands on a cent; the others may be parts of a split and keep a hundredth of one.
fn undone(date: SessionDate, [open, high, low, close, volume]: [f64; 5], factor: f64) -> Option<DailyBar> {
    calendar::session(date)?;
    let cents = Price::from_f64((close * factor * 100.0).round() / 100.0)?;
    let finer = |value: f64| Price::from_f64((value * factor * 10_000.0).round() / 10_000.0);
    let (high, low) = (finer(high)?.max(cents), finer(low)?.min(cents));
    Some(DailyBar { date, open: finer(open)?, high, low, close: cents, volume: (volume / factor).round() as u64 })
}

fn split_between(rows: &BTreeMap<SessionDate, [f64; 5]>, minutes: &Minutes) -> f64 {
    let ratio = |(date, bars): (&SessionDate, &Vec<Bar>)| {
        let session = calendar::session(*date)?;
        let regular = session.open.nanos()..session.close.nanos();
        let last = bars.iter().rev().find(|bar| regular.contains(&bar.start))?.close as f64 / 1e9;
        rows.get(date).map(|row| last / row[3])
    };
    let mut ratios: Vec<f64> = minutes.iter().filter_map(ratio).collect();
    ratios.sort_by(f64::total_cmp);
    let Some(median) = ratios.get(ratios.len() / 2) else { return 1.0 };
    let mut simple = SPLITS.iter().flat_map(|split| [*split, 1.0 / split]);
    simple.rfind(|split| (median / split - 1.0).abs() < 0.03).unwrap_or(1.0)
}
