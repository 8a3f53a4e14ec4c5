//! Finds the symbols that gap.
//!
//! Reads MARKET in order, and the strategy's versions from CONTROL; writes SCAN (`RoundOpened`, `SignalGenerated`,
//! `CandidatesEvaluated`, `ScanRoundCompleted`), each created if absent. A round is evaluated under the version that the
//! first partition to come to it opens it with. Any number of replicas share the partitions; each remembers its symbols' sessions, restored from its snapshot and
//! the MARKET that came after. Never ranks across partitions, never plans. On trial (`shadow.enabled`) it has its own file's
//! strategy alone, and what it writes lies in SHADOW.
//!
//! - `scanner_partitions_held`: partitions that this replica folds.
//! - `scanner_rounds_completed_total`: rounds of a partition, by schedule.
//! - `scanner_trades_folded_total`: trades read.
//! - `scanner_batch_holes_total`: batches missing between two numbers of the gateway.
//! - `scanner_watermark_seconds`: market time of the slowest partition, Unix seconds.
//! - `scanner_recovery_seconds`: from taking a partition over until it has caught up.
//! - `scanner_snapshot_bytes`: size of a partition's last snapshot.
//! - `scanner_snapshot_seconds`: time to make and store one.

mod app;
mod config;
mod partition;
mod rounds;
mod status;
mod versions;
mod worker;

pub use app::GapScanner;
pub use config::Config;
pub use partition::{BatchError, Partition, TRADE_BATCH};
pub use rounds::events_of;
