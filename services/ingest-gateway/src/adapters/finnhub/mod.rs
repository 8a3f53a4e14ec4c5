//! Finnhub: trades over WebSocket; listings, quotes, profiles, holidays and company news over REST.

mod client;
mod parse;
mod scan;
mod stream;
mod wire;

pub use client::{FinnhubClient, Holiday, Quote};
pub use parse::FrameParser;
pub use stream::{FinnhubStream, StreamConfig};

#[cfg(test)]
mod fuzz_tests;
