//! `fin` as a person runs it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic here is a failed test")]

mod config;
mod doctor;
mod reference;
mod watchdog;
