//! What the risk engine decided: the day, approvals with their size, denials with their reason.

use serde::{Deserialize, Serialize};

use super::{DenialReason, RiskLimit};
use crate::id::{PlanId, SignalId};
use crate::money::{Micro, Usd};
use crate::plan::TradePlan;
use crate::scan::Input;
use crate::symbol::Symbol;
use crate::time::{SessionDate, UnixNanos};

/// What the suite may do, from everything to nothing. The strictest of all sources holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TradingState {
    /// Entries and exits.
    #[default]
    Normal,
    /// No new entries; working ones stay.
    NoEntry,
    /// Entries are withdrawn; positions only shrink.
    Reduce,
    /// Everything is closed now.
    Flatten,
    /// Nothing is sent any more.
    Halt,
}

impl TradingState {
    /// The name as in configuration, the API and `snake_case` JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::NoEntry => "no_entry",
            Self::Reduce => "reduce",
            Self::Flatten => "flatten",
            Self::Halt => "halt",
        }
    }
}

/// A cap on the quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cap {
    /// Cash at risk between entry and stop.
    Risk,
    /// One position's share of equity.
    Notional,
    /// All positions and pending entries against equity.
    Gross,
    /// What the broker lends.
    BuyingPower,
    /// Share of the opening range's and the average day's volume.
    Liquidity,
    /// All positions of one sector against equity.
    Sector,
    /// Most shares or dollars of any one order.
    FatFinger,
    /// Equity that the shares tie up as maintenance margin.
    Margin,
    /// Largest position the broker accepts.
    BrokerPosition,
}

impl Cap {
    /// The name as in `snake_case` JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Risk => "risk",
            Self::Notional => "notional",
            Self::Gross => "gross",
            Self::BuyingPower => "buying_power",
            Self::Liquidity => "liquidity",
            Self::Sector => "sector",
            Self::FatFinger => "fat_finger",
            Self::Margin => "margin",
            Self::BrokerPosition => "broker_position",
        }
    }
}

/// One term of the sizing formula.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SizingTerm {
    /// Which cap.
    pub cap: Cap,
    /// The quantity it allows; `None` when it cannot be computed and does not apply.
    pub quantity: Option<u64>,
    /// The formula with its numbers.
    pub detail: String,
}

/// A session begins for the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayOpened {
    /// The session.
    pub session_date: SessionDate,
    /// The broker's account number.
    pub account: String,
    /// Equity that the day's sizes are computed from and its loss limits count from.
    pub start_equity: Usd,
    /// What could be bought at that moment, in all.
    pub buying_power: Usd,
    /// Why nothing may be traded today; empty on a trading day.
    pub observe_only: Vec<String>,
    /// Day trades that the broker counted in the sessions before; `None` when it counts none.
    pub day_trade_count: Option<u32>,
    /// True when the broker flags a pattern day trader; `None` when it has no such flag.
    pub pattern_day_trader: Option<bool>,
    /// Broker time of the observation it rests on.
    pub at: UnixNanos,
}

/// A plan with its size, ready for the broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanApproved {
    /// The plan.
    pub plan: TradePlan,
    /// The account it is for.
    pub account: String,
    /// Shares.
    pub quantity: u64,
    /// The cap that decided.
    pub binding_cap: Cap,
    /// Every term of the formula.
    pub terms: Vec<SizingTerm>,
    /// Cash lost if the stop fills exactly: `quantity × stop_distance`.
    pub risk: Usd,
    /// What the entry reserves at the broker: `quantity × entry limit` of a buy; a short's price is 3 % above its ask.
    pub notional: Usd,
    /// Equity the size was computed from.
    pub equity: Usd,
    /// Market time of the decision.
    pub decided_at: UnixNanos,
    /// What the engine had seen.
    pub inputs: Vec<Input>,
}

/// A plan that is not traded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanDenied {
    /// The plan.
    pub plan_id: PlanId,
    /// Its signal.
    pub signal_id: SignalId,
    /// Its symbol.
    pub symbol: Symbol,
    /// Its session.
    pub session_date: SessionDate,
    /// Why.
    pub reason: DenialReason,
    /// The sizing terms, where it came to them.
    pub terms: Vec<SizingTerm>,
    /// Equity the size was computed from, where known.
    pub equity: Option<Usd>,
    /// Market time of the decision.
    pub decided_at: UnixNanos,
    /// What the engine had seen.
    pub inputs: Vec<Input>,
}

/// The engine allows less than before, until a person or the next session says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TradingStateLowered {
    /// The session the lock ends with.
    pub session_date: SessionDate,
    /// The new state.
    pub state: TradingState,
    /// The limit that was reached.
    pub limit: RiskLimit,
    /// Where it stands.
    pub value: Micro,
    /// Where it ends.
    pub threshold: Micro,
    /// Broker time of the observation it rests on.
    pub at: UnixNanos,
    /// What the engine had seen; empty in recordings from before strategies were activated.
    pub inputs: Vec<Input>,
}
