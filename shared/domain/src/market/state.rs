//! What the tape says of one symbol in one session.

use super::{Eligibility, Trade};
use crate::calendar::Session;
use crate::money::{Price, Usd};
use crate::time::UnixNanos;

/// The windows of one session, as instants. Closed on the left, open on the right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// The session.
    pub session: Session,
    /// End of the opening range.
    pub range_end: UnixNanos,
}

impl Windows {
    /// The windows of `session` with an opening range of `opening_minutes`.
    pub fn new(session: Session, opening_minutes: u32) -> Self {
        Self { session, range_end: session.open.plus_seconds(i64::from(opening_minutes) * 60) }
    }
}

/// Open, high, low, close and volume of a window; prices by prints that may set levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Range {
    /// First price by exchange time.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price by exchange time.
    pub close: Price,
    /// Shares, of every print that counts as volume.
    pub volume: u64,
    open_at: UnixNanos,
    close_at: UnixNanos,
    priced: bool,
}

impl Range {
    /// True when at least one print set a price.
    pub const fn is_priced(&self) -> bool {
        self.priced
    }

    #[inline]
    fn add_price(&mut self, trade: &Trade) {
        if !self.priced {
            let price = trade.price;
            *self = Self {
                open: price,
                high: price,
                low: price,
                close: price,
                open_at: trade.ts_event,
                close_at: trade.ts_event,
                priced: true,
                ..*self
            };
            return;
        }
        self.high = self.high.max(trade.price);
        self.low = self.low.min(trade.price);
        if trade.ts_event >= self.close_at {
            (self.close, self.close_at) = (trade.price, trade.ts_event);
        }
        if trade.ts_event < self.open_at {
            (self.open, self.open_at) = (trade.price, trade.ts_event);
        }
    }
}

/// One symbol's session so far. The result does not depend on how the trades were batched.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SymbolState {
    /// Last eligible price and its time.
    pub last: Option<(Price, UnixNanos)>,
    /// 04:00 to the open.
    pub premarket: Range,
    /// Price times size of the pre-market, 1e-9 USD.
    premarket_dollars: i128,
    /// The open to the end of the opening range.
    pub opening: Range,
    /// Regular hours so far.
    pub regular: Range,
    /// Price times size of regular hours, 1e-9 USD.
    regular_dollars: i128,
    /// Prints seen, of any kind.
    pub prints: u64,
    /// Prints with a condition that is not in the table.
    pub unknown_conditions: u64,
}

impl SymbolState {
    /// Adds one print of this session.
    #[inline]
    pub fn apply(&mut self, windows: &Windows, trade: &Trade, eligibility: Eligibility) {
        let session = &windows.session;
        let regular = trade.ts_event >= session.open && trade.ts_event < session.close;
        self.prints += 1;
        self.unknown_conditions += u64::from(eligibility.unknown);
        if eligibility.last
            && !(regular && eligibility.extended)
            && self.last.is_none_or(|(_, at)| trade.ts_event >= at)
        {
            self.last = Some((trade.price, trade.ts_event));
        }
        let levels = eligibility.sets_levels(regular);
        let size = if eligibility.volume { u64::from(trade.size) } else { 0 };
        let dollars = i128::from(trade.price.nanos()) * i128::from(size);
        if regular {
            self.regular.volume += size;
            self.regular_dollars += dollars;
            if levels {
                self.regular.add_price(trade);
            }
            if trade.ts_event < windows.range_end {
                self.opening.volume += size;
                if levels {
                    self.opening.add_price(trade);
                }
            }
        } else if trade.ts_event >= session.premarket_open && trade.ts_event < session.open {
            self.premarket.volume += size;
            self.premarket_dollars += dollars;
            if levels {
                self.premarket.add_price(trade);
            }
        }
    }

    /// Dollars traded before the open, saturating at the money range.
    pub fn premarket_dollar_volume(&self) -> Usd {
        Usd::from_nanos(i64::try_from(self.premarket_dollars).unwrap_or(i64::MAX))
    }

    /// Volume-weighted average price of regular hours; `None` before the first print.
    pub fn vwap(&self) -> Option<Price> {
        crate::money::div_round(self.regular_dollars, i128::from(self.regular.volume))
            .and_then(|nanos| i64::try_from(nanos).ok())
            .map(Price::from_nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::super::ConditionScheme;
    use super::*;
    use crate::calendar;

    fn windows() -> Windows {
        Windows::new(calendar::session("2026-11-24".parse().unwrap()).unwrap(), 5)
    }

    fn fold(trades: &[(u32, u32, i64, u32, &str)]) -> SymbolState {
        let w = windows();
        let mut state = SymbolState::default();
        for (hour, minute, cents, size, conditions) in trades {
            let trade =
                Trade { ts_event: w.session.date.at_hm(*hour, *minute), price: Price::from_cents(*cents), size: *size };
            state.apply(&w, &trade, Eligibility::of(ConditionScheme::Finnhub, conditions));
        }
        state
    }

    #[test]
    fn each_window_takes_only_its_own_prints() {
        let s = fold(&[
            (3, 59, 900, 10, "24"),
            (4, 0, 1_000, 100, "24"),
            (9, 29, 1_020, 100, "24"),
            (9, 30, 1_030, 200, "1"),
            (9, 34, 1_010, 300, "1"),
            (9, 35, 1_100, 400, "1"),
            (16, 0, 1_200, 500, "24"),
        ]);
        assert_eq!(
            (s.premarket.high, s.premarket.low, s.premarket.volume),
            (Price::from_cents(1_020), Price::from_cents(1_000), 200)
        );
        assert_eq!(
            (s.opening.open, s.opening.close, s.opening.volume),
            (Price::from_cents(1_030), Price::from_cents(1_010), 500)
        );
        assert_eq!((s.regular.high, s.regular.volume), (Price::from_cents(1_100), 900));
        assert_eq!(s.last.map(|l| l.0), Some(Price::from_cents(1_200)));
        assert_eq!(s.premarket_dollar_volume(), Usd::from_cents(202_000));
    }

    #[test]
    fn odd_lots_and_late_prints_count_as_volume_and_set_no_level() {
        let s = fold(&[
            (9, 30, 1_000, 100, "1"),
            (9, 31, 2_000, 5, "12"),
            (9, 31, 500, 100, "30"),
            (9, 32, 1_010, 100, "8"),
        ]);
        assert_eq!(
            (s.opening.high, s.opening.low, s.opening.volume),
            (Price::from_cents(1_010), Price::from_cents(1_000), 305)
        );
    }

    #[test]
    fn prints_out_of_order_give_the_same_range() {
        let in_order = [(9, 30, 1_000, 100, "1"), (9, 31, 1_050, 100, "1"), (9, 33, 990, 100, "1")];
        let shuffled = [in_order[1], in_order[2], in_order[0]];
        assert_eq!(fold(&in_order), fold(&shuffled));
    }
}
