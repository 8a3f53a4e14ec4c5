//! The API over a store that a real recorder fills from a real nats-server.

mod commands;
#[path = "../../../recorder/tests/it/day.rs"]
mod day;
mod shapes;
mod streaming;
mod support;
