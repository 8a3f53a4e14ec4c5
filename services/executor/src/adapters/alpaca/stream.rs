//! The account's stream of order updates. It has no replay: after each connect the rest has to be read over REST.

use std::time::Duration;

use async_trait::async_trait;
use backon::{BackoffBuilder as _, ExponentialBuilder};
use futures_util::{SinkExt as _, StreamExt as _};
use ports::{BrokerUpdate, OrderUpdates};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval, timeout, timeout_at};
use tokio_tungstenite::tungstenite::Message;

use super::client::Credentials;
use super::{parse, wire};

/// Updates that may wait for the executor; when it is that far behind, the socket waits too.
const QUEUE: usize = 1024;
const HANDSHAKE: Duration = Duration::from_secs(10);
const PING_EVERY: Duration = Duration::from_secs(5);
/// Without any frame for so long, pongs included, the socket counts as dead.
const SILENCE_MAX: Duration = Duration::from_secs(15);

/// A connection that comes back by itself; closed when dropped.
pub(super) struct AlpacaUpdates {
    updates: mpsc::Receiver<BrokerUpdate>,
    task: JoinHandle<()>,
}

impl AlpacaUpdates {
    pub(super) fn connect(url: String, credentials: Credentials) -> Self {
        let (sender, updates) = mpsc::channel(QUEUE);
        Self { updates, task: tokio::spawn(stay_connected(url, credentials, sender)) }
    }
}

impl Drop for AlpacaUpdates {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[async_trait]
impl OrderUpdates for AlpacaUpdates {
    async fn next(&mut self) -> BrokerUpdate {
        match self.updates.recv().await {
            Some(update) => update,
            None => std::future::pending().await,
        }
    }
}

async fn stay_connected(url: String, credentials: Credentials, sender: mpsc::Sender<BrokerUpdate>) {
    let delays = ExponentialBuilder::default()
        .with_jitter()
        .with_min_delay(Duration::from_millis(100))
        .with_max_delay(Duration::from_secs(10))
        .without_max_times();
    let mut delay = delays.build();
    loop {
        let begun = Instant::now();
        let Err(reason) = listen(&url, &credentials, &sender).await else { return };
        if sender.send(BrokerUpdate::Disconnected(reason)).await.is_err() {
            return;
        }
        if begun.elapsed() > SILENCE_MAX {
            delay = delays.build();
        }
        tokio::time::sleep(delay.next().unwrap_or(SILENCE_MAX)).await;
    }
}

/// Listens until the connection breaks (`Err` says how) or nobody listens to us (`Ok`).
async fn listen(url: &str, credentials: &Credentials, out: &mpsc::Sender<BrokerUpdate>) -> Result<(), String> {
    let connecting = timeout(HANDSHAKE, tokio_tungstenite::connect_async(url)).await;
    let (mut socket, _) = connecting.map_err(|_| "no answer".to_owned())?.map_err(|e| e.to_string())?;
    let login = json!({"action": "auth", "key": credentials.key_id, "secret": credentials.secret});
    socket.send(Message::text(login.to_string())).await.map_err(|e| e.to_string())?;
    let mut listening = false;
    let mut pings = interval(PING_EVERY);
    let mut deadline = Instant::now() + HANDSHAKE;
    loop {
        let frame = tokio::select! {
            frame = timeout_at(deadline, socket.next()) => frame.map_err(|_| "silent for too long".to_owned())?,
            _ = pings.tick() => {
                socket.send(Message::Ping(Vec::new().into())).await.map_err(|e| e.to_string())?;
                continue;
            }
        };
        let frame = frame.ok_or_else(|| "closed".to_owned())?.map_err(|e| e.to_string())?;
        if listening {
            deadline = Instant::now() + SILENCE_MAX;
        }
        let payload = match &frame {
            Message::Text(text) => text.as_bytes(),
            Message::Binary(bytes) => bytes.as_ref(),
            Message::Close(_) => return Err("closed by the broker".to_owned()),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
        };
        match read(payload) {
            Heard::Authorized => {
                let wish = json!({"action": "listen", "data": {"streams": ["trade_updates"]}});
                socket.send(Message::text(wish.to_string())).await.map_err(|e| e.to_string())?;
            }
            Heard::Refused(words) => {
                let words = credentials.left_out_of(words.as_bytes());
                return Err(format!("login refused: {}", String::from_utf8_lossy(&words)));
            }
            Heard::Listening => {
                listening = true;
                deadline = Instant::now() + SILENCE_MAX;
                if out.send(BrokerUpdate::Connected).await.is_err() {
                    return Ok(());
                }
            }
            Heard::Updates(updates) => {
                for update in updates {
                    if out.send(update).await.is_err() {
                        return Ok(());
                    }
                }
            }
            Heard::Nothing => {}
        }
    }
}

/// What one message says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Authorized,
    Refused(String),
    Listening,
    Updates(Vec<BrokerUpdate>),
    Nothing,
}

pub(super) fn read(payload: &[u8]) -> Heard {
    let malformed = |why: String| Heard::Updates(vec![BrokerUpdate::Malformed(why)]);
    let message: wire::Message = match serde_json::from_slice(payload) {
        Ok(message) => message,
        Err(error) => return malformed(error.to_string()),
    };
    match message.stream.as_str() {
        "authorization" if message.data["status"] == "authorized" => Heard::Authorized,
        "authorization" => Heard::Refused(message.data["message"].as_str().unwrap_or("unauthorized").to_owned()),
        "listening" => Heard::Listening,
        "trade_updates" => {
            let update = serde_json::from_value::<wire::TradeUpdate>(message.data).map_err(|e| e.to_string());
            let updates = update.and_then(|update| parse::trade_update(&update).map_err(|e| e.to_string()));
            updates.map_or_else(malformed, Heard::Updates)
        }
        _ => Heard::Nothing,
    }
}
