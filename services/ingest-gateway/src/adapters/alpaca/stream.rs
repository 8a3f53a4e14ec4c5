//! Alpaca's market-data WebSocket: log in, ask for trades, minute bars and trading status, and read.
//!
//! Corrections and cancels come with the trades without being asked for.

mod minutes;
mod msgpack;
mod parse;
mod scan;
mod wire;

use std::collections::HashSet;
use std::sync::Arc;

use domain::market::{ConditionScheme, Tape};
use futures_util::{SinkExt, StreamExt};
use ports::{PrintBuffer, Refusal, VendorError};
use serde::{Deserialize, Serialize};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{self, Message};

use msgpack::Field;
pub use parse::FrameParser;
use parse::StreamError;

use crate::adapters::live::{self, Connecting, LiveStream, Protocol, Socket, Timing, unreachable};
use crate::adapters::repeat::Repeats;
use crate::universe::Universe;

const VENDOR: &str = "alpaca";
/// Symbols in one request; the vendor answers each with everything asked for so far.
const SYMBOLS_PER_REQUEST: usize = 500;
/// What may come before the handshake is through, beside its own messages.
const EARLY_BYTES_MAX: usize = 64 << 20;

/// How to reach the feed.
#[derive(Clone)]
pub struct AlpacaStreamConfig {
    /// Address, what stands before `/sip` or `/iex`.
    pub url: String,
    /// Key id, said over the connection and nowhere else.
    pub key_id: String,
    /// Secret key, the same.
    pub secret: String,
    /// Which prints the feed carries; says which of the vendor's feeds is asked for.
    pub tape: Tape,
    /// Symbols that the vendor's plan carries; 0: any number.
    pub symbols_max: usize,
    /// How the vendor is asked to write.
    pub encoding: Encoding,
}

/// How messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// As text.
    #[default]
    Json,
    /// In fewer bytes.
    Messagepack,
}

/// What is said over the connection.
pub struct AlpacaProtocol {
    config: AlpacaStreamConfig,
    parser: FrameParser,
    repeats: Repeats,
    text: String,
}

/// The live feed.
pub type AlpacaStream = LiveStream<AlpacaProtocol>;

impl AlpacaStream {
    /// A feed of every symbol of `universe`; it connects when it is first read.
    pub fn open(config: AlpacaStreamConfig, timing: Timing, universe: Arc<Universe>) -> Self {
        let parser = FrameParser::new(universe);
        Self::new(AlpacaProtocol { config, parser, repeats: Repeats::default(), text: String::new() }, timing)
    }
}

impl Protocol for AlpacaProtocol {
    const VENDOR: &'static str = VENDOR;

    fn tape(&self) -> Tape {
        self.config.tape
    }

    fn scheme(&self) -> ConditionScheme {
        ConditionScheme::Sip
    }

    fn connect(&self) -> Connecting {
        Box::pin(connect(self.config.clone(), self.parser.universe.clone()))
    }

    fn connected(&mut self) {
        self.parser.minutes.connected();
        self.repeats = Repeats::default();
    }

    fn take(&mut self, message: Message, buffer: &mut PrintBuffer) -> Result<(), VendorError> {
        match message {
            Message::Text(text) => self.read(&text, buffer),
            Message::Binary(bytes) => {
                let mut text = std::mem::take(&mut self.text);
                text.clear();
                let read = match msgpack::to_json(&bytes, &mut text) {
                    Ok(()) => self.read(&text, buffer),
                    Err(error) => {
                        let detail = format!("MessagePack of {} bytes: {error}", bytes.len());
                        buffer.refused.push(Refusal { code: "malformed_frame", subject: None, detail });
                        Ok(())
                    }
                };
                self.text = text;
                read
            }
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => Ok(()),
        }
    }
}

impl AlpacaProtocol {
    fn read(&mut self, text: &str, buffer: &mut PrintBuffer) -> Result<(), VendorError> {
        // Trades have ids, so that two equal frames are one that came twice.
        if self.repeats.has(text) {
            let detail = format!("a frame of {} bytes came twice", text.len());
            buffer.refused.push(Refusal { code: "repeated_frame", subject: None, detail });
            return Ok(());
        }
        let Some(error) = self.parser.parse(text, buffer) else { return Ok(()) };
        match judge("stream", &error) {
            Some(end) => Err(end),
            None => {
                buffer.refused.push(Refusal { code: "vendor_error", subject: None, detail: error.to_string() });
                Ok(())
            }
        }
    }
}

impl std::fmt::Display for StreamError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.code {
            Some(code) => write!(f, "{} ({code})", self.msg),
            None => f.write_str(&self.msg),
        }
    }
}

impl std::error::Error for StreamError {}

/// What an error of the vendor means for the connection; `None` where it goes on.
fn judge(what: &str, error: &StreamError) -> Option<VendorError> {
    let refused = |hint: &str| {
        let reason = format!("{error}: {hint}");
        Some(VendorError::Refused { vendor: VENDOR, what: what.to_owned(), reason })
    };
    let passing = |hint: &str| Some(unreachable(VENDOR, what, format!("{error}: {hint}")));
    match error.code {
        Some(401) => passing("the connection is not logged in"),
        Some(402) => refused("the key or the secret is wrong; see vendors.alpaca.key_file and secret_file"),
        Some(404) => passing("the log-in took too long"),
        Some(405) => {
            refused("the plan carries fewer symbols; shorten gateway.universe or set gateway.feed.alpaca_symbols_max")
        }
        Some(406) => passing("another connection holds this key, or an old one is not forgotten yet"),
        Some(407) => passing("the vendor has dropped messages that were not read in time"),
        Some(408 | 409) => refused("the plan has no such feed; see gateway.tape"),
        Some(500) => passing("the vendor has failed"),
        // What was asked for again, or in a form that the vendor does not know.
        Some(_) | None => None,
    }
}

async fn connect(config: AlpacaStreamConfig, universe: Arc<Universe>) -> Result<(Socket, Vec<Message>), VendorError> {
    let (symbols, most) = (universe.len(), config.symbols_max);
    if most > 0 && symbols > most {
        let reason = format!(
            "{symbols} symbols are followed and gateway.feed.alpaca_symbols_max is {most}: shorten gateway.universe"
        );
        return Err(VendorError::Refused { vendor: VENDOR, what: "subscribe".to_owned(), reason });
    }
    let feed = match config.tape {
        Tape::Iex => "iex",
        Tape::Consolidated | Tape::Simulated => "sip",
    };
    let failed = |error: tungstenite::Error| {
        let text = match error {
            tungstenite::Error::Http(response) => format!("HTTP {}", response.status()),
            other => other.to_string(),
        };
        unreachable(VENDOR, "connect", text)
    };
    let address = format!("{}/{feed}", config.url.trim_end_matches('/'));
    let mut request = address.into_client_request().map_err(failed)?;
    if config.encoding == Encoding::Messagepack {
        request.headers_mut().insert("content-type", HeaderValue::from_static("application/msgpack"));
    }
    let socket = live::open(request).await.map_err(failed)?;
    let mut talk = Handshake { socket, encoding: config.encoding, early: Vec::new(), early_bytes: 0 };
    talk.until("connect", |control| control.is("success", "connected")).await?;
    let (key, secret) = (Field::Text(&config.key_id), Field::Text(&config.secret));
    talk.say(&[("action", Field::Text("auth")), ("key", key), ("secret", secret)]).await.map_err(failed)?;
    talk.until("log-in", |control| control.is("success", "authenticated")).await?;

    let names: Vec<&str> = universe.listings().iter().map(|listing| listing.symbol.as_str()).collect();
    let mut granted = HashSet::new();
    for some in names.chunks(SYMBOLS_PER_REQUEST) {
        let some = Field::List(some);
        let request = [("action", Field::Text("subscribe")), ("trades", some), ("bars", some), ("statuses", some)];
        talk.say(&request).await.map_err(failed)?;
        let answer = talk.until("subscribe", |control| control.kind == "subscription").await?;
        granted = answer.into_iter().collect();
    }
    if let Some(left_out) = names.iter().find(|name| !granted.contains(**name)) {
        let reason = format!("{left_out} is not among the {} symbols that the vendor has agreed to", granted.len());
        return Err(VendorError::Malformed { vendor: VENDOR, what: "subscribe".to_owned(), reason });
    }
    Ok((talk.socket, talk.early))
}

/// A connection that is not ready yet, and what it brought beside the vendor's answers.
struct Handshake {
    socket: Socket,
    encoding: Encoding,
    early: Vec<Message>,
    early_bytes: usize,
}

impl Handshake {
    async fn say(&mut self, fields: &[(&str, Field<'_>)]) -> Result<(), tungstenite::Error> {
        let message = match self.encoding {
            Encoding::Messagepack => Message::binary(msgpack::from_request(fields)),
            Encoding::Json => {
                let value = |field: &Field<'_>| match field {
                    Field::Text(text) => serde_json::Value::from(*text),
                    Field::List(list) => serde_json::Value::from(list.to_vec()),
                };
                let object: serde_json::Map<_, _> =
                    fields.iter().map(|(name, field)| ((*name).to_owned(), value(field))).collect();
                Message::text(serde_json::Value::Object(object).to_string())
            }
        };
        self.socket.send(message).await
    }

    /// Waits for the message that `is_answer`, and gives the symbols whose trades it names.
    async fn until(
        &mut self,
        what: &str,
        is_answer: impl Fn(&parse::Control<'_>) -> bool,
    ) -> Result<Vec<String>, VendorError> {
        loop {
            let message = match self.socket.next().await {
                Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => message,
                Some(Ok(Message::Close(frame))) => {
                    let said = frame.map_or_else(String::new, |frame| format!(": {}", frame.reason));
                    return Err(unreachable(VENDOR, what, format!("closed by the vendor{said}")));
                }
                Some(Ok(_)) => continue,
                Some(Err(error)) => return Err(unreachable(VENDOR, what, error)),
                None => return Err(unreachable(VENDOR, what, "closed by the vendor")),
            };
            let mut packed = String::new();
            let text = match &message {
                Message::Binary(bytes) => msgpack::to_json(bytes, &mut packed).ok().map(|()| packed.as_str()),
                other => other.to_text().ok(),
            };
            // What cannot be read is named when it is taken from an open connection.
            let controls = text.and_then(|text| parse::controls(text).ok());
            let mut answer = None;
            let mut beside = controls.is_none();
            for mut control in controls.into_iter().flatten() {
                if control.kind == "error" {
                    let error = StreamError { code: control.code, msg: control.msg.take().unwrap_or_default() };
                    let unexpected =
                        || VendorError::Refused { vendor: VENDOR, what: what.to_owned(), reason: error.to_string() };
                    return Err(judge(what, &error).unwrap_or_else(unexpected));
                }
                if is_answer(&control) {
                    answer = Some(control.trades.unwrap_or_default());
                } else {
                    beside |= !matches!(&*control.kind, "success" | "subscription");
                }
            }
            if beside {
                self.early_bytes += size_of::<Message>() + message.len();
                if self.early_bytes > EARLY_BYTES_MAX {
                    return Err(unreachable(VENDOR, what, format!("{EARLY_BYTES_MAX} bytes came and no answer")));
                }
                self.early.push(message);
            }
            if let Some(symbols) = answer {
                return Ok(symbols);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_of_the_vendor_ends_the_connection_for_good_for_a_while_or_not_at_all() {
        let check = |code, expected: Option<bool>, named: &str| {
            let error = judge("stream", &StreamError { code, msg: "words".into() });
            assert_eq!(error.as_ref().map(VendorError::is_transient), expected, "{code:?}");
            let text = error.map_or_else(String::new, |error| crate::error::chain(&error));
            assert!(text.contains(named) && (text.is_empty() || text.contains("words")), "{text}");
        };
        check(Some(400), None, "");
        check(Some(401), Some(true), "not logged in");
        check(Some(402), Some(false), "vendors.alpaca.key_file");
        check(Some(403), None, "");
        check(Some(404), Some(true), "too long");
        check(Some(405), Some(false), "alpaca_symbols_max");
        check(Some(406), Some(true), "another connection");
        check(Some(407), Some(true), "dropped messages");
        check(Some(408), Some(false), "gateway.tape");
        check(Some(409), Some(false), "gateway.tape");
        check(Some(500), Some(true), "failed");
        check(Some(599), None, "");
        check(None, None, "");
    }
}
