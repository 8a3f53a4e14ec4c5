//! Rankings and plans made again from SCAN and CONTROL.

use std::sync::Arc;

use bus::subject::subject_of;
use domain::plan::PlannerState;
use domain::scan::Input;
use domain::strategy::Strategy;
use domain::{Event, SessionDate};

use super::findings::Findings;
use super::recording::{Recorded, Recording, session_of};
use super::versions::meaning;

/// Holds what the planner decides against `plan`; `scan` has the day's events, the others whole streams.
pub(super) fn compare(
    strategy: &Arc<Strategy>,
    day: SessionDate,
    scan: &Recording,
    control: &Recording,
    plan: &Recording,
    findings: &mut Findings,
) {
    let mut state = PlannerState::new(Arc::clone(strategy));
    let (mut scans, mut controls) = (scan.cursor(), control.cursor());
    for recorded in plan.events.iter().filter(|recorded| session_of(&recorded.event) == Some(day)) {
        if let Event::RoundClosed(closed) = &recorded.event {
            if !scan.covers(&closed.inputs) || !control.covers(&closed.inputs) {
                findings.leave_out(recorded);
                return;
            }
            let seen = scans.up_to(&closed.inputs).iter().chain(controls.up_to(&closed.inputs));
            seen.for_each(|recorded| apply(&mut state, &recorded.event));
        }
        findings.compare(recorded, decide(&state, recorded).as_ref());
        state.apply(&recorded.event);
    }
    scans.rest().iter().chain(controls.rest()).for_each(|recorded| apply(&mut state, &recorded.event));
    let undecided = |state: &PlannerState| state.decide(&[]).into_iter().next();
    while let Some(effect) = undecided(&state) {
        let event = effect.into_event();
        findings.unrecorded(&event);
        state.apply(&event);
    }
}

fn apply(state: &mut PlannerState, event: &Event) {
    if let Event::ConfigActivated(activated) = event {
        state.activate(activated, meaning(activated));
    }
    state.apply(event);
}

/// What the planner does where `recorded` was written down, if it is about the same.
fn decide(state: &PlannerState, recorded: &Recorded) -> Option<Event> {
    let (inputs, late): (&[Input], _) = match &recorded.event {
        Event::RoundClosed(closed) => {
            (&closed.inputs, Some(&closed.round.round_id).filter(|_| !closed.missing.is_empty()))
        }
        _ => (&[], None),
    };
    let late = late.and_then(|round_id| state.decide_late(round_id, inputs));
    let effects = late.into_iter().chain(state.decide(inputs));
    effects.map(domain::plan::Effect::into_event).find(|event| subject_of(event) == recorded.subject)
}
