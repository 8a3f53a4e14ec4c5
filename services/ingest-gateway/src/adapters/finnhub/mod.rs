//! Finnhub: trades over WebSocket; listings, quotes and company news over REST.

mod client;
mod parse;
mod repeat;
mod scan;
mod stream;
mod wire;

pub use client::{FinnhubClient, Quote};
pub use parse::FrameParser;
pub use stream::{FinnhubStream, StreamConfig};
