//! The simulator over real sockets.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod broker;
mod charts;
mod client;
mod recorded;
mod restart;
mod streams;
