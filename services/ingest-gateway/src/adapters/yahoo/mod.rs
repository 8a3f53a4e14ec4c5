//! Yahoo's chart v8: daily and five-minute history. Unofficial and without any promise, so never asked in a hurry.

mod client;
mod parse;
mod wire;

pub use client::YahooClient;

#[cfg(test)]
mod fuzz_tests;
