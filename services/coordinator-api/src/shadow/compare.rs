//! Two words on one round, held against each other.

use std::collections::BTreeSet;

use domain::plan::{NotSelected, TradePlan};
use domain::scan::Round;
use domain::{RoundId, Symbol};
use serde::Serialize;

use super::book::{Place, Side, Told, Verdict, Word};

/// A difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) round_id: RoundId,
    /// `None` where the whole round is meant.
    pub(super) symbol: Option<Symbol>,
    pub(super) field: &'static str,
    pub(super) active: String,
    pub(super) shadow: String,
    pub(super) why: Why,
}

/// What made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Why {
    Known(String),
    /// It stands with the candidates of the side that refused.
    RefusedBy(Side),
}

/// A round that only `side` has.
pub(super) fn one_sided(side: Side, round: &Round) -> Finding {
    let (active, shadow) = match side {
        Side::Active => ("closed", "none"),
        Side::Shadow => ("none", "closed"),
    };
    let why = format!("only one of them scans at {} ({})", round.due, round.schedule);
    let (round_id, why) = (round.round_id.clone(), Why::Known(why));
    Finding { round_id, symbol: None, field: "round", active: active.to_owned(), shadow: shadow.to_owned(), why }
}

/// What differs; `None` while one of them has a plan that is not decided yet.
pub(super) fn compare(active: (&Word, &Told), shadow: (&Word, &Told)) -> Option<Vec<Finding>> {
    let symbols: BTreeSet<&Symbol> = active.0.places.keys().chain(shadow.0.places.keys()).collect();
    let mut found = Findings { round_id: &active.0.round.round_id, all: Vec::new() };
    for symbol in symbols {
        let of = |(word, told): (&Word, &Told)| match word.places.get(symbol) {
            Some(place) => told.decided(place.clone()).map(Some),
            None => Some(None),
        };
        // A verdict that is missing anywhere leaves the whole round open.
        match (of(active)?, of(shadow)?) {
            (Some(ours), Some(theirs)) => found.of_symbol(symbol, &ours, &theirs),
            (Some(_), None) => found.one_sided(symbol, Side::Shadow),
            (None, Some(_)) => found.one_sided(symbol, Side::Active),
            (None, None) => {}
        }
    }
    Some(found.all)
}

/// A place, and what the risk engine made of its plan.
type Decided = (Place, Option<Verdict>);

impl Told {
    /// `None` where the place has a plan without a verdict.
    fn decided(&self, place: Place) -> Option<Decided> {
        let Some(plan) = &place.plan else { return Some((place, None)) };
        let verdict = self.verdicts.get(&plan.plan_id)?.clone();
        Some((place, Some(verdict)))
    }
}

struct Findings<'a> {
    round_id: &'a RoundId,
    all: Vec<Finding>,
}

impl Findings<'_> {
    fn add(&mut self, symbol: &Symbol, field: &'static str, active: String, shadow: String, why: Why) {
        self.all.push(Finding {
            round_id: self.round_id.clone(),
            symbol: Some(symbol.clone()),
            field,
            active,
            shadow,
            why,
        });
    }

    fn one_sided(&mut self, symbol: &Symbol, refused_by: Side) {
        let word = |side| if side == refused_by { "refused" } else { "passed" }.to_owned();
        self.add(symbol, "signal", word(Side::Active), word(Side::Shadow), Why::RefusedBy(refused_by));
    }

    fn known(&mut self, symbol: &Symbol, field: &'static str, values: (String, String), why: String) {
        self.add(symbol, field, values.0, values.1, Why::Known(why));
    }

    fn of_symbol(&mut self, symbol: &Symbol, (ours, our_verdict): &Decided, (theirs, their_verdict): &Decided) {
        let selection = |place: &Place| place.not_selected.map_or("planned", NotSelected::as_str).to_owned();
        if ours.not_selected != theirs.not_selected {
            let place = |place: &Place| format!("rank {} with score {}", place.rank, place.score);
            let why = format!("{} against {}", place(ours), place(theirs));
            self.known(symbol, "selection", (selection(ours), selection(theirs)), why);
        }
        if let (Some(our_plan), Some(their_plan)) = (&ours.plan, &theirs.plan) {
            self.of_plans(symbol, our_plan, their_plan);
        }
        if let (Some(our_verdict), Some(their_verdict)) = (our_verdict, their_verdict) {
            self.of_verdicts(symbol, our_verdict, their_verdict);
        }
    }

    fn of_plans(&mut self, symbol: &Symbol, ours: &TradePlan, theirs: &TradePlan) {
        let why = plan_rests_on(ours, theirs);
        let fields = [
            ("side", ours.side.to_string(), theirs.side.to_string()),
            ("entry_trigger", ours.entry.trigger.to_string(), theirs.entry.trigger.to_string()),
            ("entry_limit", ours.entry.limit.to_string(), theirs.entry.limit.to_string()),
            ("stop_distance", ours.stop_distance.to_string(), theirs.stop_distance.to_string()),
            ("targets", json(&ours.targets), json(&theirs.targets)),
            ("valid_until", ours.valid_until.to_string(), theirs.valid_until.to_string()),
            ("exit_by", ours.exit_by.to_string(), theirs.exit_by.to_string()),
            ("exits", json(&ours.exits), json(&theirs.exits)),
        ];
        for (field, ours, theirs) in fields {
            if ours != theirs {
                self.known(symbol, field, (ours, theirs), why.clone());
            }
        }
    }

    fn of_verdicts(&mut self, symbol: &Symbol, ours: &Verdict, theirs: &Verdict) {
        match (ours, theirs) {
            (Verdict::Approved { quantity: q1, why: w1 }, Verdict::Approved { quantity: q2, why: w2 }) if q1 != q2 => {
                self.known(symbol, "quantity", (q1.to_string(), q2.to_string()), format!("{w1}; against {w2}"));
            }
            (Verdict::Denied(r1), Verdict::Denied(r2)) if r1.code() != r2.code() => {
                self.known(
                    symbol,
                    "denial",
                    (r1.code().to_owned(), r2.code().to_owned()),
                    format!("{r1}; against {r2}"),
                );
            }
            (Verdict::Approved { .. }, Verdict::Denied(reason)) => {
                self.known(symbol, "decision", ("approved".to_owned(), "denied".to_owned()), reason.to_string());
            }
            (Verdict::Denied(reason), Verdict::Approved { .. }) => {
                self.known(symbol, "decision", ("denied".to_owned(), "approved".to_owned()), reason.to_string());
            }
            (Verdict::Approved { .. }, Verdict::Approved { .. }) | (Verdict::Denied(_), Verdict::Denied(_)) => {}
        }
    }
}

/// Whether two plans of one symbol saw the same market.
fn plan_rests_on(ours: &TradePlan, theirs: &TradePlan) -> String {
    let seen = [
        ("atr_14", ours.atr_14.to_string(), theirs.atr_14.to_string()),
        ("adv_14", ours.adv_14.to_string(), theirs.adv_14.to_string()),
        ("or_volume", ours.or_volume.to_string(), theirs.or_volume.to_string()),
    ];
    match seen.into_iter().find(|(_, ours, theirs)| ours != theirs) {
        Some((what, ours, theirs)) => format!("they saw another {what}: {ours} against {theirs}"),
        None => format!("both saw an ATR of {} and plan by other rules", ours.atr_14),
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use domain::plan::{RankedSignal, RoundClosed};
    use domain::risk::{DenialReason, PlanApproved, PlanDenied};
    use domain::{Event, Price};
    use testkit::build;

    use super::super::book::{Book, Comparison};
    use super::*;

    fn closed(plan: Option<TradePlan>, not_selected: Option<NotSelected>) -> Event {
        let plans: Vec<_> = plan.into_iter().collect();
        let signal = build::signal("GME");
        let place = RankedSignal {
            rank: 1,
            signal_id: signal.signal_id,
            symbol: signal.candidate.symbol,
            score: build::plan("GME").score,
            not_selected,
        };
        let (round, ranking) = (build::round(), vec![place]);
        RoundClosed { round, partitions: vec![0], missing: vec![], ranking, plans, inputs: vec![] }.into()
    }

    fn both(active: &[Event], shadow: &[Event]) -> Comparison {
        let mut book = Book::default();
        for (side, events) in [(Side::Active, active), (Side::Shadow, shadow)] {
            events.iter().for_each(|event| book.take(side, event.clone()));
        }
        book.compare()
    }

    fn planned() -> Event {
        closed(Some(build::plan("GME")), None)
    }

    fn approved(quantity: u64) -> Event {
        PlanApproved { quantity, ..build::plan_approved("GME") }.into()
    }

    fn denied() -> Event {
        let plan = build::plan("GME");
        PlanDenied {
            plan_id: plan.plan_id,
            signal_id: plan.signal_id,
            symbol: plan.symbol,
            session_date: build::session(),
            reason: DenialReason::AlreadyTraded,
            terms: vec![],
            equity: None,
            decided_at: build::session().at_hm(9, 35),
            inputs: vec![],
        }
        .into()
    }

    fn check(active: &[Event], shadow: &[Event], expected: &[(&str, &str, &str, &str)]) {
        let made = both(active, shadow);
        let found: Vec<_> = made
            .findings
            .iter()
            .map(|f| match &f.why {
                Why::Known(why) => (f.field, f.active.as_str(), f.shadow.as_str(), why.as_str()),
                Why::RefusedBy(side) => panic!("{side:?}"),
            })
            .collect();
        assert_eq!(found, expected);
        assert_eq!((made.rounds, made.agree), (1, usize::from(expected.is_empty())));
    }

    #[test]
    fn what_would_be_traded_is_compared_and_each_difference_says_why() {
        check(&[planned(), approved(100)], &[planned(), approved(100)], &[]);
        check(&[planned(), denied()], &[planned(), denied()], &[]);
        check(
            &[planned(), approved(100)],
            &[planned(), approved(90)],
            &[("quantity", "100", "90", "the risk cap: $10.00 / $0.10; against the risk cap: $10.00 / $0.10")],
        );
        let why = "the symbol has a plan for this session already";
        check(&[planned(), approved(100)], &[planned(), denied()], &[("decision", "approved", "denied", why)]);
        let wide = TradePlan { stop_distance: Price::from_cents(20), ..build::plan("GME") };
        let why = "both saw an ATR of 1.00 and plan by other rules";
        check(
            &[planned(), approved(100)],
            &[closed(Some(wide), None), approved(100)],
            &[("stop_distance", "0.10", "0.20", why)],
        );
        let other = TradePlan { atr_14: Price::from_cents(200), ..build::plan("GME") };
        check(&[planned(), approved(100)], &[closed(Some(other), None), approved(100)], &[]);
        let score = build::plan("GME").score;
        let why = format!("rank 1 with score {score} against rank 1 with score {score}");
        check(
            &[planned(), approved(100)],
            &[closed(None, Some(NotSelected::BelowTop))],
            &[("selection", "planned", "below_top", &why)],
        );
    }

    #[test]
    fn a_round_counts_once_both_have_decided_all_its_plans() {
        let open = both(&[planned(), approved(100)], &[planned()]);
        assert_eq!((open.rounds, open.agree), (0, 0));
    }

    #[test]
    fn why_a_signal_is_one_sided_stands_with_the_other_sides_candidates() {
        let none = RoundClosed {
            round: build::round(),
            partitions: vec![0],
            missing: vec![],
            ranking: vec![],
            plans: vec![],
            inputs: vec![],
        };
        let made = both(&[planned(), approved(100)], &[none.into()]);
        let [finding] = made.findings.as_slice() else { panic!("{made:?}") };
        assert_eq!((finding.field, &finding.why), ("signal", &Why::RefusedBy(Side::Shadow)));
    }
}
