//! Whether every trade of a minute came: the vendor's own bars count them.

use std::collections::VecDeque;

use domain::UnixNanos;
use ports::{Notice, NoticeKind};

const MINUTE_NS: i64 = 60_000_000_000;
/// Minutes whose trades are counted at the same time.
const KEPT: usize = 4;
/// Bars that may wait; more than this is a vendor that sends bars alone.
const WAITING_MAX: usize = 65_536;

/// A bar that is held against the trades once market time is past the allowance for late ones.
#[derive(Debug, Clone, Copy)]
struct Bar {
    symbol: u32,
    start: i64,
    trades: u32,
}

/// Trades by symbol and minute.
#[derive(Debug)]
pub(super) struct Minutes {
    /// For each symbol, the minute and its trades, at the minute's place in a ring.
    counts: Vec<[(i64, u32); KEPT]>,
    waiting: VecDeque<Bar>,
    lateness_ns: i64,
    /// Newest time of any trade.
    newest: i64,
    /// The first minute that the connection has seen from its beginning; unknown until its first trade.
    whole_from: Option<i64>,
}

impl Minutes {
    /// Counts trades of `symbols` symbols, which may come `lateness_ns` late.
    pub(super) fn new(symbols: usize, lateness_ns: i64) -> Self {
        Self {
            counts: vec![[(-1, 0); KEPT]; symbols],
            waiting: VecDeque::new(),
            lateness_ns,
            newest: 0,
            whole_from: None,
        }
    }

    /// Begins anew with a connection: what fell into the hole before it is not missing from this one.
    pub(super) fn connected(&mut self) {
        self.waiting.clear();
        self.whole_from = None;
    }

    /// Takes a trade, whatever became of it.
    #[inline]
    pub(super) fn trade(&mut self, symbol: u32, at: UnixNanos) {
        let minute = at.nanos() / MINUTE_NS;
        if at.nanos() > self.newest {
            self.newest = at.nanos();
            if self.whole_from.is_none() {
                self.whole_from = Some(minute + 1);
            }
        }
        if let Some(counts) = self.counts.get_mut(symbol as usize) {
            let (known, count) = &mut counts[minute as usize % KEPT];
            if *known == minute {
                *count += 1;
            } else if *known < minute {
                (*known, *count) = (minute, 1);
            }
        }
    }

    /// Takes the bar that begins at `start` and counts `trades`.
    pub(super) fn bar(&mut self, symbol: u32, start: UnixNanos, trades: u32) {
        let whole = self.whole_from.is_some_and(|from| start.nanos() / MINUTE_NS >= from);
        if whole && self.waiting.len() < WAITING_MAX {
            self.waiting.push_back(Bar { symbol, start: start.nanos(), trades });
        }
    }

    /// Adds to `notices` what the bars count more than came.
    pub(super) fn judge(&mut self, notices: &mut Vec<Notice>) {
        while let Some(bar) = self.waiting.pop_front() {
            let until = bar.start + MINUTE_NS;
            if self.newest < until + self.lateness_ns {
                self.waiting.push_front(bar);
                return;
            }
            let minute = bar.start / MINUTE_NS;
            let counts = self.counts.get(bar.symbol as usize);
            let (known, count) = counts.map_or((i64::MAX, 0), |counts| counts[minute as usize % KEPT]);
            // A younger minute has taken the place: nothing is known any more.
            let came = if known == minute { count } else { 0 };
            if known <= minute && bar.trades > came {
                let missing = NoticeKind::Missing { until: UnixNanos::new(until), trades: bar.trades - came };
                let (trades, symbol) = (bar.trades, bar.symbol);
                let detail = format!("its bar of that minute counts {trades} trades, {came} came");
                notices.push(Notice { symbol, at: UnixNanos::new(bar.start), what: missing, detail });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn at(minute: i64, second: i64) -> UnixNanos {
        UnixNanos::new(minute * MINUTE_NS + second * SECOND)
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

    #[test]
    fn a_bar_that_counts_more_than_came_tells_how_many_are_missing_once_late_ones_had_their_time() {
        let mut minutes = Minutes::new(3, 2 * SECOND);
        minutes.trade(0, at(100, 30));
        for second in [1, 2, 59] {
            minutes.trade(0, at(101, second));
        }
        minutes.trade(2, at(101, 5));
        minutes.trade(1, at(102, 0));
        minutes.bar(0, at(101, 0), 4);
        minutes.bar(1, at(101, 0), 1);
        minutes.bar(2, at(101, 0), 1);
        assert_eq!(missing(&mut minutes), [], "the last may still come");
        minutes.trade(1, at(102, 2));
        assert_eq!(missing(&mut minutes), [(0, 101, 1), (1, 101, 1)]);
        assert_eq!(missing(&mut minutes), [], "once");
    }

    #[test]
    fn a_minute_that_was_not_seen_from_its_beginning_is_not_judged() {
        let mut minutes = Minutes::new(1, 0);
        minutes.trade(0, at(100, 59));
        minutes.bar(0, at(100, 0), 50);
        minutes.trade(0, at(101, 1));
        minutes.connected();
        minutes.trade(0, at(101, 40));
        minutes.bar(0, at(101, 0), 50);
        minutes.trade(0, at(102, 10));
        minutes.bar(0, at(102, 0), 2);
        minutes.trade(0, at(103, 0));
        assert_eq!(missing(&mut minutes), [(0, 102, 1)]);
    }

    #[test]
    fn a_late_trade_counts_and_a_count_that_has_gone_claims_nothing() {
        let mut minutes = Minutes::new(1, 0);
        minutes.trade(0, at(99, 0));
        minutes.trade(0, at(101, 0));
        minutes.trade(0, at(100, 59));
        minutes.bar(0, at(100, 0), 1);
        assert_eq!(missing(&mut minutes), []);
        minutes.bar(0, at(101, 0), 9);
        minutes.trade(0, at(101 + KEPT as i64, 0));
        assert_eq!(missing(&mut minutes), []);
    }
}
