//! Brokers, each behind [`ports::OrderPort`].

pub mod alpaca;
