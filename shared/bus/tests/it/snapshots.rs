use bus::{Bus, Holder, Lease, Place, Snapshots};
use domain::StreamName;

use crate::support::{bus, numbered, soon};

const SCHEMA: u32 = 3;

async fn lease(bus: &Bus, key: &str) -> Lease {
    soon(Lease::acquire(bus, key, &Holder::new("test"))).await.unwrap()
}

async fn publish(bus: &Bus, count: usize) {
    for n in 0..count {
        let (event, meta) = numbered(n);
        bus.publisher().publish(&event, &meta).await.unwrap();
    }
}

fn place(seq: u64) -> Place {
    Place { stream: StreamName::Ops, seq }
}

/// Bytes that do not compress, of several chunks.
fn large(seed: u64) -> Vec<u8> {
    let mut x = seed;
    let next = || {
        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (x >> 56) as u8
    };
    std::iter::repeat_with(next).take(1_700_000).collect()
}

#[tokio::test]
async fn the_newest_state_comes_back_with_its_place_whatever_its_size() {
    let (_server, bus) = bus().await;
    publish(&bus, 5).await;
    let lease = lease(&bus, "svc.x").await;
    let mut writer = Snapshots::new(&bus, "svc.0", SCHEMA);
    assert_eq!(writer.load(StreamName::Ops).await.unwrap(), None);
    for (seq, state) in [(2, large(1)), (3, Vec::new()), (4, b"small".to_vec()), (5, large(2))] {
        assert!(writer.store(&place(seq), &state, &lease).await.unwrap());
        let loaded = Snapshots::new(&bus, "svc.0", SCHEMA).load(StreamName::Ops).await.unwrap();
        assert_eq!(loaded, Some((seq, state)));
    }
    assert_eq!(Snapshots::new(&bus, "svc.1", SCHEMA).load(StreamName::Ops).await.unwrap(), None);
}

#[tokio::test]
async fn a_snapshot_of_another_form_or_of_another_stream_is_not_there() {
    let (_server, bus) = bus().await;
    publish(&bus, 2).await;
    let lease = lease(&bus, "svc.x").await;
    let mut writer = Snapshots::new(&bus, "svc.0", SCHEMA);
    assert!(writer.store(&place(2), b"state", &lease).await.unwrap());
    let load = |schema, stream| {
        let mut reader = Snapshots::new(&bus, "svc.0", schema);
        async move { reader.load(stream).await.unwrap() }
    };
    assert_eq!(load(SCHEMA + 1, StreamName::Ops).await, None);
    assert_eq!(load(SCHEMA, StreamName::Market).await, None);
    assert!(load(SCHEMA, StreamName::Ops).await.is_some());
    // A place that the stream has not reached: it went back.
    assert!(writer.store(&place(3), b"state", &lease).await.unwrap());
    assert_eq!(load(SCHEMA, StreamName::Ops).await, None);
}

#[tokio::test]
async fn half_a_snapshot_leaves_the_one_before_and_a_damaged_one_counts_as_none() {
    let (_server, bus) = bus().await;
    publish(&bus, 2).await;
    let lease = lease(&bus, "svc.x").await;
    let mut writer = Snapshots::new(&bus, "svc.0", SCHEMA);
    assert!(writer.store(&place(1), b"one", &lease).await.unwrap());
    let context = async_nats::jetstream::new(async_nats::connect(&bus.config().url).await.unwrap());
    let overwrite = |subject: &'static str| {
        let context = context.clone();
        async move { context.publish(subject, "garbage".into()).await.unwrap().await.unwrap() }
    };
    overwrite("snap.svc.0.1.0").await;
    let load = || async { Snapshots::new(&bus, "svc.0", SCHEMA).load(StreamName::Ops).await.unwrap() };
    assert_eq!(load().await, Some((1, b"one".to_vec())));
    overwrite("snap.svc.0.0.0").await;
    assert_eq!(load().await, None);
    overwrite("snap.svc.0.head").await;
    assert_eq!(load().await, None);
    let mut next = Snapshots::new(&bus, "svc.0", SCHEMA);
    next.load(StreamName::Ops).await.unwrap();
    assert!(next.store(&place(2), b"two", &lease).await.unwrap());
    assert_eq!(load().await, Some((2, b"two".to_vec())));
}

#[tokio::test]
async fn an_owner_of_yesterday_does_not_write_over_todays() {
    let (_server, bus) = bus().await;
    publish(&bus, 2).await;
    let lease = lease(&bus, "svc.x").await;
    let mut old = Snapshots::new(&bus, "svc.0", SCHEMA);
    assert!(old.store(&place(1), b"one", &lease).await.unwrap());
    let mut new = Snapshots::new(&bus, "svc.0", SCHEMA);
    new.load(StreamName::Ops).await.unwrap();
    assert!(new.store(&place(2), b"two", &lease).await.unwrap());
    assert!(!old.store(&place(1), b"one", &lease).await.unwrap());
    let loaded = Snapshots::new(&bus, "svc.0", SCHEMA).load(StreamName::Ops).await.unwrap();
    // The chunks may be the old owner's by now; then it is rebuilt, never mixed.
    assert!(matches!(loaded.as_ref().map(|(seq, state)| (*seq, state.as_slice())), None | Some((2, b"two"))));
}
