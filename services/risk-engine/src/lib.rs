//! Keeps the account's ledger: opens the day, sizes plans, approves or denies, lowers the trading state.
//!
//! Reads PLAN, its own RISK, ORDER and CONTROL; writes RISK, each decision at the ledger's expected last sequence, so
//! that two engines can never decide differently. Rebuilt from the streams at start. Never talks to a broker. On trial
//! (`shadow.enabled`) PLAN and RISK are those that lie in SHADOW, its own file's strategy is the only one, and days begin with
//! the suite's own opening instead of the broker's account.
//!
//! - `risk_events_folded_total`: events read, by name.
//! - `risk_decisions_total`: decisions appended, by name.
//! - `risk_ledger_conflicts_total`: decisions made again because the ledger had moved on.
//! - `risk_plans_pending`: proposals without a decision yet.

mod app;
mod config;

pub use app::RiskEngine;
pub use config::Config;
