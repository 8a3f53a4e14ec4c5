//! What the risk engine decided: the day, approvals with their size, denials with their reason.

use serde::{Deserialize, Serialize};

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

/// A limit of the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RiskLimit {
    /// Plans approved and not yet closed.
    OpenPlans,
    /// Plans approved in one session.
    PlansPerSession,
    /// Loss of the day at which no entry is allowed.
    DailyLossSoft,
    /// Loss of the day at which everything is closed.
    DailyLossHard,
    /// Stop-outs in a row.
    ConsecutiveStopOuts,
}

/// An input that a decision needs and does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingInput {
    /// No `AccountObserved` for this session.
    Account,
    /// No `DayOpened` for this session.
    Day,
}

/// Why a plan was denied, with its numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DenialReason {
    /// The trading state allows no entry.
    TradingState {
        /// The state in force.
        state: TradingState,
    },
    /// The day was opened for watching only.
    ObserveOnly,
    /// An account limit is reached.
    LimitReached {
        /// Which limit.
        limit: RiskLimit,
        /// Where it stands.
        value: Micro,
        /// Where it ends.
        threshold: Micro,
    },
    /// A cap leaves no share.
    NoQuantity {
        /// The binding cap.
        cap: Cap,
    },
    /// The cash at risk would be too small to be worth the cost.
    RiskTooSmall {
        /// Cash at risk.
        risk: Usd,
        /// The least that is worth a trade.
        minimum: Usd,
    },
    /// The symbol has a plan for this session already.
    AlreadyTraded,
    /// The plan's time is past.
    Expired {
        /// Until when it was valid.
        valid_until: UnixNanos,
        /// Market time at the decision.
        watermark: UnixNanos,
    },
    /// Something needed is not known.
    Missing {
        /// What.
        input: MissingInput,
    },
    /// A price, distance or amount is not usable.
    BadPlan {
        /// Which field and why.
        detail: String,
    },
}

impl DenialReason {
    /// The reason's short name, a closed set for counters and filters.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TradingState { .. } => "trading_state",
            Self::ObserveOnly => "observe_only",
            Self::LimitReached { .. } => "limit_reached",
            Self::NoQuantity { .. } => "no_quantity",
            Self::RiskTooSmall { .. } => "risk_too_small",
            Self::AlreadyTraded => "already_traded",
            Self::Expired { .. } => "expired",
            Self::Missing { .. } => "missing",
            Self::BadPlan { .. } => "bad_plan",
        }
    }
}

/// A session begins for the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
    /// What the entry reserves: `quantity × entry limit`.
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
}
