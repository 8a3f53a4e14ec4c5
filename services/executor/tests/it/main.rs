//! The executor on a real bus and a real simulated broker.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic here is a failed test")]

mod crash;
mod door;
mod exits;
mod scenarios;
mod standby;
mod world;

use domain::control::{Authorship, FlattenRequested};
use domain::event::Event;
use domain::execution::{AccountObserved, CloseReason, DeadlineStep, Leg, PlanClosed, PlanExecuted};
use domain::ops::Severity;
use domain::{Price, UnixNanos, Usd};
use serde_json::json;
use world::World;

fn closed(event: &Event) -> Option<PlanClosed> {
    if let Event::PlanClosed(closed) = event { Some(closed.clone()) } else { None }
}

fn executed(event: &Event) -> Option<PlanExecuted> {
    if let Event::PlanExecuted(executed) = event { Some(executed.clone()) } else { None }
}

fn answered(event: &Event) -> Option<()> {
    matches!(event, Event::OrderUpdated(update) if update.leg == Leg::Entry && update.venue_order_id.is_some())
        .then_some(())
}

fn intended(event: &Event) -> Option<()> {
    matches!(event, Event::OrderIntended(intent) if intent.leg == Leg::Entry).then_some(())
}

/// What the broker's own fills come to.
async fn broker_pnl(world: &World) -> Usd {
    let fills = world.get("fills").await;
    let cash = fills["items"].as_array().unwrap().iter().map(|fill| {
        let price: Price = fill["price"].as_str().unwrap().parse().unwrap();
        let quantity: i64 = fill["qty"].as_str().map_or_else(|| fill["qty"].as_i64().unwrap(), |q| q.parse().unwrap());
        let sign = if fill["side"] == "buy" { -1 } else { 1 };
        sign * price.nanos() * quantity
    });
    Usd::from_nanos(cash.sum())
}

async fn is_flat(world: &World) -> bool {
    let positions = world.broker("positions").await;
    let orders = world.broker("orders?status=open").await;
    positions.as_array().unwrap().is_empty() && orders.as_array().unwrap().is_empty()
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_the_broker_accepted_the_order_is_found_again() {
    let mut world = World::at("09:36:00").await;
    world.fault(json!({"on": "POST /v2/orders", "when": "after", "delay_ms": 5_000})).await;
    world.start();
    world.publish(world.approval(60, 300, None).await, "a").await;
    world.until("intent", intended).await;
    while world.accepted_entries().await == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    world.kill().await;
    assert!(!world.seen().iter().any(|event| answered(event).is_some()));
    world.start();
    world.until("answer", answered).await;
    world.run_market(20.0).await;
    assert_eq!(world.until("PlanExecuted", executed).await.quantity, 60);
    assert_eq!(world.accepted_entries().await, 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_intent_and_order_sends_the_same_order_once() {
    let mut world = World::at("09:36:00").await;
    world.fault(json!({"on": "POST /v2/orders", "when": "before", "delay_ms": 5_000})).await;
    world.start();
    world.publish(world.approval(60, 300, None).await, "a").await;
    world.until("intent", intended).await;
    world.kill().await;
    assert_eq!(world.accepted_entries().await, 0);
    world.start();
    world.until("answer", answered).await;
    world.run_market(20.0).await;
    world.until("PlanExecuted", executed).await;
    assert_eq!(world.accepted_entries().await, 1);
    let intents = world.seen().iter().filter(|event| intended(event).is_some()).count();
    assert_eq!(intents, 1);
    world.stop().await;
}

/// The approval comes again from the durable after the restart, and from the fold of RISK as well.
#[tokio::test(flavor = "multi_thread")]
async fn redelivered_approval_submits_once() {
    let mut world = World::at("09:36:00").await;
    world.start();
    world.publish(world.approval(60, 300, None).await, "a").await;
    world.until("intent", intended).await;
    for _ in 0..3 {
        world.kill().await;
        world.start();
    }
    world.until("answer", answered).await;
    world.stop().await;
    world.start();
    world.run_market(20.0).await;
    world.until("PlanExecuted", executed).await;
    assert_eq!(world.accepted_entries().await, 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flatten_closes_everything_at_the_market() {
    let mut world = World::at("09:36:00").await;
    world.start();
    world.publish(world.approval(60, 800, None).await, "a").await;
    world.until("answer", answered).await;
    world.run_market(10.0).await;
    world.until("PlanExecuted", executed).await;
    let by = Authorship {
        author: "test".to_owned(),
        reason: "enough".to_owned(),
        requested_at: UnixNanos::default(),
        request_id: "r1".to_owned(),
    };
    world.publish(FlattenRequested { by }, "f").await;
    let end = world.until("PlanClosed", closed).await;
    let net = broker_pnl(&world).await.minus(end.fees, "result").unwrap();
    assert_eq!((end.reason, end.realized_pnl), (CloseReason::Flattened, net));
    assert!(end.fees > Usd::ZERO, "a sale pays SEC and trading activity fees");
    world.stop().await;
    assert!(is_flat(&world).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn position_is_flat_by_the_close_and_every_step_is_recorded_once() {
    let mut world = World::at("15:40:00").await;
    world.start();
    world.publish(world.approval(60, 800, None).await, "a").await;
    world.until("answer", answered).await;
    world.run_market(30.0).await;
    world.until("PlanExecuted", executed).await;
    world.run_market(120.0).await;
    let end = world.until("PlanClosed", closed).await;
    assert_eq!(end.reason, CloseReason::FlatByClose);
    let verified = |event: &Event| match event {
        Event::DeadlineReached(reached) if reached.step == DeadlineStep::Verify => Some(()),
        _ => None,
    };
    world.until("verification", verified).await;
    let steps = world.seen().iter().filter_map(|event| match event {
        Event::DeadlineReached(reached) => Some(reached.step),
        _ => None,
    });
    assert_eq!(steps.collect::<Vec<_>>(), DeadlineStep::ALL);
    world.stop().await;
    assert!(is_flat(&world).await);
}

fn observed(event: &Event) -> Option<AccountObserved> {
    if let Event::AccountObserved(observed) = event { Some(observed.clone()) } else { None }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_calendar_that_differs_is_told_with_the_account_and_makes_the_executor_unready() {
    let mut world = World::at("09:36:00").await;
    let body = json!([
        {"date": "2026-11-23", "open": "09:30", "close": "16:00"},
        {"date": "2026-11-24", "open": "09:30", "close": "13:00"},
    ]);
    world.fault(json!({"on": "GET /v2/calendar", "status": 503, "count": 2})).await;
    world.fault(json!({"on": "GET /v2/calendar", "body": body})).await;
    world.start();
    let told = world.until("account", observed).await;
    let expected = "calendar conflict on 2026-11-24: built-in 09:30 to 16:00, broker 09:30 to 13:00";
    assert_eq!(told.calendar_conflicts, [expected]);
    let error = world.raised("calendar_conflict").await;
    assert_eq!(error.severity, Severity::Critical);
    assert!(error.message.contains(expected), "{error:?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_waits_for_the_calendar() {
    let mut world = World::at("09:36:00").await;
    world.fault(json!({"on": "GET /v2/calendar", "status": 403})).await;
    world.start();
    assert_eq!(world.raised("calendar_unknown").await.severity, Severity::Warning);
    assert!(world.until("account", observed).await.calendar_conflicts.is_empty());
    world.stop().await;
}
