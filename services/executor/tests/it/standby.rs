use domain::event::Event;
use serde_json::json;

use crate::world::World;
use crate::{answered, executed, intended};

fn owner(event: &Event) -> Option<String> {
    if let Event::OwnerChanged(owner) = event { Some(owner.instance.clone()) } else { None }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_one_standing_by_goes_on_with_the_order_of_the_one_that_died() {
    let mut world = World::at("09:36:00").await;
    world.fault(json!({"on": "POST /v2/orders", "when": "after", "delay_ms": 5_000})).await;
    world.start();
    assert_eq!(world.until("owner", owner).await, "first");
    world.start_another();
    world.publish(world.approval(60, 300, None).await, "a").await;
    world.until("intent", intended).await;
    while world.accepted_entries().await == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    world.kill().await;
    world.until("the second owner", |event| owner(event).filter(|instance| instance == "second")).await;
    world.until("answer", answered).await;
    let owners: Vec<_> = world.seen().iter().filter_map(owner).collect();
    assert_eq!(owners, ["first", "second"]);
    world.run_market(20.0).await;
    assert_eq!(world.until("PlanExecuted", executed).await.quantity, 60);
    assert_eq!(world.accepted_entries().await, 1);
    assert_eq!(world.seen().iter().filter(|event| intended(event).is_some()).count(), 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_asked_to_end_hands_the_account_over() {
    let mut world = World::at("09:36:00").await;
    world.start();
    assert_eq!(world.until("owner", owner).await, "first");
    world.start_another();
    world.publish(world.approval(60, 300, None).await, "a").await;
    world.until("answer", answered).await;
    world.stop().await;
    world.run_market(20.0).await;
    assert_eq!(world.until("PlanExecuted", executed).await.quantity, 60);
    assert_eq!(world.seen().iter().filter_map(owner).next_back().unwrap(), "second");
    assert_eq!(world.accepted_entries().await, 1);
    world.stop().await;
}
