//! The strategy file: every number the rules use, with its unit and default.

use serde::{Deserialize, Serialize};

pub use crate::fees::CostProfile;
use crate::money::{Micro, Price, Usd};
pub use crate::risk::RiskProfile;
use crate::schedule::{Schedule, ScheduleError};

/// Why a strategy was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StrategyError {
    /// A number is outside its range.
    #[error("strategy: {key} is {value}, must be {expected}")]
    Range {
        /// The key, for example `risk.risk_pct_total`.
        key: &'static str,
        /// What it is.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
    /// A schedule does not parse.
    #[error("strategy: schedules.{name}: {source}")]
    Schedule {
        /// The schedule's name.
        name: &'static str,
        /// Why.
        source: ScheduleError,
    },
}

/// A strategy version: what to scan for, how to plan it, how much to risk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Strategy {
    /// The profile's name; part of every signal's identity.
    pub name: String,
    /// When to scan.
    pub schedules: Schedules,
    /// Which candidates pass.
    pub scan: ScanRules,
    /// How the passing ones are ranked.
    pub scoring: ScoringWeights,
    /// How a trade is planned.
    pub plan: PlanRules,
    /// How it is sized and what the account may lose.
    pub risk: RiskProfile,
    /// What trading costs.
    #[serde(default)]
    pub costs: CostProfile,
}

/// The two schedules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedules {
    /// Looks at pre-market gaps; nothing is traded from it.
    pub watch: ScheduleRule,
    /// Falls due when the opening range is known; its signals are planned.
    pub trade: ScheduleRule,
}

/// One schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleRule {
    /// Five-field Unix cron.
    pub cron: String,
    /// IANA zone in which it is read.
    pub time_zone: String,
    /// Passes over days without a session.
    pub trading_days_only: bool,
}

/// Thresholds of the scan. `null` leaves a criterion out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScanRules {
    /// Length of the opening range, minutes.
    pub opening_range_minutes: u32,
    /// Opening price must be above, USD per share.
    pub price_min: Option<Price>,
    /// Average volume of 14 sessions must be at least, shares.
    pub adv_14_min: Option<u64>,
    /// ATR of 14 sessions must be above, USD per share.
    pub atr_14_min: Option<Price>,
    /// Distance of the open from the previous close, either way, must be at least, per cent.
    pub gap_pct_min: Option<Micro>,
    /// The same for the `watch` schedule, on the pre-market price.
    pub watch_gap_pct_min: Option<Micro>,
    /// Pre-market volume must be at least, shares.
    pub premarket_volume_min: Option<u64>,
    /// Pre-market dollar volume must be at least, USD.
    pub premarket_dollar_volume_min: Option<Usd>,
    /// Opening-range volume over its usual must be at least, ratio.
    pub rvol_min: Option<Micro>,
    /// Only common stock.
    pub common_stock_only: bool,
    /// Pre-market price must be no older than this when the `watch` schedule falls due, seconds.
    pub last_age_max_s: u32,
}

/// Weights of the score; a missing feature adds nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoringWeights {
    /// Per unit of relative volume.
    pub rvol: Micro,
    /// Per ATR of gap, either way.
    pub gap_atr: Micro,
    /// For a headline published since the previous close.
    pub news: Micro,
}

/// How a signal becomes a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanRules {
    /// How many of a round's signals are planned at most.
    pub top: u32,
    /// Ranges that closed down are not traded short.
    pub long_only: bool,
    /// Breakout buffer beyond the range: no more than this part of ATR.
    pub buffer_atr_fraction: Micro,
    /// Breakout buffer beyond the range: no more than this part of the price.
    pub buffer_price_fraction: Micro,
    /// The entry limit is beyond the trigger by no more than this part of the stop distance.
    pub limit_stop_fraction: Micro,
    /// The entry limit is beyond the trigger by no more than this part of the price.
    pub limit_price_fraction: Micro,
    /// Stop distance as a part of ATR.
    pub stop_atr_fraction: Micro,
    /// The least stop distance, ticks.
    pub stop_ticks_min: u32,
    /// Profit targets in multiples of the stop distance, with the part of the position each takes off.
    pub targets: Vec<TargetRule>,
    /// The entry is withdrawn this long after the open if not filled, minutes.
    pub entry_valid_minutes: u32,
}

/// One profit target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetRule {
    /// Distance in multiples of the stop distance.
    pub r: Micro,
    /// Part of the position, per cent.
    pub percent: u32,
}

impl Strategy {
    /// Checks every number against its range and both schedules.
    ///
    /// # Errors
    /// Names the key, the value and what it may be.
    pub fn validate(&self) -> Result<(), StrategyError> {
        let (scan, plan) = (&self.scan, &self.plan);
        let within = |key, value: Micro, low: i64, high: i64, expected| {
            let ok = value >= Micro::from_int(low) && value <= Micro::from_int(high);
            if ok { Ok(()) } else { Err(StrategyError::Range { key, value: value.to_string(), expected }) }
        };
        let positive = |key, value: u64| {
            if value > 0 {
                Ok(())
            } else {
                Err(StrategyError::Range { key, value: value.to_string(), expected: "at least 1" })
            }
        };
        if self.name.is_empty() || !self.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        {
            return Err(StrategyError::Range { key: "name", value: self.name.clone(), expected: "snake_case" });
        }
        positive("scan.opening_range_minutes", u64::from(scan.opening_range_minutes))?;
        within(
            "scan.opening_range_minutes",
            Micro::from_int(i64::from(scan.opening_range_minutes)),
            1,
            180,
            "1 to 180 minutes",
        )?;
        positive("plan.top", u64::from(plan.top))?;
        within("plan.buffer_atr_fraction", plan.buffer_atr_fraction, 0, 1, "0 to 1")?;
        within("plan.buffer_price_fraction", plan.buffer_price_fraction, 0, 1, "0 to 1")?;
        within("plan.limit_stop_fraction", plan.limit_stop_fraction, 0, 10, "0 to 10")?;
        within("plan.limit_price_fraction", plan.limit_price_fraction, 0, 1, "0 to 1")?;
        within("plan.stop_atr_fraction", plan.stop_atr_fraction, 0, 10, "0 to 10")?;
        positive("plan.stop_ticks_min", u64::from(plan.stop_ticks_min))?;
        within(
            "plan.entry_valid_minutes",
            Micro::from_int(i64::from(plan.entry_valid_minutes)),
            1,
            390,
            "1 to 390 minutes",
        )?;
        let percent: u32 = plan.targets.iter().map(|t| t.percent).sum();
        within("plan.targets[].percent", Micro::from_int(i64::from(percent)), 0, 100, "at most 100 in all")?;
        for target in &plan.targets {
            within("plan.targets[].r", target.r, 0, 100, "0 to 100")?;
        }
        self.risk.validate()?;
        self.costs.validate()?;
        self.schedules.watch.parse("watch")?;
        self.schedules.trade.parse("trade").map(|_| ())
    }

    /// A hash of the whole strategy, the same for the same numbers however the file is written.
    pub fn version(&self) -> String {
        let canonical = format!("{self:?}");
        let mut text = crate::id::content_hash(&["strategy", &canonical]);
        text.truncate(12);
        text
    }
}

impl ScheduleRule {
    /// Reads the schedule; `name` is for the error.
    pub fn parse(&self, name: &'static str) -> Result<Schedule, StrategyError> {
        Schedule::new(&self.cron, &self.time_zone, self.trading_days_only)
            .map_err(|source| StrategyError::Schedule { name, source })
    }
}
