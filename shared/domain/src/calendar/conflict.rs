//! The built-in table against a broker's calendar: where they disagree, nothing may be entered.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::session;
use crate::time::{SessionDate, UnixNanos};

/// When regular trading starts and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RegularHours {
    /// Start of regular trading.
    pub open: UnixNanos,
    /// End of regular trading.
    pub close: UnixNanos,
}

/// One row of a broker's calendar: a day on which it says the exchange trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrokerDay {
    /// The New York date.
    pub date: SessionDate,
    /// Its hours.
    pub hours: RegularHours,
}

/// A day on which the two disagree; `None` stands for "closed".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Conflict {
    /// The New York date.
    pub date: SessionDate,
    /// What the built-in table says.
    pub built_in: Option<RegularHours>,
    /// What the broker says.
    pub broker: Option<RegularHours>,
}

/// Every day from `from` to `to`, both included, on which `broker` and the built-in table disagree, in order of date.
///
/// `broker` is what the broker answered when asked for just these days: a day it leaves out, it says is closed. Rows
/// outside are passed over, their order does not matter, and each of several rows for a day has to agree.
pub fn conflicts(from: SessionDate, to: SessionDate, broker: &[BrokerDay]) -> Vec<Conflict> {
    let mut rows: BTreeMap<SessionDate, Vec<RegularHours>> = BTreeMap::new();
    for row in broker {
        rows.entry(row.date).or_default().push(row.hours);
    }
    from.date()
        .iter_days()
        .map(SessionDate::new)
        .take_while(|date| *date <= to)
        .flat_map(|date| {
            let built_in = session(date).map(|s| RegularHours { open: s.open, close: s.close });
            let said: Vec<_> = rows.get(&date).map_or(vec![None], |hours| hours.iter().copied().map(Some).collect());
            said.into_iter().filter(move |broker| *broker != built_in).map(move |broker| Conflict {
                date,
                built_in,
                broker,
            })
        })
        .collect()
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hours = |hours: Option<RegularHours>| {
            hours.map_or_else(|| "closed".to_owned(), |h| format!("{} to {}", clock(h.open), clock(h.close)))
        };
        write!(f, "{}: built-in {}, broker {}", self.date, hours(self.built_in), hours(self.broker))
    }
}

/// New York wall time.
fn clock(instant: UnixNanos) -> impl fmt::Display {
    instant.to_new_york().format("%H:%M")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> SessionDate {
        text.parse().unwrap()
    }

    fn row(day: &str, open: (u32, u32), close: (u32, u32)) -> BrokerDay {
        let date = date(day);
        BrokerDay {
            date,
            hours: RegularHours { open: date.at_hm(open.0, open.1), close: date.at_hm(close.0, close.1) },
        }
    }

    fn week(friday_close: (u32, u32)) -> Vec<BrokerDay> {
        let full = ["2026-11-23", "2026-11-24", "2026-11-25"].map(|d| row(d, (9, 30), (16, 0)));
        full.into_iter().chain([row("2026-11-27", (9, 30), friday_close)]).collect()
    }

    fn told(broker: &[BrokerDay]) -> Vec<String> {
        conflicts(date("2026-11-23"), date("2026-11-29"), broker).iter().map(Conflict::to_string).collect()
    }

    #[test]
    fn equal_calendars_do_not_conflict() {
        assert_eq!(told(&week((13, 0))), [""; 0]);
    }

    #[test]
    fn a_missed_early_close_a_closed_day_and_an_unknown_session_conflict() {
        assert_eq!(told(&week((16, 0))), ["2026-11-27: built-in 09:30 to 13:00, broker 09:30 to 16:00"]);
        assert_eq!(told(&week((13, 0))[1..]), ["2026-11-23: built-in 09:30 to 16:00, broker closed"]);
        let mut thanksgiving = week((13, 0));
        thanksgiving.insert(0, row("2026-11-26", (9, 30), (16, 0)));
        assert_eq!(told(&thanksgiving), ["2026-11-26: built-in closed, broker 09:30 to 16:00"]);
    }

    #[test]
    fn a_broker_that_contradicts_itself_conflicts_and_rows_of_other_days_do_not() {
        let mut twice = week((13, 0));
        twice.push(row("2026-11-27", (9, 30), (16, 0)));
        twice.push(row("2026-12-24", (9, 30), (16, 0)));
        assert_eq!(told(&twice), ["2026-11-27: built-in 09:30 to 13:00, broker 09:30 to 16:00"]);
    }
}
