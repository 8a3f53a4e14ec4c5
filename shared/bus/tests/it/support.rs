use std::future::Future;
use std::time::Duration;

use bus::dead_letter::Request;
use bus::{Bus, BusConfig, topology};
use domain::control::Authorship;
use domain::ops::ErrorRaised;
use domain::{Event, Meta, UnixNanos};
use testkit::{NatsServer, build};

/// A server with the whole topology, and a connection to it.
pub(crate) async fn bus() -> (NatsServer, Bus) {
    let server = NatsServer::start().await.unwrap();
    let bus = connect(&server, "test").await;
    topology::ensure(&bus, &bus.config().sizes).await.unwrap();
    (server, bus)
}

pub(crate) async fn connect(server: &NatsServer, name: &str) -> Bus {
    let config = BusConfig { url: server.url(), request_timeout_ms: 500, ..BusConfig::default() };
    Bus::connect(&config, name).await.unwrap()
}

/// The `n`th of many distinct events of OPS.
pub(crate) fn numbered(n: usize) -> (Event, Meta) {
    let error = ErrorRaised { detail: n.to_string(), ..build::error_raised("test", &format!("code_{n}")) };
    (error.into(), build::meta(&["numbered", &n.to_string()], "test"))
}

/// The number of such an event.
pub(crate) fn number_of(event: &Event) -> usize {
    match event {
        Event::ErrorRaised(error) => error.detail.parse().unwrap(),
        other => panic!("not numbered: {other:?}"),
    }
}

/// What a person asks about a dead letter, at the beginning of time.
pub(crate) fn request(id: &str) -> Request {
    let by = Authorship {
        author: "ann".to_owned(),
        reason: "a test".to_owned(),
        requested_at: UnixNanos::new(1_790_000_000_000_000_000),
        request_id: id.to_owned(),
    };
    Request { by, source: "test".to_owned(), now: UnixNanos::new(0) }
}

/// Fails a test that would otherwise hang.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), future).await.expect("nothing happened for 30 s")
}
