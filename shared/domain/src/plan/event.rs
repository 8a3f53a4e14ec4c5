//! What the planner decided: a round's ranking and one plan per selected signal.

use serde::{Deserialize, Serialize};

use super::ExitRules;
use crate::id::{PlanId, SignalId};
use crate::money::{Micro, Price};
use crate::names::names;
use crate::scan::{Input, Round};
use crate::symbol::Symbol;
use crate::time::UnixNanos;

/// Buy or sell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Buy.
    Buy,
    /// Sell.
    Sell,
}

impl Side {
    /// The side that undoes this one.
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }

    /// 1 for a buy, −1 for a sell.
    pub const fn sign(self) -> i64 {
        match self {
            Self::Buy => 1,
            Self::Sell => -1,
        }
    }
}

/// A stop-limit entry: elected at `trigger`, never filled beyond `limit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Price at which the order becomes active.
    pub trigger: Price,
    /// Worst acceptable price.
    pub limit: Price,
}

/// Where a part of the position is taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Distance from the executed entry price, USD per share.
    pub distance: Price,
    /// Part of the position, in basis points of the quantity.
    pub fraction_bps: u32,
}

/// Everything about a trade but its size; nothing is left to choose at execution time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TradePlan {
    /// The plan's id.
    pub plan_id: PlanId,
    /// The signal it comes from.
    pub signal_id: SignalId,
    /// The round it comes from.
    pub round: Round,
    /// The symbol.
    pub symbol: Symbol,
    /// Side of the entry.
    pub side: Side,
    /// Place in the round's ranking, from 1.
    pub rank: u32,
    /// The score it was ranked by.
    pub score: Micro,
    /// The entry order.
    pub entry: Entry,
    /// Distance of the protective stop from the executed price, USD per share.
    pub stop_distance: Price,
    /// Where to take profit; none means hold until `exit_by`.
    pub targets: Vec<Target>,
    /// The entry is withdrawn if not filled by then.
    pub valid_until: UnixNanos,
    /// The position is closed by then.
    pub exit_by: UnixNanos,
    /// Wilder's ATR of 14 sessions, for sizing and display.
    pub atr_14: Price,
    /// Mean volume of 14 sessions, for the liquidity cap.
    pub adv_14: u64,
    /// Opening-range volume, for the liquidity cap.
    pub or_volume: u64,
    /// Industry sector, for the sector cap.
    pub sector: Option<String>,
    /// How the position is left besides stop, targets and close.
    pub exits: ExitRules,
}

impl TradePlan {
    /// The stop that would protect a fill exactly at the trigger, on a valid tick no farther than planned.
    pub fn planned_stop(&self) -> Price {
        self.stop_for(self.entry.trigger)
    }

    /// The stop that protects a fill at `executed`, on a valid tick no farther away than `stop_distance`.
    pub fn stop_for(&self, executed: Price) -> Price {
        let exact = Price::from_nanos(executed.nanos() - self.side.sign() * self.stop_distance.nanos());
        match self.side {
            Side::Buy => exact.ceil_to_tick(),
            Side::Sell => exact.floor_to_tick(),
        }
    }

    /// The price of `target` after a fill at `executed`, on a valid tick no nearer than planned.
    pub fn target_for(&self, target: &Target, executed: Price) -> Price {
        let exact = Price::from_nanos(executed.nanos() + self.side.sign() * target.distance.nanos());
        match self.side {
            Side::Buy => exact.ceil_to_tick(),
            Side::Sell => exact.floor_to_tick(),
        }
    }
}

/// Why a signal got no plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotSelected {
    /// Better ones filled the round.
    BelowTop,
    /// Shorts are not allowed and the range closed down.
    ShortsDisabled,
    /// The stop would be too near for the spread or tick.
    StopTooTight,
    /// A plan of this symbol exists for the session.
    AlreadyPlanned,
    /// The round was for watching only.
    WatchOnly,
    /// The strategy is paused.
    StrategyPaused,
    /// Its price levels are not usable.
    NoLevels,
    /// The opening range has no prices.
    NoOpeningRange,
    /// The opening range closed where it opened.
    FlatRange,
    /// Nothing set a pre-market high.
    NoPremarketHigh,
    /// The average true range is not known.
    NoAtr,
    /// The average volume is not known.
    NoAverageVolume,
    /// The average true range of minutes is not known, and the trail needs it.
    NoMinuteAtr,
    /// The broker does not lend it, does not lend it freely, or does not say.
    NotShortable,
    /// Short sales need a price above the bid, or nobody knows (Regulation SHO rule 201).
    ShortSaleRestricted,
    /// The time for entries is over.
    TooLate,
}

names! {
    Side { Buy => "buy", Sell => "sell" }
    NotSelected {
        BelowTop => "below_top",
        ShortsDisabled => "shorts_disabled",
        StopTooTight => "stop_too_tight",
        AlreadyPlanned => "already_planned",
        WatchOnly => "watch_only",
        StrategyPaused => "strategy_paused",
        NoLevels => "no_levels",
        NoOpeningRange => "no_opening_range",
        FlatRange => "flat_range",
        NoPremarketHigh => "no_premarket_high",
        NoAtr => "no_atr",
        NoAverageVolume => "no_average_volume",
        NoMinuteAtr => "no_minute_atr",
        NotShortable => "not_shortable",
        ShortSaleRestricted => "short_sale_restricted",
        TooLate => "too_late",
    }
}

/// A signal's place in a round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RankedSignal {
    /// Place, from 1.
    pub rank: u32,
    /// The signal.
    pub signal_id: SignalId,
    /// Its symbol.
    pub symbol: Symbol,
    /// What it was ranked by.
    pub score: Micro,
    /// Why it got no plan; `None` when it did.
    pub not_selected: Option<NotSelected>,
}

/// The final word on a round: its ranking and the plans, which the proposals repeat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RoundClosed {
    /// The round.
    pub round: Round,
    /// Partitions that reported in time.
    pub partitions: Vec<u32>,
    /// Partitions that did not.
    pub missing: Vec<u32>,
    /// Every signal by rank.
    pub ranking: Vec<RankedSignal>,
    /// The plans by rank.
    pub plans: Vec<TradePlan>,
    /// What the planner had seen.
    pub inputs: Vec<Input>,
}

/// A plan for the risk engine to size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanProposed {
    /// The plan.
    pub plan: TradePlan,
}
