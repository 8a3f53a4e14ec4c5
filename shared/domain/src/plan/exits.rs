//! How a position is left: rules with their numbers, so that execution only compares.

use serde::{Deserialize, Serialize};

use super::{Side, TradePlan};
use crate::money::Price;
use crate::time::UnixNanos;

/// How a position is left besides its stop, its targets and the close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ExitRules {
    /// How the stop follows the price; `None` leaves it where it is.
    pub trail: Option<Trail>,
    /// When a trade that has not moved is closed; `None` waits.
    pub time_stop: Option<TimeStop>,
    /// Entries and the time stop wait this long after the reopening print of a halt, seconds.
    pub halt_resume_seconds: u32,
    /// A symbol that has not printed for longer than this looks halted, seconds; 0 takes no silence for a halt.
    #[serde(default)]
    pub halt_silence_seconds: u32,
}

/// A stop that moves to the entry, then follows the best price. It never moves back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trail {
    /// Gain from the executed price at which it starts, USD per share.
    pub after: Price,
    /// Distance behind the best price since the entry, USD per share.
    pub distance: Price,
}

/// Closes a trade that has not moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeStop {
    /// Seconds after the entry was executed, not counting halts.
    pub after_seconds: u32,
    /// Unless the price is at least this far in favour, USD per share.
    pub gain: Price,
}

impl TimeStop {
    /// The instant it falls due for an entry executed at `entered`.
    pub fn due(&self, entered: UnixNanos) -> UnixNanos {
        entered.plus_seconds(i64::from(self.after_seconds))
    }

    /// True when an entry of `side` at `executed` has gained too little at `last`.
    pub fn closes(&self, side: Side, executed: Price, last: Price) -> bool {
        gain(side, executed, last) < self.gain
    }
}

impl TradePlan {
    /// Where the stop of a fill at `executed` stands when `best` is the best price since and `current` is where it
    /// stood: never worse than `current`, on a valid tick.
    pub fn trailed_stop(&self, executed: Price, best: Price, current: Price) -> Price {
        let started = self.exits.trail.filter(|trail| gain(self.side, executed, best) >= trail.after);
        let Some(trail) = started else { return current };
        let behind = Price::from_nanos(best.nanos().saturating_sub(self.side.sign() * trail.distance.nanos()));
        match self.side {
            Side::Buy => current.max(executed.ceil_to_tick()).max(behind.ceil_to_tick()),
            Side::Sell => current.min(executed.floor_to_tick()).min(behind.floor_to_tick()),
        }
    }
}

fn gain(side: Side, executed: Price, price: Price) -> Price {
    Price::from_nanos(price.nanos().saturating_sub(executed.nanos()).saturating_mul(side.sign()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::fixture::plan;

    fn cents(cents: i64) -> Price {
        Price::from_cents(cents)
    }

    fn trailing(side: Side) -> TradePlan {
        let trail = Some(Trail { after: cents(80), distance: cents(30) });
        TradePlan { side, exits: ExitRules { trail, ..ExitRules::default() }, ..plan() }
    }

    #[test]
    fn a_long_stop_waits_then_goes_to_the_entry_then_follows() {
        let check = |best: i64, current: i64, expected: i64| {
            let stop = trailing(Side::Buy).trailed_stop(cents(10_000), cents(best), cents(current));
            assert_eq!(stop, cents(expected), "best {best}, stop {current}");
        };
        check(10_079, 9_960, 9_960);
        check(10_080, 9_960, 10_050);
        check(10_200, 10_050, 10_170);
        check(10_090, 10_170, 10_170);
        let wide = Trail { after: cents(80), distance: cents(300) };
        let plan = TradePlan { exits: ExitRules { trail: Some(wide), ..ExitRules::default() }, ..plan() };
        assert_eq!(plan.trailed_stop(cents(10_000), cents(10_080), cents(9_960)), cents(10_000));
    }

    #[test]
    fn a_short_stop_mirrors_it() {
        let stop = trailing(Side::Sell).trailed_stop(cents(10_000), cents(9_900), cents(10_040));
        assert_eq!(stop, cents(9_930));
        assert_eq!(trailing(Side::Sell).trailed_stop(cents(10_000), cents(9_921), cents(10_040)), cents(10_040));
    }

    #[test]
    fn a_time_stop_closes_what_has_not_moved() {
        let rule = TimeStop { after_seconds: 3_600, gain: cents(20) };
        assert_eq!(rule.due(UnixNanos::new(5)), UnixNanos::new(3_600_000_000_005));
        let check = |side, last: i64, expected| {
            assert_eq!(rule.closes(side, cents(10_000), cents(last)), expected, "{side} {last}");
        };
        check(Side::Buy, 10_019, true);
        check(Side::Buy, 10_020, false);
        check(Side::Sell, 10_020, true);
        check(Side::Sell, 9_980, false);
    }
}
