//! How a signal becomes a plan.

use serde::{Deserialize, Serialize};

use super::StrategyError;
use super::range::{count, ensure, ratio};
use crate::money::Micro;

/// How a signal becomes a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PlanRules {
    /// How many of a round's signals are planned at most.
    pub top: u32,
    /// Which level is bought when it breaks.
    #[serde(default)]
    pub entry: EntryRule,
    /// The pre-market high must be this near to the open, ATR; only for its break.
    pub level_distance_atr_max: Option<Micro>,
    /// Nothing is sold short.
    pub long_only: bool,
    /// Breakout buffer beyond the level: no less than this, ticks.
    #[serde(default = "one")]
    pub buffer_ticks_min: u32,
    /// Breakout buffer beyond the level: no more than this part of ATR.
    pub buffer_atr_fraction: Micro,
    /// Breakout buffer beyond the level: no more than this part of the price.
    pub buffer_price_fraction: Micro,
    /// The entry limit is beyond the trigger by no more than this part of the stop distance.
    pub limit_stop_fraction: Micro,
    /// The entry limit is beyond the trigger by no more than this part of the price.
    pub limit_price_fraction: Micro,
    /// Stop distance as a part of ATR.
    pub stop_atr_fraction: Micro,
    /// The least stop distance, ticks.
    pub stop_ticks_min: u32,
    /// The least stop distance in spreads, where quotes exist.
    #[serde(default = "five")]
    pub stop_spreads_min: Micro,
    /// A least stop distance of more than this many wanted ones skips the name.
    #[serde(default = "two")]
    pub stop_floor_max: Micro,
    /// Profit targets in multiples of the stop distance, with the part of the position each takes off.
    pub targets: Vec<TargetRule>,
    /// How the stop follows the price; `null` leaves it where it is.
    pub trail: Option<TrailRule>,
    /// Leaves a trade that goes nowhere; `null` waits for the close.
    pub time_stop: Option<TimeStopRule>,
    /// The entry is withdrawn this long after the open if not filled, minutes.
    pub entry_valid_minutes: u32,
    /// No entry within the last minutes before the close.
    #[serde(default = "fifteen")]
    pub entry_close_minutes: u32,
    /// Entries and the time stop wait this long after the reopening print of a halt, seconds.
    #[serde(default = "thirty")]
    pub halt_resume_seconds: u32,
}

/// The level whose break is traded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum EntryRule {
    /// The opening range's high after a range that closed up; its low after one that closed down.
    #[default]
    OpeningRangeBreak,
    /// The pre-market high, once a minute has closed above it; long only.
    PremarketHighBreak,
}

/// One profit target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TargetRule {
    /// Distance in multiples of the stop distance.
    pub r: Micro,
    /// Part of the position, per cent.
    pub percent: u32,
}

/// A stop that follows the price: first to the entry, then behind the best price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TrailRule {
    /// Gain at which the stop moves to the entry and starts to follow, multiple of the stop distance.
    pub after_r: Micro,
    /// Distance behind the best price, multiple of the average true range of 14 minutes.
    pub minute_atr_multiple: Micro,
    /// Distance where that range is not known, multiple of the stop distance; `null` skips the name.
    pub unknown_r: Option<Micro>,
}

/// Closes a trade that has not moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TimeStopRule {
    /// This long after the entry, minutes.
    pub minutes: u32,
    /// Unless the gain is at least this multiple of the stop distance.
    pub gain_r_min: Micro,
}

impl PlanRules {
    pub(super) fn validate(&self) -> Result<(), StrategyError> {
        count("plan.top", self.top, (1, 1_000), "1 to 1000")?;
        let short_level = self.entry == EntryRule::PremarketHighBreak && !self.long_only;
        ensure(!short_level, "plan.long_only", "false", "true with plan.entry premarket_high_break")?;
        ratio("plan.level_distance_atr_max", self.level_distance_atr_max, (0, 100), "0 to 100 ATR")?;
        count("plan.buffer_ticks_min", self.buffer_ticks_min, (1, 100), "1 to 100 ticks")?;
        ratio("plan.buffer_atr_fraction", self.buffer_atr_fraction, (0, 1), "0 to 1")?;
        ratio("plan.buffer_price_fraction", self.buffer_price_fraction, (0, 1), "0 to 1")?;
        ratio("plan.limit_stop_fraction", self.limit_stop_fraction, (0, 10), "0 to 10")?;
        ratio("plan.limit_price_fraction", self.limit_price_fraction, (0, 1), "0 to 1")?;
        ratio("plan.stop_atr_fraction", self.stop_atr_fraction, (0, 10), "0 to 10")?;
        count("plan.stop_ticks_min", self.stop_ticks_min, (1, 1_000), "1 to 1000 ticks")?;
        ratio("plan.stop_spreads_min", self.stop_spreads_min, (0, 100), "0 to 100 spreads")?;
        ratio("plan.stop_floor_max", self.stop_floor_max, (1, 100), "1 to 100")?;
        self.validate_targets()?;
        self.trail.as_ref().map_or(Ok(()), TrailRule::validate)?;
        self.time_stop.as_ref().map_or(Ok(()), TimeStopRule::validate)?;
        count("plan.entry_valid_minutes", self.entry_valid_minutes, (1, 390), "1 to 390 minutes")?;
        count("plan.entry_close_minutes", self.entry_close_minutes, (0, 390), "0 to 390 minutes")?;
        count("plan.halt_resume_seconds", self.halt_resume_seconds, (0, 3_600), "0 to 3600 seconds")
    }

    fn validate_targets(&self) -> Result<(), StrategyError> {
        let mut nearer = Micro::default();
        let mut total: u32 = 0;
        for TargetRule { r, percent } in &self.targets {
            ratio("plan.targets[].r", *r, (0, 100), "0 to 100")?;
            ensure(*r > nearer, "plan.targets[].r", r, "above 0 and above the target before")?;
            // No broker takes a profit target that the entry itself may pay.
            let limit = self.limit_stop_fraction;
            ensure(*r > limit, "plan.targets[].r", r, "above plan.limit_stop_fraction, beyond the entry's limit")?;
            count("plan.targets[].percent", *percent, (1, 100), "1 to 100 per cent")?;
            (nearer, total) = (*r, total.saturating_add(*percent));
        }
        ensure(total <= 100, "plan.targets[].percent", total, "at most 100 in all")
    }
}

impl TrailRule {
    fn validate(&self) -> Result<(), StrategyError> {
        ratio("plan.trail.after_r", self.after_r, (0, 100), "0 to 100")?;
        ratio("plan.trail.minute_atr_multiple", self.minute_atr_multiple, (0, 100), "0 to 100")?;
        let positive = self.minute_atr_multiple > Micro::default();
        ensure(positive, "plan.trail.minute_atr_multiple", self.minute_atr_multiple, "above 0")?;
        ratio("plan.trail.unknown_r", self.unknown_r, (0, 100), "0 to 100")?;
        let positive = self.unknown_r.is_none_or(|r| r > Micro::default());
        ensure(positive, "plan.trail.unknown_r", "0", "above 0, or null")
    }
}

impl TimeStopRule {
    fn validate(&self) -> Result<(), StrategyError> {
        count("plan.time_stop.minutes", self.minutes, (1, 390), "1 to 390 minutes")?;
        ratio("plan.time_stop.gain_r_min", self.gain_r_min, (0, 100), "0 to 100")
    }
}

const fn one() -> u32 {
    1
}

const fn five() -> Micro {
    Micro::from_int(5)
}

const fn two() -> Micro {
    Micro::from_int(2)
}

const fn fifteen() -> u32 {
    15
}

const fn thirty() -> u32 {
    30
}
