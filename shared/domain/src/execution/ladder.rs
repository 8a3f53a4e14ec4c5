//! The way to a flat book by the close, and which clock says that a rung is reached.

use crate::calendar;
use crate::execution::{DeadlineClock, DeadlineStep};
use crate::time::{SessionDate, UnixNanos};

/// Market time from its two sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MarketInstants {
    /// The market's watermark.
    pub watermark: Option<UnixNanos>,
    /// The broker's clock when it was last read.
    pub broker: Option<UnixNanos>,
}

/// How far the broker's clock may run ahead of the watermark before it is believed instead, in seconds.
pub const BROKER_CLOCK_GRACE_S: i64 = 5;

impl MarketInstants {
    /// Market time: the watermark, unless the broker's clock shows that the watermark stands still.
    pub fn now(self) -> Option<UnixNanos> {
        self.watermark.max(self.broker.map(|clock| clock.plus_seconds(-BROKER_CLOCK_GRACE_S)))
    }

    /// Which clock has reached `instant`, the watermark first; `None` before it.
    pub fn reached(self, instant: UnixNanos) -> Option<DeadlineClock> {
        if self.watermark.is_some_and(|mark| mark >= instant) {
            Some(DeadlineClock::Watermark)
        } else if self.now().is_some_and(|now| now >= instant) {
            Some(DeadlineClock::Broker)
        } else {
            None
        }
    }
}

impl DeadlineStep {
    /// Every step in its order.
    pub const ALL: [Self; 6] =
        [Self::NoEntry, Self::CancelEntries, Self::PassiveExit, Self::MarketableExit, Self::MarketExit, Self::Verify];

    /// Seconds from the close, negative before it.
    pub const fn seconds_from_close(self) -> i64 {
        match self {
            Self::NoEntry => -15 * 60,
            Self::CancelEntries => -10 * 60,
            Self::PassiveExit => -6 * 60,
            Self::MarketableExit => -4 * 60,
            Self::MarketExit => -2 * 60,
            Self::Verify => 60,
        }
    }

    /// When this step of `session` falls due; `None` when the exchange is closed that day.
    pub fn due(self, session: SessionDate) -> Option<UnixNanos> {
        calendar::session(session).map(|s| s.close.plus_seconds(self.seconds_from_close()))
    }

    /// The last step of `session` that is due at `now`; `None` before the first.
    pub fn at(session: SessionDate, now: UnixNanos) -> Option<Self> {
        Self::ALL.into_iter().rev().find(|step| step.due(session).is_some_and(|due| now >= due))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> SessionDate {
        text.parse().unwrap()
    }

    #[test]
    fn steps_count_back_from_the_close_also_on_a_half_day() {
        let check =
            |day: &str, h, m, expected| assert_eq!(DeadlineStep::at(date(day), date(day).at_hm(h, m)), expected);
        check("2026-11-24", 15, 44, None);
        check("2026-11-24", 15, 45, Some(DeadlineStep::NoEntry));
        check("2026-11-24", 15, 57, Some(DeadlineStep::MarketableExit));
        check("2026-11-24", 16, 0, Some(DeadlineStep::MarketExit));
        check("2026-11-24", 16, 1, Some(DeadlineStep::Verify));
        check("2026-11-27", 12, 54, Some(DeadlineStep::PassiveExit));
        check("2026-11-26", 15, 57, None);
    }

    #[test]
    fn broker_clock_counts_only_when_the_watermark_stays_behind() {
        let due = date("2026-11-24").at_hm(15, 45);
        let at = |mark: i64, broker: i64| MarketInstants {
            watermark: Some(due.plus_seconds(mark)),
            broker: Some(due.plus_seconds(broker)),
        };
        assert_eq!(at(-1, 4).reached(due), None);
        assert_eq!(at(0, 9).reached(due), Some(DeadlineClock::Watermark));
        assert_eq!(at(-60, 5).reached(due), Some(DeadlineClock::Broker));
        assert_eq!(MarketInstants::default().reached(due), None);
    }
}
