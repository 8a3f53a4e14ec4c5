//! The strategy file: every number the rules use, with its unit and default.

mod plan;
mod range;
mod scan;
mod scoring;

use serde::{Deserialize, Serialize};

pub use plan::*;
pub use scan::*;
pub use scoring::*;

use crate::money::{Micro, Usd};
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

/// How much is risked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskProfile {
    /// Equity at risk if every position is stopped out, per cent.
    pub risk_pct_total: Micro,
    /// Positions and pending entries at once.
    pub max_positions: u32,
    /// Plans approved in one session.
    pub max_plans_per_session: u32,
    /// One position's part of equity, per cent.
    pub max_position_pct: Micro,
    /// All positions and pending entries, multiple of equity.
    pub gross_cap: Micro,
    /// Part of the buying power that may be used.
    pub buying_power_fraction: Micro,
    /// Part of the opening range's volume one position may have.
    pub or_volume_fraction: Micro,
    /// Part of the average day's volume one position may have.
    pub adv_fraction: Micro,
    /// All positions of one sector, multiple of equity.
    pub sector_cap: Micro,
    /// Least cash at risk that is worth a trade, USD.
    pub risk_min: Usd,
    /// Most shares of one order.
    pub order_quantity_max: u64,
    /// Most dollars of one order.
    pub order_notional_max: Usd,
    /// Loss of the day, part of start equity, at which no entry is allowed, per cent.
    pub daily_loss_soft_pct: Micro,
    /// Loss of the day, part of start equity, at which everything is closed, per cent.
    pub daily_loss_hard_pct: Micro,
    /// Stop-outs in a row after which no entry is allowed.
    pub max_consecutive_stop_outs: u32,
}

impl Strategy {
    /// Checks every number against its range and both schedules.
    ///
    /// # Errors
    /// Names the key, the value and what it may be.
    pub fn validate(&self) -> Result<(), StrategyError> {
        let risk = &self.risk;
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
        self.scan.validate()?;
        self.scoring.validate()?;
        self.plan.validate()?;
        within("risk.risk_pct_total", risk.risk_pct_total, 0, 20, "0 to 20 per cent")?;
        positive("risk.max_positions", u64::from(risk.max_positions))?;
        positive("risk.max_plans_per_session", u64::from(risk.max_plans_per_session))?;
        within("risk.max_position_pct", risk.max_position_pct, 0, 600, "0 to 600 per cent")?;
        within("risk.gross_cap", risk.gross_cap, 0, 4, "0 to 4")?;
        within("risk.buying_power_fraction", risk.buying_power_fraction, 0, 1, "0 to 1")?;
        within("risk.or_volume_fraction", risk.or_volume_fraction, 0, 1, "0 to 1")?;
        within("risk.adv_fraction", risk.adv_fraction, 0, 1, "0 to 1")?;
        within("risk.sector_cap", risk.sector_cap, 0, 4, "0 to 4")?;
        positive("risk.order_quantity_max", risk.order_quantity_max)?;
        within("risk.daily_loss_soft_pct", risk.daily_loss_soft_pct, 0, 100, "0 to 100 per cent")?;
        within("risk.daily_loss_hard_pct", risk.daily_loss_hard_pct, 0, 100, "0 to 100 per cent")?;
        positive("risk.max_consecutive_stop_outs", u64::from(risk.max_consecutive_stop_outs))?;
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
