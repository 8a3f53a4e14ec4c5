//! Cron schedules in a time zone, due by market time alone.

mod cron;

use std::fmt;
use std::str::FromStr;

use chrono::{LocalResult, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;

use crate::calendar;
use crate::time::UnixNanos;

/// Why a schedule was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// The text does not have the five fields minute, hour, day of month, month, day of week.
    #[error("cron `{0}` needs five fields: minute hour day-of-month month day-of-week")]
    FieldCount(String),
    /// A field is not understood, or no year has such a day.
    #[error("cron `{0}`: {1}")]
    Field(String, String),
    /// There is no such zone.
    #[error("`{0}` is not an IANA time zone")]
    Zone(String),
}

/// A five-field Unix cron expression read in an IANA time zone.
///
/// Fields hold `*`, values, ranges, lists and steps; months and weekdays also by English name (`MON`, `jan`). Sunday is
/// 0 or 7, and a range of weekdays may pass over the week's end (`FRI-MON`). When both day fields are restricted,
/// either may match; a field that starts with `*` is not restricted, so `*/2` together with a weekday needs both.
///
/// When clocks change, the schedule means what it means to Vixie's cron (cron(8)):
/// - With a `*` first in the minute or hour field it follows the clock on the wall: it is due whenever that shows a
///   matching time, so twice where an hour is repeated, and never at a time that is skipped. Over a change by an hour,
///   `0 * * * *` stays an hour apart.
/// - Otherwise it names times of day, each due once a day: a skipped one at the first instant after the gap, together
///   with others that were skipped, and a repeated one at its first pass.
#[derive(Clone, PartialEq, Eq)]
pub struct Schedule {
    text: String,
    zone: Tz,
    trading_days_only: bool,
    cron: cron::Cron,
}

impl Schedule {
    /// Reads `cron` in `zone`; with `trading_days_only`, instants whose New York date has no session are passed over.
    pub fn new(cron: &str, zone: &str, trading_days_only: bool) -> Result<Self, ScheduleError> {
        let fields: Vec<&str> = cron.split_whitespace().collect();
        let fields = fields.try_into().map_err(|_| ScheduleError::FieldCount(cron.to_owned()))?;
        Ok(Self {
            text: cron.to_owned(),
            zone: Tz::from_str(zone).map_err(|_| ScheduleError::Zone(zone.to_owned()))?,
            trading_days_only,
            cron: cron::Cron::parse(fields).map_err(|e| ScheduleError::Field(cron.to_owned(), e.0))?,
        })
    }

    /// The first due instant later than `instant`; `None` when there is none within fifty years.
    pub fn next_after(&self, instant: UnixNanos) -> Option<UnixNanos> {
        // where midnight is repeated, the day before ends after the day has begun
        let first = self.local_date(instant).pred_opt()?;
        let mut found: Option<UnixNanos> = None;
        for date in first.iter_days().take(SEARCHED_DAYS) {
            let matches = self.cron.matches(date);
            if !matches && found.is_none() {
                continue;
            }
            let midnight = self.unchanged_from(date);
            if matches {
                let due = match midnight {
                    Some(midnight) => self.next_on_usual_day(midnight, instant),
                    None => self.next_on_day_of_change(date, instant),
                };
                found = found.into_iter().chain(due).min();
            }
            if found.is_some() && midnight.is_some() {
                break;
            }
        }
        found
    }

    /// The due instants later than `instant`, in order.
    pub fn after(&self, instant: UnixNanos) -> impl Iterator<Item = UnixNanos> + '_ {
        std::iter::successors(self.next_after(instant), |due| self.next_after(*due))
    }

    /// The zone it is read in.
    pub const fn zone(&self) -> Tz {
        self.zone
    }

    fn next_on_usual_day(&self, midnight: UnixNanos, after: UnixNanos) -> Option<UnixNanos> {
        let due = |minute: &u16| midnight.plus_seconds(i64::from(*minute) * 60);
        let passed = self.cron.minutes_of_day.partition_point(|minute| due(minute) <= after);
        self.cron.minutes_of_day[passed..].iter().map(due).find(|due| self.is_wanted(*due))
    }

    fn next_on_day_of_change(&self, date: NaiveDate, after: UnixNanos) -> Option<UnixNanos> {
        let local = |minute: &u16| date.and_time(NaiveTime::MIN) + TimeDelta::minutes(i64::from(*minute));
        let due = self.cron.minutes_of_day.iter().flat_map(|minute| self.instants_of(local(minute)));
        due.filter(|due| *due > after && self.is_wanted(*due)).min()
    }

    /// When the wall clock's `local` falls due.
    fn instants_of(&self, local: NaiveDateTime) -> impl Iterator<Item = UnixNanos> {
        let (first, second) = match self.zone.from_local_datetime(&local) {
            LocalResult::Single(only) => (Some(only), None),
            LocalResult::Ambiguous(first, second) => (Some(first), self.cron.wildcard.then_some(second)),
            LocalResult::None if self.cron.wildcard => (None, None),
            LocalResult::None => (
                (1..=LONGEST_GAP_MINUTES).find_map(|minutes| {
                    self.zone.from_local_datetime(&(local + TimeDelta::minutes(minutes))).earliest()
                }),
                None,
            ),
        };
        first.into_iter().chain(second).filter_map(|t| t.timestamp_nanos_opt()).map(UnixNanos::new)
    }

    /// Midnight of `date`, when no clock changes from then to the next midnight.
    fn unchanged_from(&self, date: NaiveDate) -> Option<UnixNanos> {
        let start = self.zone.from_local_datetime(&date.and_time(NaiveTime::MIN)).single()?;
        let end = self.zone.from_local_datetime(&date.succ_opt()?.and_time(NaiveTime::MIN)).single()?;
        let unchanged = start.offset().fix() == end.offset().fix();
        unchanged.then(|| start.timestamp_nanos_opt().map(UnixNanos::new))?
    }

    fn is_wanted(&self, due: UnixNanos) -> bool {
        !self.trading_days_only || calendar::session(due.session_date()).is_some()
    }

    fn local_date(&self, instant: UnixNanos) -> NaiveDate {
        instant.to_utc().with_timezone(&self.zone).date_naive()
    }
}

/// Fifty years: the weekdays come round to a 29 February within forty.
const SEARCHED_DAYS: usize = 50 * 366;

/// A zone that moved over the date line left out a day.
const LONGEST_GAP_MINUTES: i64 = 25 * 60;

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schedule({} {}, trading days only: {})", self.text, self.zone, self.trading_days_only)
    }
}

#[cfg(test)]
mod tests;
