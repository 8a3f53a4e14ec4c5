//! Bars made from trades.

use super::Trade;
use crate::calendar::Hours;

/// Open, high, low and close in 1e-9 dollars, volume in shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bar {
    /// Start, UTC nanoseconds; for a daily bar the opening instant.
    pub(crate) start: i64,
    pub(crate) open: i64,
    pub(crate) high: i64,
    pub(crate) low: i64,
    pub(crate) close: i64,
    pub(crate) volume: u64,
}

impl Bar {
    fn starting(start: i64, price: i64) -> Self {
        Self { start, open: price, high: price, low: price, close: price, volume: 0 }
    }

    fn take(&mut self, price: i64) {
        self.high = self.high.max(price);
        self.low = self.low.min(price);
        self.close = price;
    }

    /// Joins a later bar.
    pub(crate) fn join(&mut self, later: &Self) {
        self.high = self.high.max(later.high);
        self.low = self.low.min(later.low);
        self.close = later.close;
        self.volume += later.volume;
    }
}

/// Bars of `step` nanoseconds of one symbol's trades, closed-left; a step without an eligible trade has none.
///
/// Before the open and after the close Form T sets prices and counts as volume. Volume that
/// comes before a step's first eligible price is counted with the step.
pub(crate) fn intraday<'a>(trades: impl Iterator<Item = &'a Trade>, step: i64, hours: &Hours) -> Vec<Bar> {
    let mut bars: Vec<Bar> = Vec::new();
    let mut early = (0, 0);
    for trade in trades {
        let at = trade.ts_ms * 1_000_000;
        let regular = (hours.open..hours.close).contains(&at);
        let conditions = if regular { trade.conditions } else { trade.conditions.without_form_t() };
        let start = at - (at - hours.pre_open).rem_euclid(step);
        let volume = if conditions.counts_volume() { u64::from(trade.size) } else { 0 };
        let current = bars.last_mut().filter(|bar| bar.start == start);
        match current {
            Some(bar) => {
                bar.volume += volume;
                if conditions.sets_last() {
                    bar.take(trade.price);
                }
            }
            None if conditions.sets_last() => {
                let mut bar = Bar::starting(start, trade.price);
                bar.volume = volume + if early.0 == start { early.1 } else { 0 };
                bars.push(bar);
            }
            None => early = (start, volume + if early.0 == start { early.1 } else { 0 }),
        }
    }
    bars
}

/// The regular session so far as one bar, closing auction included; `None` before its first eligible trade.
pub(crate) fn daily<'a>(trades: impl Iterator<Item = &'a Trade>, hours: &Hours) -> Option<Bar> {
    let mut day: Option<Bar> = None;
    let mut volume = 0;
    let after_close = hours.close + 60_000_000_000;
    for trade in trades {
        let at = trade.ts_ms * 1_000_000;
        if !(hours.open..after_close).contains(&at) || trade.conditions.without_form_t() != trade.conditions {
            continue;
        }
        if trade.conditions.counts_volume() {
            volume += u64::from(trade.size);
        }
        if trade.conditions.sets_last() {
            day.get_or_insert_with(|| Bar::starting(hours.open, trade.price)).take(trade.price);
        }
    }
    day.map(|bar| Bar { volume, ..bar })
}
