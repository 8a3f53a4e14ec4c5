//! Whether every trade of a minute came: the vendor's own bars count them.

use std::collections::VecDeque;

use domain::UnixNanos;
use ports::{Notice, NoticeKind};

const MINUTE_NS: i64 = 60_000_000_000;
/// Minutes whose trades are counted at the same time.
const KEPT: i64 = 4;
const NOTHING: [(i64, u32); KEPT as usize] = [(-1, 0); KEPT as usize];
/// Bars that may wait; more than this is a vendor that sends bars alone.
const WAITING_MAX: usize = 65_536;

/// A bar that is held against the trades when one of a later minute comes.
#[derive(Debug, Clone, Copy)]
struct Bar {
    symbol: u32,
    minute: i64,
    trades: u32,
}

/// Trades by symbol and minute. The bars are its clock: a trade's time may be wrong, or long ago.
#[derive(Debug)]
pub(super) struct Minutes {
    /// For each symbol, the minute and its trades, at the minute's place in a ring.
    counts: Vec<[(i64, u32); KEPT as usize]>,
    waiting: VecDeque<Bar>,
    /// Minute of the newest bar; unknown until a connection's first.
    newest: Option<i64>,
    /// The first minute that the connection has surely seen from its beginning, every symbol asked for.
    whole_from: i64,
}

impl Minutes {
    /// Counts trades of `symbols` symbols.
    pub(super) fn new(symbols: usize) -> Self {
        Self { counts: vec![NOTHING; symbols], waiting: VecDeque::new(), newest: None, whole_from: 0 }
    }

    /// Begins anew with a connection: what fell into the hole before it is not missing from this one.
    pub(super) fn connected(&mut self) {
        self.newest = None;
    }

    /// Takes a trade, whatever became of it.
    #[inline]
    pub(super) fn trade(&mut self, symbol: u32, at: UnixNanos) {
        let minute = at.nanos() / MINUTE_NS;
        if self.newest.is_none_or(|newest| minute >= newest + KEPT) {
            return;
        }
        if let Some(counts) = self.counts.get_mut(symbol as usize) {
            let (known, count) = &mut counts[place(minute)];
            if *known == minute {
                *count += 1;
            } else if *known < minute {
                (*known, *count) = (minute, 1);
            }
        }
    }

    /// Takes the bar that begins at `start` and counts `trades`. One far from the newest begins anew: after a pause, or
    /// where either was wrong.
    pub(super) fn bar(&mut self, symbol: u32, start: UnixNanos, trades: u32) {
        let minute = start.nanos() / MINUTE_NS;
        match self.newest {
            Some(newest) if minute.abs_diff(newest) < KEPT as u64 => self.newest = Some(newest.max(minute)),
            Some(_) | None => {
                self.counts.fill(NOTHING);
                self.waiting.clear();
                // It comes in the minute after its own, in which the last symbols may have been asked for.
                (self.newest, self.whole_from) = (Some(minute), minute + 2);
            }
        }
        if minute >= self.whole_from && self.waiting.len() < WAITING_MAX {
            self.waiting.push_back(Bar { symbol, minute, trades });
        }
    }

    /// Adds to `notices` what the bars of minutes before the newest count more than came.
    pub(super) fn judge(&mut self, notices: &mut Vec<Notice>) {
        let Some(newest) = self.newest else { return };
        while let Some(bar) = self.waiting.pop_front_if(|bar| bar.minute < newest) {
            let counts = self.counts.get(bar.symbol as usize);
            let (known, count) = counts.map_or((i64::MAX, 0), |counts| counts[place(bar.minute)]);
            // A younger minute has taken the place: nothing is known any more.
            let came = if known == bar.minute { count } else { 0 };
            if known <= bar.minute && bar.trades > came {
                let start = |minute: i64| UnixNanos::new(minute * MINUTE_NS);
                let missing = NoticeKind::Missing { until: start(bar.minute + 1), trades: bar.trades - came };
                let (trades, symbol) = (bar.trades, bar.symbol);
                let detail = format!("its bar of that minute counts {trades} trades, {came} came");
                notices.push(Notice { symbol, at: start(bar.minute), what: missing, detail });
            }
        }
    }
}

const fn place(minute: i64) -> usize {
    minute.rem_euclid(KEPT) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64, second: i64) -> UnixNanos {
        UnixNanos::new(minute * MINUTE_NS + second * 1_000_000_000)
    }

    fn missing(minutes: &mut Minutes) -> Vec<(u32, i64, u32)> {
        let mut notices = Vec::new();
        minutes.judge(&mut notices);
        let told = notices.iter().map(|notice| match notice.what {
            NoticeKind::Missing { until, trades } => {
                assert_eq!(until.since(notice.at), MINUTE_NS);
                (notice.symbol, notice.at.nanos() / MINUTE_NS, trades)
            }
            other => panic!("{other:?}"),
        });
        told.collect()
    }

    /// Connected in minute 98, or in 99 before its first bar came.
    fn counting(symbols: usize) -> Minutes {
        let mut minutes = Minutes::new(symbols);
        minutes.bar(0, at(98, 0), 7);
        minutes
    }

    #[test]
    fn a_bar_that_counts_more_than_came_tells_how_many_are_missing_once_late_ones_had_their_time() {
        let mut minutes = counting(3);
        for second in [1, 2, 59] {
            minutes.trade(0, at(100, second));
        }
        minutes.trade(2, at(100, 5));
        minutes.bar(0, at(100, 0), 4);
        minutes.bar(1, at(100, 0), 1);
        minutes.bar(2, at(100, 0), 1);
        assert_eq!(missing(&mut minutes), [], "the last may still come");
        minutes.bar(1, at(101, 0), 0);
        assert_eq!(missing(&mut minutes), [(0, 100, 1), (1, 100, 1)]);
        assert_eq!(missing(&mut minutes), [], "once");
    }

    #[test]
    fn a_minute_that_was_not_seen_from_its_beginning_is_not_judged() {
        let mut minutes = counting(1);
        minutes.trade(0, at(99, 59));
        minutes.bar(0, at(99, 0), 50);
        minutes.bar(0, at(100, 0), 2);
        minutes.bar(0, at(101, 0), 0);
        assert_eq!(missing(&mut minutes), [(0, 100, 2)]);
        minutes.connected();
        minutes.trade(0, at(102, 40));
        minutes.bar(0, at(101, 0), 50);
        minutes.bar(0, at(102, 0), 50);
        minutes.bar(0, at(103, 0), 1);
        minutes.bar(0, at(104, 0), 0);
        assert_eq!(missing(&mut minutes), [(0, 103, 1)]);
    }

    #[test]
    fn a_late_trade_counts_and_a_count_that_has_gone_claims_nothing() {
        let mut minutes = counting(1);
        minutes.trade(0, at(101, 0));
        minutes.trade(0, at(100, 59));
        minutes.bar(0, at(100, 0), 1);
        minutes.bar(0, at(101, 0), 9);
        assert_eq!(missing(&mut minutes), []);
        for minute in [102, 103, 104] {
            minutes.trade(0, at(minute, 0));
        }
        minutes.trade(0, at(101 + KEPT - 1, 1));
        minutes.bar(0, at(102, 0), 1);
        assert_eq!(missing(&mut minutes), [(0, 101, 8)]);
    }

    #[test]
    fn times_that_are_wrong_or_long_ago_are_no_clock() {
        let mut minutes = counting(1);
        minutes.trade(0, at(40_000_000, 0));
        minutes.trade(0, at(12, 0));
        minutes.trade(0, at(100, 0));
        minutes.bar(0, at(100, 0), 1);
        minutes.bar(0, at(101, 0), 0);
        assert_eq!(missing(&mut minutes), []);
        minutes.bar(0, at(40_000_000, 0), 3);
        minutes.bar(0, at(102, 0), 3);
        minutes.trade(0, at(104, 0));
        minutes.bar(0, at(104, 0), 2);
        minutes.bar(0, at(105, 0), 0);
        assert_eq!(missing(&mut minutes), [(0, 104, 1)]);
    }
}
