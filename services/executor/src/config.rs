//! The `executor` table of the configuration.

use std::time::Duration;

use chassis::Fault;
use domain::execution::ExecutionPolicy;
use domain::fees::CostProfile;
use serde::{Deserialize, Serialize};

/// How orders are worked. Times of the market are in seconds of market time, others in milliseconds of wall time.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// Calls of any kind within a minute beyond which clock, calendar and account are read up to 10 s later, so that the
    /// key's limit has room for orders, cancels and what exits look at, which never wait. 0: no limit.
    pub routine_calls_max: usize,
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
            routine_calls_max: 140,
            clock_poll_ms: 1_000,
            account_poll_ms: 5_000,
            backfill_poll_ms: 10_000,
            unknown_alarm_ms: 10_000,
            account_number: None,
            live_confirmation: None,
        }
    }
}

impl Config {
    /// Every number outside its range and, with `real_money`, a second confirmation that is missing.
    pub fn check(&self, real_money: bool) -> Vec<Fault> {
        let within = |key, value, range, unit| Fault::outside(&format!("executor.{key}"), value, range, unit);
        let ranges = [
            within("marketable_bps", self.marketable_bps.into(), 0..=1_000, "basis points"),
            within("repairs_max", self.repairs_max.into(), 1..=10, "repairs"),
            within("calls_max", self.calls_max as u64, 1..=64, "calls"),
            within("routine_calls_max", self.routine_calls_max as u64, 0..=10_000, "calls"),
            within("call_timeout_ms", self.call_timeout_ms, 100..=60_000, "ms"),
            within("clock_poll_ms", self.clock_poll_ms, 100..=60_000, "ms"),
            within("account_poll_ms", self.account_poll_ms, 100..=60_000, "ms"),
            within("backfill_poll_ms", self.backfill_poll_ms, 500..=300_000, "ms"),
        ];
        let unconfirmed = if real_money { self.unconfirmed() } else { None };
        ranges.into_iter().flatten().chain(unconfirmed).collect()
    }

    fn unconfirmed(&self) -> Option<Fault> {
        let Some(account) = self.account_number.as_deref() else {
            return Some(Fault::new("executor.account_number", "is not set, and real money needs the account named"));
        };
        let sentence = format!("I accept real orders on account {account}");
        let confirmed = self.live_confirmation.as_deref() == Some(&sentence);
        (!confirmed).then(|| {
            let fault = Fault::new("executor.live_confirmation", "is not the sentence that real money needs");
            fault.fix(format!("set it to `{sentence}`"))
        })
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
        let keys = |config: &Config| config.check(true).into_iter().map(|fault| fault.key).collect::<Vec<_>>();
        let mut config = Config::default();
        assert_eq!(config.check(false), []);
        assert_eq!(keys(&config), ["executor.account_number"]);
        config.account_number = Some("PA3X".to_owned());
        config.live_confirmation = Some("yes".to_owned());
        assert_eq!(keys(&config), ["executor.live_confirmation"]);
        config.live_confirmation = Some("I accept real orders on account PA3X".to_owned());
        assert_eq!(config.check(true), []);
    }

    #[test]
    fn numbers_out_of_range_are_named() {
        let config = Config { calls_max: 0, repairs_max: 11, ..Config::default() };
        let faults: Vec<_> = config.check(false).iter().map(Fault::to_string).collect();
        let expected = [
            "`executor.repairs_max` is 11, must be 1 to 10 repairs",
            "`executor.calls_max` is 0, must be 1 to 64 calls",
        ];
        assert_eq!(faults, expected);
    }
}
