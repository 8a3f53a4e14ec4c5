//! The New York exchanges' trading days and hours, computed from their rules.
//!
//! Rules, not a table: the suite under test carries its own table, and two views that share a source prove nothing.

use chrono::{Datelike, Days, NaiveDate, NaiveTime, TimeZone, Weekday};
use chrono_tz::America::New_York;

/// One trading day; instants are UTC nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hours {
    pub(crate) date: NaiveDate,
    /// 04:00.
    pub(crate) pre_open: i64,
    /// 09:30.
    pub(crate) open: i64,
    /// 16:00, or 13:00 on an early-closing day.
    pub(crate) close: i64,
    /// 20:00, or 17:00 on an early-closing day.
    pub(crate) post_close: i64,
}

impl Hours {
    pub(crate) fn is_early_close(&self) -> bool {
        self.close - self.open < 6 * 3_600_000_000_000
    }
}

/// Hours of `date`, or `None` when the exchanges are closed.
pub(crate) fn hours(date: NaiveDate) -> Option<Hours> {
    if is_weekend(date) || holiday(date).is_some() {
        return None;
    }
    let (close, post) = if is_early_close(date) { (13, 17) } else { (16, 20) };
    Some(Hours {
        date,
        pre_open: instant(date, hms(4, 0)),
        open: instant(date, hms(9, 30)),
        close: instant(date, hms(close, 0)),
        post_close: instant(date, hms(post, 0)),
    })
}

/// The first trading day after `date`.
pub(crate) fn next_session(date: NaiveDate) -> NaiveDate {
    let mut day = date + Days::new(1);
    while hours(day).is_none() {
        day = day + Days::new(1);
    }
    day
}

/// The session `count` before `date`.
pub(crate) fn sessions_before(date: NaiveDate, count: usize) -> NaiveDate {
    let earlier = std::iter::successors(date.pred_opt(), NaiveDate::pred_opt);
    let mut earlier = earlier.filter(|day| hours(*day).is_some());
    count.checked_sub(1).and_then(|before| earlier.nth(before)).unwrap_or(date)
}

/// UTC nanoseconds of a New York wall time. Trading hours never fall into the hour that a clock change skips.
pub(crate) fn instant(date: NaiveDate, time: NaiveTime) -> i64 {
    let local = New_York.from_local_datetime(&date.and_time(time)).earliest();
    local.and_then(|t| t.timestamp_nanos_opt()).unwrap_or_default()
}

/// The New York date of an instant.
pub(crate) fn date_of(nanos: i64) -> NaiveDate {
    chrono::DateTime::from_timestamp_nanos(nanos).with_timezone(&New_York).date_naive()
}

/// Name of the exchange holiday observed on `date`.
pub(crate) fn holiday(date: NaiveDate) -> Option<&'static str> {
    let year = date.year();
    let is = |day: Option<NaiveDate>| day == Some(date);
    if date == ymd(2025, 1, 9)? {
        return Some("National Day of Mourning");
    }
    // New Year's Day on a Saturday is not moved into the old year.
    if date.month() == 1 && observed(ymd(year, 1, 1)?) == date {
        return Some("New Year's Day");
    }
    let fixed = [("Independence Day", 7, 4), ("Christmas", 12, 25), ("Juneteenth", 6, 19)];
    for (name, month, day) in fixed {
        if observed(ymd(year, month, day)?) == date && (name != "Juneteenth" || year >= 2022) {
            return Some(name);
        }
    }
    let nth = |month, weekday, n| NaiveDate::from_weekday_of_month_opt(year, month, weekday, n);
    let last_of_may = ymd(year, 5, 31)?;
    let memorial = last_of_may - Days::new(u64::from(last_of_may.weekday().num_days_from_monday()));
    [
        ("Martin Luther King Jr. Day", nth(1, Weekday::Mon, 3)),
        ("Presidents' Day", nth(2, Weekday::Mon, 3)),
        ("Good Friday", easter(year).map(|e| e - Days::new(2))),
        ("Memorial Day", Some(memorial)),
        ("Labor Day", nth(9, Weekday::Mon, 1)),
        ("Thanksgiving Day", nth(11, Weekday::Thu, 4)),
    ]
    .into_iter()
    .find(|(_, day)| is(*day))
    .map(|(name, _)| name)
}

fn is_early_close(date: NaiveDate) -> bool {
    let eve = (date.month(), date.day());
    let thanksgiving = NaiveDate::from_weekday_of_month_opt(date.year(), 11, Weekday::Thu, 4);
    thanksgiving.is_some_and(|t| t + Days::new(1) == date) || eve == (12, 24) || eve == (7, 3)
}

fn observed(date: NaiveDate) -> NaiveDate {
    match date.weekday() {
        Weekday::Sat => date - Days::new(1),
        Weekday::Sun => date + Days::new(1),
        _ => date,
    }
}

fn is_weekend(date: NaiveDate) -> bool {
    matches!(date.weekday(), Weekday::Sat | Weekday::Sun)
}

/// Easter Sunday of the Gregorian calendar (Meeus, Jones and Butcher).
fn easter(year: i32) -> Option<NaiveDate> {
    let (golden, century, rest) = (year % 19, year / 100, year % 100);
    let moon_shift = (8 * century + 13) / 25;
    let moon = (19 * golden + century - century / 4 - moon_shift + 15) % 30;
    let weekday = (32 + 2 * (century % 4) + 2 * (rest / 4) - moon - rest % 4) % 7;
    let late = (golden + 11 * moon + 22 * weekday) / 451;
    let day = moon + weekday - 7 * late + 114;
    ymd(year, (day / 31) as u32, (day % 31 + 1) as u32)
}

fn ymd(year: i32, month: u32, day: u32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(year, month, day)
}

fn hms(hour: u32, minute: u32) -> NaiveTime {
    NaiveTime::from_hms_opt(hour, minute, 0).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_closures_of_2026_and_2027_follow_from_the_rules() {
        let closed = |year: i32| -> Vec<String> {
            let mut day = ymd(year, 1, 1).unwrap();
            let mut found = Vec::new();
            while day.year() == year {
                if !is_weekend(day) && hours(day).is_none() {
                    found.push(day.format("%m-%d").to_string());
                }
                day = day + Days::new(1);
            }
            found
        };
        let list = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(closed(2026), list("01-01 01-19 02-16 04-03 05-25 06-19 07-03 09-07 11-26 12-25"));
        assert_eq!(closed(2027), list("01-01 01-18 02-15 03-26 05-31 06-18 07-05 09-06 11-25 12-24"));
    }

    #[test]
    fn early_closes_end_at_one_and_clock_changes_move_the_open() {
        let open_and_length = |y, m, d| {
            let h = hours(ymd(y, m, d).unwrap()).unwrap();
            let open = chrono::DateTime::from_timestamp_nanos(h.open).format("%H:%M").to_string();
            (open, (h.close - h.open) / 60_000_000_000)
        };
        assert_eq!(open_and_length(2026, 11, 27), ("14:30".into(), 210));
        assert_eq!(open_and_length(2026, 12, 24), ("14:30".into(), 210));
        assert_eq!(open_and_length(2027, 3, 15), ("13:30".into(), 390));
        assert_eq!(open_and_length(2027, 3, 12), ("14:30".into(), 390));
    }
}
