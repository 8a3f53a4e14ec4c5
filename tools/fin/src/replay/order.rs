//! Entry orders made again from their approvals.

use std::collections::HashMap;

use domain::execution::{ApprovedPlan, Leg, OrderIntended};
use domain::{Event, PlanId, SessionDate};

use super::findings::Findings;
use super::recording::{Recording, session_of};

/// Holds each entry's intent in `order` against the one that its approval in `risk` makes at the same market time.
pub(super) fn compare(day: SessionDate, risk: &Recording, order: &Recording, findings: &mut Findings) {
    let mut approved: HashMap<&PlanId, ApprovedPlan> = HashMap::new();
    for recorded in &risk.events {
        if let Event::PlanApproved(approval) = &recorded.event
            && let Ok(plan) = ApprovedPlan::new(approval.clone())
        {
            approved.insert(&approval.plan.plan_id, plan);
        }
    }
    for recorded in order.events.iter().filter(|recorded| session_of(&recorded.event) == Some(day)) {
        if let Event::OrderIntended(intent) = &recorded.event
            && intent.leg == Leg::Entry
        {
            let made = approved.get(&intent.plan_id).and_then(|plan| entry(plan, intent));
            findings.compare(recorded, made.map(Event::from).as_ref());
        }
    }
}

/// What `plan` sends in the place of `intent`, at its time.
fn entry(plan: &ApprovedPlan, intent: &OrderIntended) -> Option<OrderIntended> {
    let (_, place) = intent.client_order_id.parts()?;
    let slice = plan.slices().into_iter().find(|slice| slice.number == place.slice)?;
    Some(plan.entry_order(&slice, intent.ts_event).intent().clone())
}
