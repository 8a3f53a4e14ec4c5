//! Alpaca: trades over WebSocket; over REST bars, snapshots, corporate actions and news of its market data, assets of its
//! trading service.

mod client;
mod parse;
mod stream;
mod wire;

pub use client::{AlpacaClient, AlpacaConfig};
pub use stream::{AlpacaStream, AlpacaStreamConfig, Encoding, FrameParser};

#[cfg(test)]
mod fuzz_tests;
#[cfg(test)]
mod payload_tests;
