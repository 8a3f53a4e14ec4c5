//! `fin` as a person runs it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic here is a failed test")]

mod alerts;
mod config;
mod doctor;
mod export;
mod filled;
mod migrate;
#[allow(dead_code, reason = "the recorder's own tests use all of it")]
#[path = "../../../../services/recorder/tests/it/support.rs"]
mod recorded;
mod reference;
mod report;
mod watchdog;
#[allow(dead_code, reason = "the backtest's own tests use all of it")]
#[path = "../../../research/tests/it/world.rs"]
mod world;
