//! Finnhub's trade stream.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::json;

use crate::faults::{Faults, Frame, Line, Part};
use crate::firehose::Load;
use crate::http::finnhub::{Token, is_authorized};
use crate::sim::Sim;

const PING_EVERY: Duration = Duration::from_secs(60);
/// Firehose frames between two flushes.
const BURST: usize = 32;

type Sink = SplitSink<WebSocket, Message>;

#[derive(Debug, Deserialize)]
struct Request {
    #[serde(rename = "type")]
    kind: String,
    symbol: Option<String>,
}

/// `GET /finnhub/?token=…` with an upgrade.
pub(crate) async fn upgrade(
    State(sim): State<Arc<Sim>>,
    Query(token): Query<Token>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if !is_authorized(&token, &headers) {
        return (StatusCode::UNAUTHORIZED, "Invalid API key").into_response();
    }
    upgrade.write_buffer_size(256 * 1024).on_upgrade(move |socket| async move {
        if let Err(error) = serve(sim, socket).await {
            tracing::debug!(%error, "Finnhub stream ended");
        }
    })
}

async fn serve(sim: Arc<Sim>, socket: WebSocket) -> anyhow::Result<()> {
    let (mut sink, mut incoming) = socket.split();
    let (id, mut frames) = {
        let mut market = sim.market()?;
        let symbols = sim.world.listings().len();
        market.feeds.connect(symbols)
    };
    let guard = Disconnect(Arc::clone(&sim), id);
    let mut line = Line::default();
    let mut firehose = sim.firehose.watch();
    firehose.mark_changed();
    let mut ping = tokio::time::interval_at(tokio::time::Instant::now() + PING_EVERY, PING_EVERY);
    loop {
        tokio::select! {
            message = incoming.next() => match message {
                Some(Ok(Message::Text(text))) => {
                    if let Some(refusal) = handle(&sim, id, &text)? {
                        sink.send(Message::text(refusal)).await?;
                    }
                }
                Some(Ok(Message::Close(_))) | None => return Ok(()),
                Some(other) => { other?; }
            },
            frame = frames.recv() => match frame {
                Some(frame) => match send_waiting(&mut sink, frame, &mut frames, (&mut line, &sim.faults), ("/finnhub", |frame| Ok(Message::text(frame)))).await? {
                    None | Some(Part::Frame(_)) => {}
                    Some(Part::Close) => return Ok(sink.close().await?),
                    Some(Part::Abort) => return Ok(()),
                    Some(Part::Gone(time)) => {
                        // The market does not wait for a reader who is not there.
                        drop(guard);
                        tokio::time::sleep(time).await;
                        return Ok(());
                    }
                },
                None => return Ok(()),
            },
            late = line.late() => sink.send(Message::text(&*late)).await?,
            changed = firehose.changed() => {
                changed?;
                let load = firehose.borrow_and_update().clone();
                if let Some(load) = load.filter(|_| !line.is_silent()) {
                    pour(&mut sink, &load).await?;
                }
            }
            _ = ping.tick() => if !line.is_silent() {
                sink.send(Message::text("{\"type\":\"ping\"}")).await?;
            },
        }
    }
}

/// Sends a frame and all that wait behind it with one flush, with what was asked to go wrong with `stream`; `message`
/// writes one. `Some` ends the connection.
pub(super) async fn send_waiting(
    sink: &mut Sink,
    first: String,
    frames: &mut tokio::sync::mpsc::Receiver<String>,
    (line, faults): (&mut Line, &Faults),
    (stream, message): (&str, impl Fn(String) -> anyhow::Result<Message>),
) -> anyhow::Result<Option<Part>> {
    let mut next = Some(first);
    while let Some(frame) = next {
        if line.is_silent() {
            next = frames.try_recv().ok();
            continue;
        }
        let fault = faults.frame(stream, &frame, !frames.is_empty());
        if fault.is_none() {
            sink.feed(message(frame)?).await?;
        } else {
            if fault.as_ref().is_some_and(|fault| fault.frame == Some(Frame::Swap))
                && let Ok(behind) = frames.try_recv()
            {
                sink.feed(message(behind)?).await?;
            }
            for part in line.take(frame.into(), fault.as_ref()) {
                match part {
                    Part::Frame(frame) => sink.feed(message(frame.to_string())?).await?,
                    end => {
                        sink.flush().await?;
                        return Ok(Some(end));
                    }
                }
            }
        }
        next = frames.try_recv().ok();
    }
    sink.flush().await?;
    Ok(None)
}

async fn pour(sink: &mut Sink, load: &Arc<Load>) -> anyhow::Result<()> {
    let mut cursor = load.cursor();
    let mut unflushed = 0;
    while let Some(frame) = cursor.frame() {
        sink.feed(Message::Text(Utf8Bytes::try_from(Bytes::from(frame))?)).await?;
        unflushed += 1;
        let delay = cursor.delay();
        if unflushed == BURST || delay.is_some() {
            sink.flush().await?;
            unflushed = 0;
        }
        if let Some(delay) = delay.filter(|d| *d > Duration::from_millis(1)) {
            tokio::time::sleep(delay).await;
        }
    }
    Ok(sink.flush().await?)
}

/// Acts on a client's message; the text of an error frame if it is refused.
fn handle(sim: &Sim, id: u64, text: &str) -> anyhow::Result<Option<String>> {
    let error = |message: String| Ok(Some(json!({"msg": message, "type": "error"}).to_string()));
    let Ok(request) = serde_json::from_str::<Request>(text) else {
        return error("Invalid message".to_owned());
    };
    let wanted = match request.kind.as_str() {
        "subscribe" => true,
        "unsubscribe" => false,
        other => return error(format!("Invalid message type {other}")),
    };
    let ticker = request.symbol.unwrap_or_default();
    match sim.world.index_of(&ticker) {
        Some(symbol) => {
            sim.market()?.feeds.subscribe(id, symbol, wanted);
            Ok(None)
        }
        None => error(format!("Invalid symbol {ticker}")),
    }
}

/// Forgets the connection however it ends.
struct Disconnect(Arc<Sim>, u64);

impl Drop for Disconnect {
    fn drop(&mut self) {
        if let Ok(mut market) = self.0.market() {
            market.feeds.disconnect(self.1);
        }
    }
}
