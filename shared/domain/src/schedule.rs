//! Cron schedules in a time zone, due by market time alone.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use crate::calendar;
use crate::time::UnixNanos;

/// Why a schedule was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// The text does not have the five fields minute, hour, day of month, month, day of week.
    #[error("cron `{0}` needs five fields: minute hour day-of-month month day-of-week")]
    FieldCount(String),
    /// A field is not understood.
    #[error("cron `{0}`: {1}")]
    Field(String, String),
    /// There is no such zone.
    #[error("`{0}` is not an IANA time zone")]
    Zone(String),
}

/// A five-field Unix cron expression read in an IANA time zone.
///
/// Sunday is 0 or 7. When both day fields are restricted, either may match, as in Unix. A local time that a spring
/// change skips falls due at the first instant after the gap; one that an autumn change repeats, at its first pass.
#[derive(Clone)]
pub struct Schedule {
    text: String,
    zone: Tz,
    trading_days_only: bool,
    patterns: Vec<cron::Schedule>,
}

impl Schedule {
    /// Reads `cron` in `zone`; with `trading_days_only`, instants on days without a session are passed over.
    pub fn new(cron: &str, zone: &str, trading_days_only: bool) -> Result<Self, ScheduleError> {
        let tz = Tz::from_str(zone).map_err(|_| ScheduleError::Zone(zone.to_owned()))?;
        let fields: Vec<&str> = cron.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else {
            return Err(ScheduleError::FieldCount(cron.to_owned()));
        };
        let weekday = unix_weekdays(weekday).map_err(|e| ScheduleError::Field(cron.to_owned(), e))?;
        let pattern = |day: &str, weekday: &str| {
            cron::Schedule::from_str(&format!("0 {minute} {hour} {day} {month} {weekday}"))
                .map_err(|e| ScheduleError::Field(cron.to_owned(), e.to_string()))
        };
        let patterns = if day != "*" && weekday != "*" {
            vec![pattern(day, "*")?, pattern("*", &weekday)?]
        } else {
            vec![pattern(day, &weekday)?]
        };
        Ok(Self { text: cron.to_owned(), zone: tz, trading_days_only, patterns })
    }

    /// The first due instant later than `instant`; `None` when there is none within ten years.
    pub fn next_after(&self, instant: UnixNanos) -> Option<UnixNanos> {
        let mut local = self.zone.from_utc_datetime(&instant.to_utc().naive_utc()).naive_local() - TimeDelta::hours(3);
        for _ in 0..4_000 {
            local = self.next_local(local)?;
            let due = self.instant_of(local)?;
            if due > instant && (!self.trading_days_only || calendar::session(due.session_date()).is_some()) {
                return Some(due);
            }
        }
        None
    }

    fn next_local(&self, after: NaiveDateTime) -> Option<NaiveDateTime> {
        let after: DateTime<Utc> = after.and_utc();
        self.patterns.iter().filter_map(|p| p.after(&after).next()).min().map(|d| d.naive_utc())
    }

    fn instant_of(&self, local: NaiveDateTime) -> Option<UnixNanos> {
        let mut candidate = local;
        for _ in 0..=240 {
            if let Some(found) = self.zone.from_local_datetime(&candidate).earliest() {
                return found.timestamp_nanos_opt().map(UnixNanos::new);
            }
            candidate += TimeDelta::minutes(1);
        }
        None
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schedule({} {}, trading days only: {})", self.text, self.zone, self.trading_days_only)
    }
}

impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        (&self.text, self.zone, self.trading_days_only) == (&other.text, other.zone, other.trading_days_only)
    }
}

/// Rewrites Unix weekday numbers (Sunday 0 or 7) as names, which mean the same everywhere.
fn unix_weekdays(field: &str) -> Result<String, String> {
    const NAMES: [&str; 8] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"];
    let name = |text: &str| match text.parse::<usize>() {
        Ok(n) if n < NAMES.len() => Ok(NAMES[n].to_owned()),
        Ok(n) => Err(format!("day of week {n} is not 0 to 7")),
        Err(_) => Ok(text.to_uppercase()),
    };
    let range = |part: &str| -> Result<String, String> {
        let (span, step) = part.split_once('/').map_or((part, None), |(a, b)| (a, Some(b)));
        let Some((first, last)) = span.split_once('-') else {
            let single = if span == "*" { "*".to_owned() } else { name(span)? };
            return Ok(step.map_or(single.clone(), |s| format!("{single}/{s}")));
        };
        let ends: (usize, usize) = match (first.parse(), last.parse()) {
            (Ok(a), Ok(b)) => (a, b),
            _ => return Ok(part.to_uppercase()),
        };
        let step: usize = step.map_or(Ok(1), str::parse).map_err(|_| format!("`{part}` has no numeric step"))?;
        if ends.0 > ends.1 || ends.1 > 7 || step == 0 {
            return Err(format!("`{part}` is not a range of days 0 to 7"));
        }
        Ok((ends.0..=ends.1).step_by(step).map(|d| NAMES[d]).collect::<Vec<_>>().join(","))
    };
    Ok(field.split(',').map(range).collect::<Result<Vec<_>, _>>()?.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(cron: &str, zone: &str, trading_days_only: bool, after: &str, expected: &[&str]) {
        let schedule = Schedule::new(cron, zone, trading_days_only).unwrap();
        let mut instant: UnixNanos = after.parse().unwrap();
        for due in expected {
            instant = schedule.next_after(instant).unwrap();
            assert_eq!(instant.to_string(), *due, "{cron} {zone}");
        }
    }

    #[test]
    fn one_to_five_means_monday_to_friday() {
        let due = ["2026-11-27T13:00:00Z", "2026-11-30T13:00:00Z"];
        check("0 13 * * 1-5", "UTC", false, "2026-11-26T13:00:00Z", &due);
        check("0 13 * * 0", "UTC", false, "2026-11-26T13:00:00Z", &["2026-11-29T13:00:00Z"]);
        check("0 13 * * 7", "UTC", false, "2026-11-26T13:00:00Z", &["2026-11-29T13:00:00Z"]);
    }

    #[test]
    fn days_without_a_session_are_passed_over_when_asked() {
        let due = ["2026-11-25T14:35:00Z", "2026-11-27T14:35:00Z"];
        check("35 9 * * 1-5", "America/New_York", true, "2026-11-24T14:35:00Z", &due);
    }

    #[test]
    fn skipped_times_fall_due_after_the_gap_and_repeated_ones_once() {
        let spring = ["2027-03-13T07:30:00Z", "2027-03-14T07:00:00Z", "2027-03-15T06:30:00Z"];
        check("30 2 * * *", "America/New_York", false, "2027-03-12T12:00:00Z", &spring);
        let autumn = ["2027-11-07T05:30:00Z", "2027-11-08T06:30:00Z"];
        check("30 1 * * *", "America/New_York", false, "2027-11-06T12:00:00Z", &autumn);
    }

    #[test]
    fn either_day_field_may_match_when_both_are_restricted() {
        let due = ["2026-12-04T00:00:00Z", "2026-12-11T00:00:00Z", "2026-12-13T00:00:00Z"];
        check("0 0 13 * 5", "UTC", false, "2026-12-01T00:00:00Z", &due);
    }

    #[test]
    fn bad_schedules_are_refused_by_name() {
        for (cron, zone, part) in [
            ("0 13 * *", "UTC", "five fields"),
            ("0 13 * * 8", "UTC", "day of week 8"),
            ("61 13 * * 1", "UTC", "61"),
            ("0 13 * * 1", "Mars/Olympus", "Mars/Olympus"),
        ] {
            let error = Schedule::new(cron, zone, false).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
