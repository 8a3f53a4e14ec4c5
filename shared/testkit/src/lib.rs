//! Tests only: a real nats-server, Postgres and Timescale, builders of domain values with plausible contents, and spoiled
//! inputs for decoders.

#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "only tests run this: a panic is a failed test, at the place that caused it"
)]

pub mod build;
mod fuzz;
mod nats;
mod ports;
mod postgres;
mod stores;
mod timescale;

pub use fuzz::{fuzz, fuzz_slow};
pub use nats::{NatsServer, ServerError};
pub use ports::free_port;
pub use postgres::{PostgresError, PostgresServer};
pub use stores::{Place, Stores};
