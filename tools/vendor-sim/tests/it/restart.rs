//! A restart goes on from the state file.

use serde_json::{Value, json};
use vendor_sim::Options;

use crate::client::{Client, options};

const SEEN: [&str; 6] = [
    "/sim/v1/orders",
    "/sim/v1/fills",
    "/alpaca/v2/account",
    "/alpaca/v2/positions",
    "/alpaca/v2/orders?status=all&nested=true",
    "/sim/v1/clock",
];

async fn seen(client: &Client) -> Vec<Value> {
    let mut all = Vec::new();
    for path in SEEN {
        all.push(client.get(path).await);
    }
    all
}

#[tokio::test]
async fn restart_restores_books_clock_and_future() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { state: Some(folder.path().join("state.jsonl")), ..options() };
    let first = Client::start(options.clone()).await;
    first.play_to("2026-11-24T14:40:00Z").await;
    let symbol = first.csv("opening.csv").await[0][0].clone();
    let buy = json!({"symbol": symbol, "qty": "150", "side": "buy", "type": "market", "time_in_force": "day"});
    assert_eq!(first.order(buy).await.0, 200);
    first.play_to("2026-11-24T15:10:00Z").await;
    let mark = first.get(&format!("/alpaca/v2/positions/{symbol}")).await["current_price"].as_str().unwrap().to_owned();
    let below = format!("{:.2}", mark.parse::<f64>().unwrap() * 0.999);
    let stop = json!({"symbol": symbol, "qty": "150", "side": "sell", "type": "stop", "stop_price": below, "time_in_force": "day"});
    let (status, answer) = first.order(stop).await;
    assert_eq!(status, 200, "{answer}");
    first.play_to("2026-11-24T15:20:00Z").await;
    let before = seen(&first).await;
    // A second simulator on a copy of the files sees what a restart after a kill would see.
    let copy = folder.path().join("copy.jsonl");
    std::fs::copy(folder.path().join("state.jsonl"), &copy).unwrap();
    std::fs::copy(folder.path().join("state.clock"), folder.path().join("copy.clock")).unwrap();
    let second = Client::start(Options { state: Some(copy), ..options.clone() }).await;
    assert_eq!(seen(&second).await, before);
    for client in [&first, &second] {
        client.play_to("2026-11-24T16:00:00Z").await;
    }
    assert_eq!(seen(&second).await, seen(&first).await);
    assert!(first.get("/sim/v1/fills").await["items"].as_array().unwrap().len() > 1);
}

#[tokio::test]
async fn state_of_another_market_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { state: Some(folder.path().join("state.jsonl")), ..options() };
    Client::start(options.clone()).await.sim.shutdown().await.unwrap();
    let error = vendor_sim::start(Options { seed: 8, ..options }).await.unwrap_err();
    assert!(format!("{error:#}").contains("made seed 7 symbols 40"), "{error:#}");
}
