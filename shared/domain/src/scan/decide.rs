//! Holds every symbol of a partition against the criteria.

use super::criteria::{self, History, Seen};
use super::measure::Sight;
use super::scoring::total;
use super::state::{PartitionState, RoundResult};
use super::{
    CandidatesEvaluated, Headline, Input, Outcome, Round, ScanRoundCompleted, SignalGenerated, TradeCandidate,
};
use crate::calendar;
use crate::id::SignalId;
use crate::market::{SymbolState, Windows};
use crate::symbol::Symbol;

/// Candidates in one message, so that it stays well below the bus's largest.
const CHUNK: usize = 200;

/// Evaluates one round of one partition. Candidates and signals come ordered by symbol.
pub(super) fn evaluate(state: &PartitionState, windows: &Windows, round: &Round, inputs: &[Input]) -> RoundResult {
    let mut symbols: Vec<&Symbol> = state.profiles.keys().collect();
    symbols.extend(state.states().filter(|(s, t)| t.prints > 0 && !state.profiles.contains_key(*s)).map(|(s, _)| s));
    symbols.sort();
    let candidates: Vec<TradeCandidate> = symbols.into_iter().map(|s| candidate(state, windows, round, s)).collect();
    let signals: Vec<SignalGenerated> = candidates
        .iter()
        .filter(|c| c.refused_by.is_none())
        .map(|c| SignalGenerated {
            signal_id: SignalId::new(&round.round_id, &round.strategy, &c.symbol),
            round: round.clone(),
            partition: state.partition,
            candidate: c.clone(),
            model: Some(state.model.identity().clone()),
        })
        .collect();
    let completed = ScanRoundCompleted {
        round: round.clone(),
        partition: state.partition,
        partitions: state.partitions,
        evaluated: candidates.len() as u32,
        signal_ids: signals.iter().map(|s| s.signal_id.clone()).collect(),
    };
    let chunks = candidates.len().div_ceil(CHUNK).max(1) as u32;
    let chunk = |number: usize, part: &[TradeCandidate]| CandidatesEvaluated {
        round: round.clone(),
        partition: state.partition,
        chunk: number as u32,
        chunks,
        candidates: part.to_vec(),
        inputs: inputs.to_vec(),
    };
    let mut parts: Vec<_> = candidates.chunks(CHUNK).enumerate().map(|(n, part)| chunk(n, part)).collect();
    if parts.is_empty() {
        parts.push(chunk(0, &[]));
    }
    RoundResult { signals, candidates: parts, completed }
}

fn candidate(state: &PartitionState, windows: &Windows, round: &Round, symbol: &Symbol) -> TradeCandidate {
    let untraded = SymbolState::default();
    let tape = state.symbol_state(symbol).unwrap_or(&untraded);
    let profile = state.profiles.get(symbol).filter(|p| p.session_date == round.session_date);
    let headlines = state.headlines.get(symbol).map_or(&[][..], Vec::as_slice);
    let watch = round.schedule == "watch";
    let features = Sight { state, round, tape, profile, headlines, watch }.features();
    let mut criteria = criteria::ask(&Seen {
        strategy: &state.strategy,
        features: &features,
        watch,
        holes: holes(state, windows, round, watch),
        history: profile.map(|p| History {
            source: &p.source,
            security_type: p.security_type,
            tapes: (p.tape, state.tape),
        }),
    });
    let passed = criteria.iter().all(|c| c.outcome != Outcome::Fail);
    let score_parts = if passed { state.model.score(&features) } else { None };
    if passed && score_parts.is_none() {
        criteria.push(criteria::not_scored());
    }
    TradeCandidate {
        symbol: symbol.clone(),
        features,
        refused_by: criteria.iter().find(|c| c.outcome == Outcome::Fail).map(|c| c.name),
        criteria,
        score: score_parts.as_deref().map(total),
        score_parts: score_parts.unwrap_or_default(),
        news_ids: news_ids(round, headlines),
    }
}

/// Holes in the feed between the first window that the criteria look at and the due instant.
fn holes(state: &PartitionState, windows: &Windows, round: &Round, watch: bool) -> u32 {
    let premarket = criteria::asks_premarket(&state.strategy, watch);
    let from = if premarket { windows.session.premarket_open } else { windows.session.open };
    state.gaps.iter().filter(|(a, b)| *b > from && *a < round.due).count() as u32
}

/// Headlines since the previous close that the round could know.
fn news_ids(round: &Round, headlines: &[Headline]) -> Vec<String> {
    let previous_close = calendar::previous_session(round.session_date).close;
    let known = |h: &&Headline| h.published_at >= previous_close && h.published_at < round.due;
    headlines.iter().filter(known).map(|h| h.news_id.clone()).collect()
}
