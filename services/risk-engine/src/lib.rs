//! Keeps the account's ledger: opens the day, sizes plans, approves or denies, lowers the trading state.
//!
//! Reads PLAN, its own RISK, ORDER and CONTROL; writes RISK, each decision at the ledger's expected last sequence, so
//! that two engines can never decide differently. Rebuilt from the streams at start. Never talks to a broker.

mod app;
mod config;

pub use app::RiskEngine;
pub use config::Config;
