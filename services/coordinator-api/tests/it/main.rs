//! The API over a store that a real recorder fills from a real nats-server.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic here is a failed test")]

mod alerts;
mod analytics;
mod caching;
mod commands;
#[path = "../../../recorder/tests/it/day.rs"]
mod day;
mod dead_letters;
mod same_answers;
mod shadow;
mod shapes;
mod strategies;
mod streaming;
mod support;
mod tokens;
