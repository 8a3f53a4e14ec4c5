//! The strategist's commands on files made here.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic here is a failed test")]

mod backtest;
mod features;
mod inputs;
mod world;
