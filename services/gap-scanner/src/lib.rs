//! Finds the symbols that gap.
//!
//! Reads MARKET in order; writes SCAN (`SignalGenerated`, `CandidatesEvaluated`, `ScanRoundCompleted`), each created if
//! absent. Remembers every symbol's session, rebuilt from MARKET at start. Never ranks across partitions, never plans.
//!
//! - `scanner_rounds_completed_total`: rounds of a partition, by schedule.
//! - `scanner_trades_folded_total`: trades read.
//! - `scanner_batch_holes_total`: batches missing between two numbers of the gateway.
//! - `scanner_watermark_seconds`: market time of the slowest partition, Unix seconds.

mod app;
mod config;
mod market;

pub use app::GapScanner;
pub use config::Config;
