//! Closes scan rounds and proposes plans.
//!
//! Reads SCAN, its own PLAN and CONTROL; writes PLAN (`RoundClosed`, `PlanProposed`), each created if absent.
//! Remembers rounds in progress, rebuilt from the streams at start. Never sizes a trade, never sees the account.

mod app;
mod config;

pub use app::Planner;
pub use config::Config;
