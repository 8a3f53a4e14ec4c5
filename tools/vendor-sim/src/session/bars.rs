//! Bars made from trades.

use super::Trade;
use crate::calendar::Hours;

/// Open, high, low and close in 1e-9 dollars, volume in shares, turnover in 1e-9 dollars × shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bar {
    /// Start, UTC nanoseconds; for a daily bar the opening instant.
    pub(crate) start: i64,
    pub(crate) open: i64,
    pub(crate) high: i64,
    pub(crate) low: i64,
    pub(crate) close: i64,
    pub(crate) volume: u64,
    pub(crate) turnover: i128,
    pub(crate) trades: u64,
}

impl Bar {
    /// A bar whose trades are not known: at its typical price, in round lots.
    pub(crate) fn without_trades(start: i64, [open, high, low, close]: [i64; 4], volume: u64) -> Self {
        let typical = (i128::from(high) + i128::from(low) + i128::from(close)) / 3;
        let turnover = typical * i128::from(volume);
        Self { start, open, high, low, close, volume, turnover, trades: volume.div_ceil(100) }
    }

    fn starting(start: i64) -> Self {
        Self { start, open: 0, high: 0, low: 0, close: 0, volume: 0, turnover: 0, trades: 0 }
    }

    /// Volume-weighted average price in 1e-9 dollars; the close where no volume counts.
    pub(crate) fn vwap(&self) -> i64 {
        let mean = self.turnover.checked_div(i128::from(self.volume));
        mean.and_then(|mean| i64::try_from(mean).ok()).unwrap_or(self.close)
    }

    /// Takes an eligible price; the first one opens the bar.
    fn take(&mut self, price: i64) {
        if self.close == 0 {
            (self.open, self.high, self.low) = (price, price, price);
        }
        self.high = self.high.max(price);
        self.low = self.low.min(price);
        self.close = price;
    }

    /// Takes a print into what was traded, whether it may set a price or not; official messages repeat what was printed
    /// before, and count as trades without volume.
    fn count(&mut self, trade: &Trade) {
        let volume = if trade.conditions.counts_volume() { u64::from(trade.size) } else { 0 };
        self.volume += volume;
        self.turnover += i128::from(trade.price) * i128::from(volume);
        self.trades += 1;
    }

    /// Joins a later bar.
    pub(crate) fn join(&mut self, later: &Self) {
        self.high = self.high.max(later.high);
        self.low = self.low.min(later.low);
        self.close = later.close;
        self.volume += later.volume;
        self.turnover += later.turnover;
        self.trades += later.trades;
    }
}

/// Bars of `step` nanoseconds of one symbol's trades, closed-left; a step without an eligible trade has none.
///
/// Before the open and after the close Form T sets prices and counts as volume. Volume that
/// comes before a step's first eligible price is counted with the step.
pub(crate) fn intraday<'a>(trades: impl Iterator<Item = &'a Trade>, step: i64, hours: &Hours) -> Vec<Bar> {
    let mut bars: Vec<Bar> = Vec::new();
    let mut early: Option<Bar> = None;
    for trade in trades {
        let at = trade.ts_ms * 1_000_000;
        let regular = (hours.open..hours.close).contains(&at);
        let conditions = if regular { trade.conditions } else { trade.conditions.without_form_t() };
        let start = at - (at - hours.pre_open).rem_euclid(step);
        match bars.last_mut().filter(|bar| bar.start == start) {
            Some(bar) => {
                bar.count(trade);
                if conditions.sets_last() {
                    bar.take(trade.price);
                }
            }
            None => {
                let counted = early.take().filter(|bar| bar.start == start);
                let mut bar = counted.unwrap_or_else(|| Bar::starting(start));
                bar.count(trade);
                if conditions.sets_last() {
                    bar.take(trade.price);
                    bars.push(bar);
                } else {
                    early = Some(bar);
                }
            }
        }
    }
    bars
}

/// The regular session so far as one bar, closing auction included; `None` before its first eligible trade.
pub(crate) fn daily<'a>(trades: impl Iterator<Item = &'a Trade>, hours: &Hours) -> Option<Bar> {
    let mut day = Bar::starting(hours.open);
    let after_close = hours.close + 60_000_000_000;
    for trade in trades {
        let at = trade.ts_ms * 1_000_000;
        if !(hours.open..after_close).contains(&at) || trade.conditions.without_form_t() != trade.conditions {
            continue;
        }
        day.count(trade);
        if trade.conditions.sets_last() {
            day.take(trade.price);
        }
    }
    (day.close != 0).then_some(day)
}
