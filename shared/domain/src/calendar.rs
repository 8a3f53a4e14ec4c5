//! When the New York Stock Exchange trades.
//!
//! Holidays and early closes follow the exchange's rules; closures that no rule gives are listed.

use chrono::{Datelike, NaiveDate, NaiveTime, Weekday};
use serde::Serialize;

use crate::time::{SessionDate, UnixNanos};

/// One trading session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Session {
    /// The New York date.
    pub date: SessionDate,
    /// Start of pre-market trading, 04:00.
    pub premarket_open: UnixNanos,
    /// Start of regular trading, 09:30.
    pub open: UnixNanos,
    /// End of regular trading, 16:00 or 13:00.
    pub close: UnixNanos,
    /// End of after-hours trading, 20:00 (17:00 on short days); a later print belongs to the next session.
    pub postmarket_close: UnixNanos,
    /// True when the session ends at 13:00.
    pub early_close: bool,
}

/// The session of `date`, or `None` when the exchange is closed.
pub fn session(date: SessionDate) -> Option<Session> {
    is_trading_day(date.date()).then(|| {
        let early_close = closes_early(date.date());
        Session {
            date,
            premarket_open: date.at_hm(4, 0),
            open: date.at_hm(9, 30),
            close: if early_close { date.at_hm(13, 0) } else { date.at_hm(16, 0) },
            postmarket_close: if early_close { date.at_hm(17, 0) } else { date.at_hm(20, 0) },
            early_close,
        }
    })
}

/// The first session after `date`.
pub fn next_session(date: SessionDate) -> Session {
    let mut day = date.next_day();
    loop {
        if let Some(found) = session(day) {
            return found;
        }
        day = day.next_day();
    }
}

/// The last session before `date`.
pub fn previous_session(date: SessionDate) -> Session {
    let mut day = date.previous_day();
    loop {
        if let Some(found) = session(day) {
            return found;
        }
        day = day.previous_day();
    }
}

/// The session an instant belongs to: the one whose after-hours trading has not ended yet.
pub fn session_at(instant: UnixNanos) -> Session {
    let date = instant.session_date();
    match session(date) {
        Some(today) if instant < date.at(ROLL) => today,
        _ => next_session(date),
    }
}

/// Prints from 20:00 New York time on belong to the next session.
const ROLL: NaiveTime = match NaiveTime::from_hms_opt(20, 0, 0) {
    Some(time) => time,
    None => NaiveTime::MIN,
};

fn is_trading_day(date: NaiveDate) -> bool {
    !is_weekend(date) && !is_holiday(date) && !SPECIAL_CLOSURES.contains(&(date.year(), date.month(), date.day()))
}

/// Full-day closures that no rule gives, since 2001.
///
/// # Source
/// NYSE notices: 11–14 September 2001, Presidents Reagan, Ford, G. H. W. Bush and Carter, Hurricane Sandy.
const SPECIAL_CLOSURES: [(i32, u32, u32); 10] = [
    (2001, 9, 11),
    (2001, 9, 12),
    (2001, 9, 13),
    (2001, 9, 14),
    (2004, 6, 11),
    (2007, 1, 2),
    (2012, 10, 29),
    (2012, 10, 30),
    (2018, 12, 5),
    (2025, 1, 9),
];

fn is_holiday(date: NaiveDate) -> bool {
    let year = date.year();
    let fixed = |month, day, since| year >= since && observed(year, month, day) == Some(date);
    let nth = |month, weekday, n, since| {
        year >= since && NaiveDate::from_weekday_of_month_opt(year, month, weekday, n) == Some(date)
    };
    fixed(1, 1, 0)
        || nth(1, Weekday::Mon, 3, 1998)
        || nth(2, Weekday::Mon, 3, 0)
        || good_friday(year) == Some(date)
        || (date.month() == 5 && date.weekday() == Weekday::Mon && date.day() > 24)
        || fixed(6, 19, 2022)
        || fixed(7, 4, 0)
        || nth(9, Weekday::Mon, 1, 0)
        || nth(11, Weekday::Thu, 4, 0)
        || fixed(12, 25, 0)
}

/// When a holiday of a fixed date is kept: Saturday's on Friday, Sunday's on Monday; but New Year's Day is never kept
/// in the old year.
fn observed(year: i32, month: u32, day: u32) -> Option<NaiveDate> {
    let date = NaiveDate::from_ymd_opt(year, month, day)?;
    match date.weekday() {
        Weekday::Sat if month == 1 => None,
        Weekday::Sat => date.pred_opt(),
        Weekday::Sun => date.succ_opt(),
        _ => Some(date),
    }
}

/// Two days before Easter Sunday, by the anonymous Gregorian computus, in its usual letters.
#[allow(clippy::many_single_char_names)]
fn good_friday(year: i32) -> Option<NaiveDate> {
    let a = year % 19;
    let (b, c) = (year / 100, year % 100);
    let (d, e) = (b / 4, b % 4);
    let g = (8 * b + 13) / 25;
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let month = (h + l - 7 * m + 114) / 31;
    let day = (h + l - 7 * m + 114) % 31 + 1;
    NaiveDate::from_ymd_opt(year, month as u32, day as u32)?.checked_sub_days(chrono::Days::new(2))
}

/// 13:00 closes: the day after Thanksgiving, and the eves of Independence Day and Christmas when both the eve and the
/// holiday are weekdays.
fn closes_early(date: NaiveDate) -> bool {
    let thanksgiving = NaiveDate::from_weekday_of_month_opt(date.year(), 11, Weekday::Thu, 4);
    let after_thanksgiving = thanksgiving.and_then(|d| d.succ_opt()) == Some(date);
    let eve =
        matches!((date.month(), date.day()), (7, 3) | (12, 24)) && date.succ_opt().is_some_and(|d| !is_weekend(d));
    after_thanksgiving || eve
}

fn is_weekend(date: NaiveDate) -> bool {
    matches!(date.weekday(), Weekday::Sat | Weekday::Sun)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> SessionDate {
        text.parse().unwrap()
    }

    #[test]
    fn published_holidays_are_closed_and_their_neighbours_are_not() {
        for closed in [
            "2026-11-26",
            "2026-12-25",
            "2027-01-01",
            "2027-01-18",
            "2027-02-15",
            "2027-03-26",
            "2027-05-31",
            "2027-06-18",
            "2027-07-05",
            "2027-09-06",
            "2027-11-25",
            "2027-12-24",
            "2026-07-03",
            "2025-01-09",
        ] {
            assert_eq!(session(date(closed)), None, "{closed}");
        }
        for open in ["2026-11-24", "2027-12-31", "2021-12-31", "2021-06-18", "2027-03-25"] {
            assert!(session(date(open)).is_some(), "{open}");
        }
    }

    #[test]
    fn short_days_end_at_one() {
        for short in ["2026-11-27", "2026-12-24", "2027-11-26", "2025-07-03"] {
            let found = session(date(short)).unwrap();
            assert!(found.early_close && found.close == date(short).at_hm(13, 0), "{short}");
        }
        assert!(!session(date("2027-07-02")).unwrap().early_close);
    }

    #[test]
    fn evening_prints_belong_to_the_next_session() {
        let check = |instant: UnixNanos, expected: &str| assert_eq!(session_at(instant).date, date(expected));
        check(date("2026-11-24").at_hm(19, 59), "2026-11-24");
        check(date("2026-11-24").at_hm(20, 0), "2026-11-25");
        check(date("2026-11-25").at_hm(21, 0), "2026-11-27");
        check(date("2026-11-28").at_hm(10, 0), "2026-11-30");
    }
}
