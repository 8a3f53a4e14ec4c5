//! Sessions read from files: real prints where there are any, else prints made from minute bars.

mod load;
mod path;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Context;
use chrono::NaiveDate;

use super::bars::{self, Bar};
use super::conditions::Conditions;
use super::{Listing, Trade};
use crate::calendar;
use crate::rng::{self, Rng};

/// Minute files whose daily bars carry the company's later symbol.
const RENAMED: [(&str, &str); 1] = [("FB", "META")];
/// Split factors that a ratio of closes is snapped to, with their inverses.
const SPLITS: [f64; 14] = [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 15.0, 20.0, 25.0, 50.0];

/// Recorded sessions of one folder.
#[derive(Debug)]
pub(crate) struct Recorded {
    seed: u64,
    folder: String,
    listings: Vec<Listing>,
    days: Vec<BTreeMap<NaiveDate, Day>>,
    daily: Vec<Vec<Bar>>,
    dates: Vec<NaiveDate>,
}

#[derive(Debug, Default)]
struct Day {
    minutes: Vec<Bar>,
    ticks: Vec<Trade>,
}

impl Day {
    fn has_regular(&self) -> bool {
        self.minutes.iter().any(|b| load::is_regular(b.start))
            || self.ticks.iter().any(|t| load::is_regular(t.ts_ms * 1_000_000))
    }
}

impl Recorded {
    /// Reads `folder/{ticks-taq,minute-yahoo,minute-alphavantage,daily-yahoo}`, as far as they exist.
    ///
    /// # Errors
    /// A line that cannot be read, with its file and number; a folder without any regular session.
    pub(crate) fn open(folder: &Path, factors: &[String], seed: u64) -> anyhow::Result<Self> {
        let factors = parse_factors(factors)?;
        let mut days: BTreeMap<String, BTreeMap<NaiveDate, Day>> = BTreeMap::new();
        let mut add_minutes = |symbol: String, bars: Vec<Bar>| {
            let of_symbol = days.entry(symbol).or_default();
            for bar in bars {
                of_symbol.entry(calendar::date_of(bar.start)).or_default().minutes.push(bar);
            }
        };
        for (symbol, file) in load::csv_files(&folder.join("minute-yahoo"), ".csv")? {
            add_minutes(symbol, load::minute_yahoo(&file)?);
        }
        for (symbol, file) in load::csv_files(&folder.join("minute-alphavantage"), ".csv")? {
            add_minutes(symbol, load::minute_alphavantage(&file)?);
        }
        for (_, file) in load::csv_files(&folder.join("ticks-taq"), "_trades.csv")? {
            for tick in load::ticks_taq(&file)? {
                let date = calendar::date_of(tick.ts_ms * 1_000_000);
                let trade = Trade {
                    ts_ms: tick.ts_ms,
                    price: tick.price,
                    conditions: tick.conditions,
                    size: tick.size,
                    symbol: 0,
                };
                days.entry(tick.symbol).or_default().entry(date).or_default().ticks.push(trade);
            }
        }
        let mut daily = Vec::new();
        for (symbol, of_symbol) in &days {
            daily.push(daily_bars(folder, symbol, of_symbol, factors.get(symbol).copied())?);
        }
        let dates: BTreeSet<NaiveDate> = days
            .values()
            .flat_map(|of_symbol| of_symbol.iter().filter(|(_, day)| day.has_regular()).map(|(date, _)| *date))
            .filter(|date| calendar::hours(*date).is_some())
            .collect();
        anyhow::ensure!(!dates.is_empty(), "{} holds no regular session that is understood", folder.display());
        let listing = |ticker: &String| Listing {
            ticker: ticker.clone(),
            name: format!("{ticker} (recorded)"),
            exchange: "NYSE",
            shares_outstanding: 0,
        };
        Ok(Self {
            seed,
            folder: folder.display().to_string(),
            listings: days.keys().map(listing).collect(),
            days: days.into_values().collect(),
            daily,
            dates: dates.into_iter().collect(),
        })
    }

    pub(crate) fn listings(&self) -> &[Listing] {
        &self.listings
    }

    pub(crate) fn dates(&self) -> &[NaiveDate] {
        &self.dates
    }

    pub(crate) fn fingerprint(&self) -> String {
        format!("recorded {} seed {}", self.folder, self.seed)
    }

    pub(crate) fn next(&self, date: NaiveDate) -> Option<NaiveDate> {
        self.dates.iter().find(|d| **d > date).copied()
    }

    pub(crate) fn has_made_trades(&self, date: NaiveDate) -> bool {
        self.days.iter().filter_map(|d| d.get(&date)).any(|day| day.ticks.is_empty() && !day.minutes.is_empty())
    }

    pub(crate) fn trades(&self, symbol: u16, date: NaiveDate) -> Vec<Trade> {
        let (Some(day), Some(hours)) = (self.day(symbol, date), calendar::hours(date)) else { return Vec::new() };
        if !day.ticks.is_empty() {
            return day.ticks.iter().map(|t| Trade { symbol, ..*t }).collect();
        }
        let within = |bar: &&Bar| (hours.pre_open..hours.post_close).contains(&bar.start);
        let ticker = rng::hash(&self.listings[usize::from(symbol)].ticker);
        let path = |bar: &Bar| {
            let regular = (hours.open..hours.close).contains(&bar.start);
            let base = if regular { Conditions::REGULAR } else { Conditions::FORM_T };
            path::prints(symbol, bar, base, &mut Rng::keyed(&[self.seed, ticker, bar.start as u64]))
        };
        day.minutes.iter().filter(within).flat_map(path).collect()
    }

    pub(crate) fn daily(&self, symbol: u16, date: NaiveDate) -> Vec<Bar> {
        let all = &self.daily[usize::from(symbol)];
        let end = all.partition_point(|bar| calendar::date_of(bar.start) < date);
        all[end.saturating_sub(252)..end].to_vec()
    }

    pub(crate) fn prior_sessions(&self, symbol: u16, date: NaiveDate) -> Vec<NaiveDate> {
        let earliest = calendar::sessions_before(date, 20);
        let known = self.days[usize::from(symbol)].range(earliest..date);
        known.filter(|(_, day)| day.has_regular()).map(|(date, _)| *date).collect()
    }

    pub(crate) fn intraday(&self, symbol: u16, date: NaiveDate, step: i64) -> Vec<Bar> {
        let (Some(day), Some(hours)) = (self.day(symbol, date), calendar::hours(date)) else { return Vec::new() };
        if !day.ticks.is_empty() {
            return bars::intraday(day.ticks.iter(), step, &hours);
        }
        let mut out: Vec<Bar> = Vec::new();
        for bar in day.minutes.iter().filter(|b| (hours.pre_open..hours.post_close).contains(&b.start)) {
            let start = bar.start - (bar.start - hours.pre_open).rem_euclid(step);
            match out.last_mut().filter(|last| last.start == start) {
                Some(last) => last.join(bar),
                None => out.push(Bar { start, ..*bar }),
            }
        }
        out
    }

    pub(crate) fn opening_volume(&self, symbol: u16, date: NaiveDate) -> u64 {
        let opening = calendar::hours(date).map_or(0, |h| h.open);
        let bars = self.intraday(symbol, date, 300_000_000_000);
        bars.iter().find(|bar| bar.start == opening).map_or(0, |bar| bar.volume)
    }

    fn day(&self, symbol: u16, date: NaiveDate) -> Option<&Day> {
        self.days.get(usize::from(symbol))?.get(&date)
    }
}

/// Raw daily bars: the daily file times its split factor, or bars of the recorded regular sessions without one.
fn daily_bars(
    folder: &Path,
    symbol: &str,
    days: &BTreeMap<NaiveDate, Day>,
    factor: Option<f64>,
) -> anyhow::Result<Vec<Bar>> {
    let later = RENAMED.iter().find(|(old, _)| *old == symbol).map_or(symbol, |(_, new)| *new);
    let names = [symbol, later].map(|name| folder.join("daily-yahoo").join(format!("{name}.csv")));
    let Some(file) = names.iter().find(|f| f.is_file()) else {
        return Ok(days.iter().filter_map(|(date, day)| daily_of_minutes(*date, day)).collect());
    };
    let rows = load::daily_yahoo(file)?;
    let factor = factor.unwrap_or_else(|| detect_factor(&rows, days));
    // The close is the exchange's, on a cent; the others may be averages of splits and keep a hundredth of one.
    let cents = |value: f64| (value * factor * 100.0).round() as i64 * 10_000_000;
    let finer = |value: f64| (value * factor * 10_000.0).round() as i64 * 100_000;
    let bar = |(date, [open, high, low, close, volume]): (&NaiveDate, &[f64; 5])| {
        let start = calendar::hours(*date)?.open;
        let volume = (volume / factor).round() as u64;
        let close = cents(*close);
        let (high, low) = (finer(*high).max(close), finer(*low).min(close));
        Some(Bar::without_trades(start, [finer(*open), high, low, close], volume))
    };
    Ok(rows.iter().filter_map(bar).collect())
}

fn daily_of_minutes(date: NaiveDate, day: &Day) -> Option<Bar> {
    let hours = calendar::hours(date)?;
    let mut regular = day.minutes.iter().filter(|b| (hours.open..hours.close).contains(&b.start));
    let mut whole = Bar { start: hours.open, ..*regular.next()? };
    regular.for_each(|bar| whole.join(bar));
    Some(whole)
}

/// The split factor under which daily closes meet the minutes' last closes, snapped to a simple split; 1 if unclear.
fn detect_factor(rows: &BTreeMap<NaiveDate, [f64; 5]>, days: &BTreeMap<NaiveDate, Day>) -> f64 {
    let ratio = |(date, day): (&NaiveDate, &Day)| {
        let last = daily_of_minutes(*date, day)?.close as f64 / 1e9;
        rows.get(date).map(|row| last / row[3])
    };
    let mut ratios: Vec<f64> = days.iter().filter_map(ratio).collect();
    ratios.sort_by(f64::total_cmp);
    let Some(median) = ratios.get(ratios.len() / 2) else { return 1.0 };
    let mut simple = SPLITS.iter().flat_map(|split| [*split, 1.0 / split]);
    simple.rfind(|split| (median / split - 1.0).abs() < 0.03).unwrap_or(1.0)
}

fn parse_factors(given: &[String]) -> anyhow::Result<BTreeMap<String, f64>> {
    let parse = |text: &String| {
        let (symbol, factor) = text.split_once('=').with_context(|| format!("--factors `{text}` is not SYMBOL=F"))?;
        let factor: f64 = factor.parse().with_context(|| format!("--factors `{text}`: `{factor}` is not a number"))?;
        anyhow::ensure!(factor > 0.0, "--factors `{text}`: the factor must be above 0");
        Ok((symbol.to_owned(), factor))
    };
    given.iter().map(parse).collect()
}
