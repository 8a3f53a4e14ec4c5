//! Every criterion, held against what is known.

use super::{Comparison, Criterion, CriterionName, Features, Outcome, Unit};
use crate::market::{SecurityType, Tape, indicators};
use crate::money::{Micro, Price};
use crate::strategy::{EntryRule, Strategy};

/// What the criteria look at besides the features.
pub(super) struct Seen<'a> {
    pub(super) strategy: &'a Strategy,
    pub(super) features: &'a Features,
    /// A `watch` round: before the open, so nothing of regular hours is asked.
    pub(super) watch: bool,
    /// Holes in the feed since the windows opened that the criteria look at.
    pub(super) holes: u32,
    /// Where the history comes from; `None` without one.
    pub(super) history: Option<History<'a>>,
}

/// Where a symbol's history comes from.
pub(super) struct History<'a> {
    pub(super) source: &'a str,
    pub(super) security_type: SecurityType,
    /// Which prints the history counts, and which the feed carries.
    pub(super) tapes: (Tape, Option<Tape>),
}

/// What an unknown value means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unknown {
    Refuses,
    IsLetThrough,
}

/// True when the criteria ask about the pre-market, so that a hole in its feed matters.
pub(super) fn asks_premarket(strategy: &Strategy, watch: bool) -> bool {
    let rules = &strategy.scan;
    watch
        || rules.premarket_volume_min.is_some()
        || rules.premarket_dollar_volume_min.is_some()
        || rules.premarket_rvol_min.is_some()
        || strategy.plan.entry == EntryRule::PremarketHighBreak
}

/// Every criterion of the strategy in a fixed order, cheapest facts first.
pub(super) fn ask(seen: &Seen<'_>) -> Vec<Criterion> {
    let mut asked = Asked { seen, criteria: Vec::with_capacity(24) };
    asked.data();
    asked.exclusions();
    asked.levels();
    asked.volume();
    if !seen.watch {
        asked.costs();
        asked.entry();
    }
    asked.criteria
}

/// Asked of what the model gave; only when it gave nothing.
pub(super) fn not_scored() -> Criterion {
    Criterion {
        name: CriterionName::Scored,
        value: Some(no_or_yes(false)),
        threshold: no_or_yes(true),
        comparison: Comparison::Equal,
        outcome: Outcome::Fail,
        unit: Unit::YesNo,
        source: "scoring model".to_owned(),
    }
}

struct Asked<'a> {
    seen: &'a Seen<'a>,
    criteria: Vec<Criterion>,
}

impl Asked<'_> {
    fn data(&mut self) {
        use CriterionName::{FeedComplete, History, PrevCloseAgreement, Reference};
        let (f, rules) = (self.seen.features, &self.seen.strategy.scan);
        self.yes(Reference, Some(self.seen.history.is_some()), Unknown::Refuses);
        let holes = Some(Micro::from_int(i64::from(self.seen.holes)));
        self.put(FeedComplete, holes, Comparison::AtMost, Micro::default(), Unit::Ratio, Unknown::Refuses);
        let sessions = |n: u32| Micro::from_int(i64::from(n));
        let least = rules.history_sessions_min.map(sessions);
        self.at_least(History, f.history_sessions.map(sessions), least, Unit::Sessions);
        let most = rules.prev_close_difference_pct_max;
        self.at_most_if_told(PrevCloseAgreement, f.prev_close_difference_pct, most, Unit::Percent);
    }

    fn exclusions(&mut self) {
        let (f, exclude) = (self.seen.features, self.seen.strategy.scan.exclude);
        if exclude.funds || exclude.other_paper {
            let allowed = self.seen.history.as_ref().map(|h| match h.security_type {
                SecurityType::Common | SecurityType::Unknown => true,
                SecurityType::Fund => !exclude.funds,
                SecurityType::Other => !exclude.other_paper,
            });
            self.yes(CriterionName::SecurityType, allowed, Unknown::Refuses);
        }
        let not = |fact: Option<bool>| fact.map(|yes| !yes);
        if exclude.leveraged {
            self.yes(CriterionName::NotLeveraged, not(f.leveraged), Unknown::IsLetThrough);
        }
        if exclude.cash_mergers {
            self.yes(CriterionName::NoCashMerger, not(f.cash_merger), Unknown::IsLetThrough);
        }
        if exclude.halted {
            self.yes(CriterionName::NotHalted, not(f.halted), Unknown::IsLetThrough);
        }
    }

    fn levels(&mut self) {
        use CriterionName::{Atr, AverageVolume, Gap, GapKind, Price, PriceMax};
        let (f, rules, watch) = (self.seen.features, &self.seen.strategy.scan, self.seen.watch);
        let price = if watch { f.last } else { f.open }.map(Micro::from);
        self.more_than(Price, price, rules.price_min.map(Micro::from), Unit::UsdPerShare);
        if let Some(most) = rules.price_max.map(Micro::from) {
            self.put(PriceMax, price, Comparison::AtMost, most, Unit::UsdPerShare, Unknown::Refuses);
        }
        self.at_least(AverageVolume, f.adv_14.map(shares), rules.adv_14_min.map(shares), Unit::Shares);
        self.more_than(Atr, f.atr_14.map(Micro::from), rules.atr_14_min.map(Micro::from), Unit::UsdPerShare);
        let least = if watch { rules.watch_gap_pct_min } else { rules.gap_pct_min };
        self.at_least(Gap, f.gap_pct.map(Micro::abs), least, Unit::Percent);
        if !rules.gap_kinds.is_empty() {
            let wanted = f.gap_pct.map(|_| f.gap_kind.is_some_and(|kind| rules.gap_kinds.contains(&kind)));
            self.yes(GapKind, wanted, Unknown::Refuses);
        }
    }

    fn volume(&mut self) {
        use CriterionName::{
            Float, PremarketDollarVolume, PremarketRelativeVolume, PremarketVolume, RelativeVolume,
            RelativeVolumeByTime,
        };
        let (f, rules) = (self.seen.features, &self.seen.strategy.scan);
        let least = rules.premarket_volume_min.map(shares);
        self.at_least(PremarketVolume, Some(shares(f.premarket_volume)), least, Unit::Shares);
        let least = rules.premarket_dollar_volume_min.map(Micro::from);
        self.at_least(PremarketDollarVolume, Some(f.premarket_dollar_volume.into()), least, Unit::Usd);
        self.at_most_if_told(Float, f.float_shares.map(shares), rules.float_shares_max.map(shares), Unit::Shares);
        self.at_least_if_told(PremarketRelativeVolume, f.premarket_rvol, rules.premarket_rvol_min);
        if !self.seen.watch {
            self.at_least(RelativeVolume, f.rvol, rules.rvol_min, Unit::Ratio);
            self.at_least_if_told(RelativeVolumeByTime, f.rvol_by_time, rules.rvol_by_time_min);
        }
    }

    fn costs(&mut self) {
        let (f, strategy) = (self.seen.features, self.seen.strategy);
        self.at_most_if_told(CriterionName::Spread, f.spread_pct, strategy.scan.spread_pct_max, Unit::Percent);
        let of_stop = f.spread.zip(f.atr_14).and_then(|(spread, atr)| {
            let stop = Micro::from(atr).weighted(strategy.plan.stop_atr_fraction);
            Micro::ratio(Micro::from(spread).micros(), stop.micros(), 100)
        });
        self.at_most_if_told(CriterionName::SpreadOfStop, of_stop, strategy.scan.spread_stop_pct_max, Unit::Percent);
    }

    fn entry(&mut self) {
        use CriterionName::{OpeningRangeDirection, PremarketHighBroken, PremarketHighDistance};
        let (f, plan) = (self.seen.features, &self.seen.strategy.plan);
        match plan.entry {
            EntryRule::OpeningRangeBreak => {
                let sign = f.or_open.zip(f.or_close).map(|(open, close)| (close.nanos() - open.nanos()).signum());
                let value = if plan.long_only { sign } else { sign.map(i64::abs) }.map(Micro::from_int);
                let up = Micro::from_int(1);
                self.put(OpeningRangeDirection, value, Comparison::Equal, up, Unit::Direction, Unknown::Refuses);
            }
            EntryRule::PremarketHighBreak => {
                let distance = f.premarket_high.zip(f.open).zip(f.atr_14).and_then(|((high, open), atr)| {
                    Micro::ratio(high.nanos().saturating_sub(open.nanos()).saturating_abs(), atr.nanos(), 1)
                });
                if let Some(most) = plan.level_distance_atr_max {
                    let name = PremarketHighDistance;
                    self.put(name, distance, Comparison::AtMost, most, Unit::Atr, Unknown::Refuses);
                }
                let above = f.last.zip(f.premarket_high).map(|(last, high)| minus(last, high));
                self.more_than(PremarketHighBroken, above, Some(Micro::default()), Unit::UsdPerShare);
            }
        }
    }

    fn yes(&mut self, name: CriterionName, value: Option<bool>, unknown: Unknown) {
        self.put(name, value.map(no_or_yes), Comparison::Equal, no_or_yes(true), Unit::YesNo, unknown);
    }

    fn at_least(&mut self, name: CriterionName, value: Option<Micro>, threshold: Option<Micro>, unit: Unit) {
        if let Some(threshold) = threshold {
            self.put(name, value, Comparison::AtLeast, threshold, unit, Unknown::Refuses);
        }
    }

    fn at_least_if_told(&mut self, name: CriterionName, value: Option<Micro>, threshold: Option<Micro>) {
        if let Some(threshold) = threshold {
            self.put(name, value, Comparison::AtLeast, threshold, Unit::Ratio, Unknown::IsLetThrough);
        }
    }

    fn more_than(&mut self, name: CriterionName, value: Option<Micro>, threshold: Option<Micro>, unit: Unit) {
        if let Some(threshold) = threshold {
            self.put(name, value, Comparison::MoreThan, threshold, unit, Unknown::Refuses);
        }
    }

    fn at_most_if_told(&mut self, name: CriterionName, value: Option<Micro>, threshold: Option<Micro>, unit: Unit) {
        if let Some(threshold) = threshold {
            self.put(name, value, Comparison::AtMost, threshold, unit, Unknown::IsLetThrough);
        }
    }

    fn put(
        &mut self,
        name: CriterionName,
        value: Option<Micro>,
        comparison: Comparison,
        threshold: Micro,
        unit: Unit,
        unknown: Unknown,
    ) {
        let outcome = match value {
            None if self.seen.history.is_none() || unknown == Unknown::IsLetThrough => Outcome::NotEvaluated,
            Some(v) if comparison.holds(v, threshold) => Outcome::Pass,
            None | Some(_) => Outcome::Fail,
        };
        let source = self.source(name);
        self.criteria.push(Criterion { name, value, threshold, comparison, outcome, unit, source });
    }

    fn source(&self, name: CriterionName) -> String {
        use CriterionName as Name;
        let history = self.seen.history.as_ref();
        let vendor = || history.map_or_else(|| "no reference data".to_owned(), |h| h.source.to_owned());
        let bars = || history.map_or_else(|| "no reference data".to_owned(), |h| format!("{} daily bars", h.source));
        match name {
            Name::SecurityType | Name::Float | Name::NotLeveraged => vendor(),
            Name::Reference | Name::AverageVolume | Name::Atr | Name::History | Name::PrevCloseAgreement => bars(),
            Name::FeedComplete => "feed gaps".to_owned(),
            Name::Price | Name::PriceMax | Name::Gap | Name::GapKind if self.seen.watch => "last trade".to_owned(),
            Name::Price | Name::PriceMax | Name::Gap | Name::GapKind => "first trade of regular hours".to_owned(),
            Name::PremarketVolume | Name::PremarketDollarVolume => "trades from 04:00 to the open".to_owned(),
            Name::RelativeVolume => match history.map(|h| h.tapes) {
                Some((theirs, Some(ours))) if theirs != ours => {
                    format!("tapes differ: {ours:?} trades, {theirs:?} history")
                }
                _ => format!("opening range against {} sessions", indicators::PERIOD),
            },
            Name::RelativeVolumeByTime | Name::PremarketRelativeVolume => {
                format!("{} sessions at this time of day", indicators::PERIOD)
            }
            Name::OpeningRangeDirection => "opening range".to_owned(),
            Name::NotHalted => "tape".to_owned(),
            Name::NoCashMerger => "headlines".to_owned(),
            Name::Spread | Name::SpreadOfStop => "quotes of the last minute".to_owned(),
            Name::PremarketHighDistance => "pre-market high against the open".to_owned(),
            Name::PremarketHighBroken => "last trade against the pre-market high".to_owned(),
            Name::Scored => "scoring model".to_owned(),
        }
    }
}

fn shares(count: u64) -> Micro {
    Micro::from_int(i64::try_from(count).unwrap_or(i64::MAX))
}

const fn no_or_yes(yes: bool) -> Micro {
    Micro::from_int(if yes { 1 } else { 0 })
}

fn minus(price: Price, other: Price) -> Micro {
    Micro::from(Price::from_nanos(price.nanos().saturating_sub(other.nanos())))
}

#[cfg(test)]
#[path = "criteria_tests.rs"]
mod tests;
