//! Alpaca's trading API, version 2: `client` talks, `wire` mirrors its JSON, `parse` converts, `stream` listens.

mod calls;
mod client;
mod parse;
mod stream;
mod wire;

pub use client::{AlpacaClient, AlpacaConfig, Credentials};

#[cfg(test)]
mod fuzz_tests;
#[cfg(test)]
mod payload_tests;
