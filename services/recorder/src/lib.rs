//! Every stream to the store.
//!
//! Reads: all streams, each in its order, from the place that the store itself remembers. Writes: the store, of which it
//! is the only writer. Publishes nothing but its own readiness and errors. Remembers: the minute bars that are still
//! changing and the plans that hold shares; both come back from the store after a restart. Never decides anything.
//!
//! Data moves: [`app`] reads into one bounded queue → [`recorder`] takes a batch → [`view`] folds what it touches into
//! rows, [`bars`] the trades into minutes → [`store`] commits all of it, and how far was read, in one transaction.
//! Beside them [`archive`](crate::config::ArchiveConfig) writes the trades to Parquet files.

pub mod app;
mod archive;
pub mod bars;
pub mod config;
pub mod metrics;
pub mod recorder;
pub mod store;
pub mod view;

pub use app::Recording;
