//! Faults as people ask for them, and what clients see of them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use vendor_sim::Options;

use crate::client::{Client, binary, options};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

async fn ask(client: &Client, scenario: &str) -> (u16, Value) {
    let url = format!("http://{}/sim/v1/faults", client.sim.addr);
    let answer = reqwest::Client::new().post(url).body(scenario.to_owned()).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn every_file_of_the_library_is_understood() {
    let all = files(Path::new(FOLDER));
    assert!(all.len() > 20, "{all:?}");
    for file in all {
        let client = Client::start(Options { scenario: Some(file.clone()), ..options() }).await;
        let asked = client.get("/sim/v1/faults").await;
        let count = ["items", "rules"].map(|list| asked[list].as_array().unwrap().len()).iter().sum::<usize>();
        assert!(count > 0, "{}", file.display());
    }
}

#[tokio::test]
async fn a_wrong_scenario_is_refused_with_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bad.yaml");
    std::fs::write(&file, "about: x\nfaults:\n  - on: GET /v2/clock\n    colour: red\n").unwrap();
    let refused = vendor_sim::start(Options { scenario: Some(file.clone()), ..options() }).await.unwrap_err();
    let expected = format!("{} line 4: unknown field `colour`", file.display());
    assert!(format!("{refused:#}").starts_with(&expected), "{refused:#}");

    let client = Client::start(options()).await;
    let check = async |scenario: &str, expected: &str| {
        let (status, answer) = ask(&client, scenario).await;
        assert_eq!(status, 422, "{scenario}");
        assert!(answer["message"].as_str().unwrap().starts_with(expected), "{answer}");
    };
    check("faults:\n  - {on: GET /v2, status: 500}\n  - {on: GET /v2, status: 7}\n", "line 3: `status` 7 is not").await;
    check("{on: MARKET NOSUCH, halt: true}", "`on: MARKET NOSUCH`: there is no symbol NOSUCH").await;
    assert_eq!(client.get("/sim/v1/faults").await["items"], json!([]), "all of it or nothing");
}

/// At 09:40: a client, the busiest symbol after it and its last price in dollars.
async fn started() -> (Client, String) {
    let client = Client::start(options()).await;
    client.play_to("2026-11-24T14:40:00Z").await;
    let rows = client.csv("trades.csv").await;
    let mut tickers: Vec<&str> = rows.iter().map(|row| row[1].as_str()).collect();
    tickers.sort_unstable();
    let busiest = tickers.chunk_by(|a, b| a == b).max_by_key(|run| run.len()).unwrap()[0].to_owned();
    (client, busiest)
}

fn market_buy(symbol: &str, qty: u64, id: &str) -> Value {
    json!({"symbol": symbol, "qty": qty.to_string(), "side": "buy", "type": "market", "time_in_force": "day", "client_order_id": id})
}

#[tokio::test]
async fn an_order_that_is_taken_may_be_rejected_at_once() {
    let (client, symbol) = started().await;
    let mut updates = client.trade_updates().await;
    assert_eq!(ask(&client, "{on: POST /v2/orders, reject: true}").await.0, 202);
    let (status, order) = client.order(market_buy(&symbol, 10, "r-1")).await;
    assert_eq!((status, &order["status"]), (200, &json!("pending_new")));
    let mut events = Vec::new();
    while events.last() != Some(&json!("rejected")) {
        events.push(binary(&mut updates).await["data"]["event"].clone());
    }
    let found = client.get("/alpaca/v2/orders:by_client_order_id?client_order_id=r-1").await;
    assert!(found["status"] == "rejected" && found["failed_at"].is_string(), "{found}");
    assert_eq!(client.order(market_buy(&symbol, 10, "r-2")).await.1["status"], "pending_new");
}

#[tokio::test]
async fn a_halt_prints_nothing_and_little_is_filled_where_little_may_be() {
    let (client, symbol) = started().await;
    let scenario = format!(
        "about: x\nfaults:\n  - {{on: MARKET {symbol}, halt: true, until: '10:00'}}\n  - {{on: MARKET {symbol}, fills_max: 2}}\n"
    );
    assert_eq!(ask(&client, &scenario).await.0, 202);
    assert_eq!(client.order(market_buy(&symbol, 7, "h-1")).await.0, 200);
    let fills = async || client.get("/sim/v1/fills").await["items"].as_array().unwrap().clone();
    client.play_to("2026-11-24T15:00:00Z").await;
    assert_eq!(fills().await.len(), 0, "halted");
    client.play_to("2026-11-24T15:30:00Z").await;
    let parts: Vec<Value> = fills().await.iter().map(|fill| fill["qty"].clone()).collect();
    assert_eq!(parts, [json!("2"), json!("2"), json!("2"), json!("1")]);
}

#[tokio::test]
async fn an_answer_that_is_cut_is_no_answer_and_a_patched_one_is_the_vendors_own() {
    let client = Client::start(options()).await;
    ask(&client, "{on: GET /v2/clock, cut: true}").await;
    let url = format!("http://{}/alpaca/v2/clock", client.sim.addr);
    let get = || reqwest::Client::new().get(&url).header("APCA-API-KEY-ID", "sim").header("APCA-API-SECRET-KEY", "sim");
    let cut = async { get().send().await?.text().await };
    assert!(cut.await.is_err());
    ask(&client, "{on: GET /v2/clock, patch: {is_open: null, mood: good}}").await;
    let patched: Value = get().send().await.unwrap().json().await.unwrap();
    assert!(patched["is_open"].is_null() && patched["mood"] == "good" && patched["timestamp"].is_string(), "{patched}");
    ask(&client, "{on: GET /v2/clock, text: Too Many Requests, status: 429, retry_after_s: 3}").await;
    let throttled = get().send().await.unwrap();
    assert_eq!((throttled.status().as_u16(), throttled.headers()["retry-after"].to_str().unwrap()), (429, "3"));
    assert_eq!(throttled.text().await.unwrap(), "Too Many Requests");
}

#[tokio::test]
async fn a_half_open_stream_answers_no_ping_and_a_silent_one_does() {
    use futures_util::{SinkExt, StreamExt};
    use tokio_tungstenite::tungstenite::Message;
    let (client, symbol) = started().await;
    for (frame, answers) in [("silent", true), ("half_open", false)] {
        let mut updates = client.trade_updates().await;
        ask(&client, &format!("{{on: SEND /alpaca/stream, frame: {frame}}}")).await;
        client.order(market_buy(&symbol, 1, frame)).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        updates.send(Message::Ping(Vec::new().into())).await.unwrap();
        let heard = tokio::time::timeout(Duration::from_millis(500), updates.next()).await;
        assert_eq!(matches!(heard, Ok(Some(Ok(Message::Pong(_))))), answers, "{frame}: {heard:?}");
        assert_eq!(heard.is_ok(), answers, "{frame}: {heard:?}");
    }
}
