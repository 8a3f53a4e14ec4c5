//! Each scenario of `tools/vendor-sim/scenarios/broker`, from the approval to a flat book: whatever the broker does, an
//! order is there once, what is held is under a stop, and what the executor could not do it says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use domain::control::{Authorship, FlattenRequested};
use domain::event::Event;
use domain::{Price, UnixNanos};
use serde_json::Value;
use tokio::time::timeout;

use crate::world::World;
use crate::{closed, executed};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tools/vendor-sim/scenarios/broker");
const WITHIN: Duration = Duration::from_secs(60);

/// What becomes of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// It is entered, covered, and flattened.
    Traded,
    /// Nothing is ever held.
    NotEntered,
}

/// Plays `name` and says what went on.
async fn play(name: &str, end: End, told: &[&str]) {
    let scenario = std::fs::read_to_string(Path::new(FOLDER).join(name).with_extension("yaml")).unwrap();
    let mut world = World::at("09:36:00").await;
    world.set("executor.call_timeout_ms", 1_500);
    world.start();
    world.until("account", |event| matches!(event, Event::AccountObserved(_)).then_some(())).await;
    world.scenario(&scenario).await;
    let mut approval = world.approval(20, 300, None).await;
    // A market that stands still or fills little must not be over before the entry is.
    approval.plan.entry.limit = approval.plan.entry.limit.plus(Price::from_cents(500), "test").unwrap();
    world.publish(approval, "a").await;
    world.run_market(10.0).await;
    if end == End::Traded {
        assert_eq!(world.until("PlanExecuted", executed).await.quantity, 20, "{name}");
        covered(&world, name).await;
        let by = Authorship {
            author: "test".to_owned(),
            reason: "enough".to_owned(),
            requested_at: UnixNanos::default(),
            request_id: "r1".to_owned(),
        };
        world.publish(FlattenRequested { by }, "f").await;
    }
    let closed = world.until("PlanClosed", closed).await;
    assert_eq!(closed.quantity, if end == End::Traded { 20 } else { 0 }, "{name}: {:?}", closed.reason);
    for code in told {
        world.raised(code).await;
    }
    world.stop().await;
    assert!(crate::is_flat(&world).await, "{name}: {}", world.broker("positions").await);
    once(&world, name).await;
}

/// The broker has taken each client order id once, whatever was sent how often.
async fn once(world: &World, name: &str) {
    let log = world.get("orders").await;
    let mut taken = BTreeMap::<String, usize>::new();
    let calls = log["items"].as_array().unwrap().iter();
    for id in
        calls.filter(|call| call["method"] == "POST" && call["status"] == 200).map(|call| &call["client_order_id"])
    {
        *taken.entry(id.as_str().unwrap().to_owned()).or_default() += 1;
    }
    assert!(taken.values().all(|times| *times == 1), "{name}: {taken:?}");
    let entries = taken.keys().filter(|id| id.ends_with("-E1")).count();
    assert!(entries <= 1 && taken.keys().filter(|id| id.contains("-E")).count() == entries, "{name}: {taken:?}");
    let sold: i64 = world.get("fills").await["items"].as_array().unwrap().iter().map(shares).sum();
    assert_eq!(sold, 0, "{name}: bought and sold do not cancel out");
}

fn shares(fill: &Value) -> i64 {
    let quantity: i64 = fill["qty"].as_str().unwrap().parse().unwrap();
    if fill["side"] == "buy" { quantity } else { -quantity }
}

/// The stops at the broker come to hold exactly the shares held.
async fn covered(world: &World, name: &str) {
    let waited = timeout(WITHIN, async {
        loop {
            let (held, under_stops) = world.cover().await;
            if held > 0 && held == under_stops {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let in_time = waited.await.is_ok();
    assert!(in_time, "{name}: {:?} held and under stops", world.cover().await);
}

macro_rules! scenarios {
    ($($test:ident: $name:literal => $end:ident $(, $told:literal)*;)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                play($name, End::$end, &[$($told),*]).await;
            }
        )*

        #[test]
        fn each_file_of_the_library_is_played() {
            let stem = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned();
            let files: BTreeSet<String> = std::fs::read_dir(FOLDER).unwrap().map(stem).collect();
            assert_eq!(files, [$($name),*].map(str::to_owned).into());
        }
    };
}

scenarios! {
    accepted_orders_behind_a_5xx_are_found: "accepted-but-5xx" => Traded;
    accepted_orders_behind_silence_are_found: "accepted-but-silent" => Traded;
    lost_orders_are_sent_again: "lost-on-the-way" => Traded;
    a_throttled_broker_is_waited_for: "throttled" => Traded;
    a_refused_entry_ends_its_plan: "refused" => NotEntered;
    a_rejected_entry_ends_its_plan: "rejected-after-acceptance" => NotEntered;
    exits_refused_as_wash_trades_get_through: "wash-trade" => Traded;
    updates_that_never_come_are_read: "updates-missing" => Traded;
    updates_that_come_again_change_nothing: "updates-replayed" => Traded;
    updates_out_of_order_change_nothing: "updates-late" => Traded;
    a_stream_that_ends_is_told_and_comes_back: "stream-ends" => Traded, "updates_lost";
    a_stream_that_only_stands_is_noticed: "stream-half-open" => Traded, "updates_lost";
    a_slow_broker_is_waited_for: "slow" => Traded;
    broken_answers_are_no_answers: "broken-answers" => Traded;
    unknown_words_are_survived: "unknown-words" => Traded;
    many_parts_of_a_fill_are_added_up: "partial-fills" => Traded;
    a_halt_is_waited_out: "halt" => Traded;
    cancels_that_fail_are_repeated: "cancels-fail" => Traded;
}
