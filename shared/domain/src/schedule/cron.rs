//! The five fields of Unix cron, read into the sets of values they stand for.

use std::ops::RangeInclusive;

use chrono::{Datelike, NaiveDate};

/// The days and the times of day that an expression names, in local time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cron {
    days_of_month: u64,
    months: u64,
    weekdays: u64,
    either_day: bool,
    /// Minutes since midnight, ascending.
    pub(super) minutes_of_day: Vec<u16>,
    /// True when the minute or the hour field starts with `*`.
    pub(super) wildcard: bool,
}

/// Why one field, or all of them together, were refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused(pub(super) String);

/// One field: a list of values, ranges and steps.
struct Field {
    name: &'static str,
    range: RangeInclusive<u32>,
    /// Names of the values from `range.start()` on.
    names: &'static [&'static str],
    /// Values count modulo this and ranges may pass over the end; 0: neither.
    wraps_at: u32,
}

const MINUTE: Field = Field { name: "minute", range: 0..=59, names: &[], wraps_at: 0 };
const HOUR: Field = Field { name: "hour", range: 0..=23, names: &[], wraps_at: 0 };
const DAY_OF_MONTH: Field = Field { name: "day of month", range: 1..=31, names: &[], wraps_at: 0 };
const MONTH: Field = Field {
    name: "month",
    range: 1..=12,
    names: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
    wraps_at: 0,
};
const DAY_OF_WEEK: Field =
    Field { name: "day of week", range: 0..=7, names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"], wraps_at: 7 };

impl Cron {
    /// Reads minute, hour, day of month, month and day of week.
    pub(super) fn parse([minute, hour, day, month, weekday]: [&str; 5]) -> Result<Self, Refused> {
        let (minutes, hours) = (MINUTE.parse(minute)?, HOUR.parse(hour)?);
        let starred = |field: &str| field.starts_with('*');
        let cron = Self {
            days_of_month: DAY_OF_MONTH.parse(day)?,
            months: MONTH.parse(month)?,
            weekdays: DAY_OF_WEEK.parse(weekday)?,
            either_day: !starred(day) && !starred(weekday),
            minutes_of_day: (0..24 * 60_u16)
                .filter(|m| has(hours, u32::from(m / 60)) && has(minutes, u32::from(m % 60)))
                .collect(),
            wildcard: starred(minute) || starred(hour),
        };
        if cron.names_a_day() { Ok(cron) } else { Err(Refused(format!("there is no day `{day}` in month `{month}`"))) }
    }

    /// True when `date` is one of the days named. When both day fields are restricted, either may match; a field that
    /// starts with `*` is not restricted, also with a step.
    pub(super) fn matches(&self, date: NaiveDate) -> bool {
        let day = has(self.days_of_month, date.day());
        let weekday = has(self.weekdays, date.weekday().num_days_from_sunday());
        has(self.months, date.month()) && if self.either_day { day || weekday } else { day && weekday }
    }

    /// Whether any year has such a day; the weekdays come round to every date.
    fn names_a_day(&self) -> bool {
        const LONGEST: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let first = self.days_of_month.trailing_zeros();
        self.either_day || (1..).zip(LONGEST).any(|(month, days)| has(self.months, month) && first <= days)
    }
}

impl Field {
    fn parse(&self, text: &str) -> Result<u64, Refused> {
        text.split(',').try_fold(0, |set, part| Ok(set | self.part(part)?))
    }

    /// `*`, `a`, `a-b`, or one of them with `/step`; `a/step` runs from `a` to the end of the field.
    fn part(&self, part: &str) -> Result<u64, Refused> {
        let (span, step) = match part.split_once('/') {
            Some((span, step)) => (span, Some(self.step(step)?)),
            None => (part, None),
        };
        let top = if self.wraps_at == 0 { *self.range.end() } else { self.wraps_at - 1 };
        let (first, last) = match span.split_once('-') {
            _ if span == "*" => (*self.range.start(), top),
            Some((first, last)) => (self.value(first)?, self.value(last)?),
            None => {
                let first = self.value(span)?;
                (first, if step.is_some() { top.max(first) } else { first })
            }
        };
        if first > last && self.wraps_at == 0 {
            return Err(self.refused(part, "runs backwards"));
        }
        let last = if first > last { last + self.wraps_at } else { last };
        let value = |v: u32| v.checked_rem(self.wraps_at).unwrap_or(v);
        Ok((first..=last).step_by(step.unwrap_or(1)).fold(0, |set, v| set | 1 << value(v)))
    }

    fn value(&self, text: &str) -> Result<u32, Refused> {
        if let Some(at) = self.names.iter().position(|name| name.eq_ignore_ascii_case(text)) {
            return Ok(self.range.start() + at as u32);
        }
        number(text)
            .filter(|n| self.range.contains(n))
            .ok_or_else(|| self.refused(text, &format!("is not {} to {}", self.range.start(), self.range.end())))
    }

    fn step(&self, text: &str) -> Result<usize, Refused> {
        number(text)
            .filter(|n| (1..=*self.range.end()).contains(n))
            .map(|n| n as usize)
            .ok_or_else(|| self.refused(text, &format!("is not a step of 1 to {}", self.range.end())))
    }

    fn refused(&self, text: &str, why: &str) -> Refused {
        Refused(format!("{} `{text}` {why}", self.name))
    }
}

/// Digits only: no sign, no blank.
fn number(text: &str) -> Option<u32> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

const fn has(set: u64, value: u32) -> bool {
    set >> value & 1 == 1
}
