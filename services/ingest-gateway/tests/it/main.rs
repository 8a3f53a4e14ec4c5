//! The gateway on a real bus, against a simulated market and against a peer that misbehaves.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic here is a failed test")]

mod alpaca;
mod bad_input;
mod budgets;
mod bus_outage;
mod harness;
mod peer;
mod restart;
mod scenarios;
mod session;
mod sources;
mod spool;
mod takeover;
