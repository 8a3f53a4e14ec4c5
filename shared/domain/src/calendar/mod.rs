//! When the New York Stock Exchange trades.
//!
//! Holidays and early closes follow the exchange's rules (`rules.rs`); what no rule gives stands in `nyse.csv`. The
//! two together hold from [`FIRST_DAY`] on. Earlier days are reckoned by the same rules, as an approximation, and
//! later ones for as long as the rules stay as they are; see [`is_covered`].

mod conflict;
mod exceptions;
mod rules;

use std::ops::{Range, RangeInclusive};

use chrono::{Datelike, NaiveDate, NaiveTime};
use serde::Serialize;

use crate::time::{SessionDate, UnixNanos};
pub use conflict::{BrokerDay, Conflict, RegularHours, conflicts};

/// The first day that the table vouches for: 1990-01-01.
pub const FIRST_DAY: SessionDate = day(1990, 1, 1);
/// The last day that the table vouches for, if the rules do not change before: 2099-12-31.
pub const LAST_DAY: SessionDate = day(2099, 12, 31);

/// One trading session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Session {
    /// The New York date.
    pub date: SessionDate,
    /// Start of pre-market trading, 04:00.
    pub premarket_open: UnixNanos,
    /// Start of regular trading, 09:30 but for a few late opens.
    pub open: UnixNanos,
    /// End of regular trading, 16:00, or 13:00 on short days (14:00 until 1992).
    pub close: UnixNanos,
    /// End of after-hours trading, 20:00 (17:00 on short days); a later print belongs to the next session.
    pub postmarket_close: UnixNanos,
    /// True when the session ends before 16:00.
    pub early_close: bool,
}

/// A part of the trading day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Before the opening auction.
    PreMarket,
    /// Between the opening and the closing auction.
    Regular,
    /// After the closing auction.
    PostMarket,
}

impl Session {
    /// The three parts of the day in order, each open at its end.
    pub fn phases(&self) -> [(Phase, Range<UnixNanos>); 3] {
        [
            (Phase::PreMarket, self.premarket_open..self.open),
            (Phase::Regular, self.open..self.close),
            (Phase::PostMarket, self.close..self.postmarket_close),
        ]
    }

    /// The part of the day that `instant` falls in; `None` when nothing trades.
    pub fn phase_at(&self, instant: UnixNanos) -> Option<Phase> {
        self.phases().into_iter().find(|(_, window)| window.contains(&instant)).map(|(phase, _)| phase)
    }
}

/// True from [`FIRST_DAY`] to [`LAST_DAY`]. Outside, sessions are an approximation by rule.
pub fn is_covered(date: SessionDate) -> bool {
    (FIRST_DAY..=LAST_DAY).contains(&date)
}

/// The session of `date`, or `None` when the exchange is closed or the year is not within 1678 to 2261.
pub fn session(date: SessionDate) -> Option<Session> {
    if !YEARS.contains(&date.date().year()) {
        return None;
    }
    let hours = match exceptions::exception(date.date()) {
        Some(exception) => {
            let (open, close) = exception.hours?;
            let kind = if close < rules::FULL_DAY.close { rules::SHORT_DAY } else { rules::FULL_DAY };
            rules::Hours { open, close, ..kind }
        }
        None => rules::hours(date.date())?,
    };
    // clocks change at 02:00 on Sundays, never within a session
    let premarket_open = date.at(hours.premarket_open);
    let at = |time: NaiveTime| premarket_open.plus_seconds((time - hours.premarket_open).num_seconds());
    Some(Session {
        date,
        premarket_open,
        open: at(hours.open),
        close: at(hours.close),
        postmarket_close: at(hours.postmarket_close),
        early_close: hours.close < rules::FULL_DAY.close,
    })
}

/// The first session after `date`; the last of 2261 when `date` is later than that.
pub fn next_session(date: SessionDate) -> Session {
    let mut day = date.clamp(EARLIEST, LATEST);
    loop {
        day = day.next_day();
        if let Some(found) = session(day) {
            return found;
        }
    }
}

/// The last session before `date`; the first of 1678 when `date` is earlier than that.
pub fn previous_session(date: SessionDate) -> Session {
    let mut day = date.clamp(EARLIEST, LATEST);
    loop {
        day = day.previous_day();
        if let Some(found) = session(day) {
            return found;
        }
    }
}

/// The session an instant belongs to: prints from 20:00 New York time on, and those of days without a session, belong
/// to the next one.
pub fn session_at(instant: UnixNanos) -> Session {
    let local = instant.to_new_york();
    let date = SessionDate::new(local.date_naive());
    match session(date) {
        Some(today) if local.time() < rules::ROLL => today,
        _ => next_session(date),
    }
}

/// The date that a trade at `instant` counts for: that of [`session_at`].
pub fn trade_date(instant: UnixNanos) -> SessionDate {
    session_at(instant).date
}

/// Years whose every instant is a [`UnixNanos`].
const YEARS: RangeInclusive<i32> = 1678..=2261;
/// Monday of the first week of [`YEARS`] with a session before it.
const EARLIEST: SessionDate = day(1678, 1, 10);
/// A day of the last week of [`YEARS`] with a session after it.
const LATEST: SessionDate = day(2261, 12, 30);

const fn day(year: i32, month: u32, day: u32) -> SessionDate {
    match NaiveDate::from_ymd_opt(year, month, day) {
        Some(date) => SessionDate::new(date),
        None => panic!("no such date"),
    }
}

#[cfg(test)]
mod tests;
