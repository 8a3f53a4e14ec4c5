//! Event ids from content: the same for the same happening, whoever writes it down and how often.

use domain::{Event, EventId};

/// The id of one of the executor's own events.
pub(crate) fn event_id(event: &Event) -> EventId {
    let name = event.name();
    match event {
        Event::OrderIntended(e) => EventId::from_parts(&[name, e.client_order_id.as_str()]),
        Event::OrderUpdated(e) => {
            let venue = e.venue_order_id.as_ref().map_or("", |id| id.as_str());
            let rest = format!("{:?} {} {:?} {:?}", e.state, e.filled_qty, e.limit_price, e.stop_price);
            EventId::from_parts(&[name, e.client_order_id.as_str(), venue, &rest, &e.ts_event.to_string()])
        }
        Event::FillRecorded(e) => {
            EventId::from_parts(&[name, e.venue_order_id.as_str(), &e.cumulative_qty.to_string()])
        }
        Event::PlanExecuted(e) => EventId::from_parts(&[name, e.plan_id.as_str()]),
        Event::PlanClosed(e) => EventId::from_parts(&[name, e.plan_id.as_str()]),
        Event::AccountObserved(e) => {
            let numbers = format!("{} {} {} {}", e.equity, e.cash, e.buying_power, e.long_market_value);
            let (day, conflicts) = (e.session_date.to_string(), e.calendar_conflicts.join("; "));
            EventId::from_parts(&[name, &e.account, &day, &numbers, &conflicts, &e.ts_event.to_string()])
        }
        Event::PositionReconciled(e) => {
            let numbers = format!("{} {} {}", e.expected_qty, e.broker_qty, e.covered_qty);
            let day = e.session_date.to_string();
            EventId::from_parts(&[name, &day, e.symbol.as_str(), &numbers, &e.ts_event.to_string()])
        }
        Event::DeadlineReached(e) => {
            EventId::from_parts(&[name, &e.session_date.to_string(), &format!("{:?}", e.step)])
        }
        Event::OwnerChanged(e) => EventId::from_parts(&[name, &e.account, &e.epoch.to_string(), &e.instance]),
        foreign => EventId::from_parts(&[name, &format!("{foreign:?}")]),
    }
}

/// True for events that happen once and are created only where nothing stands yet.
pub(crate) const fn happens_once(event: &Event) -> bool {
    matches!(
        event,
        Event::OrderIntended(_)
            | Event::FillRecorded(_)
            | Event::PlanExecuted(_)
            | Event::PlanClosed(_)
            | Event::DeadlineReached(_)
    )
}

/// The order of which an event tells what became of it.
pub(crate) const fn reported_order(event: &Event) -> Option<&domain::ClientOrderId> {
    match event {
        Event::OrderUpdated(e) => Some(&e.client_order_id),
        Event::FillRecorded(e) => Some(&e.client_order_id),
        _ => None,
    }
}

/// The plan an event is about.
pub(crate) const fn plan_of(event: &Event) -> Option<&domain::PlanId> {
    match event {
        Event::OrderIntended(e) => Some(&e.plan_id),
        Event::OrderUpdated(e) => Some(&e.plan_id),
        Event::FillRecorded(e) => Some(&e.plan_id),
        Event::PlanExecuted(e) => Some(&e.plan_id),
        Event::PlanClosed(e) => Some(&e.plan_id),
        _ => None,
    }
}
