//! What a round knows of a symbol.

use serde::{Deserialize, Serialize};

use crate::money::{Micro, Price, Usd};
use crate::names::names;

/// What was known of a symbol at the instant a round fell due. `None` means not known.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Features {
    /// Last eligible price.
    pub last: Option<Price>,
    /// Adjusted official close of the previous session.
    pub prev_close: Option<Price>,
    /// First eligible regular-hours price.
    pub open: Option<Price>,
    /// Gap of the open (before it: of the last price) from `prev_close`, per cent.
    pub gap_pct: Option<Micro>,
    /// The same distance in `atr_14`.
    pub gap_atr: Option<Micro>,
    /// Wilder's ATR of 14 sessions through yesterday.
    pub atr_14: Option<Price>,
    /// Mean volume of 14 sessions through yesterday.
    pub adv_14: Option<u64>,
    /// Highest eligible price from 04:00 to the open, odd lots excluded.
    pub premarket_high: Option<Price>,
    /// Lowest eligible price from 04:00 to the open, odd lots excluded.
    pub premarket_low: Option<Price>,
    /// Shares from 04:00 to the open.
    pub premarket_volume: u64,
    /// Dollars from 04:00 to the open.
    pub premarket_dollar_volume: Usd,
    /// First price of the opening range.
    pub or_open: Option<Price>,
    /// Highest price of the opening range.
    pub or_high: Option<Price>,
    /// Lowest price of the opening range.
    pub or_low: Option<Price>,
    /// Last price of the opening range.
    pub or_close: Option<Price>,
    /// Shares of the opening range.
    pub or_volume: u64,
    /// Opening-range volume over the mean of the 14 sessions before, like for like.
    pub rvol: Option<Micro>,
    /// Regular-hours volume so far over its mean of 14 sessions at this time of day, like for like.
    pub rvol_by_time: Option<Micro>,
    /// The same for the volume since 04:00, before the open.
    pub premarket_rvol: Option<Micro>,
    /// Volume-weighted average price of regular hours so far.
    pub vwap: Option<Price>,
    /// Industry sector.
    pub sector: Option<String>,
    /// Which way and how far the opening (or pre-market) price left yesterday's range.
    pub gap_kind: Option<GapKind>,
    /// Difference of two sources of the previous close, per cent of it.
    pub prev_close_difference_pct: Option<Micro>,
    /// Earlier sessions known; at least so many were traded.
    pub history_sessions: Option<u32>,
    /// Highest regular-hours price so far.
    pub day_high: Option<Price>,
    /// Lowest regular-hours price so far.
    pub day_low: Option<Price>,
    /// Average true range of 14 minutes.
    pub minute_atr_14: Option<Price>,
    /// Median ask − bid of the last 60 s.
    pub spread: Option<Price>,
    /// The same over the middle, per cent.
    pub spread_pct: Option<Micro>,
    /// Shares free to trade.
    pub float_shares: Option<u64>,
    /// Shares traded since 04:00 over `float_shares`.
    pub float_rotation: Option<Micro>,
    /// Points of the headlines since the previous close, 0 to 100.
    pub catalyst: Option<Micro>,
    /// A merger for cash is pending.
    pub cash_merger: Option<bool>,
    /// Trading is, or looks, halted.
    pub halted: Option<bool>,
    /// The product multiplies or inverts an index.
    pub leveraged: Option<bool>,
    /// The broker lends it.
    pub shortable: Option<bool>,
    /// The broker lends it without asking.
    pub easy_to_borrow: Option<bool>,
    /// Short sales only above the bid (Regulation SHO rule 201), today or since yesterday.
    pub short_restricted: Option<bool>,
}

/// Where a price that gapped stands against yesterday's range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum GapKind {
    /// Above yesterday's high.
    FullUp,
    /// Above the close, not above the high.
    PartialUp,
    /// Below the close, not below the low.
    PartialDown,
    /// Below yesterday's low.
    FullDown,
}

names! {
    GapKind {
        FullUp => "full_up",
        PartialUp => "partial_up",
        PartialDown => "partial_down",
        FullDown => "full_down",
    }
}

impl GapKind {
    /// The kind of a gap from `close` to `price`; `None` without a gap.
    pub fn of(price: Price, close: Price, high: Price, low: Price) -> Option<Self> {
        match price.cmp(&close) {
            std::cmp::Ordering::Greater if price > high => Some(Self::FullUp),
            std::cmp::Ordering::Greater => Some(Self::PartialUp),
            std::cmp::Ordering::Less if price < low => Some(Self::FullDown),
            std::cmp::Ordering::Less => Some(Self::PartialDown),
            std::cmp::Ordering::Equal => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_full_beyond_yesterdays_range_and_partial_within() {
        let check = |cents: i64, expected: Option<GapKind>| {
            let [price, close, high, low] = [cents, 10_000, 10_200, 9_900].map(Price::from_cents);
            assert_eq!(GapKind::of(price, close, high, low), expected, "{price}");
        };
        check(10_201, Some(GapKind::FullUp));
        check(10_200, Some(GapKind::PartialUp));
        check(10_000, None);
        check(9_900, Some(GapKind::PartialDown));
        check(9_899, Some(GapKind::FullDown));
    }
}
