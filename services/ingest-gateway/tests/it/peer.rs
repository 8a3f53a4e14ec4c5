//! A vendor that sends whatever the test wants, and shows the time that the test sets.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use domain::UnixNanos;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio::time::sleep;

/// The vendor; it serves until the test ends.
#[derive(Clone)]
pub(crate) struct Peer {
    pub(crate) base: String,
    shared: Arc<Shared>,
}

struct Shared {
    frames: broadcast::Sender<String>,
    now: AtomicI64,
}

impl Peer {
    /// Lists AAA, BBB, CCC and DDD; its clock stands still at `now`.
    pub(crate) async fn start(now: UnixNanos) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared { frames: broadcast::channel(65_536).0, now: AtomicI64::new(now.nanos()) });
        let routes = Router::new()
            .route("/finnhub/", get(stream))
            .route("/finnhub/api/v1/stock/symbol", get(listings))
            .route("/finnhub/api/v1/company-news", get(async || Json(json!([]))))
            .route("/sim/v1/clock", get(clock))
            .fallback(async || StatusCode::NOT_FOUND)
            .with_state(shared.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let base = format!("http://{}", listener.local_addr()?);
        tokio::spawn(async { axum::serve(listener, routes).await });
        Ok(Self { base, shared })
    }

    /// Waits until the gateway is connected.
    pub(crate) async fn connected(&self) {
        while self.shared.frames.receiver_count() == 0 {
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until the gateway's connection is gone.
    pub(crate) async fn disconnected(&self) {
        while self.shared.frames.receiver_count() > 0 {
            self.send(r#"{"type":"ping"}"#);
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Sends a frame as it is; lost when nobody is connected.
    pub(crate) fn send(&self, frame: impl Into<String>) {
        let _ = self.shared.frames.send(frame.into());
    }

    /// Sends one trade.
    pub(crate) fn trade(&self, symbol: &str, price: &str, at: UnixNanos) {
        self.send(frame(&[(symbol, price, at)]));
    }

    /// Moves the clock.
    pub(crate) fn set_clock(&self, now: UnixNanos) {
        self.shared.now.store(now.nanos(), Ordering::SeqCst);
    }
}

/// A trade frame of one share each.
pub(crate) fn frame(trades: &[(&str, &str, UnixNanos)]) -> String {
    let trade = |(symbol, price, at): &(&str, &str, UnixNanos)| {
        format!(r#"{{"c":["1"],"p":{price},"s":"{symbol}","t":{},"v":1}}"#, at.nanos() / 1_000_000)
    };
    format!(r#"{{"data":[{}],"type":"trade"}}"#, trades.iter().map(trade).collect::<Vec<_>>().join(","))
}

async fn stream(State(shared): State<Arc<Shared>>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async move |mut socket| {
        let mut subscribed = 0;
        while subscribed < 4 && matches!(socket.recv().await, Some(Ok(_))) {
            subscribed += 1;
        }
        let mut frames = shared.frames.subscribe();
        while let Ok(frame) = frames.recv().await {
            if socket.send(Message::text(frame)).await.is_err() {
                return;
            }
        }
    })
}

async fn listings() -> Json<Value> {
    let listing = |symbol| json!({"symbol": symbol, "type": "Common Stock", "mic": "XNAS"});
    Json(["AAA", "BBB", "CCC", "DDD"].map(listing).into())
}

async fn clock(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let now = UnixNanos::new(shared.now.load(Ordering::SeqCst));
    Json(json!({"now": now.to_string(), "session_date": now.session_date(), "speed": 1.0, "paused": true}))
}
