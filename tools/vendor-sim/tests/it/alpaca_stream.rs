//! Alpaca's market-data stream: what it says to whom, and the vendor's refusals.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use vendor_sim::Options;

use crate::client::{Client, Socket, options, text};

async fn open(client: &Client, feed: &str) -> Socket {
    let (mut socket, _) = connect_async(format!("ws://{}/alpaca/v2/{feed}", client.sim.addr)).await.unwrap();
    assert_eq!(frame(&mut socket).await, json!([{"T": "success", "msg": "connected"}]));
    socket
}

async fn frame(socket: &mut Socket) -> Value {
    serde_json::from_str(&text(socket).await).unwrap()
}

async fn ask(socket: &mut Socket, request: Value) -> Value {
    socket.send(Message::text(request.to_string())).await.unwrap();
    frame(socket).await
}

fn login(key: &str) -> Value {
    json!({"action": "auth", "key": key, "secret": "sim"})
}

fn refused(code: u16, msg: &str) -> Value {
    json!([{"T": "error", "code": code, "msg": msg}])
}

async fn is_closed(socket: &mut Socket) -> bool {
    let end = async { while socket.next().await.is_some_and(|message| message.is_ok_and(|m| !m.is_close())) {} };
    timeout(Duration::from_secs(5), end).await.is_ok()
}

#[tokio::test]
async fn a_client_is_refused_in_the_vendors_own_words() {
    let client = Client::start(options()).await;
    let mut socket = open(&client, "sip").await;
    assert_eq!(
        ask(&mut socket, json!({"action": "subscribe", "trades": ["A"]})).await,
        refused(401, "not authenticated")
    );
    assert_eq!(ask(&mut socket, json!("what")).await, refused(400, "invalid syntax"));
    assert_eq!(ask(&mut socket, login("AK1")).await, refused(402, "auth failed"));
    assert!(is_closed(&mut socket).await);

    let mut first = open(&client, "sip").await;
    let authenticated = json!([{"T": "success", "msg": "authenticated"}]);
    assert_eq!(ask(&mut first, login("sim-1")).await, authenticated);
    assert_eq!(ask(&mut first, login("sim-1")).await, refused(403, "already authenticated"));
    assert_eq!(ask(&mut first, json!({"action": "dance"})).await, refused(400, "invalid syntax"));
    let mut second = open(&client, "sip").await;
    assert_eq!(ask(&mut second, login("sim-1")).await, refused(406, "connection limit exceeded"));
    let mut other = open(&client, "sip").await;
    assert_eq!(ask(&mut other, login("sim-2")).await, authenticated, "another account");
    drop(first);
    let mut again = open(&client, "sip").await;
    let mut answer = ask(&mut again, login("sim-1")).await;
    for _ in 0..50 {
        if answer == authenticated {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        again = open(&client, "sip").await;
        answer = ask(&mut again, login("sim-1")).await;
    }
    assert_eq!(answer, authenticated, "the place is free again");

    let mut free = open(&client, "sip").await;
    assert_eq!(ask(&mut free, login("sim-free")).await, refused(409, "insufficient subscription"));
    let mut free = open(&client, "iex").await;
    assert_eq!(ask(&mut free, login("sim-free")).await, authenticated);
    let symbols: Vec<String> = (0..31).map(|n| format!("S{n}")).collect();
    let request = |symbols: &[String]| json!({"action": "subscribe", "trades": symbols, "bars": ["*"]});
    assert_eq!(ask(&mut free, request(&symbols)).await, refused(405, "symbol limit exceeded"));
    let granted = ask(&mut free, request(&symbols[..30])).await;
    assert_eq!((&granted[0]["trades"], &granted[0]["bars"]), (&json!(symbols[..30]), &json!(["*"])));
    assert_eq!(granted[0]["corrections"], granted[0]["trades"]);
}

#[tokio::test]
async fn a_subscriber_gets_its_symbols_tape_and_a_bar_after_each_minute() {
    let client =
        Client::start(Options { pause_at: vec!["09:40:00".parse().unwrap()], warmup_seconds: 2.0, ..options() }).await;
    let rows = client.csv("trades.csv").await;
    let mut symbols: Vec<String> = rows.iter().map(|row| row[1].clone()).collect();
    symbols.sort();
    symbols.dedup();
    let [traded, barred] = [&symbols[3], &symbols[17]];
    let mut socket = open(&client, "sip").await;
    ask(&mut socket, login("sim")).await;
    let reply = ask(&mut socket, json!({"action": "subscribe", "trades": [traded], "bars": [barred]})).await;
    assert_eq!((&reply[0]["trades"], &reply[0]["bars"]), (&json!([traded]), &json!([barred])));
    let until: i64 = 1_795_531_200_000_000_000;
    let tape = |symbol: &str| -> Vec<Vec<String>> {
        let of = |row: &&Vec<String>| row[1] == symbol && row[0].parse::<i64>().unwrap() <= until;
        rows.iter().filter(of).cloned().collect()
    };
    let (expected, counted) = (tape(traded), tape(barred));
    let (mut trades, mut bars) = (Vec::new(), Vec::new());
    client.until_paused().await;
    while let Ok(Some(Ok(Message::Text(frame)))) = timeout(Duration::from_millis(300), socket.next()).await {
        let messages: Vec<Value> = serde_json::from_str(&frame).unwrap();
        assert!((1..=50).contains(&messages.len()));
        for message in messages {
            if message["T"] == "t" { trades.push(message) } else { bars.push(message) }
        }
    }
    assert_eq!(trades.len(), expected.len());
    for (trade, row) in trades.iter().zip(&expected) {
        assert_eq!((&trade["S"], trade["s"].to_string()), (&json!(traded), row[3].clone()));
        let price: f64 = row[2].parse().unwrap();
        assert_eq!(trade["p"].as_f64(), Some(price));
    }
    let ids: std::collections::BTreeSet<u64> = trades.iter().map(|trade| trade["i"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), trades.len(), "every trade has an id of its own");
    assert!(bars.len() > 10 && bars.iter().all(|bar| bar["T"] == "b" && bar["S"] == json!(barred)), "{bars:?}");
    for bar in &bars {
        let start = chrono::DateTime::parse_from_rfc3339(bar["t"].as_str().unwrap()).unwrap().timestamp();
        let within =
            |row: &&Vec<String>| (start..start + 60).contains(&(row[0].parse::<i64>().unwrap() / 1_000_000_000));
        assert_eq!(bar["n"].as_u64(), Some(counted.iter().filter(within).count() as u64), "{bar}");
    }
}

#[tokio::test]
async fn what_no_session_makes_can_be_sent_and_connections_can_be_cut() {
    let client = Client::start(options()).await;
    let mut socket = open(&client, "sip").await;
    ask(&mut socket, login("sim")).await;
    ask(&mut socket, json!({"action": "subscribe", "trades": ["A"], "statuses": ["*"]})).await;
    let halt = json!({"T": "s", "S": "B", "sc": "H"});
    let messages = json!([{"T": "x", "S": "B", "i": 1}, halt, {"T": "c", "S": "A", "oi": 1}]);
    assert_eq!(client.request("POST", "/sim/v1/alpaca-stream", Some(messages)).await.0, 202);
    assert_eq!(frame(&mut socket).await, json!([halt, {"T": "c", "S": "A", "oi": 1}]));
    assert_eq!(client.request("DELETE", "/sim/v1/alpaca-stream", None).await.0, 200);
    assert!(is_closed(&mut socket).await);
}
