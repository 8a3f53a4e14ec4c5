//! Volume against what is usual at the same time of day.

use serde::{Deserialize, Serialize};

use super::SessionVolumes;
use super::indicators::PERIOD;
use crate::calendar;
use crate::money::Micro;
use crate::time::NANOS_PER_SECOND;

/// What the last 14 full sessions had traded by each time of day. Half days are left out: their clock is another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsualVolume {
    step_minutes: u32,
    /// Shares of all 14 sessions from 04:00 until the end of each step; empty where not every one of them tells.
    premarket: Vec<u64>,
    /// Shares of all 14 sessions from the open until the end of each step.
    regular: Vec<u64>,
}

impl UsualVolume {
    /// From earlier sessions, oldest first. `None` with fewer than 14 full ones or sums out of range.
    pub fn of(sessions: &[SessionVolumes], step_minutes: u32) -> Option<Self> {
        let is_full = |s: &&SessionVolumes| calendar::session(s.date).is_some_and(|session| !session.early_close);
        let full: Vec<&SessionVolumes> = sessions.iter().rev().filter(is_full).take(PERIOD).collect();
        if full.len() < PERIOD || step_minutes == 0 {
            return None;
        }
        let regular = running_sums(full.iter().map(|s| s.regular.as_slice()))?;
        let premarket = if full.iter().any(|s| s.premarket.is_empty()) {
            Vec::new()
        } else {
            running_sums(full.iter().map(|s| s.premarket.as_slice()))?
        };
        Some(Self { step_minutes, premarket, regular })
    }

    /// `volume` traded from the open until `since_open` nanoseconds later, over the mean of what the 14 sessions had
    /// traded by then. Within a step the usual volume is taken to come evenly. `None` when they had traded nothing.
    pub fn relative(&self, volume: u64, since_open: i64) -> Option<Micro> {
        ratio(volume, until(&self.regular, self.step_minutes, since_open)?)
    }

    /// The same from 04:00 to the open. The mean is taken to be at least `floor` shares, as it is often close to none.
    /// `None` where the sessions' pre-market volume is not known.
    pub fn relative_premarket(&self, volume: u64, since_four: i64, floor: u64) -> Option<Micro> {
        let usual = until(&self.premarket, self.step_minutes, since_four)?;
        ratio(volume, usual.max(floor.checked_mul(PERIOD as u64)?))
    }
}

fn ratio(volume: u64, of_all: u64) -> Option<Micro> {
    Micro::ratio(i64::try_from(volume).ok()?, i64::try_from(of_all).ok()?, PERIOD as i64)
}

/// A session that has fewer steps than another traded nothing in the rest.
fn running_sums<'a>(sessions: impl Iterator<Item = &'a [u64]>) -> Option<Vec<u64>> {
    let mut sums: Vec<u64> = Vec::new();
    for steps in sessions {
        sums.resize(sums.len().max(steps.len()), 0);
        for (sum, step) in sums.iter_mut().zip(steps) {
            *sum = sum.checked_add(*step)?;
        }
    }
    let mut total = 0_u64;
    for sum in &mut sums {
        total = total.checked_add(*sum)?;
        *sum = total;
    }
    Some(sums)
}

fn until(sums: &[u64], step_minutes: u32, since: i64) -> Option<u64> {
    let step = i64::from(step_minutes) * 60 * NANOS_PER_SECOND;
    let at_end_of = |steps: usize| if steps == 0 { Some(0) } else { sums.get(steps - 1).or(sums.last()).copied() };
    let whole = usize::try_from(since / step).ok()?;
    let (before, after) = (at_end_of(whole)?, at_end_of(whole + 1)?);
    let part = u128::from(after - before) * u128::from(since.rem_euclid(step).unsigned_abs());
    u64::try_from(u128::from(before) + part / u128::from(step.unsigned_abs())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::SessionDate;

    const MINUTE: i64 = 60 * NANOS_PER_SECOND;

    /// The 20 sessions before Tuesday 2026-12-08, one of which, 2026-11-27, is a half day; each traded 100 shares in
    /// the first five minutes and 50 in each of the next two steps.
    fn sessions() -> Vec<SessionVolumes> {
        let mut day: SessionDate = "2026-12-08".parse().unwrap();
        let mut found = Vec::new();
        while found.len() < 20 {
            day = calendar::previous_session(day).date;
            let half = day == "2026-11-27".parse().unwrap();
            let regular = if half { vec![9_999; 3] } else { vec![100, 50, 50] };
            found.push(SessionVolumes { date: day, premarket: vec![10, 20], regular });
        }
        found.reverse();
        found
    }

    #[test]
    fn volume_is_held_against_the_same_time_of_full_sessions() {
        let usual = UsualVolume::of(&sessions(), 5).unwrap();
        let check = |volume: u64, minutes: i64, expected: Option<i64>| {
            let found = usual.relative(volume, minutes * MINUTE);
            assert_eq!(found, expected.map(|e| Micro::from_micros(e * 1_000)), "{volume} after {minutes} min");
        };
        check(300, 5, Some(3_000));
        check(300, 10, Some(2_000));
        check(400, 15, Some(2_000));
        check(400, 390, Some(2_000));
        check(5, 0, None);
    }

    #[test]
    fn within_a_step_the_usual_volume_comes_evenly() {
        let usual = UsualVolume::of(&sessions(), 5).unwrap();
        assert_eq!(usual.relative(110, 6 * MINUTE), Some(Micro::from_int(1)));
    }

    #[test]
    fn thin_premarket_history_has_a_floor() {
        let usual = UsualVolume::of(&sessions(), 5).unwrap();
        assert_eq!(usual.relative_premarket(60, 10 * MINUTE, 0), Some(Micro::from_int(2)));
        assert_eq!(usual.relative_premarket(10_000, 10 * MINUTE, 5_000), Some(Micro::from_int(2)));
    }

    #[test]
    fn too_little_history_is_no_history() {
        let all = sessions();
        assert_eq!(UsualVolume::of(&all[7..], 5), None);
        assert!(UsualVolume::of(&all[5..], 5).is_some());
        let mut unknown = all.clone();
        unknown[19].premarket.clear();
        let usual = UsualVolume::of(&unknown, 5).unwrap();
        assert_eq!(usual.relative_premarket(100, MINUTE, 5_000), None);
        assert!(usual.relative(100, MINUTE).is_some());
    }
}
