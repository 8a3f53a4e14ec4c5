//! From a complete round to a ranking and one plan per selected signal.

use super::levels::Levels;
use super::{ExitRules, NotSelected, RankedSignal, TradePlan};
use crate::calendar::Session;
use crate::id::PlanId;
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
    /// A symbol that has not printed for longer than this looks halted, seconds.
    pub(super) halt_silence_seconds: u32,
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

fn plan(
    round: &Round,
    signal: &SignalGenerated,
    place: u32,
    circumstances: &Circumstances<'_>,
) -> Result<TradePlan, NotSelected> {
    let (rules, session) = (circumstances.rules, circumstances.session);
    let f = &signal.candidate.features;
    let Levels { side, entry, stop_distance, targets, exits } = Levels::new(f, rules)?;
    let valid_until = session.open.plus_seconds(i64::from(rules.entry_valid_minutes) * 60);
    let last_entry = session.close.plus_seconds(-i64::from(rules.entry_close_minutes) * 60);
    let valid_until = valid_until.min(last_entry);
    if valid_until <= round.due {
        return Err(NotSelected::TooLate);
    }
    Ok(TradePlan {
        plan_id: PlanId::new(&signal.signal_id),
        signal_id: signal.signal_id.clone(),
        round: round.clone(),
        symbol: signal.candidate.symbol.clone(),
        side,
        rank: place,
        score: signal.candidate.score.unwrap_or_default(),
        entry,
        stop_distance,
        targets,
        valid_until,
        exit_by: session.close,
        atr_14: f.atr_14.ok_or(NotSelected::NoAtr)?,
        adv_14: f.adv_14.ok_or(NotSelected::NoAverageVolume)?,
        or_volume: f.or_volume,
        sector: f.sector.clone(),
        exits: ExitRules { halt_silence_seconds: circumstances.halt_silence_seconds, ..exits },
    })
}
