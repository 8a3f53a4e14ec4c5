use std::time::Duration;

use bus::{Bus, BusError, FoldSpec, Lane, Outgoing, RawFold, RawItem};
use bytes::Bytes;
use domain::StreamName;
use testkit::build;

use crate::support::{self, soon};

const TYPE: &str = "finagent.market.v1.TradeBatch";

fn batch(partition: u32, number: u64, writer: &str) -> Outgoing {
    let meta = build::meta(&["batch", writer, &partition.to_string(), &number.to_string()], writer);
    Outgoing::raw(bus::subject::trade_batch(partition), TYPE, Bytes::from(number.to_le_bytes().to_vec()), meta)
}

async fn numbers(bus: &Bus, partition: u32) -> Vec<u64> {
    let spec = FoldSpec::subject(StreamName::Market, bus::subject::trade_batch(partition));
    let mut fold = RawFold::open(bus, spec).unwrap();
    let mut numbers = Vec::new();
    while let RawItem::Message(raw) = soon(fold.next()).await.unwrap() {
        numbers.push(u64::from_le_bytes(raw.payload.as_ref().try_into().unwrap()));
    }
    numbers
}

#[tokio::test]
async fn lanes_outlive_kills_of_the_server_without_a_hole_a_double_or_a_swap() {
    let (mut server, bus) = support::bus().await;
    let mut lanes = Vec::new();
    for partition in 0..4 {
        let lane = bus::subject::trade_batch(partition);
        lanes.push(Lane::open(&bus, StreamName::Market, lane, 64).await.unwrap());
    }
    for number in 1..=400_u64 {
        for (partition, lane) in lanes.iter().enumerate() {
            let mut message = batch(partition as u32, number, "gateway");
            while let Err(back) = lane.try_push(message) {
                assert!(lane.failure().is_none(), "{:?}", lane.failure());
                message = back;
                soon(lane.changed()).await;
            }
        }
        if number == 100 || number == 250 {
            server.kill9();
            server.restart().await.unwrap();
        }
    }
    for lane in lanes {
        assert!(lane.close(Duration::from_secs(20)).await.is_empty());
    }
    for partition in 0..4 {
        assert_eq!(numbers(&bus, partition).await, (1..=400).collect::<Vec<_>>(), "lane {partition}");
    }
}

#[tokio::test]
async fn a_full_lane_gives_the_message_back_and_close_returns_what_is_not_stored() {
    let (mut server, bus) = support::bus().await;
    let lane = Lane::open(&bus, StreamName::Market, bus::subject::trade_batch(0), 3).await.unwrap();
    server.kill9();
    for number in 1..=3 {
        lane.try_push(batch(0, number, "gateway")).unwrap();
    }
    let back = lane.try_push(batch(0, 4, "gateway")).unwrap_err();
    assert_eq!(back.payload().as_ref(), 4_u64.to_le_bytes());
    let left = lane.close(Duration::from_millis(100)).await;
    let ids: Vec<_> = left.iter().map(Outgoing::id).collect();
    assert_eq!(ids.len(), 3);
    assert_eq!(ids[0], batch(0, 1, "gateway").id());

    server.restart().await.unwrap();
    let reopened = Lane::open(&bus, StreamName::Market, bus::subject::trade_batch(0), 3).await.unwrap();
    // What was under way when the lane closed may have reached the server after all.
    let stored = reopened.last().map(|l| l.id.clone());
    let missing = left.into_iter().filter(|m| stored.as_deref() != Some(m.id()));
    for message in missing {
        reopened.try_push(message).unwrap();
    }
    assert!(reopened.close(Duration::from_secs(10)).await.is_empty());
    assert_eq!(numbers(&bus, 0).await, [1, 2, 3]);
}

#[tokio::test]
async fn a_second_writer_stops_the_first() {
    let (server, bus) = support::bus().await;
    let subject = bus::subject::trade_batch(1);
    let old = Lane::open(&bus, StreamName::Market, subject.clone(), 8).await.unwrap();
    old.try_push(batch(1, 1, "old")).unwrap();
    while old.queued() > 0 {
        soon(old.changed()).await;
    }
    let other = support::connect(&server, "other").await;
    let new = Lane::open(&other, StreamName::Market, subject, 8).await.unwrap();
    assert_eq!(new.last().map(|l| l.seq), Some(1));
    new.try_push(batch(1, 1, "new")).unwrap();
    while new.queued() > 0 {
        soon(new.changed()).await;
    }
    old.try_push(batch(1, 2, "old")).unwrap();
    while old.failure().is_none() {
        soon(old.changed()).await;
    }
    let failure = old.failure().unwrap();
    assert!(matches!(*failure, BusError::Fenced { expected: 1, found: 2, .. }), "{failure}");
    assert!(old.try_push(batch(1, 3, "old")).is_err());
}
