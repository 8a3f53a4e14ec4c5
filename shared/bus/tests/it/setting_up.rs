use std::time::{Duration, Instant};

use bus::topology::{self, BUCKETS, DURABLES, STREAMS, Sizes};
use bus::{Bus, BusConfig, BusError, Class, Holder, Lease};
use testkit::NatsServer;

use crate::support;

#[tokio::test]
async fn the_second_ensure_changes_nothing_and_a_new_size_changes_the_streams() {
    let server = NatsServer::start().await.unwrap();
    let bus = support::connect(&server, "test").await;
    let sizes = Sizes::default();
    let missing = topology::diff(&bus, &sizes).await.unwrap();
    let first = topology::ensure(&bus, &sizes).await.unwrap();
    assert_eq!(missing.created, first.created, "looking makes nothing and sees everything");
    assert_eq!(first.created.len(), STREAMS.len() + DURABLES.len() + BUCKETS.len());
    let second = topology::ensure(&bus, &sizes).await.unwrap();
    assert_eq!((second.created.len(), second.updated.len()), (0, 0), "{second:?}");
    let smaller = topology::diff(&bus, &Sizes { market_mib: 1_024, ..sizes }).await.unwrap();
    assert_eq!(smaller.updated, ["MARKET"]);
    let larger = topology::ensure(&bus, &Sizes { market_mib: 8_192, ..sizes }).await.unwrap();
    assert_eq!(larger.updated, ["MARKET"]);
}

#[tokio::test]
async fn a_bucket_of_leases_that_cannot_lapse_is_mended() {
    let server = NatsServer::start().await.unwrap();
    let bus = support::connect(&server, "test").await;
    let plain = async_nats::jetstream::kv::Config { bucket: "leases".to_owned(), ..Default::default() };
    let client = async_nats::connect(server.url()).await.unwrap();
    async_nats::jetstream::new(client).create_key_value(plain).await.unwrap();
    let sizes = Sizes::default();
    assert_eq!(topology::diff(&bus, &sizes).await.unwrap().updated, ["leases"]);
    assert_eq!(topology::ensure(&bus, &sizes).await.unwrap().updated, ["leases"]);
    let holder = Holder::new("one");
    assert!(Lease::try_acquire(&bus, "somebody", &holder).await.unwrap().is_some());
    assert!(topology::diff(&bus, &sizes).await.unwrap().updated.is_empty());
}

#[tokio::test]
async fn an_address_where_nobody_listens_is_named() {
    let config = BusConfig { url: "nats://127.0.0.1:1".to_owned(), connect_timeout_ms: 200, ..BusConfig::default() };
    let started = Instant::now();
    let error = Bus::connect(&config, "test").await.err().unwrap();
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(error.class(), Class::Transient);
    assert!(error.to_string().contains("nats://127.0.0.1:1"), "{error}");
}

#[tokio::test]
async fn a_missing_password_file_is_named_with_its_key() {
    let config = BusConfig {
        user: Some("planner".to_owned()),
        password_file: Some("/nowhere/password".into()),
        ..BusConfig::default()
    };
    let error = Bus::connect(&config, "test").await.err().unwrap();
    assert!(matches!(error, BusError::File { .. }));
    assert!(error.to_string().contains("password_file") && error.to_string().contains("/nowhere/password"));
}
