//! Instants and the New York session date. Nothing here reads a clock.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeZone, Timelike, Utc};
use chrono_tz::America::New_York;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Nanoseconds in one second.
pub const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// Why a time was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not {1}")]
pub struct TimeError(pub String, pub &'static str);

/// An instant: nanoseconds since 1970-01-01T00:00:00 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UnixNanos(i64);

impl UnixNanos {
    /// From nanoseconds since the epoch.
    #[inline]
    pub const fn new(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From milliseconds since the epoch, saturating.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Nanoseconds since the epoch.
    #[inline]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Later by `seconds` (or earlier, if negative), saturating.
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(NANOS_PER_SECOND)))
    }

    /// Later by `nanos` (or earlier, if negative), saturating.
    #[inline]
    pub const fn plus_nanos(self, nanos: i64) -> Self {
        Self(self.0.saturating_add(nanos))
    }

    /// Nanoseconds from `earlier` to `self`, saturating; negative when `earlier` is later.
    #[inline]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// As a UTC date and time.
    pub fn to_utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_nanos(self.0)
    }

    /// As wall time in New York.
    pub fn to_new_york(self) -> DateTime<chrono_tz::Tz> {
        self.to_utc().with_timezone(&New_York)
    }

    /// The New York calendar date of this instant.
    pub fn session_date(self) -> SessionDate {
        SessionDate(self.to_new_york().date_naive())
    }

    /// Seconds since New York midnight.
    pub fn new_york_seconds(self) -> u32 {
        self.to_new_york().num_seconds_from_midnight()
    }
}

impl fmt::Display for UnixNanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_utc().to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
    }
}

impl FromStr for UnixNanos {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        DateTime::parse_from_rfc3339(text)
            .ok()
            .and_then(|t| t.timestamp_nanos_opt())
            .map(Self)
            .ok_or_else(|| TimeError(text.chars().take(40).collect(), "an RFC 3339 time between 1678 and 2262"))
    }
}

impl Serialize for UnixNanos {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(self) } else { serializer.serialize_i64(self.0) }
    }
}

impl<'de> Deserialize<'de> for UnixNanos {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return i64::deserialize(deserializer).map(Self);
        }
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A trading session, named by its New York calendar date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionDate(NaiveDate);

impl SessionDate {
    /// From a calendar date.
    #[inline]
    pub const fn new(date: NaiveDate) -> Self {
        Self(date)
    }

    /// From year, month and day; `None` if there is no such date.
    pub fn from_ymd(year: i32, month: u32, day: u32) -> Option<Self> {
        NaiveDate::from_ymd_opt(year, month, day).map(Self)
    }

    /// The calendar date.
    pub const fn date(self) -> NaiveDate {
        self.0
    }

    /// Days since 1970-01-01: how the date travels on the wire.
    pub fn epoch_days(self) -> i32 {
        self.0.num_days_from_ce() - EPOCH_DAYS_FROM_CE
    }

    /// From days since 1970-01-01; `None` outside the calendar's range.
    pub fn from_epoch_days(days: i32) -> Option<Self> {
        NaiveDate::from_num_days_from_ce_opt(days.checked_add(EPOCH_DAYS_FROM_CE)?).map(Self)
    }

    /// The next calendar day.
    pub fn next_day(self) -> Self {
        Self(self.0.checked_add_days(Days::new(1)).unwrap_or(self.0))
    }

    /// The previous calendar day.
    pub fn previous_day(self) -> Self {
        Self(self.0.checked_sub_days(Days::new(1)).unwrap_or(self.0))
    }

    /// The instant of this New York wall time; a time inside the spring gap means the first valid instant after it,
    /// a repeated one the first of the two.
    pub fn at(self, time: NaiveTime) -> UnixNanos {
        let mut local = self.0.and_time(time);
        loop {
            if let Some(instant) = New_York.from_local_datetime(&local).earliest() {
                return UnixNanos(instant.timestamp_nanos_opt().unwrap_or(i64::MAX));
            }
            local += chrono::TimeDelta::minutes(1);
        }
    }

    /// The instant `hour:minute` New York time.
    pub fn at_hm(self, hour: u32, minute: u32) -> UnixNanos {
        self.at(NaiveTime::from_hms_opt(hour, minute, 0).unwrap_or(NaiveTime::MIN))
    }
}

const EPOCH_DAYS_FROM_CE: i32 = 719_163;

impl fmt::Display for SessionDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for SessionDate {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .map(Self)
            .map_err(|_| TimeError(text.chars().take(40).collect(), "a date of the form 2026-11-24"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_york_wall_times_follow_daylight_saving() {
        let check = |date: &str, h, m, utc: &str| {
            let date: SessionDate = date.parse().unwrap();
            assert_eq!(date.at_hm(h, m).to_string(), utc);
        };
        check("2026-11-24", 9, 30, "2026-11-24T14:30:00Z");
        check("2026-07-01", 9, 30, "2026-07-01T13:30:00Z");
        check("2027-03-14", 2, 30, "2027-03-14T07:00:00Z");
        check("2027-11-07", 1, 30, "2027-11-07T05:30:00Z");
    }

    #[test]
    fn wire_form_of_a_date_is_days_since_the_epoch() {
        let date: SessionDate = "2026-11-24".parse().unwrap();
        assert_eq!(SessionDate::from_epoch_days(date.epoch_days()), Some(date));
        assert_eq!(SessionDate::from_ymd(1970, 1, 1).unwrap().epoch_days(), 0);
    }
}
