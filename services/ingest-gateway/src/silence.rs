//! Symbols that fall silent while others trade. Only market time counts, so that a silent feed makes nobody silent.

use std::collections::{BTreeMap, HashMap};

use domain::{UnixNanos, calendar};

use crate::interest::Interest;

/// What is to be told of a symbol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Finding {
    /// It has not traded for so many nanoseconds; `last` is zero where it never has.
    Silent { symbol: u32, interest: Interest, last: UnixNanos, for_ns: i64 },
    /// The exchange has halted it, in its own words.
    Halted { symbol: u32, interest: Interest, words: String },
    /// It trades again.
    Over { symbol: u32 },
}

/// How the watched symbols are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Symbols silent for longer than the limit.
    pub(crate) silent: usize,
    /// The longest silence, nanoseconds.
    pub(crate) longest_ns: i64,
}

/// Every symbol's newest trade.
#[derive(Debug)]
pub(crate) struct Silence {
    last: Vec<UnixNanos>,
    newest: UnixNanos,
    /// Market time when this connection was first looked at after it had brought trades: its very first may be of long ago.
    since: Option<UnixNanos>,
    traded: bool,
    halted: HashMap<u32, (UnixNanos, String)>,
    told: BTreeMap<u32, bool>,
}

impl Silence {
    /// Of `symbols` symbols.
    pub(crate) fn new(symbols: usize) -> Self {
        let newest = UnixNanos::new(0);
        Self {
            last: vec![newest; symbols],
            newest,
            since: None,
            traded: false,
            halted: HashMap::new(),
            told: BTreeMap::new(),
        }
    }

    /// What came before says nothing about what comes now.
    pub(crate) fn connected(&mut self) {
        (self.since, self.traded) = (None, false);
    }

    /// Takes a trade.
    #[inline]
    pub(crate) fn trade(&mut self, symbol: u32, at: UnixNanos) {
        if let Some(last) = self.last.get_mut(symbol as usize) {
            *last = (*last).max(at);
        }
        self.newest = self.newest.max(at);
        self.traded = true;
    }

    /// The exchange halts a symbol at `at`.
    pub(crate) fn halted(&mut self, symbol: u32, at: UnixNanos, words: &str) {
        self.halted.insert(symbol, (at, words.to_owned()));
    }

    /// The exchange lets it trade again.
    pub(crate) fn resumed(&mut self, symbol: u32) {
        self.halted.remove(&symbol);
    }

    /// What has changed with the `watched` symbols, one of which is silent after `limit_ns` of regular hours without a
    /// trade while others have some. Each silence and each halt is told once.
    pub(crate) fn look(&mut self, watched: &[(u32, Interest)], limit_ns: i64) -> (Summary, Vec<Finding>) {
        let (mut summary, mut findings, mut told) = (Summary::default(), Vec::new(), BTreeMap::new());
        if self.traded {
            self.since.get_or_insert(self.newest);
        }
        let session = self.since.map(|since| (since, calendar::session_at(self.newest)));
        let session = session.filter(|(_, session)| (session.open..session.close).contains(&self.newest));
        for (symbol, interest) in watched.iter().copied() {
            let known = self.told.remove(&symbol);
            let last = self.last.get(symbol as usize).copied().unwrap_or_default();
            // One that has traded since goes on, whether or not it was told so.
            if let Some((_, words)) = self.halted.get(&symbol).filter(|(at, _)| last <= *at) {
                told.insert(symbol, true);
                if known != Some(true) {
                    findings.push(Finding::Halted { symbol, interest, words: words.clone() });
                }
                continue;
            }
            let from = session.map(|(since, session)| since.max(session.open).max(last));
            let for_ns = from.map_or(0, |from| self.newest.since(from));
            summary.longest_ns = summary.longest_ns.max(for_ns);
            if for_ns > limit_ns {
                summary.silent += 1;
                told.insert(symbol, false);
                if known != Some(false) {
                    findings.push(Finding::Silent { symbol, interest, last, for_ns });
                }
            } else if known.is_some() {
                findings.push(Finding::Over { symbol });
            }
        }
        self.told = told;
        (summary, findings)
    }
}

#[cfg(test)]
mod tests {
    use domain::SessionDate;

    use super::*;

    const LIMIT: i64 = 60_000_000_000;
    const HELD: [(u32, Interest); 1] = [(0, Interest::Held)];

    fn at(hour: i64, minute: i64, second: i64) -> UnixNanos {
        let day: SessionDate = "2026-11-24".parse().unwrap();
        day.at_hm(0, 0).plus_seconds((hour * 60 + minute) * 60 + second)
    }

    fn silent(findings: &[Finding]) -> Vec<i64> {
        let seconds = |finding: &Finding| match finding {
            Finding::Silent { for_ns, .. } => Some(for_ns / 1_000_000_000),
            Finding::Halted { .. } | Finding::Over { .. } => None,
        };
        findings.iter().filter_map(seconds).collect()
    }

    #[test]
    fn a_symbol_is_silent_when_others_go_on_and_it_is_told_once_until_it_trades() {
        let mut silence = Silence::new(2);
        silence.trade(0, at(10, 0, 0));
        silence.look(&HELD, LIMIT);
        silence.trade(1, at(10, 1, 0));
        assert_eq!(silence.look(&HELD, LIMIT), (Summary { silent: 0, longest_ns: LIMIT }, vec![]));
        silence.trade(1, at(10, 1, 1));
        let (summary, found) = silence.look(&HELD, LIMIT);
        assert_eq!((summary.silent, silent(&found)), (1, vec![61]));
        silence.trade(1, at(10, 3, 0));
        assert_eq!(silence.look(&HELD, LIMIT), (Summary { silent: 1, longest_ns: 3 * LIMIT }, vec![]));
        assert_eq!(silence.look(&[(1, Interest::Planned)], LIMIT).0, Summary::default());
        silence.look(&HELD, LIMIT);
        silence.trade(0, at(10, 3, 1));
        assert_eq!(silence.look(&HELD, LIMIT).1, [Finding::Over { symbol: 0 }]);
    }

    #[test]
    fn neither_the_night_nor_a_hole_of_the_feed_is_a_symbols_silence() {
        let mut silence = Silence::new(2);
        silence.trade(0, at(4, 0, 0));
        silence.look(&HELD, LIMIT);
        silence.trade(1, at(9, 29, 59));
        assert_eq!(silence.look(&HELD, LIMIT).0, Summary::default(), "before the open");
        silence.trade(1, at(9, 31, 0));
        assert_eq!(silence.look(&HELD, LIMIT).0.silent, 0, "counted from the open");
        silence.trade(1, at(9, 31, 1));
        assert_eq!(silence.look(&HELD, LIMIT).0.silent, 1);
        silence.connected();
        assert_eq!(silence.look(&HELD, LIMIT).0.silent, 0, "nothing came yet");
        silence.trade(1, at(9, 32, 0));
        silence.trade(1, at(9, 50, 0));
        assert_eq!(silence.look(&HELD, LIMIT).0.silent, 0, "its first trade was of long ago");
        silence.trade(1, at(9, 51, 0));
        assert_eq!(silence.look(&HELD, LIMIT).0.silent, 0);
        silence.trade(1, at(9, 51, 1));
        assert_eq!(silence.look(&HELD, LIMIT).0.silent, 1);
        silence.trade(1, at(16, 0, 0));
        assert_eq!(silence.look(&HELD, LIMIT).0.silent, 0, "after the close");
    }

    #[test]
    fn a_halted_symbol_is_told_as_halted_and_not_as_silent() {
        let mut silence = Silence::new(2);
        silence.trade(0, at(10, 0, 0));
        silence.halted(0, at(10, 0, 1), "H T12");
        silence.trade(1, at(10, 5, 0));
        let halted = Finding::Halted { symbol: 0, interest: Interest::Held, words: "H T12".to_owned() };
        assert_eq!(silence.look(&HELD, LIMIT), (Summary::default(), vec![halted]));
        assert_eq!(silence.look(&HELD, LIMIT).1, []);
        silence.resumed(0);
        silence.trade(0, at(10, 5, 1));
        assert_eq!(silence.look(&HELD, LIMIT).1, [Finding::Over { symbol: 0 }]);
        silence.halted(0, at(10, 6, 0), "H T12");
        silence.trade(0, at(10, 7, 0));
        silence.trade(1, at(10, 8, 1));
        assert_eq!(silent(&silence.look(&HELD, LIMIT).1), [61], "nobody told that it trades again, but it did");
    }
}
