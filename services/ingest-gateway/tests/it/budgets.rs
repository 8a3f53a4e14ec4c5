use std::time::Duration;

use bus::{Bus, BusConfig, Register, topology};
use ingest_gateway::adapters::gate::Gate;
use ingest_gateway::config::Limits;
use testkit::NatsServer;

const MINUTE: Limits = Limits { per_second: 0, per_minute: 20, per_day: 0 };
const DAY: Limits = Limits { per_second: 0, per_minute: 0, per_day: 25 };

async fn gate(server: &NatsServer, vendor: &'static str, limits: Limits) -> Gate {
    let config = BusConfig { url: server.url(), request_timeout_ms: 500, ..BusConfig::default() };
    let bus = Bus::connect(&config, "test").await.unwrap();
    topology::ensure(&bus, &config.sizes).await.unwrap();
    Gate::new(vendor, limits).shared(Register::budget(&bus, "ingest-gateway", vendor))
}

/// How many of `tries` calls at once pass.
async fn passed(gate: &Gate, tries: usize) -> usize {
    let calls = (0..tries).map(|_| gate.pass("a call", Duration::from_millis(100)));
    futures_util::future::join_all(calls).await.iter().filter(|outcome| outcome.is_ok()).count()
}

#[tokio::test]
async fn two_replicas_together_make_as_many_calls_as_the_key_allows() {
    let server = NatsServer::start().await.unwrap();
    let (one, two) = (gate(&server, "finnhub", MINUTE).await, gate(&server, "finnhub", MINUTE).await);
    let (first, second) = tokio::join!(passed(&one, 20), passed(&two, 20));
    assert_eq!(first + second, 20, "{first} and {second}");
    assert!(first > 0 && second > 0, "{first} and {second}");
    let other = gate(&server, "yahoo", MINUTE).await;
    assert_eq!(passed(&other, 5).await, 5, "another key's calls are its own");
}

#[tokio::test]
async fn a_restart_remembers_the_days_calls_and_the_pause_that_the_vendor_asked_for() {
    let server = NatsServer::start().await.unwrap();
    let before = gate(&server, "alphavantage", DAY).await;
    assert_eq!(passed(&before, 20).await, 20);
    drop(before);
    let after = gate(&server, "alphavantage", DAY).await;
    assert_eq!(passed(&after, 20).await, 5);

    let throttled = gate(&server, "alpaca", MINUTE).await;
    throttled.close(Duration::from_millis(1_000));
    throttled.pass("a call", Duration::from_secs(5)).await.unwrap();
    throttled.close(Duration::from_secs(60));
    let refused = throttled.pass("a call", Duration::from_secs(1)).await.unwrap_err();
    assert!(refused.retry_after().is_some_and(|wait| wait > Duration::from_secs(50)), "{refused}");
}

#[tokio::test]
async fn without_the_bus_each_counts_for_itself_on_top_of_what_it_saw() {
    let mut server = NatsServer::start().await.unwrap();
    let (one, two) = (gate(&server, "finnhub", MINUTE).await, gate(&server, "finnhub", MINUTE).await);
    assert_eq!((passed(&one, 8).await, passed(&two, 6).await), (8, 6));
    server.kill9();
    let begun = std::time::Instant::now();
    assert_eq!(passed(&two, 20).await, 6, "14 of 20 were used when the bus went away");
    assert!(begun.elapsed() < Duration::from_secs(10), "a bus that is away holds nothing up: {:?}", begun.elapsed());
}
