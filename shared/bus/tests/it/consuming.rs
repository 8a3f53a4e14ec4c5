use std::time::{Duration, Instant};

use bus::topology::{Durable, EXECUTOR_RISK};
use bus::{Consumer, Failed, Outgoing, dead_letter};
use bytes::Bytes;
use domain::{Event, StreamName};
use testkit::build;

use crate::support::{self, number_of, numbered, soon};

static READER: Durable = Durable {
    name: "reader-ops",
    stream: StreamName::Ops,
    kinds: &[],
    ack_pending_max: 64,
    ack_wait_s: 30,
    failures_max: 5,
};

#[tokio::test]
async fn an_event_arrives_with_its_envelope_and_place() {
    let (_server, bus) = support::bus().await;
    let event = Event::from(build::plan_approved("BRK.B"));
    let mut meta = build::meta(&["plan_approved"], "risk-engine");
    meta.causation = Some(domain::EventId::from_parts(&["cause"]));
    meta.correlation = Some("2026-11-24-trade-0935".to_owned());
    meta.traceparent = Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned());
    let receipt = bus.publisher().publish(&event, &meta).await.unwrap();
    let mut consumer = Consumer::open(&bus, &EXECUTOR_RISK);
    let delivery = soon(consumer.next()).await.unwrap();
    assert_eq!((&delivery.event, &delivery.meta), (&event, &meta));
    assert_eq!((delivery.stream, delivery.seq, delivery.delivered), (StreamName::Risk, receipt.seq, 1));
    delivery.double_ack().await.unwrap();
}

#[tokio::test]
async fn what_was_not_acknowledged_comes_again_and_what_was_does_not() {
    let (_server, bus) = support::bus().await;
    for n in 0..2 {
        let (event, meta) = numbered(n);
        bus.publisher().publish(&event, &meta).await.unwrap();
    }
    let mut consumer = Consumer::open(&bus, &READER);
    let first = soon(consumer.next()).await.unwrap();
    let second = soon(consumer.next()).await.unwrap();
    first.double_ack().await.unwrap();
    let started = Instant::now();
    second.nak(Duration::from_millis(300)).await.unwrap();
    let again = soon(consumer.next()).await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(290), "{:?}", started.elapsed());
    assert_eq!((again.seq, again.delivered, number_of(&again.event)), (second.seq, 2, 1));
    again.double_ack().await.unwrap();
    let nothing = tokio::time::timeout(Duration::from_millis(500), consumer.next()).await;
    assert!(nothing.is_err(), "{nothing:?}");
}

#[tokio::test]
async fn poison_lands_in_dead_with_its_cause_and_the_next_message_follows() {
    let (_server, bus) = support::bus().await;
    let mut letters = bus.dead_letters();
    let (event, meta) = numbered(7);
    let garbage = |subject: &str, type_name, id: &str| {
        Outgoing::raw(subject, type_name, Bytes::from_static(b"\xff\xff garbage"), build::meta(&[id], "test"))
    };
    let known = events::type_name(&event);
    let publisher = bus.publisher();
    publisher.publish_raw(garbage("ops.v1.error_raised.test.x", known, "undecodable")).await.unwrap();
    publisher.publish_raw(garbage("ops.v1.unheard_of.x", "finagent.ops.v1.UnheardOf", "unknown")).await.unwrap();
    publisher.publish_raw(garbage("ops.v1.readiness_reported.x", known, "foreign")).await.unwrap();
    publisher.publish(&event, &meta).await.unwrap();

    let mut consumer = Consumer::open(&bus, &READER);
    let delivery = soon(consumer.next()).await.unwrap();
    assert_eq!((delivery.seq, number_of(&delivery.event)), (4, 7));
    delivery.double_ack().await.unwrap();

    let dead = dead_letter::list(&bus, 0, 10).await.unwrap();
    let places: Vec<_> = dead.iter().map(|d| (d.origin_seq, d.subject.as_str(), d.origin_subject.as_str())).collect();
    assert_eq!(
        places,
        [
            (1, "dead.reader-ops.1", "ops.v1.error_raised.test.x"),
            (2, "dead.reader-ops.2", "ops.v1.unheard_of.x"),
            (3, "dead.reader-ops.3", "ops.v1.readiness_reported.x"),
        ]
    );
    assert_eq!(dead[0].payload, &b"\xff\xff garbage"[..]);
    assert_eq!(dead[1].type_name.as_deref(), Some("finagent.ops.v1.UnheardOf"));
    assert!(dead.iter().all(|d| !d.reason.is_empty() && d.stream == Some(StreamName::Ops)), "{dead:?}");
    assert_eq!(letters.recv().await.unwrap().seq, 1);

    // A restarted consumer does not meet them again.
    drop(consumer);
    let mut restarted = Consumer::open(&bus, &READER);
    let nothing = tokio::time::timeout(Duration::from_millis(500), restarted.next()).await;
    assert!(nothing.is_err(), "{nothing:?}");
}

#[tokio::test]
async fn a_handler_that_keeps_failing_gives_the_message_up_after_the_limit() {
    let (_server, bus) = support::bus().await;
    let (event, meta) = numbered(1);
    bus.publisher().publish(&event, &meta).await.unwrap();
    let mut consumer = Consumer::open(&bus, &READER);
    let limit = READER.failures_max;
    let mut delays = Vec::new();
    loop {
        let delivery = soon(consumer.next()).await.unwrap();
        match consumer.fail(delivery, "the disk is full").await.unwrap() {
            Failed::Retry { delay } => delays.push(delay),
            Failed::DeadLettered => break,
        }
    }
    assert_eq!(delays.len() as u32, limit - 1);
    assert!(delays.is_sorted() && delays[0] < delays[1], "{delays:?}");
    let dead = dead_letter::list(&bus, 0, 10).await.unwrap();
    assert_eq!(dead.len(), 1);
    assert!(dead[0].reason.contains("the disk is full"), "{}", dead[0].reason);
}

#[tokio::test]
async fn a_consumer_at_its_limit_of_unacknowledged_messages_waits_for_them() {
    static NARROW: Durable = Durable { ack_pending_max: 2, ..READER };
    let (_server, bus) = support::bus().await;
    for n in 0..4 {
        let (event, meta) = numbered(n);
        bus.publisher().publish(&event, &meta).await.unwrap();
    }
    let mut consumer = Consumer::open(&bus, &NARROW);
    let held = [soon(consumer.next()).await.unwrap(), soon(consumer.next()).await.unwrap()];
    // Twice as long as it takes to find a reader stalled.
    let nothing = tokio::time::timeout(Duration::from_secs(22), consumer.next()).await;
    assert!(nothing.is_err(), "{nothing:?}");
    for delivery in &held {
        delivery.double_ack().await.unwrap();
    }
    let third = soon(consumer.next()).await.unwrap();
    assert_eq!((third.seq, third.delivered), (3, 1));
}

#[tokio::test]
async fn a_consumer_goes_on_after_a_kill_of_the_server_and_loses_nothing() {
    let (mut server, bus) = support::bus().await;
    let mut consumer = Consumer::open(&bus, &READER);
    let mut seen = vec![0_u32; 200];
    for n in 0..100 {
        let (event, meta) = numbered(n);
        bus.publisher().publish(&event, &meta).await.unwrap();
    }
    for _ in 0..50 {
        let delivery = soon(consumer.next()).await.unwrap();
        seen[number_of(&delivery.event)] += 1;
        delivery.double_ack().await.unwrap();
    }
    server.kill9();
    server.restart().await.unwrap();
    for n in 100..200 {
        let (event, meta) = numbered(n);
        soon(bus.publisher().publish(&event, &meta)).await.unwrap();
    }
    let started = Instant::now();
    // The killed server may have forgotten acknowledgements, so some come twice; none may be missing. Messages handed
    // out before the kill come again after `ack_wait` at the latest.
    while seen.contains(&0) {
        let delivery = tokio::time::timeout(Duration::from_secs(45), consumer.next()).await.unwrap().unwrap();
        seen[number_of(&delivery.event)] += 1;
        delivery.ack().await.unwrap();
    }
    assert!(started.elapsed() < Duration::from_secs(40), "{:?}", started.elapsed());
}
