//! Finnhub's stream, the clock and the firehose.

use std::time::Duration;

use futures_util::SinkExt;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use vendor_sim::Options;

use crate::client::{Client, options, text};

#[tokio::test]
async fn subscriber_gets_its_symbols_tape_up_to_the_instant_of_the_pause() {
    let at: i64 = 1_795_531_200_000;
    let client =
        Client::start(Options { pause_at: vec!["09:40:00".parse().unwrap()], warmup_seconds: 2.0, ..options() }).await;
    let tape = client.csv("trades.csv").await;
    let symbols: Vec<String> = [3, 17].map(|i: usize| client_symbols(&tape)[i].clone()).to_vec();
    assert_eq!(client.get("/sim/v1/clock").await["waiting"], true);
    let mut socket = client.finnhub(&[&symbols[0], &symbols[1]]).await;
    let expected: Vec<[String; 5]> = tape
        .iter()
        .filter(|r| symbols.contains(&r[1]) && r[0].parse::<i64>().unwrap() <= at * 1_000_000)
        .map(|r| {
            [
                r[1].clone(),
                (r[0].parse::<i64>().unwrap() / 1_000_000).to_string(),
                r[2].clone(),
                r[3].clone(),
                r[4].clone(),
            ]
        })
        .collect();
    let mut got: Vec<[String; 5]> = Vec::new();
    while got.len() < expected.len() {
        let frame: Value = serde_json::from_str(&text(&mut socket).await).unwrap();
        let data = frame["data"].as_array().unwrap();
        assert!(frame["type"] == "trade" && (1..=50).contains(&data.len()));
        got.extend(data.iter().map(|t| {
            let codes = t["c"]
                .as_array()
                .map_or(String::new(), |c| c.iter().map(|c| c.as_str().unwrap()).collect::<Vec<_>>().join(" "));
            [t["s"].as_str().unwrap().to_owned(), t["t"].to_string(), number(&t["p"]), t["v"].to_string(), codes]
        }));
    }
    assert_eq!(got, expected);
    let clock = client.until_paused().await;
    assert_eq!(clock["now"], "2026-11-24T14:40:00.000000000Z");
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(client.get("/sim/v1/clock").await, clock);
    assert_eq!(client.get("/alpaca/v2/clock").await["timestamp"], "2026-11-24T09:40:00.000000000-05:00");
}

fn client_symbols(tape: &[Vec<String>]) -> Vec<String> {
    tape.iter().map(|r| r[1].clone()).collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

/// Shortest text of a JSON number.
fn number(value: &Value) -> String {
    let text = value.to_string();
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}

#[tokio::test]
async fn unknown_symbols_and_messages_get_error_frames() {
    let client = Client::start(options()).await;
    let mut socket = client.finnhub(&["NOSUCH"]).await;
    assert_eq!(text(&mut socket).await, r#"{"msg":"Invalid symbol NOSUCH","type":"error"}"#);
    socket.send(Message::text("{")).await.unwrap();
    assert_eq!(text(&mut socket).await, r#"{"msg":"Invalid message","type":"error"}"#);
}

#[tokio::test]
async fn firehose_report_equals_what_arrived() {
    let client = Client::start(options()).await;
    let mut socket = client.finnhub(&[]).await;
    let plan = json!({"symbols": 5, "trades": 100_000});
    assert_eq!(client.request("POST", "/sim/v1/firehose", Some(plan)).await.0, 202);
    let (mut trades, mut shares, mut checksum) = (0, 0, 0);
    while trades < 100_000 {
        let frame: Value = serde_json::from_str(&text(&mut socket).await).unwrap();
        for trade in frame["data"].as_array().unwrap() {
            let size = trade["v"].as_u64().unwrap();
            trades += 1;
            shares += size;
            checksum += (trade["p"].as_f64().unwrap() * 10_000.0).round() as u64 * size;
        }
    }
    let mut report = Value::Null;
    for _ in 0..100 {
        report = client.get("/sim/v1/firehose").await;
        if report["running"] == false {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!((&report["trades"], &report["shares"]), (&json!(trades), &json!(shares)));
    assert_eq!(report["checksum"], checksum.to_string());
}
