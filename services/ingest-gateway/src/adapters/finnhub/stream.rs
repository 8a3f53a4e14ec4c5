//! Finnhub's WebSocket: one connection, every symbol subscribed, reconnected for ever.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use domain::market::{ConditionScheme, Tape};
use futures_util::{SinkExt, StreamExt};
use ports::{FeedState, MarketDataPort, PrintBuffer, Refusal, VendorError};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use super::parse::FrameParser;
use super::repeat::Repeats;
use crate::universe::Universe;

const VENDOR: &str = "finnhub";
/// More than this is left for the next call, so that the caller gets to its other work.
const FRAMES_PER_CALL: usize = 64;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How to reach the feed.
#[derive(Clone)]
pub struct StreamConfig {
    /// Address without the token.
    pub url: String,
    /// Goes into the address when connecting and nowhere else.
    pub token: String,
    /// Which prints the feed carries.
    pub tape: Tape,
    /// Without any frame for so long, a connection is dead.
    pub silence_max: Duration,
    /// Shortest and longest delay between attempts.
    pub reconnect: (Duration, Duration),
}

/// The live feed.
pub struct FinnhubStream {
    config: StreamConfig,
    universe: Arc<Universe>,
    parser: FrameParser,
    repeats: Repeats,
    state: State,
    delays: ExponentialBackoff,
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

enum State {
    Waiting(Pin<Box<Sleep>>),
    Connecting(Pin<Box<dyn Future<Output = Result<Socket, VendorError>> + Send>>),
    Open(Box<Connection>),
}

struct Connection {
    socket: Socket,
    watch: Pin<Box<Sleep>>,
    last_frame: Instant,
}

impl FinnhubStream {
    /// A feed of every symbol of `universe`; it connects when it is first read.
    pub fn new(config: StreamConfig, universe: Arc<Universe>) -> Self {
        let parser = FrameParser::new(universe.clone());
        let delays = delays(&config);
        let state = State::Connecting(Box::pin(connect(config.clone(), universe.clone())));
        Self { config, universe, parser, repeats: Repeats::default(), state, delays }
    }

    fn wait_and_reconnect(&mut self) {
        let delay = self.delays.next().unwrap_or(self.config.reconnect.1);
        self.state = State::Waiting(Box::pin(sleep(delay)));
    }
}

impl MarketDataPort for FinnhubStream {
    fn source(&self) -> &'static str {
        VENDOR
    }

    fn tape(&self) -> Tape {
        self.config.tape
    }

    fn scheme(&self) -> ConditionScheme {
        ConditionScheme::Finnhub
    }

    async fn receive(&mut self, buffer: &mut PrintBuffer) -> FeedState {
        loop {
            match &mut self.state {
                State::Waiting(delay) => {
                    delay.await;
                    self.state = State::Connecting(Box::pin(connect(self.config.clone(), self.universe.clone())));
                }
                State::Connecting(connecting) => match connecting.await {
                    Ok(socket) => {
                        let watch = Box::pin(sleep(self.config.silence_max));
                        let connection = Connection { socket, watch, last_frame: Instant::now() };
                        self.state = State::Open(Box::new(connection));
                        return FeedState::Connected;
                    }
                    Err(error) => {
                        self.wait_and_reconnect();
                        return FeedState::Disconnected(error);
                    }
                },
                State::Open(connection) => {
                    let limit = self.config.silence_max;
                    match connection.read(&mut self.parser, &mut self.repeats, buffer, limit).await {
                        Ok(()) => {
                            self.delays = delays(&self.config);
                            return FeedState::Received;
                        }
                        Err(error) => {
                            self.wait_and_reconnect();
                            return FeedState::Disconnected(error);
                        }
                    }
                }
            }
        }
    }
}

impl Connection {
    /// Parses what has arrived, at least one frame, each once; frames before a failure are kept and the failure is met
    /// again.
    async fn read(
        &mut self,
        parser: &mut FrameParser,
        repeats: &mut Repeats,
        buffer: &mut PrintBuffer,
        silence_max: Duration,
    ) -> Result<(), VendorError> {
        poll_fn(|cx| {
            for read in 0..FRAMES_PER_CALL {
                match self.socket.poll_next_unpin(cx) {
                    Poll::Ready(Some(Ok(message))) => match message {
                        Message::Text(text) if repeats.has(&text) => {
                            let detail = format!("a frame of {} bytes came twice", text.len());
                            buffer.refused.push(Refusal { code: "repeated_frame", subject: None, detail });
                        }
                        Message::Text(text) => parser.parse(&text, buffer),
                        Message::Binary(bytes) => parser.parse(&String::from_utf8_lossy(&bytes), buffer),
                        Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => {}
                    },
                    Poll::Ready(_) | Poll::Pending if read > 0 => break,
                    Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(unreachable("stream", error))),
                    Poll::Ready(None) => return Poll::Ready(Err(unreachable("stream", "closed by the vendor"))),
                    Poll::Pending => {
                        while self.watch.as_mut().poll(cx).is_ready() {
                            let deadline = self.last_frame + silence_max;
                            if deadline <= Instant::now() {
                                let reason = format!("no frame for {} s", silence_max.as_secs());
                                return Poll::Ready(Err(unreachable("stream", reason)));
                            }
                            self.watch.as_mut().reset(deadline);
                        }
                        return Poll::Pending;
                    }
                }
            }
            self.last_frame = Instant::now();
            Poll::Ready(Ok(()))
        })
        .await
    }
}

async fn connect(config: StreamConfig, universe: Arc<Universe>) -> Result<Socket, VendorError> {
    timeout(CONNECT_TIMEOUT, connect_and_subscribe(&config, &universe))
        .await
        .unwrap_or_else(|_| Err(unreachable("connect", format!("no answer in {} s", CONNECT_TIMEOUT.as_secs()))))
}

async fn connect_and_subscribe(config: &StreamConfig, universe: &Universe) -> Result<Socket, VendorError> {
    let separator = if config.url.contains('?') { '&' } else { '?' };
    let address = format!("{}{separator}token={}", config.url, config.token);
    let limits = WebSocketConfig::default()
        .read_buffer_size(512 << 10)
        .max_message_size(Some(4 << 20))
        .max_frame_size(Some(4 << 20));
    let redacted = |error: tungstenite::Error| {
        let text = match error {
            tungstenite::Error::Http(response) => format!("HTTP {}", response.status()),
            other => other.to_string(),
        };
        unreachable("connect", text.replace(&config.token, "…"))
    };
    let (mut socket, _) = connect_async_with_config(address, Some(limits), true).await.map_err(redacted)?;
    for listing in universe.listings() {
        let command = serde_json::json!({ "type": "subscribe", "symbol": listing.symbol.as_str() });
        socket.feed(Message::text(command.to_string())).await.map_err(redacted)?;
    }
    socket.flush().await.map_err(redacted)?;
    Ok(socket)
}

fn delays(config: &StreamConfig) -> ExponentialBackoff {
    let (min, max) = config.reconnect;
    ExponentialBuilder::default().with_min_delay(min).with_max_delay(max).with_jitter().without_max_times().build()
}

fn unreachable(what: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> VendorError {
    VendorError::Unreachable { vendor: VENDOR, what: what.to_owned(), source: source.into() }
}
