//! A service's whole life on a real nats-server.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic here is a failed test")]

mod traces;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bus::{Bus, BusConfig, Fold, FoldSpec, Holder, Item, Kind, Lease};
use chassis::{CancellationToken, Context, RunError, Service, Sources};
use domain::Event;
use domain::ops::{ErrorRaised, ReadinessReported, Severity};
use testkit::NatsServer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    behaviour: Behaviour,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Behaviour {
    #[default]
    Works,
    Leads,
    Fails,
    NeverStops,
}

struct Sample;

impl Service for Sample {
    const NAME: &'static str = "sample";
    const SECTION: &'static str = "planner";
    type Config = Config;

    async fn run(ctx: Context<Config>) -> chassis::Result {
        ctx.readiness.set("rebuilt", true, "nothing to rebuild");
        match ctx.config.behaviour {
            Behaviour::Works => ctx.shutdown.cancelled().await,
            Behaviour::Leads => {
                let lease = ctx.lead("sampling").await?;
                ctx.shutdown.cancelled().await;
                drop(lease);
            }
            Behaviour::Fails => return Err(std::io::Error::other("the disk is full").into()),
            Behaviour::NeverStops => std::future::pending().await,
        }
        ctx.errors.raise(Severity::Warning, "stopping", "asked to stop", "", None);
        Ok(())
    }
}

async fn sources() -> (NatsServer, Sources) {
    let server = NatsServer::start().await.unwrap();
    let sources = Sources::built_in().set("bus.url", server.url()).set("instance", "one");
    (server, sources)
}

async fn observe(server: &NatsServer) -> Fold {
    let config = BusConfig { url: server.url(), ..BusConfig::default() };
    let bus = Bus::connect(&config, "observer").await.unwrap();
    bus::topology::ensure(&bus, &config.sizes).await.unwrap();
    Fold::open(&bus, FoldSpec::kinds(&[Kind::ReadinessReported, Kind::ErrorRaised])).unwrap()
}

async fn next(fold: &mut Fold) -> Event {
    loop {
        let item = tokio::time::timeout(Duration::from_secs(20), fold.next()).await.expect("nothing in 20 s").unwrap();
        if let Item::Event(folded) = item {
            return folded.event;
        }
    }
}

async fn report(fold: &mut Fold, wanted: impl Fn(&ReadinessReported) -> bool) -> ReadinessReported {
    loop {
        if let Event::ReadinessReported(report) = next(fold).await
            && wanted(&report)
        {
            return report;
        }
    }
}

async fn error(fold: &mut Fold) -> ErrorRaised {
    loop {
        if let Event::ErrorRaised(error) = next(fold).await {
            return error;
        }
    }
}

async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn a_service_reports_answers_and_stops_when_asked() {
    chassis::metrics::install().unwrap();
    let (server, sources) = sources().await;
    let mut seen = observe(&server).await;
    let address = free_address().await;
    let loaded = sources.set("health.listen", address.to_string()).load().unwrap();
    let shutdown = CancellationToken::new();
    let token = shutdown.clone();
    let service = tokio::spawn(async move { chassis::start::<Sample>(&loaded, token).await });

    let ready = report(&mut seen, |r| r.ready && r.checks.len() == 2).await;
    assert_eq!((ready.service.as_str(), ready.instance.as_str(), ready.running), ("sample", "one", true));
    assert!(get(address, "/healthz").await.starts_with("HTTP/1.1 200"));
    let readiness = get(address, "/readyz").await;
    assert!(readiness.starts_with("HTTP/1.1 200") && readiness.contains("\"rebuilt\""), "{readiness}");
    assert!(get(address, "/metrics").await.contains("finagent_bus_published_total"));

    shutdown.cancel();
    service.await.unwrap().unwrap();
    let raised = error(&mut seen).await;
    assert_eq!((raised.service.as_str(), raised.code.as_str()), ("sample", "stopping"));
    report(&mut seen, |r| !r.running).await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn not_ready_while_the_bus_is_away_and_ready_again_after() {
    let (mut server, sources) = sources().await;
    let address = free_address().await;
    let loaded = sources.set("health.listen", address.to_string()).load().unwrap();
    let shutdown = CancellationToken::new();
    let token = shutdown.clone();
    let service = tokio::spawn(async move { chassis::start::<Sample>(&loaded, token).await });
    let becomes = async |status: &str| {
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(address).await.is_err() || !get(address, "/readyz").await.contains(status) {
            assert!(Instant::now() < deadline, "never became {status}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    becomes("HTTP/1.1 200").await;
    server.kill9();
    becomes("HTTP/1.1 503").await;
    server.restart().await.unwrap();
    becomes("HTTP/1.1 200").await;
    shutdown.cancel();
    service.await.unwrap().unwrap();
}

#[tokio::test]
async fn its_metrics_say_while_it_stands_by() {
    chassis::metrics::install().unwrap();
    let (server, sources) = sources().await;
    let config = BusConfig { url: server.url(), ..BusConfig::default() };
    let bus = Bus::connect(&config, "another").await.unwrap();
    bus::topology::ensure(&bus, &config.sizes).await.unwrap();
    let others = Lease::acquire(&bus, "sample.sampling", &Holder::new("another")).await.unwrap();
    let address = free_address().await;
    let sources = sources.set("planner.behaviour", "leads").set("health.listen", address.to_string());
    let loaded = sources.load().unwrap();
    let shutdown = CancellationToken::new();
    let token = shutdown.clone();
    let service = tokio::spawn(async move { chassis::start::<Sample>(&loaded, token).await });
    let says = async |line: &str| {
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(address).await.is_err() || !get(address, "/metrics").await.contains(line) {
            assert!(Instant::now() < deadline, "never said {line}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    says("finagent_standing_by{service=\"sample\"} 1").await;
    assert!(get(address, "/readyz").await.starts_with("HTTP/1.1 200"), "standing by is all it has to do");
    others.release().await;
    says("finagent_standing_by{service=\"sample\"} 0").await;
    shutdown.cancel();
    service.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_service_that_fails_says_why_on_the_bus_and_to_its_caller() {
    let (server, sources) = sources().await;
    let mut seen = observe(&server).await;
    let loaded = sources.set("planner.behaviour", "fails").load().unwrap();
    let outcome = chassis::start::<Sample>(&loaded, CancellationToken::new()).await.unwrap_err();
    assert!(chassis::logs::chain(&outcome).contains("sample failed: the disk is full"), "{outcome:?}");
    assert_eq!(outcome.exit_code(), 1);
    let raised = error(&mut seen).await;
    assert_eq!((raised.code.as_str(), raised.severity), ("service_stopped", Severity::Critical));
    assert!(raised.detail.contains("the disk is full"), "{}", raised.detail);
}

#[tokio::test]
async fn a_service_that_does_not_stop_is_ended_after_the_grace_period() {
    let (_server, sources) = sources().await;
    let loaded = sources.set("planner.behaviour", "never_stops").set("drain.grace_ms", 300).load().unwrap();
    let shutdown = CancellationToken::new();
    shutdown.clone().cancel();
    let token = shutdown.clone();
    let outcome = chassis::start::<Sample>(&loaded, token).await;
    // Asked before the bus was there: nothing to drain.
    assert!(outcome.is_ok(), "{outcome:?}");

    let shutdown = CancellationToken::new();
    let token = shutdown.clone();
    let stopper = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(800)).await;
        shutdown.cancel();
    });
    let outcome = chassis::start::<Sample>(&loaded, token).await.unwrap_err();
    stopper.await.unwrap();
    assert!(matches!(outcome, RunError::DrainTimedOut { grace_ms: 300, .. }), "{outcome}");
    assert_eq!(outcome.exit_code(), 3);
}

#[tokio::test]
async fn a_taken_port_and_a_wrong_key_are_named() {
    let (_server, sources) = sources().await;
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let loaded = sources.clone().set("health.listen", address.to_string()).load().unwrap();
    let error = chassis::start::<Sample>(&loaded, CancellationToken::new()).await.unwrap_err();
    let text = chassis::logs::chain(&error);
    assert!(text.contains("health.listen") && text.contains(&address.to_string()) && text.contains("in use"), "{text}");

    let loaded = sources.set("planner.behavior", "works").load().unwrap();
    let error = chassis::start::<Sample>(&loaded, CancellationToken::new()).await.unwrap_err();
    assert!(error.to_string().contains("behavior"), "{error}");
    assert_eq!(error.exit_code(), 2);
}
