//! Closes scan rounds and proposes plans.
//!
//! Reads SCAN, its own PLAN and CONTROL; writes PLAN (`RoundClosed`, `PlanProposed`), each created if absent.
//! Remembers rounds in progress, rebuilt from the streams at start. Never sizes a trade, never sees the account. On trial
//! (`shadow.enabled`) it has its own file's strategy alone, and SCAN and PLAN are those that lie in SHADOW.
//!
//! - `planner_events_folded_total`: events read, by name.
//! - `planner_decisions_total`: events written, by name.

mod app;
mod config;

pub use app::Planner;
pub use config::Config;
