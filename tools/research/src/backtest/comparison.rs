//! The learned score beside the weighted one: the same candidates, ranked by each, on sessions that the learned one has
//! not seen.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use domain::scan::{ModelIdentity, ScoringModel, Weighted};
use domain::{Event, PlanId, SessionDate, SignalId, UnixNanos};
use learned_score::Learned;
use serde::Serialize;
use statistics::spearman;

use super::Arguments;
use super::outcome::Outcome;
use super::run::{Run, Witness};
use crate::files::Random;

/// Fewer sessions say nothing about the next.
const SESSIONS_MIN: usize = 20;
const RESAMPLES: usize = 2_000;

/// How two scores did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Comparison {
    /// The learned model.
    pub model: ModelIdentity,
    /// The last session that it has seen; only later ones count.
    pub trained_to: SessionDate,
    /// Sessions left out for that, with an outcome.
    pub seen_sessions: usize,
    /// Sessions that count, with an outcome.
    pub sessions: usize,
    /// Candidates of these sessions whose plan was carried out, each in an account of its own, or found no entry: 0 R.
    pub candidates: usize,
    /// How many of a round a score may choose: `plan.top`.
    pub top: u32,
    /// Sessions in which the two choose differently.
    pub sessions_that_differ: usize,
    /// What the weighted score chooses.
    pub weighted: Choice,
    /// What the learned score chooses.
    pub learned: Choice,
    /// Mean R of what the learned score chooses, less that of the weighted one.
    pub difference_r: Option<f64>,
    /// The middle 95 % of `difference_r` over resampled sessions.
    pub interval_95: Option<[f64; 2]>,
    /// What follows.
    pub verdict: Verdict,
}

/// What one score chooses.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Choice {
    /// Candidates chosen.
    pub chosen: usize,
    /// Their mean R.
    pub mean_r: Option<f64>,
    /// Rank correlation of score and R within a round, mean over rounds with at least three candidates.
    pub rank_correlation: Option<f64>,
}

/// What a comparison says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// No session is later than what the model has seen.
    NothingOutOfSample,
    /// Both choose the same candidates in every session.
    SameChoice,
    /// Too few sessions to tell.
    TooFewSessions,
    /// The interval lies above zero.
    Better,
    /// The interval lies below zero.
    Worse,
    /// The interval holds zero.
    NoBetter,
}

/// A candidate with both scores and its outcome.
#[derive(Debug, Clone, Copy)]
struct Scored {
    /// When its round fell due.
    due: UnixNanos,
    weighted: f64,
    /// `None` where the model gives none: never chosen.
    learned: Option<f64>,
    r: f64,
}

type Sessions = BTreeMap<SessionDate, Vec<Scored>>;

/// Plays the sessions again, every candidate's plan in an account of its own, and compares.
pub(super) fn compare(arguments: &Arguments, learned: &Learned) -> anyhow::Result<Comparison> {
    let mut run = Run::open(&arguments.market, &arguments.account, arguments.from..=arguments.to)?;
    let weighted = Arc::new(Weighted::new(&run.strategy().scoring));
    // Whatever the strategy ranks by: what the learned score cannot judge is still there for the weighted one.
    run.score_by(weighted.clone());
    let mut scores = Scores { weighted: &weighted, learned, by_signal: HashMap::new(), by_plan: HashMap::new() };
    let outcome = run.play_each_alone(&mut scores)?;
    let top = run.strategy().plan.top;
    let (model, trained_to) = (learned.identity().clone(), learned.trained_to());
    Ok(Comparison::of(model, trained_to, top, arguments.market.seed, scores.with(&outcome)))
}

impl Comparison {
    fn of(model: ModelIdentity, trained_to: SessionDate, top: u32, seed: u64, mut sessions: Sessions) -> Self {
        let all = sessions.len();
        sessions.retain(|date, _| *date > trained_to);
        let days: Vec<&[Scored]> = sessions.values().map(Vec::as_slice).collect();
        let chosen = |score: fn(&Scored) -> Option<f64>| -> Vec<Vec<usize>> {
            days.iter().map(|day| best_of_rounds(day, top as usize, score)).collect()
        };
        let (by_weight, by_learning) = (chosen(|c| Some(c.weighted)), chosen(|c| c.learned));
        let sums = |chosen: &[Vec<usize>]| -> Vec<(f64, usize)> {
            let sum = |(day, places): (&&[Scored], &Vec<usize>)| {
                (places.iter().map(|place| day[*place].r).sum(), places.len())
            };
            days.iter().zip(chosen).map(sum).collect()
        };
        let pairs: Vec<_> = sums(&by_weight).into_iter().zip(sums(&by_learning)).collect();
        let sessions_that_differ = by_weight.iter().zip(&by_learning).filter(|(a, b)| a != b).count();
        let interval_95 = (days.len() >= SESSIONS_MIN).then(|| interval(&pairs, seed)).flatten();
        Self {
            model,
            trained_to,
            seen_sessions: all - days.len(),
            sessions: days.len(),
            candidates: days.iter().map(|day| day.len()).sum(),
            top,
            sessions_that_differ,
            weighted: Choice::of(pairs.iter().map(|pair| pair.0), &days, |c| Some(c.weighted)),
            learned: Choice::of(pairs.iter().map(|pair| pair.1), &days, |c| c.learned),
            difference_r: difference(pairs.iter()),
            interval_95,
            verdict: match interval_95 {
                _ if days.is_empty() => Verdict::NothingOutOfSample,
                _ if sessions_that_differ == 0 => Verdict::SameChoice,
                None => Verdict::TooFewSessions,
                Some([low, _]) if low > 0.0 => Verdict::Better,
                Some([_, high]) if high < 0.0 => Verdict::Worse,
                Some(_) => Verdict::NoBetter,
            },
        }
    }
}

impl Choice {
    fn of(sums: impl Iterator<Item = (f64, usize)>, days: &[&[Scored]], score: fn(&Scored) -> Option<f64>) -> Self {
        let (sum, chosen) = sums.fold((0.0, 0), |(sum, count), (r, n)| (sum + r, count + n));
        let scored = |round: &[Scored]| round.iter().filter_map(|c| Some((score(c)?, c.r))).collect::<Vec<_>>();
        let correlations: Vec<f64> =
            days.iter().flat_map(|day| rounds(day)).filter_map(|round| spearman(&scored(round))).collect();
        let mean = |sum: f64, count: usize| (count > 0).then(|| sum / count as f64);
        Self {
            chosen,
            mean_r: mean(sum, chosen),
            rank_correlation: mean(correlations.iter().sum(), correlations.len()),
        }
    }
}

/// The candidates of each round.
fn rounds(day: &[Scored]) -> impl Iterator<Item = &[Scored]> {
    day.chunk_by(|a, b| a.due == b.due)
}

/// The places in `day` of each round's `top` best by `score`, ascending.
fn best_of_rounds(day: &[Scored], top: usize, score: fn(&Scored) -> Option<f64>) -> Vec<usize> {
    let mut first = 0;
    let mut places = Vec::new();
    for round in rounds(day) {
        places.extend(best(round, top, score).into_iter().map(|place| first + place));
        first += round.len();
    }
    places
}

/// The places of the `top` best by `score`, ascending; ties go by symbol, as in production.
fn best(day: &[Scored], top: usize, score: fn(&Scored) -> Option<f64>) -> Vec<usize> {
    let mut scored: Vec<(usize, f64)> = day.iter().enumerate().filter_map(|(at, c)| Some((at, score(c)?))).collect();
    scored.sort_by(|a, b| b.1.total_cmp(&a.1));
    scored.truncate(top);
    let mut places: Vec<usize> = scored.into_iter().map(|(at, _)| at).collect();
    places.sort_unstable();
    places
}

type Pair = ((f64, usize), (f64, usize));

fn difference<'a>(pairs: impl Iterator<Item = &'a Pair>) -> Option<f64> {
    let add = |(sum, count): (f64, usize), (r, n): (f64, usize)| (sum + r, count + n);
    let (weighted, learned) =
        pairs.fold(((0.0, 0), (0.0, 0)), |(weighted, learned), pair| (add(weighted, pair.0), add(learned, pair.1)));
    let mean = |(sum, count): (f64, usize)| (count > 0).then(|| sum / count as f64);
    Some(mean(learned)? - mean(weighted)?)
}

/// The percentile bootstrap of Efron (1979) over sessions: trades of one session are not independent of each other.
fn interval(pairs: &[Pair], seed: u64) -> Option<[f64; 2]> {
    let mut random = Random::keyed([seed, 0, 0]);
    let mut draw = || pairs[random.below(pairs.len() as i64) as usize];
    let mut means: Vec<f64> = (0..RESAMPLES)
        .filter_map(|_| {
            let drawn: Vec<Pair> = pairs.iter().map(|_| draw()).collect();
            difference(drawn.iter())
        })
        .collect();
    means.sort_by(f64::total_cmp);
    let at = |part: f64| means.get((part * (means.len() - 1) as f64).round() as usize).copied();
    if means.is_empty() { None } else { Some([at(0.025)?, at(0.975)?]) }
}

/// Both scores of every signal, until its plan has come to something.
struct Scores<'a> {
    weighted: &'a Weighted,
    learned: &'a Learned,
    by_signal: HashMap<SignalId, (f64, Option<f64>)>,
    by_plan: HashMap<PlanId, (f64, Option<f64>)>,
}

impl Witness for Scores<'_> {
    fn decided(&mut self, event: &Event) -> anyhow::Result<()> {
        match event {
            Event::SignalGenerated(signal) => {
                let score = |model: &dyn ScoringModel| {
                    let parts = model.score(&signal.candidate.features)?;
                    Some(parts.iter().map(|part| part.value.to_f64()).sum::<f64>())
                };
                let both = (score(self.weighted).unwrap_or_default(), score(self.learned));
                self.by_signal.insert(signal.signal_id.clone(), both);
            }
            Event::PlanProposed(proposed) => {
                if let Some(both) = self.by_signal.get(&proposed.plan.signal_id) {
                    self.by_plan.insert(proposed.plan.plan_id.clone(), *both);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn end_session(&mut self) -> anyhow::Result<()> {
        self.by_signal.clear();
        Ok(())
    }
}

impl Scores<'_> {
    /// By session, round and symbol; a plan that was denied has no outcome.
    fn with(&self, outcome: &Outcome) -> Sessions {
        let traded: HashMap<&PlanId, f64> = outcome.trades.iter().map(|t| (&t.plan_id, t.r.to_f64())).collect();
        let mut plans: Vec<_> = outcome.plans.iter().filter(|row| row.closed.is_some()).map(|row| &row.plan).collect();
        plans.sort_by(|a, b| (a.round.due, &a.symbol).cmp(&(b.round.due, &b.symbol)));
        let mut sessions = Sessions::new();
        for plan in plans {
            let Some((weighted, learned)) = self.by_plan.get(&plan.plan_id).copied() else { continue };
            let r = traded.get(&plan.plan_id).copied().unwrap_or_default();
            sessions.entry(plan.round.session_date).or_default().push(Scored {
                due: plan.round.due,
                weighted,
                learned,
                r,
            });
        }
        sessions
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.verdict {
            Verdict::NothingOutOfSample => {
                write!(f, "nothing to compare on: the model has seen every session up to {}", self.trained_to)?;
            }
            Verdict::SameChoice => {
                write!(f, "makes no difference: both choose the same {} of every round", self.top)?;
            }
            Verdict::TooFewSessions => {
                write!(f, "cannot be judged: {} sessions after {}", self.sessions, self.trained_to)?;
                write!(f, ", fewer than {SESSIONS_MIN}")?;
            }
            Verdict::Better => write!(f, "is better")?,
            Verdict::Worse => write!(f, "is worse")?,
            Verdict::NoBetter => write!(f, "is no better")?,
        }
        if let (Some([low, high]), Some(difference)) = (self.interval_95, self.difference_r) {
            write!(f, "; {difference:+.3} R a trade, 95 % of resampled sessions within {low:+.3} and {high:+.3}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sessions from 2026-03-01 on with five candidates each; `scores` gives weighted, learned and R of one.
    fn compared(days: i32, scores: impl Fn(&mut Random) -> (f64, f64, f64)) -> Comparison {
        let mut random = Random::keyed([7, 0, 0]);
        let first = SessionDate::from_ymd(2026, 3, 1).unwrap().epoch_days();
        let session = |day| {
            let mut candidate = |_| {
                let (weighted, learned, r) = scores(&mut random);
                Scored { due: UnixNanos::default(), weighted, learned: Some(learned), r }
            };
            (SessionDate::from_epoch_days(first + day).unwrap(), (0..5).map(&mut candidate).collect())
        };
        let sessions: Sessions = (0..days).map(session).collect();
        let model = ModelIdentity { name: "learned".into(), version: "1".into(), hash: "h".into() };
        Comparison::of(model, SessionDate::from_ymd(2026, 3, 10).unwrap(), 2, 1, sessions)
    }

    fn noise(random: &mut Random) -> f64 {
        random.below(2_000_001) as f64 / 1e6 - 1.0
    }

    #[test]
    fn the_verdict_is_better_only_where_the_interval_says_so() {
        let knows = compared(60, |random| (noise(random), 0.0, 0.0));
        assert_eq!(knows.verdict, Verdict::NoBetter, "all the same R: {knows:?}");
        let better = compared(60, |random| {
            let r = noise(random);
            (noise(random), r, r)
        });
        assert_eq!((better.verdict, better.sessions, better.seen_sessions), (Verdict::Better, 50, 10));
        assert!(better.interval_95.unwrap()[0] > 0.0 && better.learned.rank_correlation > Some(0.999), "{better:?}");
        let worse = compared(60, |random| {
            let r = noise(random);
            (r, -r, r)
        });
        assert_eq!(worse.verdict, Verdict::Worse);
        assert!(worse.learned.rank_correlation < Some(-0.999) && worse.difference_r < Some(-0.5), "{worse:?}");
        let chance = compared(60, |random| (noise(random), noise(random), noise(random)));
        assert_eq!(chance.verdict, Verdict::NoBetter, "{chance:?}");
        assert!(chance.to_string().starts_with("is no better; "), "{chance}");
    }

    #[test]
    fn each_round_chooses_for_itself_as_it_will_have_to() {
        let due = |round: i64, score| Scored { due: UnixNanos::new(round), weighted: score, learned: None, r: 0.0 };
        let day = [due(1, 0.3), due(1, 0.1), due(1, 0.2), due(2, 0.9), due(2, 0.8)];
        assert_eq!(best_of_rounds(&day, 1, |c| Some(c.weighted)), [0, 3]);
        assert_eq!(best_of_rounds(&day, 2, |c| Some(c.weighted)), [0, 2, 3, 4]);
        assert!(best_of_rounds(&day, 2, |c| c.learned).is_empty());
    }

    #[test]
    fn where_there_is_nothing_to_judge_nothing_is_judged() {
        let any = |random: &mut Random| (noise(random), noise(random), noise(random));
        assert_eq!(compared(10, any).verdict, Verdict::NothingOutOfSample);
        assert_eq!(compared(25, any).verdict, Verdict::TooFewSessions);
        let same = compared(60, |random| {
            let score = noise(random);
            (score, score * 2.0, noise(random))
        });
        assert_eq!((same.verdict, same.sessions_that_differ, same.difference_r), (Verdict::SameChoice, 0, Some(0.0)));
    }
}
