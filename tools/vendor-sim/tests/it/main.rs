//! The simulator over real sockets.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod alpaca_data;
mod alpaca_stream;
mod broker;
mod charts;
mod client;
mod recorded;
mod restart;
mod scenarios;
mod streams;
