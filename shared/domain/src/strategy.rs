//! The strategy file: every number the rules use, with its unit and default.

mod plan;
pub(crate) mod range;
mod scan;
mod scoring;
mod versions;

use serde::{Deserialize, Serialize};

pub use crate::fees::CostProfile;
pub use crate::risk::RiskProfile;
pub use plan::*;
pub use scan::*;
pub use scoring::*;
pub use versions::{Strategies, StrategyVersion, UnreadableVersion};

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
    /// A learned model is asked for and none was given.
    #[error("strategy: scoring.model is learned, and no model was loaded")]
    ModelNotLoaded,
}

/// A strategy version: what to scan for, how to plan it, how much to risk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Strategy {
    /// The profile's name; part of every signal's identity.
    pub name: String,
    /// When to scan.
    pub schedules: Schedules,
    /// Which candidates pass.
    pub scan: ScanRules,
    /// How the passing ones are ranked.
    pub scoring: ScoringRules,
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Schedules {
    /// Looks at pre-market gaps; nothing is traded from it.
    pub watch: ScheduleRule,
    /// Falls due when the opening range is known; its signals are planned.
    pub trade: ScheduleRule,
}

/// One schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ScheduleRule {
    /// Five-field Unix cron.
    pub cron: String,
    /// IANA zone in which it is read.
    pub time_zone: String,
    /// Passes over days without a session.
    pub trading_days_only: bool,
}

impl Strategy {
    /// Checks every number against its range and both schedules.
    ///
    /// # Errors
    /// Names the key, the value and what it may be.
    pub fn validate(&self) -> Result<(), StrategyError> {
        if self.name.is_empty() || !self.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        {
            return Err(StrategyError::Range { key: "name", value: self.name.clone(), expected: "snake_case" });
        }
        self.scan.validate()?;
        self.scoring.validate()?;
        self.plan.validate()?;
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
