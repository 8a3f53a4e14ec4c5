//! What can be set for the gateway: table `gateway` of the configuration. Vendors' addresses stand in `vendors`.

use std::time::Duration;

use domain::Symbol;
use domain::market::Tape;
use serde::Deserialize;

/// Settings of the gateway.
#[derive(Debug, Clone, Deserialize)]
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
    /// How far market time has come.
    pub watermark: WatermarkConfig,
    /// History of each symbol.
    pub reference: ReferenceConfig,
    /// Headlines.
    pub news: NewsConfig,
}

/// A clock that shows market time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockSource {
    /// This machine's.
    System,
    /// vendor-sim's, at `vendors.sim.rest_url`.
    Simulated,
}

/// Which symbols are followed.
#[derive(Debug, Clone, Deserialize)]
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
#[derive(Debug, Clone, Deserialize)]
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
}

/// How trades become batches.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BatchConfig {
    /// With so many trades waiting in one partition, reading stops until the bus has taken some.
    pub trades_max: usize,
    /// Longest time without a batch while market time moves, ms.
    pub heartbeat_ms: u64,
}

/// How far market time has come.
#[derive(Debug, Clone, Deserialize)]
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
    /// Shorter holes in trading hours are not reported, ms of market time.
    pub gap_ms_min: u64,
    /// Wall time between two looks at the simulator's clock, ms.
    pub poll_ms: u64,
}

/// History of each symbol.
#[derive(Debug, Clone, Deserialize)]
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
#[derive(Debug, Clone, Deserialize)]
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
            watermark: WatermarkConfig::default(),
            reference: ReferenceConfig::default(),
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
        Self { silence_ms_max: 180_000, stale_ms: 30_000, reconnect_ms_min: 250, reconnect_ms_max: 30_000 }
    }
}

impl Default for BatchConfig {
    fn default() -> Self {
        Self { trades_max: 16_384, heartbeat_ms: 250 }
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

impl Config {
    /// Checks what the types cannot.
    ///
    /// # Errors
    /// Names the key, its value and what it must be.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let must = |holds: bool, key, value: u64, rule| {
            if holds { Ok(()) } else { Err(ConfigError { key, value, rule }) }
        };
        let opening = u64::from(self.reference.opening_minutes);
        let (feed, batch, reference) = (&self.feed, &self.batch, &self.reference);
        must((1..=bus::topology::PARTITIONS_MAX).contains(&self.partitions), "partitions", self.partitions.into(), "from 1 to 32")?;
        must(feed.silence_ms_max > 0, "feed.silence_ms_max", 0, "above 0")?;
        must(feed.reconnect_ms_min > 0, "feed.reconnect_ms_min", 0, "above 0")?;
        let longest = feed.reconnect_ms_max;
        must(longest >= feed.reconnect_ms_min, "feed.reconnect_ms_max", longest, "at least feed.reconnect_ms_min")?;
        let trades = batch.trades_max as u64;
        must((64..=65_536).contains(&trades), "batch.trades_max", trades, "from 64 to 65536")?;
        must(batch.heartbeat_ms > 0, "batch.heartbeat_ms", 0, "above 0")?;
        must(self.watermark.poll_ms > 0, "watermark.poll_ms", 0, "above 0")?;
        must(opening > 0 && opening % 5 == 0, "reference.opening_minutes", opening, "a multiple of 5")?;
        must(reference.concurrency > 0, "reference.concurrency", 0, "above 0")
    }
}

/// A setting that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("gateway.{key} is {value}, must be {rule}")]
pub struct ConfigError {
    key: &'static str,
    value: u64,
    rule: &'static str,
}

pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_hold_and_impossible_settings_are_named() {
        assert_eq!(Config::default().validate(), Ok(()));
        let check = |change: fn(&mut Config), key: &str| {
            let mut config = Config::default();
            change(&mut config);
            let error = config.validate().unwrap_err().to_string();
            assert!(error.contains(key), "{key}: {error}");
        };
        check(|c| c.partitions = 0, "gateway.partitions is 0");
        check(|c| c.reference.opening_minutes = 7, "gateway.reference.opening_minutes is 7");
        check(|c| c.feed.reconnect_ms_max = 1, "gateway.feed.reconnect_ms_max is 1");
        check(|c| c.batch.trades_max = 1, "gateway.batch.trades_max is 1");
    }
}
