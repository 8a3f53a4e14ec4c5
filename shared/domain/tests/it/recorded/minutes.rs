//! Recorded minute and daily bars, and a minute's bar as trades.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use chrono::{DateTime, NaiveDateTime};
use domain::market::{DailyBar, Eligibility, OutlierRule, SymbolState, Trade, Windows};
use domain::{Price, SessionDate, UnixNanos, calendar};

use super::{price, rows};

/// One minute of the data.
pub(super) struct Minute {
    start: UnixNanos,
    course: [Price; 4],
    volume: u32,
}

/// The minutes of `symbol` by session.
pub(super) fn minutes(data: &Path, symbol: &str) -> BTreeMap<SessionDate, Vec<Minute>> {
    let by_end = symbol == "MSFT";
    let file = if by_end { "minute-alphavantage/MSFT.csv".to_owned() } else { format!("minute-yahoo/{symbol}.csv") };
    let file = data.join(file);
    let mut found: BTreeMap<SessionDate, Vec<Minute>> = BTreeMap::new();
    for row in rows(&file) {
        let row: HashMap<String, String> = row.into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect();
        let start = if by_end { labelled_by_end(&row["time"]) } else { labelled_by_start(&row["datetime"]) };
        let course = ["open", "high", "low", "close"].map(|column| price(&row[column]));
        let volume = row["volume"].parse::<f64>().unwrap() as u32;
        found.entry(start.session_date()).or_default().push(Minute { start, course, volume });
    }
    found.values_mut().for_each(|day| day.sort_by_key(|minute| minute.start));
    found
}

/// Folds a session's minutes, each as four trades through open, high, low and close.
pub(super) fn fold(date: SessionDate, minutes: &[Minute], outliers: OutlierRule) -> SymbolState {
    let windows = Windows { outliers, ..Windows::new(calendar::session(date).unwrap(), 5) };
    let mut state = SymbolState::default();
    state.keep_minutes(960);
    for minute in minutes {
        for (i, price) in minute.course.into_iter().enumerate() {
            let ts_event = minute.start.plus_seconds(15 * i as i64);
            let size = if i == 0 { minute.volume } else { 0 };
            state.apply(&windows, &Trade { ts_event, price, size }, Eligibility::REGULAR);
        }
    }
    state
}

/// Daily bars of `symbol` at the terms of the day, oldest first; the data's are at those of 2024-03.
pub(super) fn daily(data: &Path, symbol: &str) -> Vec<DailyBar> {
    let factor = match symbol {
        "GME" => 4.0,
        "TSLA" => 3.0,
        "GOOG" => 20.0,
        "AMC" => 0.1,
        _ => 1.0,
    };
    let file = data.join(format!("daily-yahoo/{}.csv", if symbol == "FB" { "META" } else { symbol }));
    if !file.exists() {
        return Vec::new();
    }
    let bar = |row: &HashMap<String, String>| {
        let raw = |column: &str| {
            let value: f64 = row[column].parse().unwrap();
            Price::from_f64((value * factor * 10_000.0).round() / 10_000.0).unwrap()
        };
        let volume: f64 = row["Volume"].parse().unwrap();
        DailyBar {
            date: row["Date"].parse().unwrap(),
            open: raw("Open"),
            high: raw("High"),
            low: raw("Low"),
            close: raw("Close"),
            volume: (volume / factor).round() as u64,
        }
    };
    rows(&file).iter().map(bar).collect()
}

fn labelled_by_start(text: &str) -> UnixNanos {
    let instant = DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%:z").unwrap();
    UnixNanos::new(instant.timestamp_nanos_opt().unwrap())
}

fn labelled_by_end(text: &str) -> UnixNanos {
    let wall = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").unwrap();
    SessionDate::new(wall.date()).at(wall.time()).plus_seconds(-60)
}
