//! When the broker's calendar is asked for, and how it compares with the built-in table.

use std::time::{Duration, Instant};

use domain::SessionDate;
use domain::calendar::{self, BrokerDay, Conflict};

/// A closure or an early end can be announced within the day.
const AGAIN: Duration = Duration::from_secs(900);
/// After a failed reading.
const RETRY: Duration = Duration::from_secs(5);
/// Days after the session that are looked at, so that a conflict is known before it counts.
const DAYS_AHEAD: usize = 14;

/// The days asked about for one session: from the session before, whose close the gaps are measured from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) session: SessionDate,
    pub(crate) from: SessionDate,
    pub(crate) to: SessionDate,
}

/// Where the two calendars disagree.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Comparison {
    /// Up to the session: nothing may be entered in it.
    pub(crate) blocking: Vec<Conflict>,
    /// After it.
    pub(crate) ahead: Vec<Conflict>,
}

/// Asks once a session, again from time to time, and soon after a failure.
#[derive(Debug, Default)]
pub(crate) struct CalendarCheck {
    asked: Option<(SessionDate, Instant)>,
    reading: bool,
    known: Option<SessionDate>,
    failed: bool,
}

impl CalendarCheck {
    /// The days to ask about for `session`, when it is time to.
    pub(crate) fn due(&mut self, session: SessionDate, now: Instant) -> Option<Span> {
        let every = if self.failed { RETRY } else { AGAIN };
        let fresh = self.asked.is_some_and(|(asked, at)| asked == session && now.duration_since(at) < every);
        if self.reading || fresh {
            return None;
        }
        (self.reading, self.asked) = (true, Some((session, now)));
        let to = (0..DAYS_AHEAD).fold(session, |date, _| date.next_day());
        Some(Span { session, from: calendar::previous_session(session).date, to })
    }

    /// The reading brought nothing.
    pub(crate) fn failed(&mut self) {
        (self.reading, self.failed) = (false, true);
    }

    /// Holds the broker's answer against the built-in table.
    pub(crate) fn compare(&mut self, span: Span, days: &[BrokerDay]) -> Comparison {
        (self.reading, self.failed, self.known) = (false, false, Some(span.session));
        let found = calendar::conflicts(span.from, span.to, days);
        let (blocking, ahead) = found.into_iter().partition(|conflict| conflict.date <= span.session);
        Comparison { blocking, ahead }
    }

    /// True when the broker's calendar was read for `session`.
    pub(crate) fn is_known(&self, session: SessionDate) -> bool {
        self.known == Some(session)
    }
}

#[cfg(test)]
mod tests {
    use domain::calendar::RegularHours;

    use super::*;

    fn date(text: &str) -> SessionDate {
        text.parse().unwrap()
    }

    /// What the built-in table says, as the broker would write it.
    fn agreed(span: Span) -> Vec<BrokerDay> {
        let days = std::iter::successors(Some(span.from), |date| Some(date.next_day()));
        let sessions = days.take_while(|date| *date <= span.to).filter_map(calendar::session);
        sessions.map(|s| BrokerDay { date: s.date, hours: RegularHours { open: s.open, close: s.close } }).collect()
    }

    #[test]
    fn a_conflict_blocks_its_session_and_the_next_and_is_announced_before() {
        let (closed, start) = (date("2026-11-24"), Instant::now());
        let check = |session: &str, blocking: usize, ahead: usize| {
            let mut check = CalendarCheck::default();
            let span = check.due(date(session), start).unwrap();
            let days: Vec<_> = agreed(span).into_iter().filter(|day| day.date != closed).collect();
            let found = check.compare(span, &days);
            assert_eq!((found.blocking.len(), found.ahead.len()), (blocking, ahead), "{session}");
            assert!(check.is_known(date(session)));
        };
        check("2026-11-23", 0, 1);
        check("2026-11-24", 1, 0);
        check("2026-11-25", 1, 0);
        check("2026-11-27", 0, 0);
    }

    #[test]
    fn it_is_asked_once_a_session_and_soon_after_a_failure() {
        let (monday, tuesday, start) = (date("2026-11-23"), date("2026-11-24"), Instant::now());
        let mut check = CalendarCheck::default();
        let span = check.due(monday, start).unwrap();
        assert_eq!(check.due(monday, start + AGAIN), None, "one reading at a time");
        check.failed();
        assert!(!check.is_known(monday));
        assert_eq!(check.due(monday, start + RETRY / 2), None);
        assert!(check.due(monday, start + RETRY).is_some());
        assert_eq!(check.compare(span, &agreed(span)), Comparison { blocking: vec![], ahead: vec![] });
        assert_eq!(check.due(monday, start + RETRY * 2), None);
        assert!(check.due(tuesday, start + RETRY * 2).is_some());
    }
}
