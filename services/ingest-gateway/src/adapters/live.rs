//! What every live feed has in common: one WebSocket connection, read for ever, opened again after growing delays.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use domain::market::{ConditionScheme, Tape};
use futures_util::StreamExt;
use ports::{FeedState, MarketDataPort, PrintBuffer, VendorError};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

/// More than this is left for the next call, so that the caller gets to its other work.
const FRAMES_PER_CALL: usize = 64;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection, plain or over TLS.
pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// An attempt to connect; gives the socket, every symbol asked for, and messages that came while it was at it.
pub type Connecting = Pin<Box<dyn Future<Output = Result<(Socket, Vec<Message>), VendorError>> + Send>>;

/// When a connection counts as dead, and when the next is tried.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// Without any frame for so long, a connection is dead.
    pub silence_max: Duration,
    /// Shortest and longest delay between attempts.
    pub reconnect: (Duration, Duration),
}

/// How one vendor talks over its connection.
pub trait Protocol: Send {
    /// The vendor's name in events.
    const VENDOR: &'static str;

    /// Which prints it carries.
    fn tape(&self) -> Tape;

    /// How it writes trade conditions.
    fn scheme(&self) -> ConditionScheme;

    /// Begins to connect. Given up after ten seconds.
    fn connect(&self) -> Connecting;

    /// A new connection stands.
    fn connected(&mut self) {}

    /// Adds what `message` holds to `buffer`.
    ///
    /// # Errors
    /// The vendor will say nothing more of use on this connection.
    fn take(&mut self, message: Message, buffer: &mut PrintBuffer) -> Result<(), VendorError>;
}

/// A vendor's live feed. What the vendor refuses for good is not tried again.
pub struct LiveStream<P> {
    protocol: P,
    timing: Timing,
    state: State,
    delays: ExponentialBackoff,
}

enum State {
    Waiting(Pin<Box<Sleep>>),
    Connecting(Connecting),
    Open(Box<Connection>),
    /// Trying again would get the same answer.
    Refused,
}

struct Connection {
    socket: Socket,
    watch: Pin<Box<Sleep>>,
    last_frame: Instant,
    /// Came before the connection was handed over, the newest first.
    early: Vec<Message>,
    /// Ends the connection once what came before it has been taken.
    failure: Option<VendorError>,
}

impl<P: Protocol> LiveStream<P> {
    /// A feed that connects when it is first read.
    pub(super) fn new(protocol: P, timing: Timing) -> Self {
        let state = State::Connecting(within_timeout(P::VENDOR, protocol.connect()));
        Self { protocol, timing, state, delays: delays(&timing) }
    }

    fn wait_and_reconnect(&mut self, error: &VendorError) {
        self.state = if error.is_transient() {
            let delay = self.delays.next().unwrap_or(self.timing.reconnect.1);
            State::Waiting(Box::pin(sleep(delay)))
        } else {
            State::Refused
        };
    }
}

impl<P: Protocol> MarketDataPort for LiveStream<P> {
    fn source(&self) -> &'static str {
        P::VENDOR
    }

    fn tape(&self) -> Tape {
        self.protocol.tape()
    }

    fn scheme(&self) -> ConditionScheme {
        self.protocol.scheme()
    }

    async fn receive(&mut self, buffer: &mut PrintBuffer) -> FeedState {
        loop {
            let error = match &mut self.state {
                State::Refused => std::future::pending().await,
                State::Waiting(delay) => {
                    delay.await;
                    self.state = State::Connecting(within_timeout(P::VENDOR, self.protocol.connect()));
                    continue;
                }
                State::Connecting(connecting) => match connecting.await {
                    Ok((socket, mut early)) => {
                        early.reverse();
                        let watch = Box::pin(sleep(self.timing.silence_max));
                        let connection = Connection { socket, watch, last_frame: Instant::now(), early, failure: None };
                        self.state = State::Open(Box::new(connection));
                        self.protocol.connected();
                        return FeedState::Connected;
                    }
                    Err(error) => error,
                },
                State::Open(connection) => {
                    match connection.read(&mut self.protocol, buffer, self.timing.silence_max).await {
                        Ok(()) => {
                            self.delays = delays(&self.timing);
                            return FeedState::Received;
                        }
                        Err(error) => error,
                    }
                }
            };
            self.wait_and_reconnect(&error);
            return FeedState::Disconnected(error);
        }
    }
}

impl Connection {
    /// Takes what has arrived, at least one frame, each once; frames before a failure are kept and the failure is met
    /// again.
    async fn read<P: Protocol>(
        &mut self,
        protocol: &mut P,
        buffer: &mut PrintBuffer,
        silence_max: Duration,
    ) -> Result<(), VendorError> {
        poll_fn(|cx| {
            if let Some(error) = self.failure.take() {
                return Poll::Ready(Err(error));
            }
            for read in 0..FRAMES_PER_CALL {
                let message = match self.next(cx) {
                    Poll::Ready(Some(Ok(message))) => message,
                    Poll::Ready(_) | Poll::Pending if read > 0 => break,
                    Poll::Ready(Some(Err(error))) => {
                        return Poll::Ready(Err(unreachable(P::VENDOR, "stream", error)));
                    }
                    Poll::Ready(None) => {
                        return Poll::Ready(Err(unreachable(P::VENDOR, "stream", "closed by the vendor")));
                    }
                    Poll::Pending => {
                        while self.watch.as_mut().poll(cx).is_ready() {
                            let deadline = self.last_frame + silence_max;
                            if deadline <= Instant::now() {
                                let reason = format!("no frame for {} s", silence_max.as_secs());
                                return Poll::Ready(Err(unreachable(P::VENDOR, "stream", reason)));
                            }
                            self.watch.as_mut().reset(deadline);
                        }
                        return Poll::Pending;
                    }
                };
                if let Err(error) = protocol.take(message, buffer) {
                    self.failure = Some(error);
                    break;
                }
            }
            self.last_frame = Instant::now();
            Poll::Ready(Ok(()))
        })
        .await
    }

    fn next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Message, tungstenite::Error>>> {
        match self.early.pop() {
            Some(message) => Poll::Ready(Some(Ok(message))),
            None => self.socket.poll_next_unpin(cx),
        }
    }
}

fn within_timeout(vendor: &'static str, connecting: Connecting) -> Connecting {
    Box::pin(async move {
        let late = || format!("no answer in {} s", CONNECT_TIMEOUT.as_secs());
        timeout(CONNECT_TIMEOUT, connecting).await.unwrap_or_else(|_| Err(unreachable(vendor, "connect", late())))
    })
}

fn delays(timing: &Timing) -> ExponentialBackoff {
    let (min, max) = timing.reconnect;
    ExponentialBuilder::default().with_min_delay(min).with_max_delay(max).with_jitter().without_max_times().build()
}

/// Opens a socket as `request` asks; frames and messages of up to 4 MiB.
pub(super) async fn open(request: impl IntoClientRequest + Unpin) -> Result<Socket, tungstenite::Error> {
    let limits = WebSocketConfig::default()
        .read_buffer_size(512 << 10)
        .max_message_size(Some(4 << 20))
        .max_frame_size(Some(4 << 20));
    Ok(connect_async_with_config(request, Some(limits), true).await?.0)
}

pub(super) fn unreachable(
    vendor: &'static str,
    what: &str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> VendorError {
    VendorError::Unreachable { vendor, what: what.to_owned(), source: source.into() }
}
