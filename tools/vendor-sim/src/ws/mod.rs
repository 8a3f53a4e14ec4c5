//! The vendors' streams.

pub(crate) mod alpaca;
pub(crate) mod alpaca_data;
pub(crate) mod finnhub;
mod msgpack;
