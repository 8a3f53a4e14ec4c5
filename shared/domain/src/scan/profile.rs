//! A symbol's history, boiled down to what the criteria ask.

use crate::market::{OpeningVolume, ReferenceUpdated, SecurityType, Tape, indicators};
use crate::money::{Micro, Price};
use crate::time::SessionDate;

/// A symbol's history, boiled down to what the criteria ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The session the facts are for.
    pub session_date: SessionDate,
    /// Vendor of the facts.
    pub source: String,
    /// Which prints its volumes count.
    pub tape: Tape,
    /// Adjusted official close before.
    pub prev_close: Price,
    /// High and low of the last session known.
    pub prev_range: Option<(Price, Price)>,
    /// Difference of `prev_close` from the close of the last daily bar, per cent of it.
    pub prev_close_difference_pct: Option<Micro>,
    /// Earlier sessions known.
    pub history_sessions: u32,
    /// Wilder's ATR of 14 sessions.
    pub atr_14: Option<Price>,
    /// Mean volume of 14 sessions.
    pub adv_14: Option<u64>,
    /// Opening volumes of earlier sessions, oldest first.
    pub opening_volumes: Vec<OpeningVolume>,
    /// Length of the range those volumes count, minutes.
    pub opening_minutes: u32,
    /// What kind of paper.
    pub security_type: SecurityType,
    /// Industry sector.
    pub sector: Option<String>,
    /// Shares free to trade.
    pub float_shares: Option<u64>,
    /// Yesterday's low was low enough to restrict short sales today too.
    pub fell_yesterday: Option<bool>,
    /// What the broker and the vendors say besides.
    pub facts: Facts,
}

/// Facts that not every vendor tells; `None` means not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Facts {
    /// The product multiplies or inverts an index.
    pub leveraged: Option<bool>,
    /// A merger for cash is pending.
    pub cash_merger: Option<bool>,
    /// The broker lends it.
    pub shortable: Option<bool>,
    /// The broker lends it without asking.
    pub easy_to_borrow: Option<bool>,
}

impl Profile {
    pub(super) fn new(reference: &ReferenceUpdated) -> Self {
        let bars = &reference.daily_bars;
        let last = bars.last();
        let difference = |close: Price| {
            let distance = Price::from_nanos(reference.prev_close.nanos().saturating_sub(close.nanos())).abs();
            Micro::ratio(distance.nanos(), reference.prev_close.nanos(), 100)
        };
        let fell = bars.windows(2).last().map(|pair| restricts_shorts(pair[1].low, pair[0].close));
        Self {
            session_date: reference.session_date,
            source: reference.source.clone(),
            tape: reference.tape,
            prev_close: reference.prev_close,
            prev_range: last.map(|bar| (bar.high, bar.low)),
            prev_close_difference_pct: last.and_then(|bar| difference(bar.close)),
            history_sessions: u32::try_from(bars.len()).unwrap_or(u32::MAX),
            atr_14: indicators::atr_14_wilder(bars),
            adv_14: indicators::adv_14(bars),
            opening_volumes: reference.opening_volumes.clone(),
            opening_minutes: reference.opening_minutes,
            security_type: reference.security_type,
            sector: reference.sector.clone(),
            float_shares: reference.float_shares,
            fell_yesterday: fell,
            facts: Facts::default(),
        }
    }
}

/// True when a trade at `low` is 10 % or more below the close before it: for the rest of that day and the next, a short
/// sale needs a price above the national best bid.
///
/// # Source
/// Regulation SHO, rule 201.
pub(super) fn restricts_shorts(low: Price, close_before: Price) -> bool {
    i128::from(low.nanos()) * 10 <= i128::from(close_before.nanos()) * 9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_per_cent_below_the_close_restricts_shorts() {
        let check = |low: i64, expected: bool| {
            assert_eq!(restricts_shorts(Price::from_cents(low), Price::from_cents(10_000)), expected, "{low}");
        };
        check(9_001, false);
        check(9_000, true);
        check(5_000, true);
    }
}
