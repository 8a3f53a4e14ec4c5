//! The market's clock: wall time, stretched, stopped at chosen instants and bent around the quiet hours.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use chrono::NaiveTime;

use crate::calendar::{self, Hours};
use crate::options::Options;

const AFTER_CLOSE: i64 = 300_000_000_000;
/// A longer gap between two looks at the wall clock is a stopped process, not time that passed for the market.
const LONGEST_STEP: Duration = Duration::from_millis(500);

/// Market time and what moves it.
#[derive(Debug)]
pub(crate) struct Clock {
    /// UTC nanoseconds; every print up to and including this instant has been played.
    pub(crate) now: i64,
    pub(crate) speed: f64,
    pub(crate) paused: bool,
    /// Still at the first session's start until a Finnhub client has subscribed.
    pub(crate) waiting: bool,
    /// After the last recorded session.
    pub(crate) ended: bool,
    pub(crate) pause_at: BTreeSet<i64>,
    pub(crate) pause_on: Option<PauseOn>,
    start: NaiveTime,
    warmup_seconds: f64,
    looked_at: Instant,
}

/// At which fill of ours the clock stops, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PauseOn {
    /// Any fill.
    Fill,
    /// A fill that leaves a part of its order open.
    PartialFill,
}

impl Clock {
    pub(crate) fn new(options: &Options, hours: &Hours) -> Self {
        Self {
            now: hours.pre_open,
            speed: options.speed,
            paused: false,
            waiting: !options.no_wait,
            ended: false,
            pause_at: options.pause_at.iter().map(|t| calendar::instant(hours.date, *t)).collect(),
            pause_on: None,
            start: options.start,
            warmup_seconds: options.warmup_seconds,
            looked_at: Instant::now(),
        }
    }

    /// Where the market may go by now, never past the next instant at which its pace changes or it stops.
    pub(crate) fn target(&mut self, wall: Instant, hours: &Hours) -> i64 {
        let passed = wall.saturating_duration_since(self.looked_at).min(LONGEST_STEP);
        self.looked_at = wall;
        if self.paused || self.waiting || self.ended {
            return self.now;
        }
        let start = calendar::instant(hours.date, self.start).clamp(hours.pre_open, hours.close);
        let quiet = hours.close + AFTER_CLOSE;
        let (pace, end) = if self.now < start {
            (self.hurry(hours.pre_open, start), start)
        } else if self.now < quiet {
            (self.speed, quiet)
        } else {
            (self.hurry(quiet, hours.post_close), hours.post_close)
        };
        let target = self.now + (passed.as_nanos() as f64 * pace) as i64;
        let stop = self.pause_at.range(self.now..).next().copied().unwrap_or(i64::MAX);
        target.min(end).min(stop)
    }

    /// Moves to `now`, and stops if that is an instant to pause at.
    pub(crate) fn reach(&mut self, now: i64) {
        self.now = now;
        if self.pause_at.remove(&now) {
            self.paused = true;
        }
    }

    fn hurry(&self, from: i64, to: i64) -> f64 {
        ((to - from) as f64 / 1e9 / self.warmup_seconds).max(self.speed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clock_stops_exactly_at_a_pause_and_goes_on_from_there() {
        let options = Options { no_wait: true, pause_at: vec!["09:35:00".parse().unwrap()], ..Options::new() };
        let hours = calendar::hours("2026-11-24".parse().unwrap()).unwrap();
        let mut clock = Clock::new(&options, &hours);
        let mut wall = clock.looked_at;
        let mut step = |clock: &mut Clock| {
            wall += Duration::from_millis(100);
            let target = clock.target(wall, &hours);
            clock.reach(target);
        };
        while !clock.paused {
            step(&mut clock);
        }
        assert_eq!(clock.now, hours.open + 300_000_000_000);
        step(&mut clock);
        assert_eq!(clock.now, hours.open + 300_000_000_000);
        clock.paused = false;
        step(&mut clock);
        assert_eq!(clock.now, hours.open + 302_000_000_000);
    }
}
