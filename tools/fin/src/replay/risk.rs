//! The account's ledger made again from PLAN, ORDER, CONTROL and its own earlier entries.

use std::sync::Arc;

use bus::subject::subject_of;
use domain::risk::RiskState;
use domain::scan::Input;
use domain::strategy::Strategy;
use domain::{Event, SessionDate, StreamName};

use super::findings::Findings;
use super::recording::{Cursor, Recorded, Recording, last_seq, session_of};
use super::versions::meaning;

/// The streams beside RISK that the risk engine folds, whole.
pub(super) struct Inputs<'a> {
    pub(super) plan: &'a Recording,
    pub(super) order: &'a Recording,
    pub(super) control: &'a Recording,
}

/// Holds what the risk engine decides on `day` against `risk`; the days before only build the ledger up.
pub(super) fn compare(
    strategy: &Arc<Strategy>,
    day: SessionDate,
    inputs: &Inputs<'_>,
    risk: &Recording,
    findings: &mut Findings,
) {
    let (plan, order, control) = (inputs.plan.cursor(), inputs.order.cursor(), inputs.control.cursor());
    let mut engine = Engine { state: RiskState::new(Arc::clone(strategy)), plan, order, control };
    // Late decisions about a day may lie behind the opening of the next.
    let last = risk.events.iter().rposition(|recorded| session_of(&recorded.event) <= Some(day));
    let until = last.map_or(0, |place| place + 1);
    for (place, recorded) in risk.events[..until].iter().enumerate() {
        let seen = inputs_of(&recorded.event);
        if let Some(seen) = seen {
            if ![inputs.plan, inputs.order, inputs.control].iter().all(|recording| recording.covers(seen)) {
                findings.leave_out(recorded);
                return;
            }
            engine.fold_to(seen);
        }
        if session_of(&recorded.event) == Some(day) {
            let made = match seen {
                Some(seen) => engine.decide(seen),
                None => engine.decide_by_account(recorded, next_order(&risk.events[place..])),
            };
            findings.compare(recorded, made.filter(|event| subject_of(event) == recorded.subject).as_ref());
        }
        engine.state.apply(&recorded.event);
    }
    engine.finish(day, until == risk.events.len(), findings);
}

struct Engine<'a> {
    state: RiskState,
    plan: Cursor<'a>,
    order: Cursor<'a>,
    control: Cursor<'a>,
}

impl Engine<'_> {
    fn fold_to(&mut self, seen: &[Input]) {
        for cursor in [&mut self.plan, &mut self.order, &mut self.control] {
            cursor.up_to(seen).iter().for_each(|recorded| apply(&mut self.state, &recorded.event));
        }
    }

    fn decide(&self, seen: &[Input]) -> Option<Event> {
        self.state.decide(seen).map(domain::risk::Decision::into_event)
    }

    /// Openings, and the locks of older recordings, name no inputs and rest on the account and the orders before them: folds ORDER, at most to
    /// `last`, until `recorded` comes out.
    fn decide_by_account(&mut self, recorded: &Recorded, last: u64) -> Option<Event> {
        let mut other = None;
        loop {
            let made = self.decide(&[]).filter(|event| subject_of(event) == recorded.subject);
            if made.as_ref() == Some(&recorded.event) {
                return made;
            }
            other = other.or(made);
            match self.order.next_up_to(last) {
                Some(next) => self.state.apply(&next.event),
                None => return other,
            }
        }
    }

    /// What is left to decide of `day`; `newest` when nothing of a later one is recorded.
    fn finish(mut self, day: SessionDate, newest: bool, findings: &mut Findings) {
        let of_day = |recorded: &&Recorded| session_of(&recorded.event) == Some(day);
        self.plan.rest().iter().filter(of_day).for_each(|recorded| self.state.apply(&recorded.event));
        if newest {
            let rest = self.order.rest().iter().chain(self.control.rest());
            rest.for_each(|recorded| apply(&mut self.state, &recorded.event));
        }
        while let Some(event) = self.decide(&[]).filter(|event| session_of(event) == Some(day)) {
            findings.unrecorded(&event);
            self.state.apply(&event);
        }
    }
}

fn apply(state: &mut RiskState, event: &Event) {
    if let Event::ConfigActivated(activated) = event {
        state.activate(activated, meaning(activated));
    }
    state.apply(event);
}

fn inputs_of(event: &Event) -> Option<&[Input]> {
    match event {
        Event::PlanApproved(approved) => Some(&approved.inputs),
        Event::PlanDenied(denied) => Some(&denied.inputs),
        Event::TradingStateLowered(lowered) => Some(&lowered.inputs[..]).filter(|inputs| !inputs.is_empty()),
        _ => None,
    }
}

/// How far ORDER had been folded by the next decision that says so.
fn next_order(later: &[Recorded]) -> u64 {
    let next = later.iter().find_map(|recorded| inputs_of(&recorded.event));
    next.map_or(u64::MAX, |inputs| last_seq(inputs, StreamName::Order))
}
