//! The only code here that knows a vendor: each `client` talks, `wire` mirrors, `parse` converts.

pub mod alpaca;
pub mod alphavantage;
pub mod clock;
pub mod decimal;
mod each;
pub mod finnhub;
pub mod gate;
pub mod http;
mod volumes;
pub mod yahoo;
