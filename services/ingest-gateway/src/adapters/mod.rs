//! The only code here that knows a vendor: each `client` and `stream` talks, `wire` mirrors, `parse` converts.

pub mod alpaca;
pub mod alphavantage;
mod budget;
pub mod clock;
pub mod decimal;
mod each;
pub mod finnhub;
pub mod gate;
pub mod http;
mod json;
pub mod live;
mod repeat;
mod volumes;
pub mod yahoo;
