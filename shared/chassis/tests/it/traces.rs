//! Spans reach a receiver, and the lack of one holds nobody up.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::routing::post;
use chassis::{CancellationToken, Context, Service};
use tokio::net::TcpListener;

use crate::{free_address, get, sources};

/// Works on one message and waits for its end.
struct Traced;

impl Service for Traced {
    const NAME: &'static str = "traced";
    const SECTION: &'static str = "planner";
    type Config = crate::Config;

    async fn run(ctx: Context<crate::Config>) -> chassis::Result {
        let meta = testkit::build::meta(&["batch"], "ingest-gateway");
        drop(ctx.tracer.process("TradeBatch", "market.v1.trade_batch.0", &meta));
        ctx.readiness.set("rebuilt", true, "nothing to rebuild");
        ctx.shutdown.cancelled().await;
        Ok(())
    }
}

type Requests = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

async fn receiver() -> (String, Requests) {
    let requests = Requests::default();
    let taken = Arc::clone(&requests);
    let take = move |headers: HeaderMap, body: Bytes| async move { taken.lock().unwrap().push((headers, body)) };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, Router::new().route("/v1/traces", post(take))).into_future());
    (format!("http://{address}/"), requests)
}

fn contains(body: &[u8], text: &str) -> bool {
    body.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn the_last_spans_are_sent_before_a_service_ends() {
    let (_server, sources) = sources().await;
    let (endpoint, requests) = receiver().await;
    let loaded = sources.set("telemetry.endpoint", endpoint).load().unwrap();
    let shutdown = CancellationToken::new();
    let stopper = shutdown.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(700)).await;
        stopper.cancel();
    });
    chassis::start::<Traced>(&loaded, shutdown).await.unwrap();
    let requests = requests.lock().unwrap();
    let [(headers, body)] = requests.as_slice() else { panic!("{} requests", requests.len()) };
    assert_eq!(headers["content-type"], "application/x-protobuf");
    for part in
        ["process TradeBatch", "service.name", "traced", "service.instance.id", "one", "messaging.system", "nats"]
    {
        assert!(contains(body, part), "{part} is not in the request");
    }
}

#[tokio::test]
async fn spans_that_nobody_takes_are_counted() {
    chassis::metrics::install().unwrap();
    let (_server, sources) = sources().await;
    let (nobody, address) = (free_address().await, free_address().await);
    let sources = sources.set("telemetry.endpoint", format!("http://{nobody}"));
    let loaded = sources.set("health.listen", address.to_string()).load().unwrap();
    let shutdown = CancellationToken::new();
    let token = shutdown.clone();
    let service = tokio::spawn(async move { chassis::start::<Traced>(&loaded, token).await });
    let deadline = Instant::now() + Duration::from_secs(10);
    let counted = "telemetry_spans_dropped_total{service=\"traced\"} 1";
    while tokio::net::TcpStream::connect(address).await.is_err() || !get(address, "/metrics").await.contains(counted) {
        assert!(Instant::now() < deadline, "no span was counted as dropped");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    shutdown.cancel();
    service.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_endpoint_that_is_no_address_is_named() {
    let (_server, sources) = sources().await;
    let loaded = sources.set("telemetry.endpoint", "collector").load().unwrap();
    let error = chassis::start::<Traced>(&loaded, CancellationToken::new()).await.unwrap_err();
    let text = chassis::logs::chain(&error);
    assert!(text.contains("telemetry.endpoint") && text.contains("collector"), "{text}");
}
