//! Finds the symbols that gap.
//!
//! Reads MARKET in order; writes SCAN (`SignalGenerated`, `CandidatesEvaluated`, `ScanRoundCompleted`), each created if
//! absent. Any number of replicas share the partitions; each remembers its symbols' sessions, restored from its snapshot and
//! the MARKET that came after. Never ranks across partitions, never plans.

mod app;
mod config;
mod partition;
mod rounds;
mod status;
mod worker;

pub use app::GapScanner;
pub use config::Config;
pub use partition::{BatchError, Partition, TRADE_BATCH};
pub use rounds::events_of;
