//! Volumes through the day from intraday rows.

use std::collections::BTreeMap;

use domain::market::{OpeningVolume, SessionVolumes};
use domain::{SessionDate, UnixNanos, calendar};

/// Sessions kept: the 14 full ones that averages need, and the half days that may lie between them.
const SESSIONS_KEPT: usize = 18;

/// Adds up volumes of sessions before one.
pub(super) struct Volumes {
    before: SessionDate,
    step_nanos: i64,
    sessions: BTreeMap<SessionDate, Steps>,
    current: Option<calendar::Session>,
}

struct Steps {
    session: calendar::Session,
    premarket: Vec<u64>,
    regular: Vec<u64>,
}

impl Volumes {
    /// Volumes in steps of `step_minutes` of the sessions before `before`.
    pub(super) fn new(before: SessionDate, step_minutes: u32) -> Self {
        let step_nanos = i64::from(step_minutes) * 60_000_000_000;
        Self { before, step_nanos, sessions: BTreeMap::new(), current: None }
    }

    /// Adds the row that starts at `start`; rows outside of 04:00 to the close count nowhere.
    pub(super) fn add(&mut self, start: UnixNanos, volume: u64) {
        let known = self.current.filter(|s| (s.premarket_open..s.postmarket_close).contains(&start));
        let Some(session) = known.or_else(|| calendar::session(start.session_date())) else { return };
        self.current = Some(session);
        if session.date >= self.before {
            return;
        }
        let step = self.step_nanos;
        let steps = |nanos: i64| usize::try_from(nanos.div_euclid(step)).unwrap_or(0);
        let day = self.sessions.entry(session.date).or_insert_with(|| Steps {
            session,
            premarket: vec![0; steps(session.open.since(session.premarket_open))],
            regular: vec![0; steps(session.close.since(session.open))],
        });
        let (column, since) = if start < session.open {
            (&mut day.premarket, start.since(session.premarket_open))
        } else {
            (&mut day.regular, start.since(session.open))
        };
        if since >= 0
            && let Some(sum) = column.get_mut(steps(since))
        {
            *sum = sum.saturating_add(volume);
        }
    }

    /// Volumes of the first `minutes` (whole steps) of each full-length session, oldest first.
    pub(super) fn opening(&self, minutes: u32) -> Vec<OpeningVolume> {
        let steps = (i64::from(minutes) * 60_000_000_000 / self.step_nanos) as usize;
        let full = self.sessions.values().filter(|day| !day.session.early_close);
        let volume = |day: &Steps| day.regular.iter().take(steps).fold(0, |sum: u64, step| sum.saturating_add(*step));
        full.map(|day| OpeningVolume { date: day.session.date, volume: volume(day) }).collect()
    }

    /// The newest sessions, oldest first.
    pub(super) fn through_the_day(self) -> Vec<SessionVolumes> {
        let skipped = self.sessions.len().saturating_sub(SESSIONS_KEPT);
        let days = self.sessions.into_values().skip(skipped);
        days.map(|day| SessionVolumes { date: day.session.date, premarket: day.premarket, regular: day.regular })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_added_to_the_step_they_start_in() {
        let day: SessionDate = "2026-11-24".parse().unwrap();
        let half: SessionDate = "2026-11-27".parse().unwrap();
        let mut volumes = Volumes::new("2026-11-30".parse().unwrap(), 5);
        for (date, hour, minute, volume) in [
            (day, 3, 55, 1),
            (day, 4, 0, 10),
            (day, 9, 29, 20),
            (day, 9, 30, 100),
            (day, 9, 34, 50),
            (day, 9, 35, 7),
            (day, 15, 59, 9),
            (day, 16, 0, 1),
            (half, 9, 30, 5),
            ("2026-11-30".parse().unwrap(), 9, 30, 1),
        ] {
            volumes.add(date.at_hm(hour, minute), volume);
        }
        assert_eq!(volumes.opening(5), [OpeningVolume { date: day, volume: 150 }]);
        assert_eq!(volumes.opening(10), [OpeningVolume { date: day, volume: 157 }]);
        let days = volumes.through_the_day();
        assert_eq!(days.iter().map(|d| d.date).collect::<Vec<_>>(), [day, half]);
        assert_eq!((days[0].premarket[0], days[0].premarket[65], days[0].premarket.len()), (10, 20, 66));
        assert_eq!((days[0].regular[77], days[0].regular.len(), days[1].regular.len()), (9, 78, 42));
    }
}
