//! The `executor` table of the configuration.

use std::time::Duration;

use domain::execution::ExecutionPolicy;
use domain::fees::CostProfile;
use serde::Deserialize;

/// How orders are worked. Times of the market are in seconds of market time, others in milliseconds of wall time.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How long an entry may stay partly filled before its remainder is cancelled, market seconds.
    pub partial_fill_wait_s: u32,
    /// How long an open share may be without a working stop before it is repaired, market seconds.
    pub cover_grace_s: u32,
    /// Stops that the broker may refuse before the position is closed instead.
    pub repairs_max: u32,
    /// How far a marketable limit reaches through the last price, basis points.
    pub marketable_bps: u32,
    /// Deadline of one call to the broker, ms.
    pub call_timeout_ms: u64,
    /// Calls to the broker at the same time.
    pub calls_max: usize,
    /// How often the broker's clock is read, ms.
    pub clock_poll_ms: u64,
    /// How often the account is read while plans are open, ms.
    pub account_poll_ms: u64,
    /// How often orders, fills and positions are read although the stream of updates looks healthy, ms.
    pub backfill_poll_ms: u64,
    /// Age at which an order whose fate is unknown is an alarm, ms.
    pub unknown_alarm_ms: u64,
    /// The account that may be traded; any when absent. Required with real money.
    pub account_number: Option<String>,
    /// With real money: `I accept real orders on account <account_number>`.
    pub live_confirmation: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        let usual = ExecutionPolicy::usual(CostProfile::default());
        Self {
            partial_fill_wait_s: usual.partial_fill_wait_s as u32,
            cover_grace_s: usual.cover_grace_s as u32,
            repairs_max: usual.repairs_max,
            marketable_bps: usual.marketable_bps as u32,
            call_timeout_ms: 5_000,
            calls_max: 16,
            clock_poll_ms: 1_000,
            account_poll_ms: 5_000,
            backfill_poll_ms: 10_000,
            unknown_alarm_ms: 10_000,
            account_number: None,
            live_confirmation: None,
        }
    }
}

/// A setting that cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A number outside its range.
    #[error("executor.{key} must be {range}")]
    OutOfRange {
        /// The key.
        key: &'static str,
        /// What it may be.
        range: &'static str,
    },
    /// Real money without the account named.
    #[error("real money needs executor.account_number")]
    NoAccount,
    /// Real money without the sentence.
    #[error("real money needs executor.live_confirmation: `{0}`")]
    NotConfirmed(String),
}

impl Config {
    /// Checks ranges, and with `real_money` the second confirmation.
    ///
    /// # Errors
    /// Class Fatal: the process does not start.
    pub fn validate(&self, real_money: bool) -> Result<(), ConfigError> {
        let ranges = [
            ("marketable_bps", self.marketable_bps <= 1_000, "at most 1000"),
            ("repairs_max", (1..=10).contains(&self.repairs_max), "1 to 10"),
            ("calls_max", (1..=64).contains(&self.calls_max), "1 to 64"),
            ("call_timeout_ms", (100..=60_000).contains(&self.call_timeout_ms), "100 to 60000"),
            ("clock_poll_ms", (100..=60_000).contains(&self.clock_poll_ms), "100 to 60000"),
            ("account_poll_ms", (100..=60_000).contains(&self.account_poll_ms), "100 to 60000"),
            ("backfill_poll_ms", (500..=300_000).contains(&self.backfill_poll_ms), "500 to 300000"),
        ];
        if let Some((key, _, range)) = ranges.into_iter().find(|(_, holds, _)| !holds) {
            return Err(ConfigError::OutOfRange { key, range });
        }
        if !real_money {
            return Ok(());
        }
        let account = self.account_number.as_deref().ok_or(ConfigError::NoAccount)?;
        let sentence = format!("I accept real orders on account {account}");
        if self.live_confirmation.as_deref() == Some(&sentence) {
            Ok(())
        } else {
            Err(ConfigError::NotConfirmed(sentence))
        }
    }

    pub(crate) fn policy(&self, costs: CostProfile) -> ExecutionPolicy {
        ExecutionPolicy {
            partial_fill_wait_s: i64::from(self.partial_fill_wait_s),
            cover_grace_s: i64::from(self.cover_grace_s),
            repairs_max: self.repairs_max,
            marketable_bps: i64::from(self.marketable_bps),
            costs,
        }
    }

    pub(crate) const fn call_timeout(&self) -> Duration {
        Duration::from_millis(self.call_timeout_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_money_needs_account_and_sentence() {
        let mut config = Config::default();
        assert_eq!(config.validate(false), Ok(()));
        assert_eq!(config.validate(true), Err(ConfigError::NoAccount));
        config.account_number = Some("PA3X".to_owned());
        config.live_confirmation = Some("yes".to_owned());
        assert!(matches!(config.validate(true), Err(ConfigError::NotConfirmed(_))));
        config.live_confirmation = Some("I accept real orders on account PA3X".to_owned());
        assert_eq!(config.validate(true), Ok(()));
    }

    #[test]
    fn numbers_out_of_range_are_named() {
        let config = Config { calls_max: 0, ..Config::default() };
        assert_eq!(config.validate(false).unwrap_err().to_string(), "executor.calls_max must be 1 to 64");
    }
}
