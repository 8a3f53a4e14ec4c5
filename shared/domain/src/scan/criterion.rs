//! A question asked of every candidate, with its answer.

use serde::{Deserialize, Serialize};

use crate::money::Micro;
use crate::names::names;

/// The unit of a criterion's value and threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// US dollars per share.
    UsdPerShare,
    /// US dollars.
    Usd,
    /// Shares.
    Shares,
    /// Per cent.
    Percent,
    /// A plain ratio.
    Ratio,
    /// −1, 0 or 1.
    Direction,
    /// 0 for no and 1 for yes.
    YesNo,
    /// Trading sessions.
    Sessions,
    /// Average true ranges of 14 sessions.
    Atr,
}

/// How a value is held against its threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// Value ≥ threshold.
    AtLeast,
    /// Value > threshold.
    MoreThan,
    /// Value ≤ threshold.
    AtMost,
    /// Value = threshold.
    Equal,
}

impl Comparison {
    /// True when `value` stands to `threshold` as asked.
    pub fn holds(self, value: Micro, threshold: Micro) -> bool {
        match self {
            Self::AtLeast => value >= threshold,
            Self::MoreThan => value > threshold,
            Self::AtMost => value <= threshold,
            Self::Equal => value == threshold,
        }
    }
}

/// What holding a value against its threshold gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The candidate may go on.
    Pass,
    /// The candidate is refused.
    Fail,
    /// The value is not known and the criterion does not insist.
    NotEvaluated,
}

/// A question asked of every candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CriterionName {
    /// Reference data for this session is there.
    Reference,
    /// No hole in the feed since the windows that the criteria look at opened.
    FeedComplete,
    /// The paper is common stock.
    SecurityType,
    /// Opening (or last) price.
    Price,
    /// Average daily volume of 14 sessions.
    AverageVolume,
    /// Wilder's average true range of 14 sessions.
    Atr,
    /// Distance of the opening (or pre-market) price from the previous close.
    Gap,
    /// Shares traded before the open.
    PremarketVolume,
    /// Dollars traded before the open.
    PremarketDollarVolume,
    /// Opening-range volume over its usual.
    RelativeVolume,
    /// Sign of the opening range's close − open.
    OpeningRangeDirection,
    /// Trading is not halted as far as the tape shows.
    NotHalted,
    /// Free float.
    Float,
    /// The gap is of a wanted kind.
    GapKind,
    /// Two sources agree on the previous close.
    PrevCloseAgreement,
    /// Earlier sessions known.
    History,
    /// The product multiplies or inverts nothing.
    NotLeveraged,
    /// No merger for cash is pending.
    NoCashMerger,
    /// Opening price, from above.
    PriceMax,
    /// Median spread of the last minute over the middle.
    Spread,
    /// The same over the stop distance.
    SpreadOfStop,
    /// Distance of the pre-market high from the open.
    PremarketHighDistance,
    /// The last minute closed above the pre-market high.
    PremarketHighBroken,
    /// The model gave a score.
    Scored,
    /// Regular-hours volume over its usual at this time of day.
    RelativeVolumeByTime,
    /// Pre-market volume over its usual.
    PremarketRelativeVolume,
}

names! {
    Unit {
        UsdPerShare => "usd_per_share",
        Usd => "usd",
        Shares => "shares",
        Percent => "percent",
        Ratio => "ratio",
        Direction => "direction",
        YesNo => "yes_no",
        Sessions => "sessions",
        Atr => "atr",
    }
    Comparison { AtLeast => ">=", MoreThan => ">", AtMost => "<=", Equal => "=" }
    Outcome { Pass => "pass", Fail => "fail", NotEvaluated => "not_evaluated" }
    CriterionName {
        Reference => "reference",
        FeedComplete => "feed_complete",
        SecurityType => "security_type",
        Price => "price",
        AverageVolume => "average_volume",
        Atr => "atr",
        Gap => "gap",
        PremarketVolume => "premarket_volume",
        PremarketDollarVolume => "premarket_dollar_volume",
        RelativeVolume => "relative_volume",
        OpeningRangeDirection => "opening_range_direction",
        NotHalted => "not_halted",
        Float => "float",
        GapKind => "gap_kind",
        PrevCloseAgreement => "prev_close_agreement",
        History => "history",
        NotLeveraged => "not_leveraged",
        NoCashMerger => "no_cash_merger",
        PriceMax => "price_max",
        Spread => "spread",
        SpreadOfStop => "spread_of_stop",
        PremarketHighDistance => "premarket_high_distance",
        PremarketHighBroken => "premarket_high_broken",
        Scored => "scored",
        RelativeVolumeByTime => "relative_volume_by_time",
        PremarketRelativeVolume => "premarket_relative_volume",
    }
}

/// A criterion with what it saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Criterion {
    /// The question.
    pub name: CriterionName,
    /// What was measured; `None` when it is not known.
    pub value: Option<Micro>,
    /// What it was held against.
    pub threshold: Micro,
    /// How.
    pub comparison: Comparison,
    /// With which result.
    pub outcome: Outcome,
    /// Unit of value and threshold.
    pub unit: Unit,
    /// Where the value comes from, for example `finnhub trades 09:30-09:35`.
    pub source: String,
}
