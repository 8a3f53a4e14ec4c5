//! The vendors' streams.

pub(crate) mod alpaca;
pub(crate) mod finnhub;
