//! Alpaca's `trade_updates` stream, in binary frames as the paper host sends them.

use std::sync::Arc;

use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use serde_json::{Value, json};
use tokio::sync::broadcast;

use crate::faults::{Line, Part};
use crate::http::alpaca::is_sim_key;
use crate::sim::Sim;

/// `GET /alpaca/stream` with an upgrade.
pub(crate) async fn upgrade(State(sim): State<Arc<Sim>>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(move |socket| async move {
        if let Err(error) = serve(sim, socket).await {
            tracing::debug!(%error, "trade_updates stream ended");
        }
    })
}

async fn serve(sim: Arc<Sim>, mut socket: WebSocket) -> anyhow::Result<()> {
    let mut authorized = false;
    let mut listening: Option<broadcast::Receiver<Arc<str>>> = None;
    let mut line = Line::default();
    loop {
        tokio::select! {
            message = socket.recv() => {
                let request: Value = match message {
                    Some(Ok(Message::Text(text))) => serde_json::from_str(&text).unwrap_or_default(),
                    Some(Ok(Message::Binary(bytes))) => serde_json::from_slice(&bytes).unwrap_or_default(),
                    Some(Ok(Message::Close(_))) | None => return Ok(()),
                    Some(other) => { other?; continue }
                };
                let reply = match request["action"].as_str() {
                    Some("authenticate" | "auth") => {
                        authorized = may_enter(&request);
                        let status = if authorized { "authorized" } else { "unauthorized" };
                        json!({"stream": "authorization", "data": {"action": "authenticate", "status": status}})
                    }
                    Some("listen") if authorized => {
                        let streams = &request["data"]["streams"];
                        let wanted = streams.as_array().is_some_and(|s| s.contains(&json!("trade_updates")));
                        listening = wanted.then(|| sim.updates.subscribe());
                        let streams = if wanted { json!(["trade_updates"]) } else { json!([]) };
                        json!({"stream": "listening", "data": {"streams": streams}})
                    }
                    Some("listen") => {
                        json!({"stream": "authorization", "data": {"action": "listen", "status": "unauthorized"}})
                    }
                    _ => json!({"stream": "error", "data": {"error": "unknown action"}}),
                };
                send(&mut socket, &reply.to_string()).await?;
            }
            update = next(&mut listening) => {
                let update = update?;
                if line.is_silent() {
                    continue;
                }
                let fault = sim.faults.frame("/alpaca/stream", &update, false);
                for part in line.take(update, fault.as_ref()) {
                    match part {
                        Part::Frame(frame) => send(&mut socket, &frame).await?,
                        Part::Close => return Ok(socket.send(Message::Close(None)).await?),
                        Part::Abort => return Ok(()),
                        Part::Gone(time) => {
                            tokio::time::sleep(time).await;
                            return Ok(());
                        }
                    }
                }
            }
            late = line.late() => send(&mut socket, &late).await?,
        }
    }
}

async fn next(listening: &mut Option<broadcast::Receiver<Arc<str>>>) -> anyhow::Result<Arc<str>> {
    match listening {
        Some(updates) => Ok(updates.recv().await?),
        None => std::future::pending().await,
    }
}

async fn send(socket: &mut WebSocket, text: &str) -> anyhow::Result<()> {
    Ok(socket.send(Message::binary(text.as_bytes().to_vec())).await?)
}

fn may_enter(request: &Value) -> bool {
    let (old, new) = (&request["data"], request);
    let key = old["key_id"].as_str().or_else(|| new["key"].as_str());
    let secret = old["secret_key"].as_str().or_else(|| new["secret"].as_str());
    key.is_some_and(is_sim_key) && secret.is_some_and(is_sim_key)
}
