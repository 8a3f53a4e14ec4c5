use std::time::{Duration, Instant};

use bus::{Bus, Fold, FoldSpec, Item, Kind, Outgoing, Pipeline, RawFold, RawItem, dead_letter};
use bytes::Bytes;
use domain::{Event, StreamName};
use testkit::build;

use crate::support::{self, number_of, numbered, soon};

async fn publish(bus: &Bus, numbers: std::ops::Range<usize>) {
    let mut pipeline = Pipeline::new(bus.publisher(), 128);
    for n in numbers {
        let (event, meta) = numbered(n);
        pipeline.push(Outgoing::event(&event, &meta)).await.unwrap();
    }
    pipeline.flush().await.unwrap();
}

#[tokio::test]
async fn an_empty_stream_is_caught_up_at_once_and_then_followed() {
    let (_server, bus) = support::bus().await;
    let mut fold = Fold::open(&bus, FoldSpec::stream(StreamName::Ops)).unwrap();
    assert!(matches!(soon(fold.next()).await.unwrap(), Item::CaughtUp));
    publish(&bus, 0..1).await;
    let Item::Event(folded) = soon(fold.next()).await.unwrap() else { panic!("no event") };
    assert_eq!((number_of(&folded.event), folded.seq, fold.last_seq(StreamName::Ops)), (0, 1, 1));
}

#[tokio::test]
async fn history_comes_first_then_the_mark_then_what_is_new() {
    let (_server, bus) = support::bus().await;
    publish(&bus, 0..700).await;
    let mut fold = Fold::open(&bus, FoldSpec::stream(StreamName::Ops).after(StreamName::Ops, 100)).unwrap();
    for expected in 101..=700 {
        let Item::Event(folded) = soon(fold.next()).await.unwrap() else { panic!("at {expected}") };
        assert_eq!(folded.seq, expected);
    }
    assert!(matches!(soon(fold.next()).await.unwrap(), Item::CaughtUp));
    publish(&bus, 700..710).await;
    for expected in 701..=710 {
        let Item::Event(folded) = soon(fold.next()).await.unwrap() else { panic!("at {expected}") };
        assert_eq!(folded.seq, expected);
    }
}

#[tokio::test]
async fn several_streams_are_merged_by_time_and_filtered_by_kind() {
    let (_server, bus) = support::bus().await;
    let publisher = bus.publisher();
    let mut expected = Vec::new();
    for ticker in ["AA", "BB", "CC", "DD"] {
        let proposed = Event::from(build::plan_proposed(ticker));
        let intended = Event::from(build::order_intended(ticker));
        let updated = Event::from(build::order_updated(ticker));
        for (event, name) in [(&proposed, "p"), (&intended, "i"), (&updated, "u")] {
            publisher.publish(event, &build::meta(&[name, ticker], "test")).await.unwrap();
        }
        expected.extend([proposed, intended]);
    }
    let spec = FoldSpec::stream(StreamName::Plan).and_kinds(&[Kind::OrderIntended]);
    let mut fold = Fold::open(&bus, spec).unwrap();
    let mut seen = Vec::new();
    while let Item::Event(folded) = soon(fold.next()).await.unwrap() {
        seen.push(folded.event);
    }
    assert_eq!(seen, expected);
    assert_eq!((fold.last_seq(StreamName::Plan), fold.last_seq(StreamName::Order)), (4, 7));
}

#[tokio::test]
async fn poison_is_shown_in_its_place_and_buried_once() {
    let (_server, bus) = support::bus().await;
    publish(&bus, 0..1).await;
    let (event, _) = numbered(0);
    let bad = build::meta(&["bad"], "test");
    let garbage = Bytes::from_static(b"\xff");
    let poison = Outgoing::raw("ops.v1.error_raised.a.b", events::type_name(&event), garbage, bad);
    bus.publisher().publish_raw(poison).await.unwrap();
    publish(&bus, 1..2).await;
    let mut fold = Fold::open(&bus, FoldSpec::stream(StreamName::Ops)).unwrap();
    assert!(matches!(soon(fold.next()).await.unwrap(), Item::Event(_)));
    let Item::Poison(poison) = soon(fold.next()).await.unwrap() else { panic!("no poison") };
    assert_eq!((poison.seq, poison.stream), (2, StreamName::Ops));
    let Item::Event(after) = soon(fold.next()).await.unwrap() else { panic!("no event") };
    assert_eq!(number_of(&after.event), 1);

    let mut letters = bus.dead_letters();
    for _ in 0..2 {
        bus.bury("reader-ops", &poison).await.unwrap();
    }
    let dead = dead_letter::list(&bus, 0, 10).await.unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!((dead[0].reader.as_str(), dead[0].origin_seq, &dead[0].payload[..]), ("reader-ops", 2, &b"\xff"[..]));
    assert_eq!(dead[0].reason, poison.reason);
    assert_eq!((letters.recv().await.unwrap().seq, letters.is_empty()), (2, true));
}

#[tokio::test]
async fn two_kills_of_the_server_lose_and_double_nothing_and_cost_little() {
    let (mut server, bus) = support::bus().await;
    let mut fold = Fold::open(&bus, FoldSpec::stream(StreamName::Ops)).unwrap();
    let mut next = 1;
    let mut read_until = async |last: u64| {
        while next <= last {
            match soon(fold.next()).await.unwrap() {
                Item::Event(folded) => {
                    assert_eq!(folded.seq, next);
                    next += 1;
                }
                Item::CaughtUp => {}
                Item::Poison(poison) => panic!("{poison:?}"),
            }
        }
    };
    publish(&bus, 0..500).await;
    read_until(250).await;
    server.kill9();
    server.restart().await.unwrap();
    publish(&bus, 500..1_000).await;
    read_until(900).await;
    server.kill9();
    tokio::time::sleep(Duration::from_millis(300)).await;
    server.restart().await.unwrap();
    let started = Instant::now();
    publish(&bus, 1_000..1_100).await;
    read_until(1_100).await;
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_stream_made_anew_voids_what_was_folded() {
    let (server, bus) = support::bus().await;
    publish(&bus, 0..20).await;
    let mut fold = Fold::open(&bus, FoldSpec::stream(StreamName::Ops).after(StreamName::Ops, 25)).unwrap();
    let error = soon(fold.next()).await.unwrap_err();
    assert_eq!(error.class(), bus::Class::Fatal, "{error}");
    drop(server);
}

#[tokio::test]
async fn raw_messages_keep_envelope_and_bytes() {
    let (_server, bus) = support::bus().await;
    let batch = Event::from(build::trade_batch(2, 1, &[("GME", 2_500), ("AMC", 410)]));
    let meta = build::meta(&["batch", "1"], "gateway");
    bus.publisher().publish(&batch, &meta).await.unwrap();
    let lane = FoldSpec::subject(StreamName::Market, bus::subject::trade_batch(2));
    let mut fold = RawFold::open(&bus, lane).unwrap();
    let RawItem::Message(raw) = soon(fold.next()).await.unwrap() else { panic!("no message") };
    assert_eq!((raw.seq, raw.subject(), raw.meta().unwrap()), (1, "market.v1.trade_batch.2", meta));
    assert_eq!(events::decode(raw.type_name().unwrap(), &raw.payload).unwrap(), batch);
    assert!(matches!(soon(fold.next()).await.unwrap(), RawItem::CaughtUp));
}
