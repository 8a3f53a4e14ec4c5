//! Alpha Vantage over HTTP: a fallback for a handful of names, and the only vendor of sentiment.

mod client;
mod parse;
mod wire;

pub use client::AlphaVantageClient;

#[cfg(test)]
mod fuzz_tests;
