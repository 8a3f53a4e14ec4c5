//! From a complete round to a ranking and one plan per selected signal.

use super::{Entry, NotSelected, RankedSignal, Side, Target, TradePlan};
use crate::calendar::Session;
use crate::id::PlanId;
use crate::money::{Micro, MoneyError, Price, div_round};
use crate::scan::{Round, SignalGenerated};
use crate::strategy::PlanRules;
use crate::symbol::Symbol;

/// Orders the signals of a round: highest score first, then by symbol, so that no replica's speed matters.
pub fn rank(signals: &mut [SignalGenerated]) {
    let score = |s: &SignalGenerated| s.candidate.score.unwrap_or_default();
    signals.sort_by(|a, b| score(b).cmp(&score(a)).then_with(|| a.candidate.symbol.cmp(&b.candidate.symbol)));
}

/// What the planner must know beside the signals.
pub(super) struct Circumstances<'a> {
    /// The strategy's plan rules.
    pub(super) rules: &'a PlanRules,
    /// The round's session.
    pub(super) session: Session,
    /// True when the strategy is paused.
    pub(super) paused: bool,
    /// True for a symbol that has a plan for this session.
    pub(super) already_planned: &'a dyn Fn(&Symbol) -> bool,
}

/// Ranks `signals` and plans the best of them.
pub(super) fn plan_round(
    round: &Round,
    mut signals: Vec<SignalGenerated>,
    circumstances: &Circumstances<'_>,
) -> (Vec<RankedSignal>, Vec<TradePlan>) {
    rank(&mut signals);
    let mut ranking = Vec::with_capacity(signals.len());
    let mut plans: Vec<TradePlan> = Vec::new();
    for (place, signal) in (1_u32..).zip(&signals) {
        let selected = select(round, signal, place, plans.len(), circumstances);
        ranking.push(RankedSignal {
            rank: place,
            signal_id: signal.signal_id.clone(),
            symbol: signal.candidate.symbol.clone(),
            score: signal.candidate.score.unwrap_or_default(),
            not_selected: selected.as_ref().err().copied(),
        });
        plans.extend(selected);
    }
    (ranking, plans)
}

fn select(
    round: &Round,
    signal: &SignalGenerated,
    place: u32,
    planned: usize,
    circumstances: &Circumstances<'_>,
) -> Result<TradePlan, NotSelected> {
    if round.schedule != "trade" {
        return Err(NotSelected::WatchOnly);
    }
    if circumstances.paused {
        return Err(NotSelected::StrategyPaused);
    }
    if (circumstances.already_planned)(&signal.candidate.symbol) {
        return Err(NotSelected::AlreadyPlanned);
    }
    if planned >= circumstances.rules.top as usize {
        return Err(NotSelected::BelowTop);
    }
    plan(round, signal, place, circumstances)
}

/// Plans an opening-range break.
///
/// Buy stop-limit above the range after a range that closed up; sell stop-limit below it after one that closed down.
/// # Source
/// Zarattini, Barbon, Aziz (2024), section 2; buffer and cap are ours, `docs/adr/`.
fn plan(
    round: &Round,
    signal: &SignalGenerated,
    place: u32,
    circumstances: &Circumstances<'_>,
) -> Result<TradePlan, NotSelected> {
    let (rules, session) = (circumstances.rules, circumstances.session);
    let f = &signal.candidate.features;
    let no_levels = |_| NotSelected::NoLevels;
    let (Some(or_open), Some(or_close), Some(or_high), Some(or_low)) = (f.or_open, f.or_close, f.or_high, f.or_low)
    else {
        return Err(NotSelected::NoLevels);
    };
    let (Some(atr_14), Some(adv_14)) = (f.atr_14, f.adv_14) else { return Err(NotSelected::NoLevels) };
    let side = match or_close.cmp(&or_open) {
        std::cmp::Ordering::Greater => Side::Buy,
        std::cmp::Ordering::Less if rules.long_only => return Err(NotSelected::ShortsDisabled),
        std::cmp::Ordering::Less => Side::Sell,
        std::cmp::Ordering::Equal => return Err(NotSelected::NoLevels),
    };
    let level = if side == Side::Buy { or_high } else { or_low };
    let tick = level.tick();
    let buffer = part(atr_14, rules.buffer_atr_fraction)
        .map_err(no_levels)?
        .min(part(level, rules.buffer_price_fraction).map_err(no_levels)?)
        .max(tick);
    let stop_distance = stop_distance(rules, atr_14, tick)?;
    let trigger = beyond(side, level, buffer);
    let cap = part(stop_distance, rules.limit_stop_fraction)
        .map_err(no_levels)?
        .min(part(trigger, rules.limit_price_fraction).map_err(no_levels)?);
    let limit = match side {
        Side::Buy => Price::from_nanos(trigger.nanos() + cap.nanos()).floor_to_tick().max(trigger),
        Side::Sell => Price::from_nanos(trigger.nanos() - cap.nanos()).ceil_to_tick().min(trigger),
    };
    if limit.nanos() <= 0 || stop_distance >= trigger {
        return Err(NotSelected::NoLevels);
    }
    let targets = rules
        .targets
        .iter()
        .map(|t| Ok(Target { distance: part(stop_distance, t.r)?, fraction_bps: t.percent * 100 }))
        .collect::<Result<Vec<_>, MoneyError>>()
        .map_err(no_levels)?;
    let valid_until = session.open.plus_seconds(i64::from(rules.entry_valid_minutes) * 60);
    Ok(TradePlan {
        plan_id: PlanId::new(&signal.signal_id),
        signal_id: signal.signal_id.clone(),
        round: round.clone(),
        symbol: signal.candidate.symbol.clone(),
        side,
        rank: place,
        score: signal.candidate.score.unwrap_or_default(),
        entry: Entry { trigger, limit },
        stop_distance,
        targets,
        valid_until: valid_until.min(session.close.plus_seconds(-15 * 60)),
        exit_by: session.close,
        atr_14,
        adv_14,
        or_volume: f.or_volume,
        sector: f.sector.clone(),
    })
}

/// `k × ATR`, but at least some ticks; refused when that floor is more than twice what the rule wants.
fn stop_distance(rules: &PlanRules, atr_14: Price, tick: Price) -> Result<Price, NotSelected> {
    let wanted = part(atr_14, rules.stop_atr_fraction).map_err(|_| NotSelected::NoLevels)?;
    let floor = Price::from_nanos(tick.nanos().saturating_mul(i64::from(rules.stop_ticks_min)));
    if floor.nanos() > wanted.nanos().saturating_mul(2) {
        return Err(NotSelected::StopTooTight);
    }
    Ok(wanted.max(floor))
}

/// `price × fraction`, rounded to 1e-9.
fn part(price: Price, fraction: Micro) -> Result<Price, MoneyError> {
    let product = i128::from(price.nanos()) * i128::from(fraction.micros());
    div_round(product, 1_000_000)
        .and_then(|nanos| i64::try_from(nanos).ok())
        .map(Price::from_nanos)
        .ok_or(MoneyError::OutOfRange("part of a price"))
}

/// The nearest valid tick at least `distance` beyond `level` in the direction of `side`.
fn beyond(side: Side, level: Price, distance: Price) -> Price {
    match side {
        Side::Buy => Price::from_nanos(level.nanos() + distance.nanos()).ceil_to_tick(),
        Side::Sell => Price::from_nanos(level.nanos() - distance.nanos()).floor_to_tick(),
    }
}
