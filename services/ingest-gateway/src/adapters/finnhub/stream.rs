//! Finnhub's WebSocket: every symbol subscribed, one after another, without an answer.

use std::sync::Arc;

use domain::market::{ConditionScheme, Tape};
use futures_util::SinkExt;
use ports::{PrintBuffer, Refusal, VendorError};
use tokio_tungstenite::tungstenite::{self, Message};

use super::parse::FrameParser;
use crate::adapters::live::{self, Connecting, LiveStream, Protocol, Socket, Timing, unreachable};
use crate::adapters::repeat::Repeats;
use crate::universe::Universe;

const VENDOR: &str = "finnhub";

/// How to reach the feed.
#[derive(Clone)]
pub struct StreamConfig {
    /// Address without the token.
    pub url: String,
    /// Goes into the address when connecting and nowhere else.
    pub token: String,
    /// Which prints the feed carries.
    pub tape: Tape,
}

/// What is said over the connection.
pub struct FinnhubProtocol {
    config: StreamConfig,
    universe: Arc<Universe>,
    parser: FrameParser,
    repeats: Repeats,
}

/// The live feed.
pub type FinnhubStream = LiveStream<FinnhubProtocol>;

impl FinnhubStream {
    /// A feed of every symbol of `universe`; it connects when it is first read.
    pub fn open(config: StreamConfig, timing: Timing, universe: Arc<Universe>) -> Self {
        let parser = FrameParser::new(universe.clone());
        Self::new(FinnhubProtocol { config, universe, parser, repeats: Repeats::default() }, timing)
    }
}

impl Protocol for FinnhubProtocol {
    const VENDOR: &'static str = VENDOR;

    fn tape(&self) -> Tape {
        self.config.tape
    }

    fn scheme(&self) -> ConditionScheme {
        ConditionScheme::Finnhub
    }

    fn connect(&self) -> Connecting {
        let (config, universe) = (self.config.clone(), self.universe.clone());
        Box::pin(async move { Ok((connect_and_subscribe(&config, &universe).await?, Vec::new())) })
    }

    fn take(&mut self, message: Message, buffer: &mut PrintBuffer) -> Result<(), VendorError> {
        match message {
            // Two equal single trades within a millisecond are common on a real tape, and these have no ids.
            Message::Text(text) if text.as_bytes().windows(3).any(|part| part == b"},{") && self.repeats.has(&text) => {
                let detail = format!("a frame of {} bytes came twice", text.len());
                buffer.refused.push(Refusal { code: "repeated_frame", subject: None, detail });
            }
            Message::Text(text) => self.parser.parse(&text, buffer),
            Message::Binary(bytes) => self.parser.parse(&String::from_utf8_lossy(&bytes), buffer),
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => {}
        }
        Ok(())
    }
}

async fn connect_and_subscribe(config: &StreamConfig, universe: &Universe) -> Result<Socket, VendorError> {
    let separator = if config.url.contains('?') { '&' } else { '?' };
    let address = format!("{}{separator}token={}", config.url, config.token);
    let redacted = |error: tungstenite::Error| {
        let text = match error {
            tungstenite::Error::Http(response) => format!("HTTP {}", response.status()),
            other => other.to_string(),
        };
        unreachable(VENDOR, "connect", text.replace(&config.token, "…"))
    };
    let mut socket = live::open(&address).await.map_err(redacted)?;
    for listing in universe.listings() {
        let command = serde_json::json!({ "type": "subscribe", "symbol": listing.symbol.as_str() });
        socket.feed(Message::text(command.to_string())).await.map_err(redacted)?;
    }
    socket.flush().await.map_err(redacted)?;
    Ok(socket)
}
