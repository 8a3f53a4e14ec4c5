//! What can be set for the gateway: table `gateway` of the configuration. Vendors' addresses stand in `vendors`.

mod sources;

use std::path::{Path, PathBuf};
use std::time::Duration;

use chassis::Fault;
use domain::Symbol;
use domain::market::Tape;
use serde::{Deserialize, Serialize};

use crate::adapters::alpaca::Encoding;

pub use sources::{BudgetsConfig, Limits, SourcesConfig, Vendor};

/// Settings of the gateway.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Number of partitions, each one lane on the bus. Every service must agree on it.
    pub partitions: u32,
    /// Which prints the vendors' data carry; `simulated` when the vendors are vendor-sim.
    pub tape: Tape,
    /// Whose time is market time.
    pub clock: ClockSource,
    /// Which symbols.
    pub universe: UniverseConfig,
    /// The live feed.
    pub feed: FeedConfig,
    /// How trades become batches.
    pub batch: BatchConfig,
    /// Where batches wait while the bus is away.
    pub spool: SpoolConfig,
    /// How far market time has come.
    pub watermark: WatermarkConfig,
    /// History of each symbol.
    pub reference: ReferenceConfig,
    /// Who is asked for what.
    pub sources: SourcesConfig,
    /// Calls that each vendor's key allows.
    pub budgets: BudgetsConfig,
    /// Headlines.
    pub news: NewsConfig,
}

/// A clock that shows market time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ClockSource {
    /// This machine's.
    System,
    /// vendor-sim's, at `vendors.sim.rest_url`.
    Simulated,
}

/// Which symbols are followed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct UniverseConfig {
    /// Exactly these; when empty, whatever the vendor lists.
    pub symbols: Vec<Symbol>,
    /// The vendor's code of the exchange to list.
    pub exchange: String,
    /// Only listings of these markets (ISO 10383); all when empty.
    pub mics: Vec<String>,
    /// A longer list is refused at start.
    pub symbols_max: usize,
}

/// The live feed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct FeedConfig {
    /// A connection without any frame for so long is dead, ms.
    pub silence_ms_max: u64,
    /// Without any frame for so long in regular hours, market time stands still and the feed is not ready, ms.
    pub stale_ms: u64,
    /// First delay before connecting again, ms.
    pub reconnect_ms_min: u64,
    /// Longest delay before connecting again, ms.
    pub reconnect_ms_max: u64,
    /// A feed that has been away for so long gives way to the next of `gateway.sources.trades`, ms.
    pub failover_ms: u64,
    /// A symbol in a round, planned or held is silent after so long in regular hours without a trade while others trade,
    /// ms of market time; 0: silence of a symbol is not told.
    pub symbol_silence_ms: u64,
    /// So many trades of a minute that the feed's own bars count and that never came are a feed gap; 0: bars are not
    /// compared.
    pub missing_trades_min: u64,
    /// Symbols that Alpaca's plan carries on its stream, 30 on the free one; with more its feed is not opened; 0: any
    /// number.
    pub alpaca_symbols_max: usize,
    /// How Alpaca writes its stream: `json`, or `messagepack`, which takes fewer bytes and more work.
    pub alpaca_encoding: Encoding,
}

/// How trades become batches.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct BatchConfig {
    /// With so many trades waiting in one partition, reading stops until the bus has taken some. A slow disk needs them: the
    /// bus syncs message by message. At most thirty bytes each, 32,000 fit into a message of 1 MiB.
    pub trades_max: usize,
    /// Longest time without a batch while market time moves, ms.
    pub heartbeat_ms: u64,
}

/// Where batches wait while the bus is away.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct SpoolConfig {
    /// Its folder; `spool` in `data_dir` when empty. Each gateway that shares it takes a subfolder of its own.
    pub dir: PathBuf,
    /// Its size at most, MiB. What does not fit is dropped and told as a gap.
    pub mib_max: u64,
    /// A lane whose oldest batch has been under way for so long is behind: batches go to the spool, ms.
    pub after_ms: u64,
    /// A loss of power takes at most what was spooled in so long; the end of the process takes nothing, ms.
    pub sync_ms: u64,
}

/// How far market time has come.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct WatermarkConfig {
    /// How late the feed may report a trade, ms of market time.
    pub lateness_ms: u64,
    /// Without any frame for so long, market time follows the market's clock, ms.
    pub idle_ms: u64,
    /// Trades further ahead of the market's clock are refused, ms of market time.
    pub ahead_ms_max: u64,
    /// Trades further behind are refused, ms of market time.
    pub behind_ms_max: u64,
    /// A shorter hole in trading hours is not reported, ms of market time; one that the gateway itself has left always
    /// is.
    pub gap_ms_min: u64,
    /// Wall time between two looks at the simulator's clock, ms.
    pub poll_ms: u64,
}

/// History of each symbol.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ReferenceConfig {
    /// Length of the opening range whose volumes are collected; a multiple of 5.
    pub opening_minutes: u32,
    /// Symbols asked for at the same time.
    pub concurrency: usize,
    /// The feed is opened when the history is complete, or after this time at the latest, ms.
    pub head_start_ms: u64,
    /// Symbols that failed for a passing reason are asked for again after this time, ms.
    pub retry_ms: u64,
}

/// Headlines.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct NewsConfig {
    /// Wall time between two calls, one symbol each, ms; 0 turns headlines off.
    pub interval_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            partitions: 4,
            tape: Tape::Consolidated,
            clock: ClockSource::System,
            universe: UniverseConfig::default(),
            feed: FeedConfig::default(),
            batch: BatchConfig::default(),
            spool: SpoolConfig::default(),
            watermark: WatermarkConfig::default(),
            reference: ReferenceConfig::default(),
            sources: SourcesConfig::default(),
            budgets: BudgetsConfig::default(),
            news: NewsConfig::default(),
        }
    }
}

impl Default for UniverseConfig {
    fn default() -> Self {
        Self { symbols: Vec::new(), exchange: "US".into(), mics: Vec::new(), symbols_max: 10_000 }
    }
}

impl Default for FeedConfig {
    fn default() -> Self {
        Self {
            silence_ms_max: 180_000,
            stale_ms: 30_000,
            reconnect_ms_min: 250,
            reconnect_ms_max: 30_000,
            failover_ms: 20_000,
            symbol_silence_ms: 60_000,
            missing_trades_min: 1,
            alpaca_symbols_max: 0,
            alpaca_encoding: Encoding::Json,
        }
    }
}

impl Default for BatchConfig {
    fn default() -> Self {
        Self { trades_max: 32_000, heartbeat_ms: 250 }
    }
}

impl Default for SpoolConfig {
    fn default() -> Self {
        Self { dir: PathBuf::new(), mib_max: 1_024, after_ms: 500, sync_ms: 1_000 }
    }
}

impl Default for WatermarkConfig {
    fn default() -> Self {
        Self {
            lateness_ms: 2_000,
            idle_ms: 1_000,
            ahead_ms_max: 60_000,
            behind_ms_max: 86_400_000,
            gap_ms_min: 5_000,
            poll_ms: 100,
        }
    }
}

impl Default for ReferenceConfig {
    fn default() -> Self {
        Self { opening_minutes: 5, concurrency: 2, head_start_ms: 0, retry_ms: 60_000 }
    }
}

impl Default for NewsConfig {
    fn default() -> Self {
        Self { interval_ms: 2_000 }
    }
}

impl SpoolConfig {
    /// The folder, where the process keeps its data in `data_dir`.
    pub fn folder(&self, data_dir: &Path) -> PathBuf {
        if self.dir.as_os_str().is_empty() { data_dir.join("spool") } else { self.dir.clone() }
    }
}

impl Config {
    /// What is wrong with it beyond its types.
    pub fn check(&self) -> Vec<Fault> {
        let must = |holds: bool, key: &str, value: u64, rule: &str| {
            Fault::unless(holds, &format!("gateway.{key}"), value, rule)
        };
        let opening = u64::from(self.reference.opening_minutes);
        let (feed, batch, reference) = (&self.feed, &self.batch, &self.reference);
        let (partitions, most) = (u64::from(self.partitions), u64::from(bus::topology::PARTITIONS_MAX));
        let (longest, trades) = (feed.reconnect_ms_max, batch.trades_max as u64);
        let numbers = [
            Fault::outside("gateway.partitions", partitions, 1..=most, "partitions"),
            must(feed.silence_ms_max > 0, "feed.silence_ms_max", 0, "above 0"),
            must(feed.reconnect_ms_min > 0, "feed.reconnect_ms_min", 0, "above 0"),
            must(feed.failover_ms > 0, "feed.failover_ms", 0, "above 0"),
            must(longest >= feed.reconnect_ms_min, "feed.reconnect_ms_max", longest, "at least feed.reconnect_ms_min"),
            Fault::outside("gateway.batch.trades_max", trades, 64..=32_000, "trades"),
            must(batch.heartbeat_ms > 0, "batch.heartbeat_ms", 0, "above 0"),
            must(self.spool.mib_max > 0, "spool.mib_max", 0, "above 0"),
            must(self.spool.after_ms > 0, "spool.after_ms", 0, "above 0"),
            must(self.watermark.poll_ms > 0, "watermark.poll_ms", 0, "above 0"),
            must(opening > 0 && opening % 5 == 0, "reference.opening_minutes", opening, "a multiple of 5"),
            must(reference.concurrency > 0, "reference.concurrency", 0, "above 0"),
        ];
        let needed =
            [("gateway.sources.trades", &self.sources.trades), ("gateway.sources.history", &self.sources.history)];
        let nobody = needed.into_iter().filter(|(_, named)| named.is_empty());
        let nobody = nobody.map(|(key, _)| Fault::new(key, "is empty, must name one vendor at least"));
        numbers.into_iter().flatten().chain(nobody).chain(self.sources.unable()).collect()
    }
}

pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_hold_and_impossible_settings_are_named() {
        assert_eq!(Config::default().check(), []);
        let check = |change: fn(&mut Config), expected: &str| {
            let mut config = Config::default();
            change(&mut config);
            let faults: Vec<_> = config.check().iter().map(Fault::to_string).collect();
            assert_eq!(faults, [expected]);
        };
        check(|c| c.partitions = 0, "`gateway.partitions` is 0, must be 1 to 32 partitions");
        check(|c| c.reference.opening_minutes = 7, "`gateway.reference.opening_minutes` is 7, must be a multiple of 5");
        check(
            |c| c.feed.reconnect_ms_max = 1,
            "`gateway.feed.reconnect_ms_max` is 1, must be at least feed.reconnect_ms_min",
        );
        check(|c| c.spool.mib_max = 0, "`gateway.spool.mib_max` is 0, must be above 0");
        check(|c| c.sources.lending = vec![Vendor::Yahoo], "`gateway.sources.lending` is yahoo, must be of alpaca");
        check(
            |c| c.sources.trades = vec![Vendor::Yahoo],
            "`gateway.sources.trades` is yahoo, must be of finnhub, alpaca",
        );
        check(|c| c.sources.trades.clear(), "`gateway.sources.trades` is empty, must name one vendor at least");
        check(|c| c.sources.history.clear(), "`gateway.sources.history` is empty, must name one vendor at least");
        check(|c| c.batch.trades_max = 1, "`gateway.batch.trades_max` is 1, must be 64 to 32000 trades");
    }
}
