//! The only code here that knows a vendor: each `client` talks, `wire` mirrors, `parse` converts.

pub mod clock;
pub mod decimal;
pub mod finnhub;
pub mod http;
pub mod yahoo;
