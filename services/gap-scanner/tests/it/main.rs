//! The gap scanner on a real nats-server.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic here is a failed test")]

mod learned;
mod replicas;
mod versions;
mod world;
