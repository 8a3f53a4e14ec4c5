use bus::{Appended, BusError, Created, Outgoing, Pipeline};
use bytes::Bytes;
use domain::execution::OwnerChanged;
use domain::{Event, Meta, StreamName};
use testkit::build;

use crate::support::{self, numbered};

#[tokio::test]
async fn an_event_is_created_once_whoever_tries_and_however_often() {
    let (_server, bus) = support::bus().await;
    let publisher = bus.publisher();
    let proposed = Event::from(build::plan_proposed("GME"));
    let meta = build::meta(&["plan_proposed", "GME"], "planner");
    let Created::New { seq } = publisher.create(&proposed, &meta).await.unwrap() else { panic!("not new") };
    assert_eq!(publisher.create(&proposed, &meta).await.unwrap(), Created::Exists { seq, same: true });

    // Another replica, which signs the same content with another id.
    let other_meta = build::meta(&["plan_proposed", "GME", "again"], "planner");
    assert_eq!(publisher.create(&proposed, &other_meta).await.unwrap(), Created::Exists { seq, same: true });

    let mut changed = build::plan_proposed("GME");
    changed.plan.rank = 2;
    let created = publisher.create(&changed.into(), &other_meta).await.unwrap();
    assert_eq!(created, Created::Exists { seq, same: false });
    assert_eq!(publisher.last_seq(StreamName::Plan).await.unwrap(), seq);
}

#[tokio::test]
async fn an_id_used_for_another_subject_is_an_error_and_not_a_silent_loss() {
    let (_server, bus) = support::bus().await;
    let meta = build::meta(&["reused"], "planner");
    bus.publisher().create(&build::plan_proposed("GME").into(), &meta).await.unwrap();
    let second = bus.publisher().create(&build::plan_proposed("AMC").into(), &meta).await;
    assert!(matches!(second, Err(BusError::IdReused { .. })), "{second:?}");
}

#[tokio::test]
async fn of_two_writers_of_the_ledger_exactly_one_wins_each_place() {
    let (server, bus) = support::bus().await;
    let other = support::connect(&server, "other").await;
    let approval =
        |ticker: &str| (Event::from(build::plan_approved(ticker)), build::meta(&["approved", ticker], "risk"));
    for (last, round) in (0_u64..).zip(0..10) {
        let (first_event, first_meta) = approval(&format!("A{}", char::from(b'A' + round)));
        let (second_event, second_meta) = approval(&format!("B{}", char::from(b'A' + round)));
        let (one, two) = (bus.publisher(), other.publisher());
        let outcomes =
            tokio::join!(one.append(&first_event, &first_meta, last), two.append(&second_event, &second_meta, last),);
        let won = Appended::Stored { seq: last + 1 };
        match (outcomes.0.unwrap(), outcomes.1.unwrap()) {
            (a, Appended::Conflict) | (Appended::Conflict, a) if a == won => {}
            both => panic!("round {round}: {both:?}"),
        }
    }
    assert_eq!(bus.publisher().last_seq(StreamName::Risk).await.unwrap(), 10);
}

#[tokio::test]
async fn an_append_whose_answer_was_lost_is_recognised_as_done() {
    let (_server, bus) = support::bus().await;
    let event = Event::from(build::plan_approved("GME"));
    let meta = build::meta(&["approved", "GME"], "risk");
    assert_eq!(bus.publisher().append(&event, &meta, 0).await.unwrap(), Appended::Stored { seq: 1 });
    assert_eq!(bus.publisher().append(&event, &meta, 0).await.unwrap(), Appended::Stored { seq: 1 });
}

#[tokio::test]
async fn publishing_outlives_a_kill_of_the_server_and_stores_everything_once() {
    let (mut server, bus) = support::bus().await;
    let mut pipeline = Pipeline::new(bus.publisher(), 64);
    for n in 0..300 {
        if n == 150 {
            server.kill9();
            server.restart().await.unwrap();
        }
        let (event, meta) = numbered(n);
        support::soon(pipeline.push(Outgoing::event(&event, &meta))).await.unwrap();
    }
    support::soon(pipeline.flush()).await.unwrap();
    assert_eq!(bus.publisher().last_seq(StreamName::Ops).await.unwrap(), 300);
}

#[tokio::test]
async fn what_is_larger_than_the_server_takes_is_refused_at_once() {
    let (_server, bus) = support::bus().await;
    let (event, meta) = numbered(0);
    let huge = Outgoing::raw("ops.v1.error_raised.x.y", events::type_name(&event), Bytes::from(vec![0; 2 << 20]), meta);
    let error = bus.publisher().publish_raw(huge).await.unwrap_err();
    assert!(matches!(error, BusError::PublishRefused { .. }), "{error}");
}

fn owner(epoch: u64) -> (Event, Meta) {
    let at = build::session().at_hm(9, 0);
    let event = OwnerChanged { account: "sim".to_owned(), epoch, instance: format!("replica-{epoch}"), at };
    (event.into(), build::meta(&["owner", &epoch.to_string()], "executor"))
}

#[tokio::test]
async fn behind_a_fence_only_its_owner_writes_and_the_next_owner_voids_it() {
    let (_server, bus) = support::bus().await;
    let publisher = bus.publisher();
    let intent = |ticker: &str| (Event::from(build::order_intended(ticker)), build::meta(&["intent", ticker], "executor"));
    let raise = async |epoch: u64| {
        let (event, meta) = owner(epoch);
        publisher.raise_fence(&event, &meta).await.unwrap()
    };
    let first = raise(1).await;
    let (event, meta) = intent("ACME");
    let Created::New { seq } = publisher.create_behind(&event, &meta, &first).await.unwrap() else { panic!("not new") };
    // An answer that was lost.
    assert_eq!(publisher.create_behind(&event, &meta, &first).await.unwrap(), Created::Exists { seq, same: true });
    let second = raise(2).await;
    let (late, late_meta) = intent("BOLT");
    let refused = publisher.create_behind(&late, &late_meta, &first).await.unwrap_err();
    assert!(matches!(refused, BusError::Fenced { .. }), "{refused}");
    assert!(matches!(publisher.create_behind(&late, &late_meta, &second).await.unwrap(), Created::New { .. }));
}
