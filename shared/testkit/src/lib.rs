//! Tests only: a real nats-server, and builders of domain values with plausible contents.

#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "only tests run this: a panic is a failed test, at the place that caused it"
)]

pub mod build;
mod nats;
mod ports;

pub use nats::{NatsServer, ServerError};
pub use ports::free_port;
