//! LEAN's zipped CSV: `minute/<ticker>/<yyyymmdd>_trade.zip` and `daily/<ticker>.zip` below `equity/usa`.
//!
//! Prices are in 1e-4 USD; minutes in milliseconds since New York midnight, labelled by their start.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use chrono::NaiveDate;
use domain::market::DailyBar;
use domain::{Price, SessionDate};

use super::path::Bar;
use super::refusal::{Refusal, Refusals};

/// A folder `equity/usa`.
#[derive(Debug, Default)]
pub(super) struct Lean {
    /// Minute files by session, each with its ticker in upper case.
    pub minutes: BTreeMap<SessionDate, Vec<(String, PathBuf)>>,
    /// Daily files by ticker in upper case.
    pub daily: Vec<(String, PathBuf)>,
}

impl Lean {
    /// Lists the files below `root`.
    pub(super) fn list(root: &Path) -> anyhow::Result<Self> {
        let mut lean = Self::default();
        for folder in entries(&root.join("minute"))? {
            let ticker = stem(&folder).to_ascii_uppercase();
            for file in entries(&folder)? {
                let name = stem(&file);
                let date = name.strip_suffix("_trade").and_then(|d| NaiveDate::parse_from_str(d, "%Y%m%d").ok());
                if let Some(date) = date {
                    lean.minutes.entry(SessionDate::new(date)).or_default().push((ticker.clone(), file));
                }
            }
        }
        let daily = entries(&root.join("daily"))?;
        lean.daily = daily.into_iter().map(|file| (stem(&file).to_ascii_uppercase(), file)).collect();
        Ok(lean)
    }
}

/// The bars of one minute file.
pub(super) fn minutes(file: &Path, date: SessionDate, refusals: &mut Refusals) -> anyhow::Result<Vec<Bar>> {
    let midnight = date.at_hm(0, 0).nanos();
    rows(file, refusals, |time, [open, high, low, close], volume| {
        let milliseconds: i64 = time.parse().ok()?;
        Some(Bar { start: midnight + milliseconds * 1_000_000, open, high, low, close, volume })
    })
}

/// The bars of one daily file.
pub(super) fn daily(file: &Path, refusals: &mut Refusals) -> anyhow::Result<Vec<DailyBar>> {
    rows(file, refusals, |time, prices, volume| {
        let date = NaiveDate::parse_from_str(time.get(..8)?, "%Y%m%d").ok()?;
        let [open, high, low, close] = prices.map(Price::from_nanos);
        Some(DailyBar { date: SessionDate::new(date), open, high, low, close, volume })
    })
}

fn rows<T>(
    file: &Path,
    refusals: &mut Refusals,
    make: impl Fn(&str, [i64; 4], u64) -> Option<T>,
) -> anyhow::Result<Vec<T>> {
    let text = unzip(file).with_context(|| file.display().to_string())?;
    let mut made = Vec::new();
    for (line, row) in (1_u64..).zip(text.lines()).filter(|(_, row)| !row.trim().is_empty()) {
        let cells: Vec<&str> = row.split(',').map(str::trim).collect();
        let price = |at: usize| {
            let tenth_mills: i64 = cells.get(at)?.parse().ok()?;
            tenth_mills.checked_mul(100_000).filter(|nanos| *nanos > 0)
        };
        let bar = || {
            let prices = [price(1)?, price(2)?, price(3)?, price(4)?];
            let volume: f64 = cells.get(5)?.parse().ok()?;
            let [open, high, low, close] = prices;
            let sound = Bar { start: 0, open, high, low, close, volume: 0 }.is_sound() && volume >= 0.0;
            if sound { make(cells.first()?, prices, volume as u64) } else { None }
        };
        match bar() {
            Some(bar) => made.push(bar),
            None => refusals.add(Refusal::new(file, line, "row", row, "time, open, high, low, close, volume"))?,
        }
    }
    Ok(made)
}

fn unzip(file: &Path) -> anyhow::Result<String> {
    let mut archive = zip::ZipArchive::new(std::fs::File::open(file)?)?;
    let mut text = String::new();
    archive.by_index(0)?.read_to_string(&mut text)?;
    Ok(text)
}

fn entries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let listed = std::fs::read_dir(folder).and_then(|all| all.map(|e| e.map(|e| e.path())).collect());
    let mut found: Vec<PathBuf> = listed.with_context(|| folder.display().to_string())?;
    found.sort();
    Ok(found)
}

fn stem(path: &Path) -> String {
    path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default()
}
