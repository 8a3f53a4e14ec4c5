//! The strategist's commands on files.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic here is a failed test")]

mod backtest;
mod exits;
mod features;
mod indicators;
mod inputs;
mod learned;
mod world;
