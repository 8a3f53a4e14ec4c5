//! Chart answers to history. Rows with a null are no rows; what is left must make sense.

use std::collections::BTreeMap;

use domain::calendar;
use domain::market::{ActionKind, DailyBar, OpeningVolume};
use domain::{Price, SessionDate, UnixNanos};

use super::wire;
use crate::adapters::volumes::Volumes;

/// Minutes of one row of the intraday chart.
pub(super) const ROW_MINUTES: u32 = 5;

/// The only series of an answer, or the vendor's or the parser's own words against it.
pub(super) fn series(body: &str) -> Result<wire::Series, Refused> {
    let answer: wire::Answer = serde_json::from_str(body).map_err(|error| Refused::Malformed(error.to_string()))?;
    if let Some(failure) = answer.chart.error {
        let description = failure.description.unwrap_or_default();
        return Err(Refused::ByVendor(format!("{}: {description}", failure.code)));
    }
    let series = answer.chart.result.and_then(|list| list.into_iter().next());
    series.ok_or_else(|| Refused::Malformed("neither a result nor an error".into()))
}

/// Why an answer holds no series.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    ByVendor(String),
    Malformed(String),
}

/// The complete daily bars of sessions before `session`, oldest first; the row of a session that is still going on is
/// not one of them.
pub(super) fn daily_bars(series: &wire::Series, session: SessionDate) -> Vec<DailyBar> {
    let mut bars = BTreeMap::new();
    let columns = series.indicators.quote.first();
    for (row, seconds) in series.timestamp.iter().enumerate() {
        let date = UnixNanos::new(0).plus_seconds(*seconds).session_date();
        let bar = columns.and_then(|columns| bar(columns, row, date));
        if let Some(bar) = bar.filter(|_| date < session && calendar::session(date).is_some()) {
            bars.insert(date, bar);
        }
    }
    bars.into_values().collect()
}

fn bar(columns: &wire::Columns, row: usize, date: SessionDate) -> Option<DailyBar> {
    let price = |column: &[Option<f64>]| column.get(row).copied().flatten().and_then(price);
    let bar = DailyBar {
        date,
        open: price(&columns.open)?,
        high: price(&columns.high)?,
        low: price(&columns.low)?,
        close: price(&columns.close)?,
        volume: shares(&columns.volume, row)?,
    };
    bar.is_sound().then_some(bar)
}

/// Volume of the first `minutes` of each full-length session before `session`, oldest first. A session of which one
/// of these rows is missing is left out: the missing volume is not known to be zero.
pub(super) fn opening_volumes(series: &wire::Series, session: SessionDate, minutes: u32) -> Vec<OpeningVolume> {
    let mut rows: BTreeMap<SessionDate, BTreeMap<i64, u64>> = BTreeMap::new();
    let columns = series.indicators.quote.first();
    for (row, seconds) in series.timestamp.iter().enumerate() {
        let start = UnixNanos::new(0).plus_seconds(*seconds);
        let date = start.session_date();
        let Some(hours) = calendar::session(date).filter(|s| date < session && !s.early_close) else { continue };
        let since_open = start.since(hours.open);
        let volume = columns.and_then(|columns| shares(&columns.volume, row));
        if let Some(volume) = volume.filter(|_| (0..i64::from(minutes) * 60_000_000_000).contains(&since_open)) {
            rows.entry(date).or_default().insert(since_open, volume);
        }
    }
    let wanted = minutes.div_ceil(ROW_MINUTES) as usize;
    rows.into_iter()
        .filter(|(_, rows)| rows.len() == wanted)
        .map(|(date, rows)| OpeningVolume { date, volume: rows.into_values().sum() })
        .collect()
}

/// Adds the volume of every row that has one.
pub(super) fn volumes(series: &wire::Series, volumes: &mut Volumes) {
    let Some(columns) = series.indicators.quote.first() else { return };
    for (row, seconds) in series.timestamp.iter().enumerate() {
        if let Some(volume) = shares(&columns.volume, row) {
            volumes.add(UnixNanos::new(0).plus_seconds(*seconds), volume);
        }
    }
}

/// Dividends and splits by the day they took effect.
pub(super) fn actions(series: &wire::Series) -> Vec<(SessionDate, ActionKind)> {
    let day = |seconds: i64| UnixNanos::new(0).plus_seconds(seconds).session_date();
    let dividend = |d: &wire::Dividend| Some((day(d.date), ActionKind::Dividend(price(d.amount)?)));
    let whole = |shares: f64| ((1.0..1e9).contains(&shares) && shares.fract() == 0.0).then_some(shares as u32);
    let split = |s: &wire::Split| {
        Some((day(s.date), ActionKind::Split { old: whole(s.denominator)?, new: whole(s.numerator)? }))
    };
    let dividends = series.events.dividends.values().filter_map(dividend);
    dividends.chain(series.events.splits.values().filter_map(split)).collect()
}

/// To a hundredth of a cent, which is finer than any quote above a dollar and takes the single float's noise away.
fn price(value: f64) -> Option<Price> {
    Price::from_f64((value * 10_000.0).round() / 10_000.0).filter(|price| *price > Price::ZERO)
}

fn shares(column: &[Option<f64>], row: usize) -> Option<u64> {
    let value = column.get(row).copied().flatten()?;
    (0.0..1e15).contains(&value).then_some(value as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> SessionDate {
        text.parse().unwrap()
    }

    fn seconds(day: &str, hour: u32, minute: u32) -> i64 {
        date(day).at_hm(hour, minute).nanos() / 1_000_000_000
    }

    fn chart(rows: &[(i64, Option<f64>, u64)]) -> wire::Series {
        let prices: Vec<Option<f64>> = rows.iter().map(|row| row.1).collect();
        let volumes: Vec<Option<f64>> = rows.iter().map(|row| row.1.map(|_| row.2 as f64)).collect();
        let body = serde_json::json!({"chart": {"error": null, "result": [{
            "meta": {"symbol": "AAPL"},
            "timestamp": rows.iter().map(|row| row.0).collect::<Vec<_>>(),
            "indicators": {"quote": [{"open": prices, "high": prices, "low": prices, "close": prices,
                "volume": volumes}]},
        }]}});
        series(&body.to_string()).unwrap()
    }

    #[test]
    fn daily_bars_end_before_the_session_and_skip_nulls_and_the_live_row() {
        let chart = chart(&[
            (seconds("2026-11-19", 9, 30), Some(136.690_002_441_406_25), 10),
            (seconds("2026-11-20", 9, 30), None, 0),
            (seconds("2026-11-23", 9, 30), Some(138.5), 30),
            (seconds("2026-11-24", 12, 7), Some(150.0), 5),
        ]);
        let bars = daily_bars(&chart, date("2026-11-24"));
        let closes: Vec<String> = bars.iter().map(|bar| format!("{} {}", bar.date, bar.close)).collect();
        assert_eq!(closes, ["2026-11-19 136.69", "2026-11-23 138.50"]);
    }

    #[test]
    fn opening_volumes_count_whole_openings_of_full_sessions() {
        let row = |day, minute, volume| (seconds(day, 9, minute), Some(1.0), volume);
        let chart = chart(&[
            (seconds("2026-11-20", 9, 25), Some(1.0), 999),
            row("2026-11-20", 30, 100),
            row("2026-11-20", 35, 50),
            row("2026-11-20", 40, 7),
            row("2026-11-23", 35, 70),
            row("2026-11-24", 30, 200),
            row("2026-11-24", 35, 20),
            row("2026-11-27", 30, 5),
            row("2026-11-27", 35, 5),
            row("2026-11-30", 30, 1),
        ]);
        let volumes = |minutes| -> Vec<(String, u64)> {
            let list = opening_volumes(&chart, date("2026-11-30"), minutes);
            list.iter().map(|v| (v.date.to_string(), v.volume)).collect()
        };
        assert_eq!(volumes(5), [("2026-11-20".to_owned(), 100), ("2026-11-24".to_owned(), 200)]);
        assert_eq!(volumes(10), [("2026-11-20".to_owned(), 150), ("2026-11-24".to_owned(), 220)]);
    }

    #[test]
    fn refusals_keep_the_vendors_words() {
        let body = r#"{"chart":{"result":null,"error":{"code":"Not Found","description":"No data found, symbol may be delisted"}}}"#;
        let words = "Not Found: No data found, symbol may be delisted".to_owned();
        assert_eq!(series(body).unwrap_err(), Refused::ByVendor(words));
        for body in ["Too Many Requests", "{}", r#"{"chart":{"result":null,"error":null}}"#] {
            assert!(matches!(series(body), Err(Refused::Malformed(_))), "{body}");
        }
        let empty = r#"{"chart":{"error":null,"result":[{"meta":{},"indicators":{"quote":[{}]}}]}}"#;
        assert_eq!(daily_bars(&series(empty).unwrap(), date("2026-11-24")), []);
    }

    #[test]
    fn saved_charts_give_bars_and_actions() {
        let Some(folder) = std::env::var_os("FIN_TEST_DATA").map(std::path::PathBuf::from) else { return };
        let check = |name: &str, bars: usize, expected: &[(&str, ActionKind)]| {
            let text = std::fs::read_to_string(folder.join("payloads/yahoo").join(name)).unwrap();
            let saved: serde_json::Value = serde_json::from_str(&text).unwrap();
            let series = series(&saved["response"]["bodyJson"].to_string()).unwrap();
            assert!(daily_bars(&series, date("2026-01-02")).len() >= bars, "{name}");
            let expected: Vec<_> = expected.iter().map(|(day, kind)| (date(day), *kind)).collect();
            assert_eq!(actions(&series), expected, "{name}");
        };
        let split = ActionKind::Split { old: 1, new: 4 };
        let dividend = ActionKind::Dividend(Price::from_nanos(205_000_000));
        check("chart-AAPL-1d.json", 48, &[("2020-11-06", dividend), ("2020-08-31", split)]);
        check("chart-NVDA-1d-split.json", 251, &[("2021-07-20", split)]);
        check("chart-AAPL-1m-no-data.json", 0, &[]);
    }
}
