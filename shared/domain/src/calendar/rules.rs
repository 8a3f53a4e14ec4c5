//! The exchange's standing rules: which days are holidays and which end early.
//!
//! # Source
//! NYSE rule 7.2 and the exchange's yearly notices of holidays and early closings.

use chrono::{Datelike, Days, NaiveDate, NaiveTime, Weekday};

/// One kind of day: New York wall times of its three windows, each open at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hours {
    /// Pre-market trading starts.
    pub(super) premarket_open: NaiveTime,
    /// Pre-market trading ends, regular trading starts.
    pub(super) open: NaiveTime,
    /// Regular trading ends, after-hours trading starts.
    pub(super) close: NaiveTime,
    /// After-hours trading ends.
    pub(super) postmarket_close: NaiveTime,
}

pub(super) const FULL_DAY: Hours =
    Hours { premarket_open: hm(4, 0), open: hm(9, 30), close: hm(16, 0), postmarket_close: hm(20, 0) };

pub(super) const SHORT_DAY: Hours =
    Hours { premarket_open: hm(4, 0), open: hm(9, 30), close: hm(13, 0), postmarket_close: hm(17, 0) };

/// Prints from here on belong to the next session.
pub(super) const ROLL: NaiveTime = hm(20, 0);

/// The hours of `date` by rule, or `None` on a weekend or holiday.
pub(super) fn hours(date: NaiveDate) -> Option<Hours> {
    let weekend = matches!(date.weekday(), Weekday::Sat | Weekday::Sun);
    if weekend || HOLIDAYS.iter().any(|h| h.is_on(date)) {
        return None;
    }
    Some(if SHORT_DAYS.iter().any(|s| s.is_on(date)) { SHORT_DAY } else { FULL_DAY })
}

struct Holiday {
    day: Day,
    /// The first year in which it is kept; the oldest ones count as kept always.
    since: i32,
}

enum Day {
    /// Month and day. Saturday's is kept on Friday and Sunday's on Monday, but never in another year.
    Fixed(u32, u32),
    /// Month, weekday, and which one of the month.
    Nth(u32, Weekday, u8),
    /// The last Monday of the month.
    LastMonday(u32),
    GoodFriday,
}

const HOLIDAYS: [Holiday; 10] = [
    Holiday { day: Day::Fixed(1, 1), since: i32::MIN },
    Holiday { day: Day::Nth(1, Weekday::Mon, 3), since: 1998 }, // Martin Luther King, Jr. Day
    Holiday { day: Day::Nth(2, Weekday::Mon, 3), since: i32::MIN }, // Washington's Birthday
    Holiday { day: Day::GoodFriday, since: i32::MIN },
    Holiday { day: Day::LastMonday(5), since: i32::MIN }, // Memorial Day
    Holiday { day: Day::Fixed(6, 19), since: 2022 },      // Juneteenth
    Holiday { day: Day::Fixed(7, 4), since: i32::MIN },
    Holiday { day: Day::Nth(9, Weekday::Mon, 1), since: i32::MIN }, // Labor Day
    Holiday { day: Day::Nth(11, Weekday::Thu, 4), since: i32::MIN }, // Thanksgiving
    Holiday { day: Day::Fixed(12, 25), since: i32::MIN },
];

/// Days that end early when they fall on one of `weekdays`.
struct ShortDay {
    month: u32,
    /// First and last day of the month.
    days: (u32, u32),
    weekdays: &'static [Weekday],
    since: i32,
}

const SHORT_DAYS: [ShortDay; 4] = [
    // the eve of Independence Day; a Wednesday's was a full day until 2012
    ShortDay { month: 7, days: (3, 3), weekdays: &[Weekday::Mon, Weekday::Tue, Weekday::Thu], since: 1995 },
    ShortDay { month: 7, days: (3, 3), weekdays: &[Weekday::Wed], since: 2013 },
    // the day after Thanksgiving
    ShortDay { month: 11, days: (23, 29), weekdays: &[Weekday::Fri], since: 1993 },
    // Christmas Eve; on a Friday it is the holiday
    ShortDay {
        month: 12,
        days: (24, 24),
        weekdays: &[Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu],
        since: 1993,
    },
];

impl Holiday {
    fn is_on(&self, date: NaiveDate) -> bool {
        let year = date.year();
        let kept = match self.day {
            Day::Fixed(month, day) => NaiveDate::from_ymd_opt(year, month, day).and_then(observed),
            Day::Nth(month, weekday, n) => NaiveDate::from_weekday_of_month_opt(year, month, weekday, n),
            Day::LastMonday(month) => {
                (4..=5).rev().find_map(|n| NaiveDate::from_weekday_of_month_opt(year, month, Weekday::Mon, n))
            }
            Day::GoodFriday => easter(year).and_then(|sunday| sunday.checked_sub_days(Days::new(2))),
        };
        year >= self.since && kept == Some(date)
    }
}

impl ShortDay {
    fn is_on(&self, date: NaiveDate) -> bool {
        date.year() >= self.since
            && date.month() == self.month
            && (self.days.0..=self.days.1).contains(&date.day())
            && self.weekdays.contains(&date.weekday())
    }
}

fn observed(date: NaiveDate) -> Option<NaiveDate> {
    match date.weekday() {
        Weekday::Sat => date.pred_opt(),
        Weekday::Sun => date.succ_opt(),
        _ => Some(date),
    }
}

/// Easter Sunday by the anonymous Gregorian computus, in its usual letters.
#[allow(clippy::many_single_char_names)]
fn easter(year: i32) -> Option<NaiveDate> {
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
    NaiveDate::from_ymd_opt(year, month as u32, day as u32)
}

const fn hm(hour: u32, minute: u32) -> NaiveTime {
    match NaiveTime::from_hms_opt(hour, minute, 0) {
        Some(time) => time,
        None => panic!("not a time of day"),
    }
}
