//! The newest minute bars of a symbol that somebody watches minute by minute.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{MinuteBar, Range, Trade};
use crate::money::{Price, div_round};
use crate::time::UnixNanos;

/// The newest minutes in which a symbol traded: closed on the left, open on the right, by exchange time. A late print
/// revises its minute for as long as that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MinuteBars {
    kept: usize,
    minutes: VecDeque<(UnixNanos, Range)>,
}

impl MinuteBars {
    /// No bars yet; the newest `kept` will be remembered.
    pub fn new(kept: usize) -> Self {
        Self { kept: kept.max(1), minutes: VecDeque::new() }
    }

    /// Finished and unfinished bars, oldest first. A minute in which no print could set a price has none.
    pub fn bars(&self) -> impl DoubleEndedIterator<Item = MinuteBar> + '_ {
        self.minutes.iter().filter(|(_, range)| range.is_priced()).map(|(start, range)| {
            let (open_at, close_at) = range.between();
            MinuteBar {
                start: *start,
                open: range.open,
                high: range.high,
                low: range.low,
                close: range.close,
                volume: range.volume,
                open_at,
                close_at,
            }
        })
    }

    /// Mean true range of the last `period` bars that ended by `at`; `None` with fewer than one more.
    pub fn atr(&self, period: usize, at: UnixNanos) -> Option<Price> {
        let ended = self.bars().rev().filter(|bar| bar.start.plus_seconds(60) <= at);
        let mut newest: Vec<MinuteBar> = ended.take(period.checked_add(1)?).collect();
        newest.reverse();
        if newest.len() <= period || period == 0 {
            return None;
        }
        let ranges = newest.windows(2).map(|pair| {
            let (close, bar) = (pair[0].close, pair[1]);
            i128::from(bar.high.max(close).nanos()) - i128::from(bar.low.min(close).nanos())
        });
        let mean = div_round(ranges.sum(), period as i128)?;
        i64::try_from(mean).ok().map(Price::from_nanos)
    }

    /// The bars of a new session: none, and as many will be kept.
    pub(super) fn emptied(mut self) -> Self {
        self.minutes.clear();
        self
    }

    pub(super) fn add(&mut self, trade: &Trade, shares: u64, sets_price: bool) {
        let start = MinuteBar::start_of(trade.ts_event);
        let place = self.minutes.partition_point(|(s, _)| *s < start);
        if self.minutes.get(place).is_none_or(|(s, _)| *s != start) {
            if self.minutes.len() == self.kept {
                if place == 0 {
                    return;
                }
                self.minutes.pop_front();
                self.minutes.insert(place - 1, (start, Range::default()));
            } else {
                self.minutes.insert(place, (start, Range::default()));
            }
        }
        let found = self.minutes.partition_point(|(s, _)| *s < start);
        if let Some((_, range)) = self.minutes.get_mut(found) {
            range.volume += shares;
            if sets_price {
                range.add_price(trade);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(second: i64, cents: i64) -> Trade {
        Trade { ts_event: UnixNanos::default().plus_seconds(second), price: Price::from_cents(cents), size: 100 }
    }

    fn fold(prints: &[(i64, i64)]) -> MinuteBars {
        let mut bars = MinuteBars::new(16);
        prints.iter().for_each(|(second, cents)| bars.add(&print(*second, *cents), 100, true));
        bars
    }

    #[test]
    fn bars_are_closed_on_the_left_and_a_late_print_revises_its_own() {
        let bars: Vec<MinuteBar> =
            fold(&[(0, 1_000), (59, 1_010), (60, 1_020), (30, 1_050), (180, 990)]).bars().collect();
        let seen: Vec<_> = bars.iter().map(|b| (b.start.nanos() / 60_000_000_000, b.volume)).collect();
        assert_eq!(seen, [(0, 300), (1, 100), (3, 100)]);
        let cents = Price::from_cents;
        assert_eq!((bars[0].open, bars[0].high, bars[0].close), (cents(1_000), cents(1_050), cents(1_010)));
    }

    #[test]
    fn only_the_newest_are_kept_and_what_came_too_late_for_them_changes_nothing() {
        let mut bars = fold(&(0..100).map(|m| (m * 60, 1_000 + m)).collect::<Vec<_>>());
        let before = bars.clone();
        bars.add(&print(0, 5_000), 100, true);
        assert_eq!((bars.bars().count(), &bars), (16, &before));
    }

    #[test]
    fn a_minute_without_an_eligible_print_has_volume_and_no_bar() {
        let mut bars = MinuteBars::new(4);
        bars.add(&print(0, 1_000), 70, false);
        assert_eq!(bars.bars().count(), 0);
        bars.add(&print(1, 1_000), 30, true);
        assert_eq!(bars.bars().next().map(|b| b.volume), Some(100));
    }

    #[test]
    fn minute_range_is_the_mean_over_bars_that_ended() {
        let bars = fold(&[(0, 1_000), (60, 1_010), (61, 1_000), (120, 1_030), (180, 2_000)]);
        let at = |second| UnixNanos::default().plus_seconds(second);
        assert_eq!(bars.atr(2, at(185)), Some(Price::from_cents(20)));
        assert_eq!(bars.atr(2, at(179)), None);
    }
}
