//! Where the market's day stands and what the suite does next, by market time alone.

use domain::strategy::Schedules;
use domain::{UnixNanos, calendar};
use serde::Serialize;

/// Part of the trading day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// From 04:00 to the open.
    Premarket,
    /// From the open to the close.
    Regular,
    /// From the close to the end of after-hours trading.
    Post,
    /// No trading.
    Closed,
}

impl Phase {
    /// The phase at an instant.
    pub fn at(instant: UnixNanos) -> Self {
        match calendar::session(instant.session_date()) {
            Some(s) if instant < s.premarket_open => Self::Closed,
            Some(s) if instant < s.open => Self::Premarket,
            Some(s) if instant < s.close => Self::Regular,
            Some(s) if instant < s.postmarket_close => Self::Post,
            Some(_) | None => Self::Closed,
        }
    }
}

/// Something that the suite will do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What, for example `scan trade` or `market exit`.
    pub name: &'static str,
    /// When, market time.
    pub at: UnixNanos,
}

/// Minutes before the close (after it: negative) of each step to being flat.
const LADDER: [(&str, i64); 6] = [
    ("no new entry", 15),
    ("cancel entries", 10),
    ("passive exit", 6),
    ("marketable exit", 4),
    ("market exit", 2),
    ("verify flat", -1),
];

/// The first step after `market`; `None` only when a schedule never falls due and no session is left.
pub fn next_step(schedules: &Schedules, market: UnixNanos) -> Option<Step> {
    let scans = [("scan watch", &schedules.watch), ("scan trade", &schedules.trade)]
        .into_iter()
        .filter_map(|(name, rule)| Some(Step { name, at: rule.parse(name).ok()?.next_after(market)? }));
    let session = calendar::session_at(market);
    let later = calendar::next_session(session.date);
    let ladder = [session, later].into_iter().flat_map(|s| {
        let open = Step { name: "market opens", at: s.open };
        let steps = LADDER.iter().map(move |(name, minutes)| Step { name, at: s.close.plus_seconds(-minutes * 60) });
        std::iter::once(open).chain(steps)
    });
    scans.chain(ladder).filter(|step| step.at > market).min_by_key(|step| step.at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::SessionDate;
    use domain::strategy::ScheduleRule;

    fn rule(cron: &str) -> ScheduleRule {
        ScheduleRule { cron: cron.into(), time_zone: "America/New_York".into(), trading_days_only: true }
    }

    #[test]
    fn steps_follow_the_day_and_short_days_end_early() {
        let schedules = Schedules { watch: rule("0 8 * * 1-5"), trade: rule("35 9 * * 1-5") };
        let check = |date: &str, (h, m), name: &str, at: (u32, u32)| {
            let date: SessionDate = date.parse().unwrap();
            let step = next_step(&schedules, date.at_hm(h, m)).unwrap();
            assert_eq!((step.name, step.at), (name, date.at_hm(at.0, at.1)), "{h}:{m}");
        };
        check("2026-11-24", (5, 0), "scan watch", (8, 0));
        check("2026-11-24", (8, 0), "market opens", (9, 30));
        check("2026-11-24", (9, 30), "scan trade", (9, 35));
        check("2026-11-24", (9, 35), "no new entry", (15, 45));
        check("2026-11-24", (15, 57), "market exit", (15, 58));
        check("2026-11-24", (16, 0), "verify flat", (16, 1));
        check("2026-11-27", (9, 35), "no new entry", (12, 45));
    }

    #[test]
    fn phases_follow_the_calendar() {
        let check = |date: &str, h, m, phase| {
            assert_eq!(Phase::at(date.parse::<SessionDate>().unwrap().at_hm(h, m)), phase, "{date} {h}:{m}");
        };
        check("2026-11-24", 3, 59, Phase::Closed);
        check("2026-11-24", 4, 0, Phase::Premarket);
        check("2026-11-24", 9, 30, Phase::Regular);
        check("2026-11-24", 16, 0, Phase::Post);
        check("2026-11-24", 20, 0, Phase::Closed);
        check("2026-11-27", 13, 0, Phase::Post);
        check("2026-11-26", 10, 0, Phase::Closed);
    }
}
