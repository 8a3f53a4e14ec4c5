//! The `risk` table of the strategy file.

use serde::{Deserialize, Serialize};

use crate::money::{Micro, Usd};
use crate::strategy::{StrategyError, range};

/// How much is risked, and what the account may lose.
///
/// A key that the file leaves out has the default given here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RiskProfile {
    /// What `risk_pct_total` is a percentage of.
    pub risk_basis: RiskBasis,
    /// Cash at risk between entry and stop, per cent of `risk_basis`.
    pub risk_pct_total: Micro,
    /// Positions and pending entries at once.
    pub max_positions: u32,
    /// Plans approved in one session.
    pub max_plans_per_session: u32,
    /// One position's part of equity, per cent.
    pub max_position_pct: Micro,
    /// One position's part of equity above which the broker refuses it, per cent.
    pub broker_position_pct: Micro,
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
    /// Farthest that an entry's limit may be from its trigger, per cent of the trigger.
    pub price_collar_pct: Micro,
    /// Loss of the day, part of start equity, at which no entry is allowed, per cent.
    pub daily_loss_soft_pct: Micro,
    /// Loss of the day, part of start equity, at which everything is closed, per cent.
    pub daily_loss_hard_pct: Micro,
    /// Stop-outs in a row after which no entry is allowed.
    pub max_consecutive_stop_outs: u32,
    /// Orders sent within a minute; one more and no entry is allowed for the day.
    pub max_orders_per_minute: u32,
    /// Orders cancelled within a minute; one more and no entry is allowed for the day.
    pub max_cancels_per_minute: u32,
    /// Entries that begin to fill within a minute; one more and no entry is allowed for the day.
    pub max_entries_per_minute: u32,
    /// Entry slippage in multiples of the stop distance above which the symbol is locked for the day.
    pub slippage_r_max: Micro,
    /// Trades whose mean R after costs is held against zero, see [`super::kill`]; `None` leaves the criterion out.
    pub kill_trades: Option<u32>,
    /// Which day-trade restriction applies.
    pub day_trade_rule: DayTradeRule,
}

/// What the percentage of cash at risk is taken of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RiskBasis {
    /// `equity ÷ max_positions`: all positions stopped out at once lose `risk_pct_total` of equity.
    #[default]
    Slot,
    /// `equity × gross_cap ÷ max_positions`: the capital deployed to a position when every slot is used in full.
    DeployedCapital,
    /// The whole equity, for each position: all stopped out lose `risk_pct_total × max_positions`.
    Equity,
}

/// Which restriction on buying and selling within a day applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DayTradeRule {
    /// None.
    None,
    /// The rule before 4 June 2026: with equity below $25,000 at most three day trades in five sessions, by our own
    /// count.
    LegacyPdt,
    /// The same limit by the broker's count and flag, where the account has them; without them no restriction.
    #[default]
    BrokerReported,
}

impl Default for RiskProfile {
    fn default() -> Self {
        let (whole, micros) = (Micro::from_int, Micro::from_micros);
        Self {
            risk_basis: RiskBasis::Slot,
            risk_pct_total: whole(1),
            max_positions: 5,
            max_plans_per_session: 20,
            max_position_pct: whole(25),
            broker_position_pct: whole(600),
            gross_cap: whole(2),
            buying_power_fraction: micros(950_000),
            or_volume_fraction: micros(10_000),
            adv_fraction: micros(1_000),
            sector_cap: whole(1),
            risk_min: Usd::from_cents(1_000),
            order_quantity_max: 20_000,
            order_notional_max: Usd::from_cents(10_000_000),
            price_collar_pct: whole(10),
            daily_loss_soft_pct: whole(1),
            daily_loss_hard_pct: whole(2),
            max_consecutive_stop_outs: 8,
            max_orders_per_minute: 30,
            max_cancels_per_minute: 60,
            max_entries_per_minute: 3,
            slippage_r_max: micros(300_000),
            kill_trades: Some(60),
            day_trade_rule: DayTradeRule::BrokerReported,
        }
    }
}

impl RiskProfile {
    /// Checks every number against its range.
    ///
    /// # Errors
    /// Names the key, the value and what it may be.
    pub fn validate(&self) -> Result<(), StrategyError> {
        let all_stopped = match self.risk_basis {
            RiskBasis::Slot => self.risk_pct_total.micros(),
            RiskBasis::DeployedCapital => self.risk_pct_total.times(self.gross_cap).micros(),
            RiskBasis::Equity => self.risk_pct_total.micros().saturating_mul(i64::from(self.max_positions)),
        };
        let all = Micro::from_micros(all_stopped);
        range::ratio("risk.risk_pct_total", self.risk_pct_total, (0, 20), "0 to 20 per cent")?;
        range::ratio("risk.risk_pct_total of all positions", all, (0, 20), "0 to 20 per cent of equity")?;
        range::count("risk.max_positions", self.max_positions, (1, 1_000), "1 to 1000 positions")?;
        range::count("risk.max_plans_per_session", self.max_plans_per_session, (1, 10_000), "1 to 10000 plans")?;
        range::ratio("risk.max_position_pct", self.max_position_pct, (0, 600), "0 to 600 per cent")?;
        range::ratio("risk.broker_position_pct", self.broker_position_pct, (0, 600), "0 to 600 per cent")?;
        range::ratio("risk.gross_cap", self.gross_cap, (0, 4), "0 to 4")?;
        range::ratio("risk.buying_power_fraction", self.buying_power_fraction, (0, 1), "0 to 1")?;
        range::ratio("risk.or_volume_fraction", self.or_volume_fraction, (0, 1), "0 to 1")?;
        range::ratio("risk.adv_fraction", self.adv_fraction, (0, 1), "0 to 1")?;
        range::ratio("risk.sector_cap", self.sector_cap, (0, 4), "0 to 4")?;
        range::usd("risk.risk_min", Some(self.risk_min))?;
        range::ensure(self.order_quantity_max > 0, "risk.order_quantity_max", self.order_quantity_max, "at least 1")?;
        range::usd("risk.order_notional_max", Some(self.order_notional_max))?;
        range::ratio("risk.price_collar_pct", self.price_collar_pct, (0, 100), "0 to 100 per cent")?;
        self.validate_guards()
    }

    fn validate_guards(&self) -> Result<(), StrategyError> {
        let soft = self.daily_loss_soft_pct;
        let per_minute = |key, count| range::count(key, count, (1, 10_000), "1 to 10000 a minute");
        range::ratio("risk.daily_loss_hard_pct", self.daily_loss_hard_pct, (0, 100), "0 to 100 per cent")?;
        range::ratio("risk.daily_loss_soft_pct", soft, (0, 100), "0 to 100 per cent")?;
        range::ensure(
            soft <= self.daily_loss_hard_pct,
            "risk.daily_loss_soft_pct",
            soft,
            "at most risk.daily_loss_hard_pct",
        )?;
        range::count("risk.max_consecutive_stop_outs", self.max_consecutive_stop_outs, (1, 1_000), "1 to 1000")?;
        per_minute("risk.max_orders_per_minute", self.max_orders_per_minute)?;
        per_minute("risk.max_cancels_per_minute", self.max_cancels_per_minute)?;
        per_minute("risk.max_entries_per_minute", self.max_entries_per_minute)?;
        range::ratio("risk.slippage_r_max", self.slippage_r_max, (0, 10), "0 to 10 R")?;
        range::count("risk.kill_trades", self.kill_trades, (10, 1_000), "10 to 1000 trades, or null")
    }
}
