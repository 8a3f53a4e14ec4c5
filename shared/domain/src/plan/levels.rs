//! Prices of a plan: entry, stop, targets and trail, from the features of a signal.

use super::{Entry, ExitRules, NotSelected, Side, Target, TimeStop, Trail};
use crate::money::{Micro, MoneyError, Price, div_round};
use crate::scan::Features;
use crate::strategy::{EntryRule, PlanRules};

/// The prices of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Levels {
    pub(super) side: Side,
    pub(super) entry: Entry,
    pub(super) stop_distance: Price,
    pub(super) targets: Vec<Target>,
    pub(super) exits: ExitRules,
}

impl Levels {
    /// The prices for `f`, or the first thing that is missing or forbids the trade.
    ///
    /// The trigger lies beyond the level by `max(ticks, min(part of ATR, part of the price))`, the limit beyond the
    /// trigger by at most `min(part of the stop distance, part of the price)`.
    /// # Source
    /// Zarattini, Barbon, Aziz (2024), section 2; buffer and cap are ours, `docs/adr/`.
    pub(super) fn new(f: &Features, rules: &PlanRules) -> Result<Self, NotSelected> {
        let (side, level) = broken_level(f, rules)?;
        let atr_14 = f.atr_14.ok_or(NotSelected::NoAtr)?;
        let tick = level.tick();
        let buffer = part(atr_14, rules.buffer_atr_fraction)?
            .min(part(level, rules.buffer_price_fraction)?)
            .max(times(tick, rules.buffer_ticks_min)?);
        let stop_distance = stop_distance(rules, atr_14, f.spread, tick)?;
        let trigger = beyond(side, level, buffer)?;
        let cap = part(stop_distance, rules.limit_stop_fraction)?.min(part(trigger, rules.limit_price_fraction)?);
        let limit = match side {
            Side::Buy => trigger.plus(cap, "entry limit").map(Price::floor_to_tick).map(|p| p.max(trigger)),
            Side::Sell => trigger.minus(cap, "entry limit").map(Price::ceil_to_tick).map(|p| p.min(trigger)),
        }?;
        if limit <= Price::ZERO || stop_distance <= Price::ZERO || stop_distance >= trigger {
            return Err(NotSelected::NoLevels);
        }
        let targets = rules
            .targets
            .iter()
            .map(|t| Ok(Target { distance: part(stop_distance, t.r)?, fraction_bps: t.percent * 100 }))
            .collect::<Result<_, NotSelected>>()?;
        let exits = exits(rules, stop_distance, f.minute_atr_14)?;
        Ok(Self { side, entry: Entry { trigger, limit }, stop_distance, targets, exits })
    }
}

/// Which way to trade and the level that must break.
fn broken_level(f: &Features, rules: &PlanRules) -> Result<(Side, Price), NotSelected> {
    match rules.entry {
        EntryRule::OpeningRangeBreak => {
            let range = f.or_open.zip(f.or_close).zip(f.or_high.zip(f.or_low));
            let ((open, close), (high, low)) = range.ok_or(NotSelected::NoOpeningRange)?;
            match close.cmp(&open) {
                std::cmp::Ordering::Greater => Ok((Side::Buy, high)),
                std::cmp::Ordering::Equal => Err(NotSelected::FlatRange),
                std::cmp::Ordering::Less => may_short(f, rules).map(|()| (Side::Sell, low)),
            }
        }
        EntryRule::PremarketHighBreak => {
            let high = f.premarket_high.ok_or(NotSelected::NoPremarketHigh)?;
            // Once the day has been higher, only a new high is a break.
            Ok((Side::Buy, f.day_high.map_or(high, |day| day.max(high))))
        }
    }
}

/// A short needs a strategy that allows it, a broker that lends, and a stock that may be sold at the bid: a sell stop
/// cannot wait for a price above it.
fn may_short(f: &Features, rules: &PlanRules) -> Result<(), NotSelected> {
    if rules.long_only {
        Err(NotSelected::ShortsDisabled)
    } else if f.shortable != Some(true) || f.easy_to_borrow != Some(true) {
        Err(NotSelected::NotShortable)
    } else if f.short_restricted != Some(false) {
        Err(NotSelected::ShortSaleRestricted)
    } else {
        Ok(())
    }
}

/// `k × ATR`, but at least some ticks and some spreads; refused when that floor is too many times what the rule wants.
fn stop_distance(rules: &PlanRules, atr_14: Price, spread: Option<Price>, tick: Price) -> Result<Price, NotSelected> {
    let wanted = part(atr_14, rules.stop_atr_fraction)?;
    let spreads = spread.map_or(Ok(Price::ZERO), |spread| part(spread, rules.stop_spreads_min))?;
    let floor = times(tick, rules.stop_ticks_min)?.max(spreads);
    if floor > part(wanted, rules.stop_floor_max)? {
        return Err(NotSelected::StopTooTight);
    }
    Ok(wanted.max(floor))
}

fn exits(rules: &PlanRules, stop_distance: Price, minute_atr: Option<Price>) -> Result<ExitRules, NotSelected> {
    let trail = rules.trail.as_ref().map(|trail| {
        let distance = match (minute_atr, trail.unknown_r) {
            (Some(atr), _) => part(atr, trail.minute_atr_multiple)?,
            (None, Some(r)) => part(stop_distance, r)?,
            (None, None) => return Err(NotSelected::NoMinuteAtr),
        };
        let distance = distance.max(stop_distance.tick());
        Ok(Trail { after: part(stop_distance, trail.after_r)?, distance })
    });
    let time_stop = rules.time_stop.as_ref().map(|rule| {
        let gain = part(stop_distance, rule.gain_r_min)?;
        Ok::<_, NotSelected>(TimeStop { after_seconds: rule.minutes * 60, gain })
    });
    Ok(ExitRules {
        trail: trail.transpose()?,
        time_stop: time_stop.transpose()?,
        halt_resume_seconds: rules.halt_resume_seconds,
        ..ExitRules::default()
    })
}

/// `price × fraction`, rounded to 1e-9.
fn part(price: Price, fraction: Micro) -> Result<Price, MoneyError> {
    let product = i128::from(price.nanos()) * i128::from(fraction.micros());
    div_round(product, 1_000_000)
        .and_then(|nanos| i64::try_from(nanos).ok())
        .map(Price::from_nanos)
        .ok_or(MoneyError::OutOfRange("part of a price"))
}

fn times(price: Price, count: u32) -> Result<Price, MoneyError> {
    price.scaled(i64::from(count), 1, "ticks")
}

/// The nearest valid tick at least `distance` beyond `level` in the direction of `side`.
fn beyond(side: Side, level: Price, distance: Price) -> Result<Price, MoneyError> {
    match side {
        Side::Buy => level.plus(distance, "entry trigger").map(Price::ceil_to_tick),
        Side::Sell => level.minus(distance, "entry trigger").map(Price::floor_to_tick),
    }
}

impl From<MoneyError> for NotSelected {
    /// A price that leaves the money range is no price to trade at.
    fn from(_: MoneyError) -> Self {
        Self::NoLevels
    }
}

#[cfg(test)]
#[path = "levels_tests.rs"]
mod tests;
