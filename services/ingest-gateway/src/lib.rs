//! Vendors to MARKET: the only service that knows a data vendor and reads the market's clock.
//!
//! Reads the trade stream of Finnhub or Alpaca, Finnhub's listings, and reference data and news of Alpaca, Yahoo, Finnhub
//! and Alpha Vantage in configured order; from SCAN, PLAN, RISK and ORDER only which symbols matter, to say when one of
//! them falls silent. Writes `TradeBatch` (one lane for each partition, numbered without a hole, with a watermark),
//! `ReferenceUpdated`, `NewsPublished`, `FeedGapDetected` and `TradingStatusChanged`. Remembers what the bus has not taken yet, in a spool on disk;
//! epoch, numbers and watermark go on from what bus and spool hold. Never drops a trade in silence and never decides
//! anything about one.

pub mod adapters;
pub mod config;
pub mod error;
pub mod universe;
pub mod watermark;

mod alarms;
mod app;
mod delivery;
mod facts;
mod feed;
mod holidays;
mod interest;
pub mod keys;
mod live;
mod metrics;
mod news;
mod partition;
mod reference;
mod silence;
mod sources;
mod statuses;
mod watchdog;

pub use app::IngestGateway;
pub use config::Config;
pub use error::GatewayError;

type GatewayContext = chassis::Context<Config>;
