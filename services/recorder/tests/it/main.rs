//! The recorder against real stores and a real nats-server.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic here is a failed test")]

mod day;
mod running;
mod storing;
mod support;
