//! What both sides have said of each round: a fold, without clock and bus.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::plan::{NotSelected, RankedSignal, RoundClosed, TradePlan};
use domain::risk::{DenialReason, PlanApproved, PlanDenied};
use domain::scan::Round;
use domain::{Event, Micro, PlanId, RoundId, Symbol, UnixNanos};

use super::compare::{Finding, compare, one_sided};

/// Rounds that are remembered of each side, the newest.
const ROUNDS_KEPT: usize = 200;

/// Whose word it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    /// The suite's.
    Active,
    /// That of the strategy on trial.
    Shadow,
}

/// A signal's place in its round, and what became of it.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) rank: u32,
    pub(super) score: Micro,
    pub(super) not_selected: Option<NotSelected>,
    pub(super) plan: Option<TradePlan>,
}

/// What one side said of a round.
#[derive(Debug, Clone)]
pub(super) struct Word {
    pub(super) round: Round,
    pub(super) places: BTreeMap<Symbol, Place>,
}

/// What the risk engine made of a plan.
#[derive(Debug, Clone)]
pub(super) enum Verdict {
    Approved { quantity: u64, why: String },
    Denied(DenialReason),
}

/// One side.
#[derive(Debug, Default)]
pub(super) struct Told {
    rounds: BTreeMap<(UnixNanos, RoundId), Word>,
    pub(super) verdicts: HashMap<PlanId, Verdict>,
}

/// Both sides.
#[derive(Debug, Default)]
pub(super) struct Book {
    active: Told,
    shadow: Told,
}

/// The comparison, with what is still to be looked up.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    pub(super) active: Option<String>,
    pub(super) shadow: Option<String>,
    pub(super) rounds: usize,
    pub(super) agree: usize,
    pub(super) findings: Vec<Finding>,
}

impl Book {
    pub(super) fn take(&mut self, side: Side, event: Event) {
        let told = match side {
            Side::Active => &mut self.active,
            Side::Shadow => &mut self.shadow,
        };
        match event {
            Event::RoundClosed(closed) => told.close(closed),
            Event::PlanApproved(approved) => told.approve(&approved),
            Event::PlanDenied(PlanDenied { plan_id, reason, .. }) => {
                told.verdicts.insert(plan_id, Verdict::Denied(reason));
            }
            _ => {}
        }
    }

    /// Holds the newest versions of both against each other.
    pub(super) fn compare(&self) -> Comparison {
        let (active, shadow) = (&self.active, &self.shadow);
        let mut made = Comparison { active: active.version(), shadow: shadow.version(), ..Comparison::default() };
        let keys: BTreeSet<_> =
            active.keys(made.active.as_ref()).chain(shadow.keys(made.shadow.as_ref())).cloned().collect();
        for key in keys.iter().rev() {
            let findings = match (active.word(key, made.active.as_ref()), shadow.word(key, made.shadow.as_ref())) {
                (Some(ours), Some(theirs)) => compare((ours, active), (theirs, shadow)),
                (Some(ours), None) => {
                    let passed = shadow.has_passed(key, made.shadow.as_ref());
                    passed.then(|| vec![one_sided(Side::Active, &ours.round)])
                }
                (None, Some(theirs)) => {
                    let passed = active.has_passed(key, made.active.as_ref());
                    passed.then(|| vec![one_sided(Side::Shadow, &theirs.round)])
                }
                (None, None) => None,
            };
            if let Some(findings) = findings {
                made.rounds += 1;
                made.agree += usize::from(findings.is_empty());
                made.findings.extend(findings);
            }
        }
        made
    }
}

type Key = (UnixNanos, RoundId);

impl Told {
    fn close(&mut self, closed: RoundClosed) {
        let mut plans: HashMap<_, _> = closed.plans.into_iter().map(|plan| (plan.signal_id.clone(), plan)).collect();
        let place = |RankedSignal { rank, signal_id, symbol, score, not_selected }| {
            let plan = plans.remove(&signal_id);
            (symbol, Place { rank, score, not_selected, plan })
        };
        let places = closed.ranking.into_iter().map(place).collect();
        let round = closed.round;
        self.rounds.insert((round.due, round.round_id.clone()), Word { round, places });
        while self.rounds.len() > ROUNDS_KEPT {
            let Some((_, oldest)) = self.rounds.pop_first() else { break };
            for plan in oldest.places.into_values().filter_map(|place| place.plan) {
                self.verdicts.remove(&plan.plan_id);
            }
        }
    }

    fn approve(&mut self, approved: &PlanApproved) {
        let cap = approved.binding_cap;
        let term = approved.terms.iter().find(|term| term.cap == cap);
        let detail = term.map_or_else(String::new, |term| format!(": {}", term.detail));
        let verdict =
            Verdict::Approved { quantity: approved.quantity, why: format!("the {} cap{detail}", cap.as_str()) };
        self.verdicts.insert(approved.plan.plan_id.clone(), verdict);
    }

    /// The version of the newest round.
    fn version(&self) -> Option<String> {
        self.rounds.values().next_back().map(|word| word.round.config_version.clone())
    }

    fn keys<'a>(&'a self, version: Option<&'a String>) -> impl Iterator<Item = &'a Key> {
        self.rounds.iter().filter(move |(_, word)| Some(&word.round.config_version) == version).map(|(key, _)| key)
    }

    fn word(&self, key: &Key, version: Option<&String>) -> Option<&Word> {
        self.rounds.get(key).filter(|word| Some(&word.round.config_version) == version)
    }

    /// True where this version has decided rounds before and after `key`, so that it will not decide that one any more.
    fn has_passed(&self, key: &Key, version: Option<&String>) -> bool {
        let mut before = self.keys(version).take_while(|known| known.0 < key.0);
        before.next().is_some() && self.keys(version).any(|known| known.0 > key.0)
    }
}

#[cfg(test)]
mod tests {
    use domain::plan::RoundClosed;
    use testkit::build;

    use super::*;

    fn round(minute: u32, version: &str) -> Round {
        let round_id = RoundId::new(build::session(), "trade", 9, minute);
        let config_version = version.to_owned();
        Round { round_id, due: build::session().at_hm(9, minute), config_version, ..build::round() }
    }

    fn closed(round: Round) -> Event {
        let (ranking, plans) = (Vec::new(), Vec::new());
        RoundClosed { round, partitions: vec![0], missing: vec![], ranking, plans, inputs: vec![] }.into()
    }

    fn book(active: &[(u32, &str)], shadow: &[(u32, &str)]) -> Comparison {
        let mut book = Book::default();
        for (side, rounds) in [(Side::Active, active), (Side::Shadow, shadow)] {
            for (minute, version) in rounds {
                book.take(side, closed(round(*minute, version)));
            }
        }
        book.compare()
    }

    #[test]
    fn only_rounds_of_the_newest_two_versions_count() {
        let made = book(&[(35, "a"), (40, "b"), (45, "b")], &[(35, "x"), (40, "x"), (45, "x")]);
        assert_eq!((made.active.as_deref(), made.shadow.as_deref()), (Some("b"), Some("x")));
        // The round of the earlier version of the suite is before everything of this one.
        assert_eq!((made.rounds, made.agree), (2, 2));
        let none = book(&[(35, "a")], &[]);
        assert_eq!((none.shadow, none.rounds), (None, 0));
    }

    #[test]
    fn a_round_that_one_side_does_not_have_differs_once_that_side_is_past_it() {
        let not_yet = book(&[(35, "a"), (40, "a")], &[(35, "x")]);
        assert_eq!((not_yet.rounds, not_yet.agree), (1, 1));
        let passed = book(&[(35, "a"), (40, "a")], &[(35, "x"), (45, "x")]);
        assert_eq!((passed.rounds, passed.agree), (2, 1));
        let began_later = book(&[(30, "a"), (35, "a")], &[(35, "x"), (45, "x")]);
        assert_eq!((began_later.rounds, began_later.agree), (1, 1));
    }

    #[test]
    fn the_oldest_rounds_are_forgotten() {
        let mut book = Book::default();
        for n in 0..250 {
            let round_id = RoundId::new(build::session(), "trade", n / 60, n % 60);
            let due = build::session().at_hm(n / 60, n % 60);
            book.take(Side::Shadow, closed(Round { round_id, due, ..build::round() }));
        }
        assert_eq!(book.shadow.rounds.len(), ROUNDS_KEPT);
    }
}
