//! Finds the symbols that gap.
//!
//! Reads MARKET in order; writes SCAN (`SignalGenerated`, `CandidatesEvaluated`, `ScanRoundCompleted`), each created if
//! absent. Remembers every symbol's session, rebuilt from MARKET at start. Never ranks across partitions, never plans.

mod app;
mod config;
mod market;

pub use app::GapScanner;
pub use config::Config;
pub use market::{BatchError, Market, TRADE_BATCH, events_of};
