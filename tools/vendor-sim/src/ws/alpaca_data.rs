//! Alpaca's market-data stream, as JSON or, for who asks so in a header, as MessagePack.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, Uri, header};
use axum::response::Response;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::finnhub::send_waiting;
use super::msgpack;
use crate::alpaca_feed::{Channels, Wanted};
use crate::faults::{Line, Part};
use crate::http::alpaca::is_sim_key;
use crate::sim::Sim;

const LOGIN_WITHIN: Duration = Duration::from_secs(10);
/// Keys that begin so have the free plan: IEX alone, and this many symbols.
const FREE: &str = "sim-free";
const FREE_SYMBOLS: usize = 30;

struct Sink {
    socket: SplitSink<WebSocket, Message>,
    packed: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Request {
    action: String,
    key: String,
    secret: String,
    trades: Vec<String>,
    quotes: Vec<String>,
    bars: Vec<String>,
    updated_bars: Vec<String>,
    daily_bars: Vec<String>,
    statuses: Vec<String>,
    lulds: Vec<String>,
    imbalances: Vec<String>,
}

/// What comes from a client.
enum Said {
    Request(Request),
    Nonsense,
    Nothing,
}

/// What the vendor refuses with.
type Refusal = (u16, &'static str);

const SYNTAX: Refusal = (400, "invalid syntax");
const NOT_LOGGED_IN: Refusal = (401, "not authenticated");
const LOGIN_FAILED: Refusal = (402, "auth failed");
const LOGGED_IN: Refusal = (403, "already authenticated");
const TIMEOUT: Refusal = (404, "auth timeout");
const SYMBOLS: Refusal = (405, "symbol limit exceeded");
const CONNECTIONS: Refusal = (406, "connection limit exceeded");
const PLAN: Refusal = (409, "insufficient subscription");

/// `GET /alpaca/v2/sip` or `/iex` with an upgrade.
pub(crate) async fn upgrade(
    State(sim): State<Arc<Sim>>,
    uri: Uri,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    // The router has taken the first part off.
    let path = format!("/alpaca{}", uri.path());
    let packed = headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/msgpack");
    upgrade.write_buffer_size(256 * 1024).on_upgrade(move |socket| async move {
        if let Err(error) = serve(sim, socket, &path, packed).await {
            tracing::debug!(%error, "Alpaca's market-data stream ended");
        }
    })
}

async fn serve(sim: Arc<Sim>, socket: WebSocket, path: &str, packed: bool) -> anyhow::Result<()> {
    let (sink, mut incoming) = socket.split();
    let mut sink = Sink { socket: sink, packed };
    say(&mut sink, &json!({"T": "success", "msg": "connected"})).await?;
    let Ok(login) = timeout(LOGIN_WITHIN, login(&mut sink, &mut incoming)).await else {
        return refuse(&mut sink, TIMEOUT).await;
    };
    let Some(key) = login? else { return Ok(()) };
    let free = key.starts_with(FREE);
    if free && !path.ends_with("/iex") {
        return refuse(&mut sink, PLAN).await;
    }
    let connected = sim.market()?.alpaca.connect(&key);
    let Some((id, mut frames)) = connected else {
        return refuse(&mut sink, CONNECTIONS).await;
    };
    let guard = Disconnect(Arc::clone(&sim), id);
    let mut line = Line::default();
    say(&mut sink, &json!({"T": "success", "msg": "authenticated"})).await?;
    let mut channels = Channels::default();
    loop {
        tokio::select! {
            said = next(&mut incoming) => match said? {
                Said::Request(request) => answer(&sim, id, free, &mut channels, &request, &mut sink).await?,
                Said::Nonsense => error(&mut sink, SYNTAX).await?,
                Said::Nothing => return Ok(()),
            },
            frame = frames.recv() => match frame {
                Some(frame) => {
                    let message = |frame| message(frame, packed);
                    let end = send_waiting(&mut sink.socket, frame, &mut frames, (&mut line, &sim.faults), (path, message));
                    match end.await? {
                        None | Some(Part::Frame(_)) => {}
                        Some(Part::Close) => return Ok(sink.socket.close().await?),
                        Some(Part::Abort) => return Ok(()),
                        Some(Part::Gone(time)) => {
                            // The market does not wait for a reader who is not there.
                            drop(guard);
                            tokio::time::sleep(time).await;
                            return Ok(());
                        }
                    }
                }
                None => return Ok(()),
            },
            late = line.late() => sink.socket.send(message(late.to_string(), packed)?).await?,
        }
    }
}

/// Waits for a key that opens; `None` when the client has been turned away or has gone.
async fn login(sink: &mut Sink, incoming: &mut SplitStream<WebSocket>) -> anyhow::Result<Option<String>> {
    loop {
        match next(incoming).await? {
            Said::Nothing => return Ok(None),
            Said::Nonsense => error(sink, SYNTAX).await?,
            Said::Request(request) if request.action != "auth" => error(sink, NOT_LOGGED_IN).await?,
            Said::Request(request) if is_sim_key(&request.key) && is_sim_key(&request.secret) => {
                return Ok(Some(request.key));
            }
            Said::Request(_) => {
                refuse(sink, LOGIN_FAILED).await?;
                return Ok(None);
            }
        }
    }
}

async fn next(incoming: &mut SplitStream<WebSocket>) -> anyhow::Result<Said> {
    loop {
        let request = match incoming.next().await {
            Some(Ok(Message::Text(text))) => serde_json::from_str(&text).ok(),
            Some(Ok(Message::Binary(bytes))) => {
                let unpacked = msgpack::unpack(&bytes).and_then(|request| serde_json::from_value(request).ok());
                unpacked.or_else(|| serde_json::from_slice(&bytes).ok())
            }
            Some(Ok(Message::Close(_))) | None => return Ok(Said::Nothing),
            Some(other) => {
                other?;
                continue;
            }
        };
        return Ok(request.map_or(Said::Nonsense, Said::Request));
    }
}

async fn answer(
    sim: &Sim,
    id: u64,
    free: bool,
    channels: &mut Channels,
    request: &Request,
    sink: &mut Sink,
) -> anyhow::Result<()> {
    let wanted = match request.action.as_str() {
        "subscribe" => true,
        "unsubscribe" => false,
        "auth" => return error(sink, LOGGED_IN).await,
        _ => return error(sink, SYNTAX).await,
    };
    let mut changed = channels.clone();
    let change = |channel: &mut Wanted, tickers: &[String]| {
        channel.change(tickers, wanted, |ticker| sim.world.index_of(ticker));
    };
    change(&mut changed.trades, &request.trades);
    change(&mut changed.quotes, &request.quotes);
    change(&mut changed.bars, &request.bars);
    change(&mut changed.updated_bars, &request.updated_bars);
    change(&mut changed.daily_bars, &request.daily_bars);
    change(&mut changed.statuses, &request.statuses);
    change(&mut changed.lulds, &request.lulds);
    change(&mut changed.imbalances, &request.imbalances);
    let (trades, quotes) = (&changed.trades, &changed.quotes);
    if free && (trades.all || quotes.all || trades.tickers.len() + quotes.tickers.len() > FREE_SYMBOLS) {
        return error(sink, SYMBOLS).await;
    }
    let listed = |channel: &Wanted| json!(channel.listed());
    let reply = json!({
        "T": "subscription", "trades": listed(&changed.trades), "quotes": listed(&changed.quotes),
        "bars": listed(&changed.bars), "updatedBars": listed(&changed.updated_bars),
        "dailyBars": listed(&changed.daily_bars), "statuses": listed(&changed.statuses),
        "lulds": listed(&changed.lulds), "imbalances": listed(&changed.imbalances),
        "corrections": listed(&changed.trades), "cancelErrors": listed(&changed.trades),
    });
    say(sink, &reply).await?;
    *channels = changed.clone();
    sim.market()?.alpaca.subscribe(id, changed);
    Ok(())
}

async fn say(sink: &mut Sink, message: &Value) -> anyhow::Result<()> {
    Ok(sink.socket.send(self::message(json!([message]).to_string(), sink.packed)?).await?)
}

fn message(frame: String, packed: bool) -> anyhow::Result<Message> {
    Ok(if packed { Message::binary(msgpack::pack(&frame)?) } else { Message::text(frame) })
}

async fn error(sink: &mut Sink, (code, msg): Refusal) -> anyhow::Result<()> {
    say(sink, &json!({"T": "error", "code": code, "msg": msg})).await
}

/// Says why, and closes.
async fn refuse(sink: &mut Sink, refusal: Refusal) -> anyhow::Result<()> {
    error(sink, refusal).await?;
    Ok(sink.socket.close().await?)
}

/// Forgets the connection however it ends.
struct Disconnect(Arc<Sim>, u64);

impl Drop for Disconnect {
    fn drop(&mut self) {
        if let Ok(mut market) = self.0.market() {
            market.alpaca.disconnect(self.1);
        }
    }
}
