//! Reference data: what the charts say agrees with the tape.

use serde_json::Value;

use crate::client::{Client, cents, counts, options};

#[tokio::test]
async fn played_day_is_remembered_as_its_tape_was() {
    let today = Client::start(options()).await;
    let tomorrow = Client::start(vendor_sim::Options { date: Some("2026-11-25".parse().unwrap()), ..options() }).await;
    let rows = today.csv("trades.csv").await;
    let remembered = tomorrow.csv("daily.csv").await;
    let mut checked = 0;
    for day in remembered.iter().filter(|r| r[1] == "2026-11-24") {
        let prints: Vec<&Vec<String>> = rows.iter().filter(|r| r[0].len() == 19 && r[1] == day[0]).collect();
        let prices: Vec<i64> = prints.iter().filter(|r| counts(r)).map(|r| cents(&r[2])).collect();
        let close = prints.iter().find(|r| r[4] == "35").unwrap();
        let expected = [prices[0], *prices.iter().max().unwrap(), *prices.iter().min().unwrap(), cents(&close[2])];
        assert_eq!(day[2..6].iter().map(|p| cents(p)).collect::<Vec<_>>(), expected, "{}", day[0]);
        let volume: u64 = prints.iter().filter(|r| regular(r)).map(|r| r[3].parse::<u64>().unwrap()).sum();
        assert_eq!(day[6], volume.to_string(), "{}", day[0]);
        let opening: u64 =
            prints.iter().filter(|r| regular(r) && seconds(r) < 52_500).map(|r| r[3].parse::<u64>().unwrap()).sum();
        let known = tomorrow.csv("opening.csv").await;
        let row = known.iter().find(|r| r[0] == day[0] && r[1] == "2026-11-24").unwrap();
        assert_eq!(row[2], opening.to_string());
        checked += 1;
    }
    assert_eq!(checked, 40);
}

fn seconds(row: &[String]) -> i64 {
    row[0].parse::<i64>().unwrap() / 1_000_000_000 % 86_400
}

/// Volume of the regular session with its auctions: no Form T, no official open or close message.
fn regular(row: &[String]) -> bool {
    !row[4].split(' ').any(|code| ["24", "20", "16"].contains(&code))
}

#[tokio::test]
async fn charts_hold_a_year_of_days_and_the_opening_volumes() {
    let client = Client::start(options()).await;
    let opening = client.csv("opening.csv").await;
    let symbol = &opening[0][0];
    let daily = client.get(&format!("/yahoo/v8/finance/chart/{symbol}?interval=1d&range=1y")).await;
    assert_eq!(column(&daily, "close").len(), 252);
    let intraday = client.get(&format!("/yahoo/v8/finance/chart/{symbol}?interval=5m&range=1mo")).await;
    let result = &intraday["chart"]["result"][0];
    let starts = result["timestamp"].as_array().unwrap();
    let first_bars: Vec<String> = starts
        .iter()
        .zip(column(&intraday, "volume"))
        .filter(|(start, _)| matches!(start.as_i64().unwrap() % 86_400, 52_200 | 48_600))
        .filter(|(start, _)| {
            let new_york = chrono::DateTime::from_timestamp(start.as_i64().unwrap(), 0)
                .unwrap()
                .with_timezone(&chrono_tz::America::New_York);
            new_york.format("%H:%M").to_string() == "09:30"
        })
        .map(|(_, volume)| volume.to_string())
        .collect();
    let expected: Vec<String> = opening.iter().filter(|r| r[0] == *symbol).map(|r| r[2].clone()).collect();
    assert_eq!(first_bars, expected);
    let (status, unknown) = client.request("GET", "/yahoo/v8/finance/chart/NOSUCH", None).await;
    assert_eq!((status, &unknown["chart"]["error"]["code"]), (404, &Value::from("Not Found")));
}

#[tokio::test]
async fn same_seed_makes_the_same_market_and_another_seed_does_not() {
    let tape = async |seed| {
        Client::start(vendor_sim::Options { seed, ..options() }).await.get("/sim/v1/session/trades.csv").await
    };
    let first = tape(7).await;
    assert_eq!(first, tape(7).await);
    assert_ne!(first, tape(8).await);
}

fn column<'a>(chart: &'a Value, name: &str) -> &'a Vec<Value> {
    chart["chart"]["result"][0]["indicators"]["quote"][0][name].as_array().unwrap()
}
