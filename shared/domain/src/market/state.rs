//! What the tape says of one symbol in one session.

use serde::{Deserialize, Serialize};

use super::outliers::{Guard, Quoted, Verdict};
use super::quotes::QuoteWindow;
use super::{Eligibility, MinuteBars, OutlierRule, Quote, Range, Spread, Trade};
use crate::calendar::Session;
use crate::money::{Price, Usd};
use crate::time::{NANOS_PER_SECOND, UnixNanos};

/// The windows of one session, as instants, and the rule by which outliers are told. Closed on the left, open on the
/// right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// The session.
    pub session: Session,
    /// End of the opening range.
    pub range_end: UnixNanos,
    /// Which prints must be confirmed.
    pub outliers: OutlierRule,
}

impl Windows {
    /// The windows of `session` with an opening range of `opening_minutes`.
    pub fn new(session: Session, opening_minutes: u32) -> Self {
        let range_end = session.open.plus_seconds(i64::from(opening_minutes) * 60);
        Self { session, range_end, outliers: OutlierRule::default() }
    }

    /// True in regular trading hours.
    #[inline]
    pub const fn is_regular(&self, instant: UnixNanos) -> bool {
        instant.nanos() >= self.session.open.nanos() && instant.nanos() < self.session.close.nanos()
    }
}

/// An auction's print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Auction {
    /// Price per share.
    pub price: Price,
    /// Shares.
    pub size: u32,
    /// When it was printed.
    pub ts_event: UnixNanos,
}

/// One symbol's session so far. The result depends on the order of the trades and not on how they were batched.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SymbolState {
    /// Last eligible price and its time.
    pub last: Option<(Price, UnixNanos)>,
    /// 04:00 to the open; levels by prints of round lots.
    pub premarket: Range,
    /// 04:00 to the open; levels by odd lots too. Its volume is that of `premarket`.
    pub premarket_all: Range,
    /// Price times size of the pre-market, 1e-9 USD.
    premarket_dollars: i128,
    /// The open to the end of the opening range.
    pub opening: Range,
    /// Regular hours so far.
    pub regular: Range,
    /// Price times size of regular hours, 1e-9 USD.
    regular_dollars: i128,
    /// The largest opening auction, which is that of the primary exchange.
    pub opening_auction: Option<Auction>,
    /// The largest closing auction, which is that of the primary exchange.
    pub closing_auction: Option<Auction>,
    /// Time of the newest print of any kind; zero before the first.
    pub newest_print: UnixNanos,
    /// Prints seen, of any kind.
    pub prints: u64,
    /// Prints with a condition that is not in the table.
    pub unknown_conditions: u64,
    /// Prints that were too far off and that none confirmed.
    pub outliers: u64,
    guard: Guard,
    quotes: Option<Box<QuoteWindow>>,
    minutes: Option<Box<MinuteBars>>,
}

impl SymbolState {
    /// Adds one print of this session. One that is too far off waits until others confirm it, and counts for nothing
    /// if they do not.
    #[inline]
    pub fn apply(&mut self, windows: &Windows, trade: &Trade, eligibility: Eligibility) {
        self.prints += 1;
        self.unknown_conditions += u64::from(eligibility.unknown);
        self.newest_print = self.newest_print.max(trade.ts_event);
        if !eligibility.sets_prices(windows.is_regular(trade.ts_event)) {
            return self.count(windows, trade, eligibility);
        }
        let quoted = self.quotes.as_ref().and_then(|quotes| quotes.fresh(trade.ts_event));
        let quoted = quoted.map(|quote| Quoted { mid: quote.mid(), spread: quote.spread() });
        match self.guard.judge(&windows.outliers, trade, eligibility, quoted) {
            Verdict::Accepted { refuted } => {
                self.outliers += u64::from(refuted);
                self.count(windows, trade, eligibility);
            }
            Verdict::Suspected { refuted } => self.outliers += u64::from(refuted),
            Verdict::Confirmed => {
                for suspect in self.guard.take_confirmed() {
                    self.count(windows, &suspect.trade, suspect.eligibility);
                }
            }
        }
    }

    /// Takes the market's best bid and ask.
    pub fn quote(&mut self, quote: &Quote) {
        self.quotes.get_or_insert_default().add(quote);
    }

    /// Keeps the newest `kept` minute bars from now on.
    pub fn keep_minutes(&mut self, kept: usize) {
        if self.minutes.is_none() {
            self.minutes = Some(Box::new(MinuteBars::new(kept)));
        }
    }

    /// The minute bars, where they are kept.
    pub fn minutes(&self) -> Option<&MinuteBars> {
        self.minutes.as_deref()
    }

    /// Forgets the session; what is asked of the symbol stays asked.
    pub fn reset(&mut self) {
        let minutes = self.minutes.take().map(|bars| Box::new(bars.emptied()));
        *self = Self { minutes, ..Self::default() };
    }

    /// The primary exchange's opening auction, or the first eligible regular-hours price without one.
    pub fn opening_price(&self) -> Option<Price> {
        let first = || self.regular.is_priced().then_some(self.regular.open);
        self.opening_auction.map(|auction| auction.price).or_else(first)
    }

    /// Median spread of the minute before `at`; `None` where no quote was seen in it.
    pub fn spread(&self, at: UnixNanos) -> Option<Spread> {
        self.quotes.as_ref()?.spread(at)
    }

    /// Seconds of regular hours without a print of any kind until `at`; zero outside them.
    pub fn silent_seconds(&self, windows: &Windows, at: UnixNanos) -> i64 {
        if !windows.is_regular(at) {
            return 0;
        }
        at.since(self.newest_print.max(windows.session.open)).max(0) / NANOS_PER_SECOND
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

    /// Shares traded since 04:00.
    pub const fn volume(&self) -> u64 {
        self.premarket.volume.saturating_add(self.regular.volume)
    }

    #[inline]
    fn count(&mut self, windows: &Windows, trade: &Trade, eligibility: Eligibility) {
        let session = &windows.session;
        let regular = windows.is_regular(trade.ts_event);
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
            self.premarket_all.volume += size;
            self.premarket_dollars += dollars;
            if levels {
                self.premarket.add_price(trade);
            }
            if eligibility.high_low {
                self.premarket_all.add_price(trade);
            }
        }
        if eligibility.opening || eligibility.closing {
            self.auction(trade, eligibility);
        }
        if let Some(minutes) = &mut self.minutes {
            minutes.add(trade, size, levels);
        }
    }

    #[cold]
    fn auction(&mut self, trade: &Trade, eligibility: Eligibility) {
        let print = Auction { price: trade.price, size: trade.size, ts_event: trade.ts_event };
        let larger = |known: &Option<Auction>| known.is_none_or(|known| print.size > known.size);
        if eligibility.opening && larger(&self.opening_auction) {
            self.opening_auction = Some(print);
        }
        if eligibility.closing && larger(&self.closing_auction) {
            self.closing_auction = Some(print);
        }
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
            (9, 35, 1_060, 400, "1"),
            (16, 0, 1_065, 500, "24"),
        ]);
        assert_eq!(
            (s.premarket.high, s.premarket.low, s.premarket.volume),
            (Price::from_cents(1_020), Price::from_cents(1_000), 200)
        );
        assert_eq!(
            (s.opening.open, s.opening.close, s.opening.volume),
            (Price::from_cents(1_030), Price::from_cents(1_010), 500)
        );
        assert_eq!((s.regular.high, s.regular.volume), (Price::from_cents(1_060), 900));
        assert_eq!(s.last.map(|l| l.0), Some(Price::from_cents(1_065)));
        assert_eq!(s.premarket_dollar_volume(), Usd::from_cents(202_000));
    }

    #[test]
    fn odd_lots_and_late_prints_count_as_volume_and_set_no_level() {
        let s = fold(&[
            (9, 30, 1_000, 100, "1"),
            (9, 31, 1_030, 5, "12"),
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
        let in_order = [(9, 30, 1_000, 100, "1"), (9, 31, 1_050, 100, "1"), (9, 33, 1_010, 100, "1")];
        let shuffled = [in_order[1], in_order[2], in_order[0]];
        let (a, b) = (fold(&in_order), fold(&shuffled));
        assert_eq!((a.opening, a.regular, a.last), (b.opening, b.regular, b.last));
    }

    #[test]
    fn a_bad_print_sets_no_level_and_a_confirmed_move_sets_all_of_them() {
        let steady = [(9, 30, 6_600, 100, "1"); 5];
        let s = fold(&[&steady[..], &[(9, 32, 1_532, 40, "1"), (9, 33, 6_620, 100, "1")]].concat());
        assert_eq!((s.opening.low, s.opening.volume, s.outliers), (Price::from_cents(6_600), 600, 1));
        let moved = [(9, 31, 7_200, 2, "1"), (9, 31, 7_210, 3, "1"), (9, 32, 7_190, 4, "1")];
        let s = fold(&[&steady[..], &moved].concat());
        assert_eq!((s.opening.high, s.opening.volume, s.outliers), (Price::from_cents(7_210), 509, 0));
        assert_eq!(s.last.map(|l| l.0), Some(Price::from_cents(7_190)));
    }

    #[test]
    fn odd_lots_show_before_the_open_in_the_series_of_all_trades_only() {
        let s = fold(&[(8, 0, 1_000, 100, "24"), (8, 1, 1_020, 7, "24,12"), (8, 2, 1_010, 100, "24,30")]);
        assert_eq!((s.premarket.high, s.premarket.prints), (Price::from_cents(1_000), 1));
        assert_eq!((s.premarket_all.high, s.premarket_all.prints), (Price::from_cents(1_020), 2));
        assert_eq!((s.premarket.volume, s.premarket_all.volume), (207, 207));
    }

    #[test]
    fn the_open_is_the_largest_auction_or_else_the_first_price() {
        let first = fold(&[(9, 30, 1_000, 100, "1")]);
        assert_eq!(first.opening_price(), Some(Price::from_cents(1_000)));
        let auctions = [(9, 30, 1_000, 100, "1"), (9, 31, 1_005, 90_000, "18"), (9, 31, 1_006, 10, "18")];
        assert_eq!(fold(&auctions).opening_price(), Some(Price::from_cents(1_005)));
        assert_eq!(fold(&[]).opening_price(), None);
    }

    #[test]
    fn the_official_close_counts_its_shares_once() {
        let s = fold(&[(15, 59, 1_000, 100, "1"), (16, 0, 1_001, 5_000, "35"), (16, 1, 1_001, 5_000, "16")]);
        assert_eq!(s.closing_auction.map(|a| (a.price, a.size)), Some((Price::from_cents(1_001), 5_000)));
        assert_eq!(s.volume(), 100);
    }

    #[test]
    fn silence_is_counted_in_regular_hours_only() {
        let (w, s) = (windows(), fold(&[(9, 0, 1_000, 100, "24"), (9, 31, 1_000, 100, "1")]));
        let at = |hour, minute| w.session.date.at_hm(hour, minute);
        assert_eq!((s.silent_seconds(&w, at(9, 29)), s.silent_seconds(&w, at(9, 33))), (0, 120));
        assert_eq!(fold(&[]).silent_seconds(&w, at(9, 32)), 120);
    }

    #[test]
    fn a_new_session_keeps_what_was_asked_of_the_symbol() {
        let mut s = fold(&[(9, 30, 1_000, 100, "1")]);
        s.keep_minutes(30);
        s.reset();
        assert_eq!((s.prints, s.minutes().map(|bars| bars.bars().count())), (0, Some(0)));
    }
}
