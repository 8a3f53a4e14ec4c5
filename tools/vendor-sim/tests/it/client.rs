//! A small client of every vendor.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use vendor_sim::{Options, Running};

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A made session of few symbols that is played only when a test lets it.
pub(crate) fn options() -> Options {
    Options {
        symbols: 40,
        date: Some("2026-11-24".parse().unwrap()),
        speed: 2_000.0,
        warmup_seconds: 1.0,
        ..Options::new()
    }
}

pub(crate) struct Client {
    pub(crate) sim: Running,
    http: reqwest::Client,
}

impl Client {
    pub(crate) async fn start(options: Options) -> Self {
        // The second test of a process finds it installed; that is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { sim: vendor_sim::start(options).await.unwrap(), http: reqwest::Client::new() }
    }

    pub(crate) async fn request(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let method = method.parse().unwrap();
        let mut request = self
            .http
            .request(method, format!("http://{}{path}", self.sim.addr))
            .header("APCA-API-KEY-ID", "sim-key")
            .header("APCA-API-SECRET-KEY", "sim-secret");
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, body) = self.request("GET", path, None).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// Rows of a session CSV, without the header.
    pub(crate) async fn csv(&self, name: &str) -> Vec<Vec<String>> {
        let text = self.get(&format!("/sim/v1/session/{name}")).await;
        let row = |line: &str| line.split(',').map(str::to_owned).collect();
        text.as_str().unwrap().lines().skip(1).map(row).collect()
    }

    /// Plays to the instant and waits there.
    pub(crate) async fn play_to(&self, instant: &str) -> Value {
        self.clock(json!({"pause_at": [instant], "paused": false})).await;
        self.until_paused().await
    }

    pub(crate) async fn clock(&self, change: Value) -> Value {
        let (status, clock) = self.request("POST", "/sim/v1/clock", Some(change)).await;
        assert_eq!(status, 200, "{clock}");
        clock
    }

    pub(crate) async fn until_paused(&self) -> Value {
        for _ in 0..2_000 {
            let clock = self.get("/sim/v1/clock").await;
            if clock["paused"] == true {
                return clock;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the market clock did not pause");
    }

    pub(crate) async fn order(&self, body: Value) -> (u16, Value) {
        self.request("POST", "/alpaca/v2/orders", Some(body)).await
    }

    pub(crate) async fn finnhub(&self, symbols: &[&str]) -> Socket {
        let (mut socket, _) = connect_async(format!("ws://{}/finnhub/?token=sim-test", self.sim.addr)).await.unwrap();
        for symbol in symbols {
            let subscribe = json!({"type": "subscribe", "symbol": symbol}).to_string();
            socket.send(Message::text(subscribe)).await.unwrap();
        }
        socket
    }

    pub(crate) async fn trade_updates(&self) -> Socket {
        let (mut socket, _) = connect_async(format!("ws://{}/alpaca/stream", self.sim.addr)).await.unwrap();
        let enter = json!({"action": "authenticate", "data": {"key_id": "sim-key", "secret_key": "sim-secret"}});
        socket.send(Message::text(enter.to_string())).await.unwrap();
        assert_eq!(binary(&mut socket).await["data"]["status"], "authorized");
        let listen = json!({"action": "listen", "data": {"streams": ["trade_updates"]}});
        socket.send(Message::text(listen.to_string())).await.unwrap();
        assert_eq!(binary(&mut socket).await["data"]["streams"], json!(["trade_updates"]));
        socket
    }
}

/// The next message, which must be a binary frame of JSON.
pub(crate) async fn binary(socket: &mut Socket) -> Value {
    match tokio::time::timeout(Duration::from_secs(10), socket.next()).await.unwrap() {
        Some(Ok(Message::Binary(bytes))) => serde_json::from_slice(&bytes).unwrap(),
        other => panic!("not a binary frame: {other:?}"),
    }
}

/// The next text message.
pub(crate) async fn text(socket: &mut Socket) -> String {
    match tokio::time::timeout(Duration::from_secs(10), socket.next()).await.unwrap() {
        Some(Ok(Message::Text(text))) => text.to_string(),
        other => panic!("not a text frame: {other:?}"),
    }
}

/// Cents of a decimal text.
pub(crate) fn cents(text: &str) -> i64 {
    (text.parse::<f64>().unwrap() * 100.0).round() as i64
}

pub(crate) fn dollars(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// Whether a print may trade with orders, from its row in `trades.csv` of a winter day.
pub(crate) fn counts(row: &[String]) -> bool {
    counts_at(row, 52_200)
}

/// The same for a full session that opens at this second of the UTC day.
pub(crate) fn counts_at(row: &[String], open: i64) -> bool {
    const ALLOWED: [&str; 20] = [
        "1", "2", "4", "6", "7", "8", "13", "14", "18", "19", "23", "28", "29", "31", "33", "34", "35", "36", "38",
        "41",
    ];
    let second = row[0].parse::<i64>().unwrap() / 1_000_000_000 % 86_400;
    let regular = (open..open + 23_400).contains(&second);
    regular && row[4].split(' ').all(|code| code.is_empty() || ALLOWED.contains(&code))
}
