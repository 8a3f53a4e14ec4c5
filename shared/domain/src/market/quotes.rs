//! Best bid and ask, and the spread of the last minute.

use serde::{Deserialize, Serialize};

use crate::money::{Micro, Price, div_round};
use crate::time::{NANOS_PER_SECOND, UnixNanos};

/// A national best bid and offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// The source's time.
    pub ts_event: UnixNanos,
    /// Best bid, USD per share.
    pub bid: Price,
    /// Best ask, USD per share.
    pub ask: Price,
}

impl Quote {
    /// True for two prices of which the ask is the higher; a locked or crossed market has no spread.
    pub const fn is_sound(&self) -> bool {
        self.bid.nanos() > 0 && self.ask.nanos() > self.bid.nanos()
    }

    /// Half-way between bid and ask.
    pub const fn mid(&self) -> Price {
        Price::from_nanos(i64::midpoint(self.bid.nanos(), self.ask.nanos()))
    }

    /// Ask less bid.
    pub const fn spread(&self) -> Price {
        Price::from_nanos(self.ask.nanos() - self.bid.nanos())
    }
}

/// A spread in both units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spread {
    /// Ask less bid, USD per share.
    pub usd: Price,
    /// The same over the middle, per cent.
    pub pct: Micro,
}

/// The last quote of each of the last sixty seconds that had one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct QuoteWindow {
    seconds: Vec<Quote>,
}

impl QuoteWindow {
    /// Takes a quote; one that is not sound, or older than the newest, says nothing.
    pub(super) fn add(&mut self, quote: &Quote) {
        if !quote.is_sound() || self.seconds.last().is_some_and(|last| quote.ts_event < last.ts_event) {
            return;
        }
        match self.seconds.last_mut() {
            Some(last) if second(last.ts_event) == second(quote.ts_event) => *last = *quote,
            _ => {
                let oldest = second(quote.ts_event) - SECONDS;
                self.seconds.retain(|kept| second(kept.ts_event) > oldest);
                self.seconds.push(*quote);
            }
        }
    }

    /// The newest quote, if it is no older than a minute at `at`.
    pub(super) fn fresh(&self, at: UnixNanos) -> Option<Quote> {
        self.seconds.last().copied().filter(|quote| at.since(quote.ts_event) <= SECONDS * NANOS_PER_SECOND)
    }

    /// The median over the seconds of the minute before `at`, each with the quote that stood at its end.
    pub(super) fn spread(&self, at: UnixNanos) -> Option<Spread> {
        self.fresh(at)?;
        let mut spreads = Vec::with_capacity(self.seconds.len());
        let first = second(at) - SECONDS;
        for (i, quote) in self.seconds.iter().enumerate() {
            let until = self.seconds.get(i + 1).map_or(second(at), |next| second(next.ts_event));
            let stood = until - second(quote.ts_event).max(first);
            spreads.extend(std::iter::repeat_n((quote.spread(), quote.mid()), stood.max(0) as usize));
        }
        if spreads.is_empty() {
            spreads.extend(self.seconds.last().map(|quote| (quote.spread(), quote.mid())));
        }
        spreads.sort_unstable();
        let (usd, mid) = *spreads.get(spreads.len() / 2)?;
        let pct = div_round(i128::from(usd.nanos()) * 100_000_000, i128::from(mid.nanos()))?;
        Some(Spread { usd, pct: Micro::from_micros(i64::try_from(pct).ok()?) })
    }
}

const SECONDS: i64 = 60;

const fn second(instant: UnixNanos) -> i64 {
    instant.nanos().div_euclid(NANOS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quote(second: i64, bid: i64, ask: i64) -> Quote {
        let ts_event = UnixNanos::default().plus_seconds(second);
        Quote { ts_event, bid: Price::from_cents(bid), ask: Price::from_cents(ask) }
    }

    fn at(second: i64) -> UnixNanos {
        UnixNanos::default().plus_seconds(second)
    }

    #[test]
    fn one_wide_quote_does_not_move_the_median() {
        let mut window = QuoteWindow::default();
        (0..60).for_each(|s| window.add(&quote(s, 9_999, if s == 59 { 10_999 } else { 10_001 })));
        let spread = window.spread(at(60)).unwrap();
        assert_eq!((spread.usd, spread.pct.to_string()), (Price::from_cents(2), "0.02".to_owned()));
    }

    #[test]
    fn a_quote_counts_for_as_long_as_it_stood() {
        let mut window = QuoteWindow::default();
        window.add(&quote(0, 9_990, 10_000));
        window.add(&quote(40, 9_999, 10_000));
        window.add(&quote(41, 9_998, 10_000));
        assert_eq!(window.spread(at(60)).unwrap().usd, Price::from_cents(10));
        assert_eq!(window.spread(at(90)).unwrap().usd, Price::from_cents(2));
    }

    #[test]
    fn stale_crossed_and_late_quotes_say_nothing() {
        let mut window = QuoteWindow::default();
        window.add(&quote(10, 10_001, 10_000));
        window.add(&quote(10, 10_000, 10_000));
        assert_eq!(window.spread(at(11)), None);
        window.add(&quote(20, 9_999, 10_000));
        window.add(&quote(19, 9_900, 10_000));
        assert_eq!(window.spread(at(21)).unwrap().usd, Price::from_cents(1));
        assert_eq!(window.spread(at(81)), None);
    }

    #[test]
    fn no_more_than_a_minute_is_kept() {
        let mut window = QuoteWindow::default();
        (0..10_000).for_each(|s| window.add(&quote(s, 9_999, 10_000)));
        assert_eq!(window.seconds.len(), 60);
    }
}
