//! What was decided, as text: one line a decision, the same for the same decisions however they were reached.
//!
//! Backtest, replay and paper write it from the same events; its SHA-256 says whether they agree. Partitions, chunks,
//! bus positions, wall-clock times and the order of arrival leave no trace in it.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Write};

use sha2::{Digest, Sha256};

use crate::event::Event;
use crate::id::RoundId;
use crate::plan::{RankedSignal, TimeStop, TradePlan, Trail};
use crate::scan::{Criterion, Round, TradeCandidate};
use crate::symbol::Symbol;
use crate::time::UnixNanos;

/// The decisions of any number of rounds: every candidate with every criterion, then the ranking, then the plans.
///
/// Lines are ordered by due time and round, then candidates by symbol, ranking and plans by rank. So the log of many
/// sessions is the logs of each session, one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DecisionLog {
    lines: BTreeMap<Place, String>,
}

/// Where a line stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    due: UnixNanos,
    round_id: RoundId,
    kind: Kind,
    rank: u32,
    symbol: Option<Symbol>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Round,
    Candidate,
    Rank,
    Plan,
}

impl DecisionLog {
    /// Takes an event of SCAN or PLAN. Repeats and other events change nothing.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::CandidatesEvaluated(evaluated) => {
                self.round(&evaluated.round);
                evaluated.candidates.iter().for_each(|c| self.candidate(&evaluated.round, c));
            }
            Event::RoundClosed(closed) => {
                self.round(&closed.round);
                closed.ranking.iter().for_each(|r| self.ranked(&closed.round, r));
                closed.plans.iter().for_each(|p| self.plan(&closed.round, p));
            }
            _ => {}
        }
    }

    /// The lines in order, without line ends.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.values().map(String::as_str)
    }

    /// SHA-256 of the text as [`Display`] writes it, lower-case hexadecimal.
    pub fn sha256(&self) -> String {
        let mut hasher = Sha256::new();
        for line in self.lines() {
            hasher.update(line.as_bytes());
            hasher.update(b"\n");
        }
        data_encoding::HEXLOWER.encode(&hasher.finalize())
    }

    fn round(&mut self, round: &Round) {
        let line = format!("{} round due={} strategy={}", round.round_id, round.due, round.strategy);
        self.put(round, Kind::Round, 0, None, line);
    }

    fn candidate(&mut self, round: &Round, candidate: &TradeCandidate) {
        let mut line = format!("{} candidate {}", round.round_id, candidate.symbol);
        match candidate.refused_by {
            Some(criterion) => write_to(&mut line, format_args!(" refused_by={criterion}")),
            None => write_to(&mut line, format_args!(" score={}", shown(candidate.score.as_ref()))),
        }
        for part in &candidate.score_parts {
            write_to(&mut line, format_args!(" {}:{}", part.name, part.value));
        }
        candidate.criteria.iter().for_each(|c| write_to(&mut line, format_args!(" {}", Asked(c))));
        self.put(round, Kind::Candidate, 0, Some(&candidate.symbol), line);
    }

    fn ranked(&mut self, round: &Round, ranked: &RankedSignal) {
        let mut line = format!("{} rank {} {} score={} ", round.round_id, ranked.rank, ranked.symbol, ranked.score);
        match ranked.not_selected {
            Some(reason) => write_to(&mut line, format_args!("not_selected={reason}")),
            None => line.push_str("planned"),
        }
        self.put(round, Kind::Rank, ranked.rank, Some(&ranked.symbol), line);
    }

    fn plan(&mut self, round: &Round, plan: &TradePlan) {
        let mut line = format!(
            "{} plan {} {} {} trigger={} limit={} stop_distance={}",
            round.round_id, plan.rank, plan.symbol, plan.side, plan.entry.trigger, plan.entry.limit, plan.stop_distance
        );
        for target in &plan.targets {
            write_to(&mut line, format_args!(" target={}:{}bps", target.distance, target.fraction_bps));
        }
        if let Some(Trail { after, distance }) = plan.exits.trail {
            write_to(&mut line, format_args!(" trail={distance}_after={after}"));
        }
        if let Some(TimeStop { after_seconds, gain }) = plan.exits.time_stop {
            write_to(&mut line, format_args!(" time_stop={after_seconds}s_below={gain}"));
        }
        write_to(&mut line, format_args!(" valid_until={} exit_by={}", plan.valid_until, plan.exit_by));
        self.put(round, Kind::Plan, plan.rank, Some(&plan.symbol), line);
    }

    fn put(&mut self, round: &Round, kind: Kind, rank: u32, symbol: Option<&Symbol>, line: String) {
        let place = Place { due: round.due, round_id: round.round_id.clone(), kind, rank, symbol: symbol.cloned() };
        self.lines.insert(place, line);
    }
}

impl Display for DecisionLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// `name=value(threshold,outcome)`, the threshold with its comparison; a value that is not known shows as `?`.
struct Asked<'a>(&'a Criterion);

impl Display for Asked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Criterion { name, value, threshold, comparison, outcome, .. } = self.0;
        write!(f, "{name}={}({comparison}{threshold},{outcome})", shown(value.as_ref()))
    }
}

fn shown(value: Option<&impl Display>) -> String {
    value.map_or_else(|| "?".to_owned(), ToString::to_string)
}

fn write_to(line: &mut String, text: fmt::Arguments<'_>) {
    // A `String` takes everything.
    let _ = line.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::{Micro, Price};
    use crate::plan::{ExitRules, RoundClosed, Target, fixture};
    use crate::scan::{CandidatesEvaluated, Comparison, CriterionName, Features, Outcome, ScorePart, Unit};

    fn round(day: &str) -> Round {
        fixture::round(day.parse().unwrap())
    }

    fn gap(micros: Option<i64>, outcome: Outcome) -> Criterion {
        Criterion {
            name: CriterionName::Gap,
            value: micros.map(Micro::from_micros),
            threshold: Micro::from_int(4),
            comparison: Comparison::AtLeast,
            outcome,
            unit: Unit::Percent,
            source: "trades".into(),
        }
    }

    fn candidate(symbol: &str, criterion: Criterion) -> TradeCandidate {
        let passed = criterion.outcome == Outcome::Pass;
        let rvol = ScorePart { name: "rvol".into(), value: Micro::from_int(3) };
        TradeCandidate {
            symbol: symbol.parse().unwrap(),
            features: Features::default(),
            refused_by: (!passed).then_some(criterion.name),
            criteria: vec![criterion],
            score: passed.then(|| Micro::from_int(3)),
            score_parts: if passed { vec![rvol] } else { Vec::new() },
            news_ids: Vec::new(),
        }
    }

    fn evaluated(day: &str, partition: u32, candidates: &[TradeCandidate]) -> Event {
        CandidatesEvaluated {
            round: round(day),
            partition,
            chunk: 0,
            chunks: 1,
            candidates: candidates.to_vec(),
            inputs: vec![],
        }
        .into()
    }

    fn closed(day: &str) -> Event {
        let round = round(day);
        let exits = ExitRules {
            trail: Some(Trail { after: Price::from_cents(80), distance: Price::from_cents(30) }),
            time_stop: Some(TimeStop { after_seconds: 3_600, gain: Price::from_cents(20) }),
            halt_resume_seconds: 30,
            halt_silence_seconds: 60,
        };
        let targets = vec![Target { distance: Price::from_cents(80), fraction_bps: 5_000 }];
        let plan = TradePlan { round: round.clone(), targets, exits, ..fixture::plan() };
        let ranked = RankedSignal {
            rank: 1,
            signal_id: plan.signal_id.clone(),
            symbol: plan.symbol.clone(),
            score: plan.score,
            not_selected: None,
        };
        RoundClosed {
            round,
            partitions: vec![0],
            missing: vec![],
            ranking: vec![ranked],
            plans: vec![plan],
            inputs: vec![],
        }
        .into()
    }

    const DAY: &str = "2026-11-24";

    #[test]
    fn a_round_reads_as_candidates_ranking_and_plans() {
        let mut log = DecisionLog::default();
        log.apply(&closed(DAY));
        log.apply(&evaluated(DAY, 1, &[candidate("GME", gap(Some(5_250_000), Outcome::Pass))]));
        log.apply(&evaluated(DAY, 0, &[candidate("AMC", gap(None, Outcome::Fail))]));
        let expected = "\
            2026-11-24-trade-0935 round due=2026-11-24T14:35:00Z strategy=orb\n\
            2026-11-24-trade-0935 candidate AMC refused_by=gap gap=?(>=4,fail)\n\
            2026-11-24-trade-0935 candidate GME score=3 rvol:3 gap=5.25(>=4,pass)\n\
            2026-11-24-trade-0935 rank 1 GME score=3 planned\n\
            2026-11-24-trade-0935 plan 1 GME buy trigger=102.06 limit=102.16 stop_distance=0.40 target=0.80:5000bps \
            trail=0.30_after=0.80 time_stop=3600s_below=0.20 valid_until=2026-11-24T16:30:00Z exit_by=2026-11-24T21:00:00Z\n";
        assert_eq!(log.to_string(), expected);
    }

    #[test]
    fn repeats_order_and_partitions_leave_no_trace() {
        let (gme, amc) = (candidate("GME", gap(Some(1), Outcome::Fail)), candidate("AMC", gap(None, Outcome::Fail)));
        let mut one = DecisionLog::default();
        one.apply(&evaluated(DAY, 0, &[amc.clone(), gme.clone()]));
        one.apply(&closed(DAY));
        let mut other = DecisionLog::default();
        for event in
            [closed(DAY), evaluated(DAY, 3, &[gme]), evaluated(DAY, 2, std::slice::from_ref(&amc)), closed(DAY)]
        {
            other.apply(&event);
        }
        assert_eq!(one, other);
        assert_eq!(one.sha256(), other.sha256());
        other.apply(&evaluated(DAY, 2, &[TradeCandidate { criteria: vec![gap(Some(2), Outcome::Fail)], ..amc }]));
        assert_ne!(one.sha256(), other.sha256());
    }

    #[test]
    fn the_log_of_two_sessions_is_the_first_and_then_the_second() {
        let log = |days: &[&str]| {
            let mut log = DecisionLog::default();
            days.iter().for_each(|day| log.apply(&closed(day)));
            log.to_string()
        };
        assert_eq!(log(&["2026-11-25", DAY]), log(&[DAY]) + &log(&["2026-11-25"]));
    }
}
