//! Why a plan is not traded: a closed set, each reason with its numbers.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Cap, TradingState};
use crate::money::{Micro, Price, Usd};
use crate::time::UnixNanos;

/// A limit of the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RiskLimit {
    /// Plans approved and not yet closed.
    OpenPlans,
    /// Plans approved in one session.
    PlansPerSession,
    /// Loss of the day at which no entry is allowed, per cent of start equity.
    DailyLossSoft,
    /// Loss of the day at which everything is closed, per cent of start equity.
    DailyLossHard,
    /// Stop-outs in a row.
    ConsecutiveStopOuts,
    /// Orders sent within a minute.
    OrderRate,
    /// Orders cancelled within a minute.
    CancelRate,
    /// Entries that began to fill within a minute.
    EntryRate,
    /// Highest mean R that the last trades leave plausible, against zero.
    StrategyKill,
}

impl RiskLimit {
    /// What its value and threshold count.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::OpenPlans => "open plans",
            Self::PlansPerSession => "plans approved this session",
            Self::DailyLossSoft | Self::DailyLossHard => "per cent of start equity lost",
            Self::ConsecutiveStopOuts => "stop-outs in a row",
            Self::OrderRate => "orders sent within a minute",
            Self::CancelRate => "orders cancelled within a minute",
            Self::EntryRate => "entries begun within a minute",
            Self::StrategyKill => "R a trade at best, after costs",
        }
    }
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

impl MissingInput {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Day => "day's opening",
        }
    }
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
    ObserveOnly {
        /// Why, as the day's opening says.
        reasons: Vec<String>,
    },
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
        /// Its formula with its numbers.
        detail: String,
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
    /// An entry of the symbol filled too far from its plan; it is locked for the day.
    SymbolLocked {
        /// Slippage of that fill, multiples of the stop distance.
        slippage: Micro,
        /// The most that is borne.
        threshold: Micro,
    },
    /// A price is too far from the trigger to be meant.
    PriceCollar {
        /// The price.
        price: Price,
        /// What it is held against.
        reference: Price,
        /// The farthest it may be, per cent of the reference.
        collar_pct: Micro,
    },
    /// One more day trade is not allowed with so little equity.
    DayTradeLimit {
        /// Day trades of the last five sessions, open positions included.
        count: u32,
        /// The most that are allowed.
        limit: u32,
        /// Equity at the day's opening.
        equity: Usd,
        /// Equity from which there is no limit.
        minimum: Usd,
    },
}

impl DenialReason {
    /// The reason's short name, a closed set for counters and filters.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TradingState { .. } => "trading_state",
            Self::ObserveOnly { .. } => "observe_only",
            Self::LimitReached { .. } => "limit_reached",
            Self::NoQuantity { .. } => "no_quantity",
            Self::RiskTooSmall { .. } => "risk_too_small",
            Self::AlreadyTraded => "already_traded",
            Self::Expired { .. } => "expired",
            Self::Missing { .. } => "missing",
            Self::BadPlan { .. } => "bad_plan",
            Self::SymbolLocked { .. } => "symbol_locked",
            Self::PriceCollar { .. } => "price_collar",
            Self::DayTradeLimit { .. } => "day_trade_limit",
        }
    }
}

impl fmt::Display for DenialReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TradingState { state } => write!(f, "the trading state is {}", state.as_str()),
            Self::ObserveOnly { reasons } if reasons.is_empty() => f.write_str("the day was opened for watching only"),
            Self::ObserveOnly { reasons } => write!(f, "the day was opened for watching only: {}", reasons.join("; ")),
            Self::LimitReached { limit, value, threshold } => {
                write!(f, "{value} {}, the limit is {threshold}", limit.unit())
            }
            Self::NoQuantity { cap, detail } if detail.is_empty() => {
                write!(f, "the {} cap leaves no share", cap.as_str())
            }
            Self::NoQuantity { cap, detail } => write!(f, "the {} cap leaves no share: {detail}", cap.as_str()),
            Self::RiskTooSmall { risk, minimum } => {
                write!(f, "{risk} USD at risk, at least {minimum} USD are worth a trade")
            }
            Self::AlreadyTraded => f.write_str("the symbol has a plan for this session already"),
            Self::Expired { valid_until, watermark } => write!(f, "valid until {valid_until}, decided at {watermark}"),
            Self::Missing { input } => write!(f, "the {} is not known for this session", input.as_str()),
            Self::BadPlan { detail } => f.write_str(detail),
            Self::SymbolLocked { slippage, threshold } => {
                write!(
                    f,
                    "an entry of the symbol filled {slippage} R worse than planned, at most {threshold} R are borne"
                )
            }
            Self::PriceCollar { price, reference, collar_pct } => {
                write!(f, "{price} USD is more than {collar_pct} per cent away from {reference} USD")
            }
            Self::DayTradeLimit { count, limit, equity, minimum } => write!(
                f,
                "{count} day trades in five sessions, at most {limit} with equity of {equity} USD below {minimum} USD"
            ),
        }
    }
}
