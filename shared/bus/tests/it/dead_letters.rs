//! What a person may do with a dead letter, and what comes of it.

use std::time::Duration;

use bus::dead_letter::{self, HandleError, Request, Way};
use bus::topology::{self, EXECUTOR_RISK, Sizes};
use bus::{Bus, BusConfig, Consumer, Fold, FoldSpec, Item, Outgoing, Poison};
use bytes::Bytes;
use domain::control::DeadLetterAction;
use domain::{Event, StreamName, UnixNanos};
use testkit::{NatsServer, build};

use crate::support::{self, request, soon};

/// An approval that the executor's durable gave up; its number in DEAD.
async fn given_up(bus: &Bus, consumer: &mut Consumer) -> (Event, u64) {
    let event = Event::from(build::plan_approved("GME"));
    bus.publisher().publish(&event, &build::meta(&["approved"], "risk-engine")).await.unwrap();
    let delivery = soon(consumer.next()).await.unwrap();
    consumer.give_up(delivery, "the broker is on fire").await.unwrap();
    (event, only_letter(bus).await)
}

async fn only_letter(bus: &Bus) -> u64 {
    let letters = dead_letter::list(bus, 0, 10).await.unwrap();
    assert_eq!(letters.len(), 1, "{letters:?}");
    letters[0].seq
}

/// What CONTROL says was done with dead letters.
async fn on_control(bus: &Bus) -> Vec<(DeadLetterAction, u64, String)> {
    let mut fold = Fold::open(bus, FoldSpec::stream(StreamName::Control)).unwrap();
    let mut seen = Vec::new();
    while let Item::Event(folded) = soon(fold.next()).await.unwrap() {
        let Event::DeadLetterHandled(handled) = folded.event else { panic!("{:?}", folded.event) };
        seen.push((handled.action, handled.sequence, handled.by.author));
    }
    seen
}

#[tokio::test]
async fn a_redriven_message_keeps_its_cause_and_comes_to_the_durable_that_failed_alone() {
    let (_server, bus) = support::bus().await;
    let mut consumer = Consumer::open(&bus, &EXECUTOR_RISK);
    let (event, seq) = given_up(&bus, &mut consumer).await;
    let handled = dead_letter::redrive(&bus, seq, &request("r1")).await.unwrap();
    assert_eq!(handled.way, Way::Durable("executor-risk"));

    let again = soon(consumer.next()).await.unwrap();
    assert_eq!((&again.event, &again.meta), (&event, &build::meta(&["approved"], "risk-engine")));
    assert_eq!((again.seq, again.subject.as_str()), (1, bus::subject::subject_of(&event).as_str()));
    assert_eq!(bus.publisher().last_seq(StreamName::Risk).await.unwrap(), 1, "the ledger has not moved");

    let repeated = dead_letter::redrive(&bus, seq, &request("r1")).await.unwrap();
    assert_eq!(repeated, handled);
    let other = dead_letter::discard(&bus, seq, &request("r2")).await.unwrap_err();
    assert_eq!(other.to_string(), format!("dead letter {seq} was redriven by ann already"));
    assert_eq!(on_control(&bus).await, [(DeadLetterAction::Redriven, seq, "ann".to_owned())]);

    // It fails once more: a new letter, which may be sent again too.
    consumer.give_up(again, "still on fire").await.unwrap();
    let second = only_letter(&bus).await;
    assert!(second > seq);
    dead_letter::redrive(&bus, second, &request("r3")).await.unwrap();
    soon(consumer.next()).await.unwrap().double_ack().await.unwrap();
    drop(consumer);
    let mut restarted = Consumer::open(&bus, &EXECUTOR_RISK);
    let nothing = tokio::time::timeout(Duration::from_millis(500), restarted.next()).await;
    assert!(nothing.is_err(), "{nothing:?}");
    assert!(dead_letter::list(&bus, 0, 10).await.unwrap().is_empty());
}

/// What a redrive leaves that is cut short before its note: the message in REDRIVE, the letter in its place.
async fn sent_without_a_note(server: &NatsServer, seq: u64) {
    let context = async_nats::jetstream::new(async_nats::connect(server.url()).await.unwrap());
    let letter = context.get_stream("DEAD").await.unwrap().get_raw_message(seq).await.unwrap();
    let (subject, mut headers) = (format!("redrive.executor-risk.{seq}"), letter.headers);
    headers.insert("Nats-Msg-Id", subject.as_str());
    context.publish_with_headers(subject, headers, letter.payload).await.unwrap().await.unwrap();
}

#[tokio::test]
async fn a_redrive_that_was_cut_short_is_completed_however_late_and_not_discarded() {
    let (server, bus) = support::bus().await;
    let mut consumer = Consumer::open(&bus, &EXECUTOR_RISK);
    let (event, seq) = given_up(&bus, &mut consumer).await;
    sent_without_a_note(&server, seq).await;
    let again = soon(consumer.next()).await.unwrap();
    let refused = dead_letter::discard(&bus, seq, &request("r1")).await.unwrap_err();
    assert!(matches!(refused, HandleError::SentAlready { .. }), "{refused}");
    again.double_ack().await.unwrap();
    let Event::PlanApproved(approved) = event else { panic!("no approval") };
    let late = Request { now: approved.plan.valid_until, ..request("r2") };
    assert_eq!(dead_letter::redrive(&bus, seq, &late).await.unwrap().way, Way::Durable("executor-risk"));
    assert_eq!(on_control(&bus).await, [(DeadLetterAction::Redriven, seq, "ann".to_owned())]);
    assert!(dead_letter::list(&bus, 0, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_fails_again_before_its_redrive_is_noted_is_a_letter_that_can_be_sent_again() {
    let (server, bus) = support::bus().await;
    let mut consumer = Consumer::open(&bus, &EXECUTOR_RISK);
    let (event, first) = given_up(&bus, &mut consumer).await;
    sent_without_a_note(&server, first).await;
    let again = soon(consumer.next()).await.unwrap();
    consumer.give_up(again, "still on fire").await.unwrap();
    let second = only_letter(&bus).await;
    assert!(second > first);
    let gone = dead_letter::redrive(&bus, first, &request("r1")).await.unwrap_err();
    assert!(matches!(gone, HandleError::NotFound(_)), "{gone}");
    dead_letter::redrive(&bus, second, &request("r2")).await.unwrap();
    let third = soon(consumer.next()).await.unwrap();
    assert_eq!((&third.event, third.seq), (&event, 1));
    third.double_ack().await.unwrap();
}

#[tokio::test]
async fn a_request_id_deals_with_one_letter_in_one_way() {
    let (_server, bus) = support::bus().await;
    for id in ["1", "2"] {
        put_poison(&bus, id, 1).await;
        bus.bury("planner-ops", &poison(&bus, id.parse().unwrap()).await).await.unwrap();
    }
    let letters = dead_letter::list(&bus, 0, 10).await.unwrap();
    let (first, second) = (letters[0].seq, letters[1].seq);
    let done = dead_letter::discard(&bus, first, &request("r1")).await.unwrap();
    for refused in [
        dead_letter::discard(&bus, second, &request("r1")).await.unwrap_err(),
        dead_letter::redrive(&bus, first, &request("r1")).await.unwrap_err(),
    ] {
        assert_eq!(refused.to_string(), format!("request `r1` discarded dead letter {first} before"));
    }
    assert_eq!(only_letter(&bus).await, second, "nothing was done");
    assert_eq!(dead_letter::discard(&bus, first, &request("r1")).await.unwrap(), done);
}

#[tokio::test]
async fn an_approval_whose_entry_deadline_has_passed_is_not_sent_again() {
    let (_server, bus) = support::bus().await;
    let mut consumer = Consumer::open(&bus, &EXECUTOR_RISK);
    let (event, seq) = given_up(&bus, &mut consumer).await;
    let Event::PlanApproved(approved) = event else { panic!("no approval") };
    let now = approved.plan.valid_until;
    let refused = dead_letter::redrive(&bus, seq, &Request { now, ..request("r1") }).await.unwrap_err();
    assert!(matches!(refused, HandleError::TooLate { .. }), "{refused}");
    assert!(refused.to_string().contains(&format!("was to be withdrawn at {now}")), "{refused}");
    assert_eq!(only_letter(&bus).await, seq);
    let just_before = UnixNanos::new(now.nanos() - 1);
    dead_letter::redrive(&bus, seq, &Request { now: just_before, ..request("r2") }).await.unwrap();
}

#[tokio::test]
async fn an_approval_that_nobody_can_read_is_not_sent_again() {
    let (_server, bus) = support::bus().await;
    let approved = Event::from(build::plan_approved("GME"));
    let (subject, garbage) = (bus::subject::subject_of(&approved), Bytes::from_static(b"\xff"));
    let poison = Outgoing::raw(subject, events::type_name(&approved), garbage, build::meta(&["x"], "test"));
    bus.publisher().publish_raw(poison).await.unwrap();
    let mut consumer = Consumer::open(&bus, &EXECUTOR_RISK);
    assert!(tokio::time::timeout(Duration::from_secs(1), consumer.next()).await.is_err());
    let seq = only_letter(&bus).await;
    let refused = dead_letter::redrive(&bus, seq, &request("r1")).await.unwrap_err();
    assert!(matches!(refused, HandleError::Unreadable { .. }), "{refused}");
    let missing = dead_letter::redrive(&bus, seq + 7, &request("r2")).await.unwrap_err();
    assert!(matches!(missing, HandleError::NotFound(_)), "{missing}");
}

#[tokio::test]
async fn what_a_fold_meets_again_stays_discarded_but_not_redriven() {
    let (_server, bus) = support::bus().await;
    put_poison(&bus, "bad", 1).await;
    bus.bury("planner-ops", &poison(&bus, 1).await).await.unwrap();
    let first = only_letter(&bus).await;
    let handled = dead_letter::redrive(&bus, first, &request("r1")).await.unwrap();
    assert_eq!(handled.way, Way::NextStart("planner-ops".to_owned()));
    assert!(dead_letter::list(&bus, 0, 10).await.unwrap().is_empty());

    let mut letters = bus.dead_letters();
    bus.bury("planner-ops", &poison(&bus, 1).await).await.unwrap();
    assert_eq!(letters.recv().await.unwrap().seq, 1, "it still cannot be read, and says so");
    let second = only_letter(&bus).await;
    dead_letter::discard(&bus, second, &request("r2")).await.unwrap();
    bus.bury("planner-ops", &poison(&bus, 1).await).await.unwrap();
    assert!(dead_letter::list(&bus, 0, 10).await.unwrap().is_empty());
    assert!(letters.is_empty());
    // Another reader of the same message has its own letter.
    bus.bury("risk-engine-ops", &poison(&bus, 1).await).await.unwrap();
    assert_eq!(dead_letter::list(&bus, 0, 10).await.unwrap()[0].reader, "risk-engine-ops");
}

#[tokio::test]
async fn a_full_dead_refuses_letters_until_one_is_dealt_with() {
    let server = NatsServer::start().await.unwrap();
    let config = BusConfig { url: server.url(), publish_deadline_ms: 500, ..BusConfig::default() };
    let bus = Bus::connect(&config, "test").await.unwrap();
    topology::ensure(&bus, &Sizes { ops_mib: 1, ..Sizes::default() }).await.unwrap();
    for n in 1..=3 {
        put_poison(&bus, &n.to_string(), 300_000).await;
    }
    for n in 1..=3 {
        bus.bury("planner-ops", &poison(&bus, n).await).await.unwrap();
    }
    put_poison(&bus, "4", 300_000).await;
    let fourth = poison(&bus, 4).await;
    let full = bus.bury("planner-ops", &fourth).await.unwrap_err();
    assert_eq!(full.class(), bus::Class::Transient, "{full}");
    let letters = dead_letter::list(&bus, 0, 10).await.unwrap();
    assert_eq!(letters.len(), 3);
    dead_letter::discard(&bus, letters[0].seq, &request("r1")).await.unwrap();
    bus.bury("planner-ops", &fourth).await.unwrap();
    assert_eq!(dead_letter::list(&bus, 0, 10).await.unwrap().len(), 3);
}

async fn put_poison(bus: &Bus, id: &str, bytes: usize) {
    let type_name = events::type_name(&Event::from(build::error_raised("test", "x")));
    let subject = format!("ops.v1.error_raised.test.{id}");
    let poison = Outgoing::raw(subject, type_name, vec![0xff; bytes].into(), build::meta(&[id], "test"));
    bus.publisher().publish_raw(poison).await.unwrap();
}

/// The message at `seq` of OPS, which cannot be read.
async fn poison(bus: &Bus, seq: u64) -> Poison {
    let mut fold = Fold::open(bus, FoldSpec::stream(StreamName::Ops).after(StreamName::Ops, seq - 1)).unwrap();
    match soon(fold.next()).await.unwrap() {
        Item::Poison(poison) => poison,
        other => panic!("{other:?}"),
    }
}
