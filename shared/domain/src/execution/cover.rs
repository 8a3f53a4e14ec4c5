//! An open position: every share under exactly one stop, where its price belongs.

use crate::execution::decide::{View, chase};
use crate::execution::effect::Effect;
use crate::execution::order::Order;
use crate::execution::plan_book::{Part, PlanBook};
use crate::execution::{Leg, OrderState, record};
use crate::id::ClientOrderId;
use crate::money::Price;
use crate::ops::Severity;
use crate::plan::Side;

/// Refused replacements of a leg after which its price is left as it is.
const REPLACES_MAX: u32 = 3;

/// One stop for the shares of each slice, where the executed price wants it; targets likewise.
pub(super) fn protect(view: &View<'_>, book: &PlanBook, out: &mut Vec<Effect>) {
    let Some((_, average)) = book.average(book.approved.plan().side) else { return };
    let wanted = trailed(book, average);
    for part in book.parts() {
        let target = part.target.map(|target| book.approved.plan().target_for(target, average));
        let stops: Vec<&Order> = part.live(Leg::Stop).collect();
        match stops.as_slice() {
            [] if part.held == 0 => {}
            [] => cover(view, book, &part, (target, wanted), out),
            [stop] if stop.is_in_doubt() && part.held > 0 => chase(book, stop, out),
            [stop] if stop.leaves_qty() != part.held => {
                if view.now >= part.last_change().plus_seconds(view.policy.cover_grace_s) {
                    if part.held > 0 {
                        uncovered_alert(view, book, out);
                    }
                    view.cancel(stop, out);
                } else if view.state.last_backfill.is_none_or(|read| read <= part.last_change()) {
                    view.backfill(out);
                }
            }
            [stop] => replace(view, book, stop, (Some(wanted), None), out),
            [_, extra @ ..] => extra.iter().for_each(|order| view.cancel(order, out)),
        }
        if let (Some(_), Some(order)) = (target, part.live(Leg::Target).next()) {
            replace(view, book, order, (None, target), out);
        }
    }
}

/// Where the stop belongs: at its distance from the executed price, or closer where it follows the price.
fn trailed(book: &PlanBook, average: Price) -> Price {
    let plan = book.approved.plan();
    let first = plan.stop_for(average);
    if plan.exits.trail.is_none() {
        return first;
    }
    // A stop on the gaining side of the entry has followed before; it does not move back.
    let followed = book.leg(Leg::Stop).filter_map(|stop| stop.recorded.stop_price);
    let current = match plan.side {
        Side::Buy => followed.filter(|stop| *stop >= average).fold(first, Price::max),
        Side::Sell => followed.filter(|stop| *stop <= average).fold(first, Price::min),
    };
    book.best().map_or(current, |best| plan.trailed_stop(average, best, current))
}

/// No stop works. After an entry that was cut short that is expected: its legs went with the remainder. Otherwise the
/// broker gets a moment to show the leg before it is replaced by one of ours. A target comes back with its stop, unless
/// the broker has refused such a pair.
fn cover(
    view: &View<'_>,
    book: &PlanBook,
    part: &Part<'_>,
    (target, stop): (Option<Price>, Price),
    out: &mut Vec<Effect>,
) {
    let targets: Vec<&Order> = part.live(Leg::Target).collect();
    if let Some(pair) = targets.iter().find(|order| order.is_in_doubt()) {
        chase(book, pair, out);
        return;
    }
    let stops = || part.orders().filter(|order| order.leg == Leg::Stop);
    let entry_ended = part.entry.is_some_and(|entry| entry.state() != OrderState::Filled);
    let cut_short = entry_ended && stops().all(|stop| stop.filled_qty() == 0);
    let rested = view.now >= part.last_change().plus_seconds(view.policy.cover_grace_s);
    let ours = part.orders().any(|order| order.leg != Leg::Entry && order.intent.is_some());
    if !(cut_short && !ours || rested) {
        view.backfill(out);
        return;
    }
    if !cut_short || ours {
        uncovered_alert(view, book, out);
    }
    if !targets.is_empty() {
        targets.iter().for_each(|order| view.cancel(order, out));
        return;
    }
    let refused = part.orders().any(|order| order.leg == Leg::Target && order.state() == OrderState::Rejected);
    let attempt = |leg| book.next_place(leg, part.slice()).attempt;
    out.push(Effect::Submit(match target.filter(|_| !refused) {
        Some(target) => {
            book.approved.pair_order(part.slice(), attempt(Leg::Target), part.held, (target, stop), view.now)
        }
        None => book.approved.stop_order(part.slice(), attempt(Leg::Stop), part.held, stop, view.now),
    }));
}

fn uncovered_alert(view: &View<'_>, book: &PlanBook, out: &mut Vec<Effect>) {
    let plan = book.approved.plan();
    let covered: u64 = book.live_stops().map(Order::leaves_qty).sum();
    let held = book.held();
    let message = format!("{}: {covered} of {held} shares are under a working stop; repairing", plan.symbol);
    view.raise(out, Severity::Critical, "uncovered", plan.plan_id.as_str(), message);
    let broker = view.state.positions.get(&plan.symbol).copied().unwrap_or(0);
    let ours = held * plan.side.sign();
    out.extend(record::reconciled(view, &plan.symbol, ours, broker).map(|event| Effect::Record(event.into())));
}

/// Moves `order` to the stop or limit price that it should have.
fn replace(
    view: &View<'_>,
    book: &PlanBook,
    order: &Order,
    (stop, limit): (Option<Price>, Option<Price>),
    out: &mut Vec<Effect>,
) {
    let off = |have: Option<Price>, want: Option<Price>| match (have, want) {
        (Some(have), Some(want)) => (have.nanos() - want.nanos()).abs() >= want.tick().nanos(),
        _ => false,
    };
    let wrong = off(order.recorded.stop_price, stop) || off(order.recorded.limit_price, limit);
    let works = order.state() == OrderState::Working || is_held_by_its_target(book, order);
    let Some(venue) = order.recorded.venue_order_id.clone().filter(|_| wrong && works) else { return };
    if order.refused_replaces >= REPLACES_MAX {
        let message = format!("{}: the broker keeps the {:?} at its first price", order.symbol, order.leg);
        view.raise(out, Severity::Warning, "replace_refused", order.client_order_id.as_str(), message);
    } else if view.may_ask(order) {
        out.push(Effect::Replace {
            client_order_id: order.client_order_id.clone(),
            venue_order_id: venue,
            replacement: ClientOrderId::at(&order.plan_id, book.next_place(order.leg, order.slice)),
            stop_price: stop,
            limit_price: limit,
            at: view.now,
        });
    }
}

/// The stop of a pair is held at the broker while its target works; it may be moved all the same.
fn is_held_by_its_target(book: &PlanBook, order: &Order) -> bool {
    let works = |target: &Order| target.slice == order.slice && target.state() == OrderState::Working;
    order.leg == Leg::Stop && order.state() == OrderState::Accepted && book.leg(Leg::Target).any(works)
}
