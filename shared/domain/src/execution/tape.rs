//! What a symbol's prints say about halts. Without a feed of trading status a halt looks like silence.

use crate::plan::ExitRules;
use crate::time::{NANOS_PER_SECOND, UnixNanos};

/// The prints of one symbol since its plan was taken up; lost with the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tape {
    last: Option<UnixNanos>,
    /// The first print after the last silence that looked like a halt.
    reopened: Option<UnixNanos>,
}

impl Tape {
    /// Takes a print at `at` and returns how long the halt was that it ended, nanoseconds; 0 where it ended none.
    pub(super) fn print(&mut self, at: UnixNanos, rules: &ExitRules) -> i64 {
        let silence = self.last.map_or(0, |last| at.since(last));
        self.last = self.last.max(Some(at));
        if !looks_halted(silence, rules) {
            return 0;
        }
        self.reopened = Some(at);
        silence
    }

    /// True while the symbol looks halted at `now` or has not traded long enough since.
    pub(super) fn is_unsettled(&self, now: UnixNanos, rules: &ExitRules) -> bool {
        let rest = i64::from(rules.halt_resume_seconds);
        self.last.is_some_and(|last| looks_halted(now.since(last), rules))
            || self.reopened.is_some_and(|reopened| now < reopened.plus_seconds(rest))
    }
}

fn looks_halted(silence: i64, rules: &ExitRules) -> bool {
    let longest = i64::from(rules.halt_silence_seconds) * NANOS_PER_SECOND;
    longest > 0 && silence > longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_a_halt_until_some_time_after_the_print_that_ends_it() {
        let rules = ExitRules { halt_silence_seconds: 60, halt_resume_seconds: 30, ..ExitRules::default() };
        let at = |seconds: i64| UnixNanos::new(seconds * NANOS_PER_SECOND);
        let mut tape = Tape::default();
        assert!(!tape.is_unsettled(at(1_000), &rules), "nothing is known");
        assert_eq!(tape.print(at(1_000), &rules), 0);
        assert_eq!(tape.print(at(1_060), &rules), 0, "60 s are no halt");
        let check =
            |tape: &Tape, second, expected| assert_eq!(tape.is_unsettled(at(second), &rules), expected, "{second}");
        check(&tape, 1_120, false);
        check(&tape, 1_121, true);
        assert_eq!(tape.print(at(1_360), &rules), 300 * NANOS_PER_SECOND);
        assert_eq!(tape.print(at(1_361), &rules), 0);
        check(&tape, 1_389, true);
        check(&tape, 1_390, false);
        let deaf = ExitRules { halt_silence_seconds: 0, ..rules };
        assert_eq!((Tape::default().print(at(9_999), &deaf), tape.is_unsettled(at(1_500), &deaf)), (0, false));
    }
}
