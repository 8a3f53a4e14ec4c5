//! A scan round: its candidates with every criterion, and the round itself.

use std::collections::{BTreeMap, BTreeSet};

use domain::plan::{RankedSignal, RoundClosed};
use domain::scan::{Comparison, Criterion, Round, TradeCandidate};
use domain::{Event, Symbol};
use serde_json::{Value, json};

use super::{Recorded, Row, View};

/// The rows of one round, from all of its events.
pub fn candidates(events: &[Recorded]) -> Vec<Row> {
    let mut closed = None;
    let mut signals = BTreeMap::new();
    let mut done = BTreeSet::new();
    let (mut partitions, mut evaluated) = (0, 0);
    let mut round = None;
    for recorded in events {
        match &recorded.event {
            Event::RoundClosed(e) => {
                closed = Some(e);
                round = Some(&e.round);
            }
            Event::SignalGenerated(e) => {
                signals.insert(&e.candidate.symbol, e.signal_id.as_str());
                round = Some(&e.round);
            }
            Event::CandidatesEvaluated(e) => round = Some(&e.round),
            Event::ScanRoundCompleted(e) => {
                partitions = e.partitions;
                if done.insert(e.partition) {
                    evaluated += e.evaluated;
                }
                round = Some(&e.round);
            }
            _ => {} // an event of another story
        }
    }
    let Some(round) = round else { return Vec::new() };
    let ranks: BTreeMap<&str, &RankedSignal> =
        closed.iter().flat_map(|c| &c.ranking).map(|r| (r.signal_id.as_str(), r)).collect();
    let mut rows: Vec<Row> = events
        .iter()
        .filter_map(|r| match &r.event {
            Event::CandidatesEvaluated(e) => Some(e),
            _ => None,
        })
        .flat_map(|e| e.candidates.iter())
        .map(|c| {
            let signal = signals.get(&c.symbol).copied();
            candidate_row(round, c, signal, signal.and_then(|s| ranks.get(s).copied()))
        })
        .collect();
    rows.push(round_row(round, closed, &Progress { partitions, done, evaluated, signals: &signals }));
    rows
}

struct Progress<'a> {
    partitions: u32,
    done: BTreeSet<u32>,
    evaluated: u32,
    signals: &'a BTreeMap<&'a Symbol, &'a str>,
}

fn round_row(round: &Round, closed: Option<&RoundClosed>, progress: &Progress<'_>) -> Row {
    let doc = json!({
        "id": round.round_id,
        "schedule": round.schedule,
        "session_date": round.session_date,
        "due": round.due,
        "strategy": round.strategy,
        "config_version": round.config_version,
        "partitions": progress.partitions,
        "done": progress.done,
        "evaluated": progress.evaluated,
        "signals": progress.signals.len(),
        "closed": closed.is_some(),
        "missing": closed.map(|c| &c.missing),
        "ranking": closed.map(|c| &c.ranking),
    });
    Row::new(View::Rounds, round.round_id.as_str(), round.session_date, round.due, &doc)
}

fn candidate_row(
    round: &Round,
    candidate: &TradeCandidate,
    signal: Option<&str>,
    ranked: Option<&RankedSignal>,
) -> Row {
    let id = format!("{}.{}", round.round_id, candidate.symbol.subject_token());
    let f = &candidate.features;
    let doc = json!({
        "id": id,
        "round_id": round.round_id,
        "schedule": round.schedule,
        "symbol": candidate.symbol,
        "session_date": round.session_date,
        "evaluated_at": round.due,
        "passed": candidate.refused_by.is_none(),
        "refused_by": candidate.refused_by,
        "score": candidate.score,
        "score_parts": candidate.score_parts,
        "rank": ranked.map(|r| r.rank),
        "not_selected": ranked.and_then(|r| r.not_selected),
        "signal_id": signal,
        "last": f.last,
        "prev_close": f.prev_close,
        "open": f.open,
        "gap_pct": f.gap_pct,
        "rvol": f.rvol,
        "atr_14": f.atr_14,
        "premarket_high": f.premarket_high,
        "premarket_low": f.premarket_low,
        "premarket_volume": f.premarket_volume,
        "or_high": f.or_high,
        "or_low": f.or_low,
        "or_volume": f.or_volume,
        "adv_14": f.adv_14,
        "vwap": f.vwap,
        "sector": f.sector,
        "news_ids": candidate.news_ids,
        "criteria": candidate.criteria.iter().map(criterion).collect::<Vec<_>>(),
    });
    let mut row = Row::new(View::Candidates, id, round.session_date, round.due, &doc).of_symbol(&candidate.symbol);
    row.live = candidate.refused_by.is_none();
    row
}

fn criterion(c: &Criterion) -> Value {
    let comparison = match c.comparison {
        Comparison::AtLeast => ">=",
        Comparison::MoreThan => ">",
        Comparison::AtMost => "<=",
        Comparison::Equal => "=",
    };
    json!({
        "name": c.name,
        "value": c.value,
        "threshold": c.threshold,
        "comparison": comparison,
        "outcome": c.outcome,
        "unit": c.unit,
        "source": c.source,
    })
}
