//! Positions that leave in parts or by the clock, on the broker's own books.

use std::time::Duration;

use domain::control::{Authorship, FlattenRequested};
use domain::event::Event;
use domain::execution::{CloseReason, FillRecorded, Leg};
use domain::plan::{Target, TimeStop};
use domain::{Price, UnixNanos};
use serde_json::json;

use crate::world::World;
use crate::{broker_pnl, closed, executed, is_flat};

const PATIENCE: Duration = Duration::from_secs(60);

fn flatten() -> FlattenRequested {
    let by = Authorship {
        author: "test".to_owned(),
        reason: "enough".to_owned(),
        requested_at: UnixNanos::default(),
        request_id: "r1".to_owned(),
    };
    FlattenRequested { by }
}

fn leaving(event: &Event) -> Option<FillRecorded> {
    if let Event::FillRecorded(fill) = event { (fill.leg != Leg::Entry).then(|| fill.clone()) } else { None }
}

/// 20 shares, of which half leave at a gain that comes within minutes; the stop is far away.
async fn halved(world: &World) -> domain::risk::PlanApproved {
    let mut approval = world.approval(20, 800, Some(35)).await;
    let last = approval.plan.entry.trigger;
    let part = |bps| last.scaled(bps, 9_950, "test").unwrap().ceil_to_tick();
    // The broker wants the target beyond the entry's limit.
    (approval.plan.entry.trigger, approval.plan.entry.limit) = (part(9_995), part(10_020));
    let near = Target { fraction_bps: 5_000, ..approval.plan.targets[0] };
    approval.plan.targets = vec![near];
    approval
}

/// Stops the market and waits until the stops at the broker hold exactly the shares held.
async fn covered(world: &World, what: &str) -> u64 {
    world.post("clock", json!({"paused": true})).await;
    let waited = tokio::time::timeout(PATIENCE, async {
        loop {
            let (held, under_stops) = world.cover().await;
            if held == under_stops {
                return held;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    match waited.await {
        Ok(held) => held,
        Err(late) => panic!("{what}, {late}: {:?} held and under stops", world.cover().await),
    }
}

/// The broker sells at the target while the executor is dead, and the one that comes back finds it.
#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_a_partial_exit_the_rest_stays_under_its_stop() {
    let mut world = World::at("09:36:00").await;
    world.start();
    world.publish(halved(&world).await, "a").await;
    let second = |event: &Event| match event {
        Event::OrderUpdated(update) => update.client_order_id.as_str().ends_with("-E1s2").then_some(update.state),
        _ => None,
    };
    world.until("second entry", second).await;
    assert_eq!(world.accepted_entries().await, 2);
    world.run_market(10.0).await;
    assert_eq!(world.until("PlanExecuted", executed).await.quantity, 20);
    world.kill().await;
    world.run_market(60.0).await;
    let sold = tokio::time::timeout(PATIENCE, async {
        loop {
            let fills = world.get("fills").await;
            if fills["items"].as_array().unwrap().iter().any(|fill| fill["side"] == "sell") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    sold.await.expect("the price reaches the target");
    let held = covered(&world, "while dead").await;
    assert!((10..20).contains(&held), "{held} shares of the rest");
    world.start();
    let fill = world.until("the missed exit", leaving).await;
    assert_eq!(fill.leg, Leg::Target);
    world.run_market(10.0).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    covered(&world, "after the restart").await;
    world.kill().await;
    world.start();
    world.publish(flatten(), "f").await;
    world.run_market(10.0).await;
    let end = world.until("PlanClosed", closed).await;
    let mut entries = world.accepted("-E").await;
    entries.sort_unstable();
    assert!(entries.len() == 2 && entries[0].ends_with("-E1") && entries[1].ends_with("-E1s2"), "{entries:?}");
    assert_eq!(world.accepted("-X").await.len(), 1);
    assert_eq!(end.realized_pnl, broker_pnl(&world).await.minus(end.fees, "result").unwrap());
    world.stop().await;
    assert!(is_flat(&world).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trade_that_has_not_gained_enough_in_time_is_closed_at_the_market() {
    let mut world = World::at("09:36:00").await;
    world.start();
    let mut approval = world.approval(60, 800, None).await;
    approval.plan.exits.time_stop = Some(TimeStop { after_seconds: 60, gain: Price::from_cents(100_000) });
    world.publish(approval, "a").await;
    world.run_market(10.0).await;
    let entered = world.until("PlanExecuted", executed).await;
    let symbol = entered.symbol.as_str();
    world.print(1, symbol, entered.avg_entry_price, entered.ts_event.plus_seconds(59)).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(world.accepted("-X").await.len(), 0);
    world.print(2, symbol, entered.avg_entry_price, entered.ts_event.plus_seconds(60)).await;
    let end = world.until("PlanClosed", closed).await;
    assert_eq!((end.reason, end.quantity), (CloseReason::TimeStop, 60));
    assert_eq!(end.realized_pnl, broker_pnl(&world).await.minus(end.fees, "result").unwrap());
    assert_eq!(world.accepted("-X").await.len(), 1);
    world.stop().await;
    assert!(is_flat(&world).await);
}
