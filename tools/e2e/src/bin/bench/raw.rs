//! The same messages through bare async-nats, beside ours on the same server.

use std::time::{Duration, Instant};

use anyhow::Context;
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::{self, stream};
use bus::{Bus, BusConfig, Outgoing, Pipeline};
use bytes::Bytes;
use domain::{EventId, Meta, UnixNanos};
use futures_util::stream::FuturesUnordered;
use futures_util::{StreamExt, stream as futures};
use hdrhistogram::Histogram;

use crate::fold::{Message, schedule};

const WINDOW: usize = 64;

/// Publishes `payloads` as they come, each acknowledged, `WINDOW` in flight; messages a second.
pub(crate) async fn publish_raw(url: &str, payloads: &[Bytes], round: usize) -> anyhow::Result<f64> {
    let context = jetstream::new(async_nats::connect(url).await?);
    let begun = Instant::now();
    let acks = futures::iter(payloads.iter().cloned().enumerate())
        .map(|(n, payload)| {
            let context = &context;
            async move {
                let mut headers = async_nats::HeaderMap::new();
                headers.insert("Nats-Msg-Id", format!("raw-{round}-{n}").as_str());
                context.publish_with_headers("ops.v1.bench.raw", headers, payload).await?.await?;
                Ok::<_, anyhow::Error>(())
            }
        })
        .buffer_unordered(WINDOW);
    count(acks, payloads.len(), begun).await
}

/// The same through our publisher, with its whole envelope.
pub(crate) async fn publish_ours(bus: &Bus, payloads: &[Bytes], round: usize) -> anyhow::Result<f64> {
    let begun = Instant::now();
    let mut pipeline = Pipeline::new(bus.publisher(), WINDOW);
    for (n, payload) in payloads.iter().enumerate() {
        let meta = Meta {
            id: EventId::from_wire(format!("ours-{round}-{n}")),
            source: "bench".into(),
            ts_init: UnixNanos::new(0),
            causation: None,
            correlation: None,
            traceparent: None,
        };
        pipeline.push(Outgoing::raw("ops.v1.bench.ours", "finagent.ops.v1.Bench", payload.clone(), meta)).await?;
    }
    pipeline.flush().await?;
    Ok(payloads.len() as f64 / begun.elapsed().as_secs_f64())
}

async fn count(
    mut acks: impl futures_util::Stream<Item = anyhow::Result<()>> + Unpin,
    expected: usize,
    begun: Instant,
) -> anyhow::Result<f64> {
    let mut stored = 0;
    while let Some(ack) = acks.next().await {
        ack?;
        stored += 1;
    }
    anyhow::ensure!(stored == expected, "{stored} of {expected} were stored");
    Ok(stored as f64 / begun.elapsed().as_secs_f64())
}

/// A bus connection for [`publish_ours`].
pub(crate) async fn connect(url: &str) -> anyhow::Result<Bus> {
    Ok(Bus::connect(&BusConfig { url: url.to_owned(), ..BusConfig::default() }, "bench").await?)
}

/// Publishes the recorded messages at their own times into a stream of their own and reads them back; latency from
/// publish to delivery, nanoseconds.
pub(crate) async fn deliver(url: &str, messages: &[Message], round: &str) -> anyhow::Result<Histogram<u64>> {
    let context = jetstream::new(async_nats::connect(url).await?);
    let name = format!("BENCH{round}");
    let config =
        stream::Config { name: name.clone(), subjects: vec![format!("bench.{round}.>")], ..Default::default() };
    let stored = context.create_stream(config).await?;
    let reader = jetstream::new(async_nats::connect(url).await?).get_stream(&name).await?;
    let consumer = reader.create_consumer(jetstream::consumer::pull::OrderedConfig::default()).await?;
    let mut delivered = consumer.messages().await?;
    drop(stored);

    let plan = schedule(messages);
    let origin = Instant::now();
    let sender = async {
        let mut acks = FuturesUnordered::new();
        for (at, message) in &plan {
            let mut due = std::pin::pin!(tokio::time::sleep_until((origin + *at).into()));
            loop {
                // An acknowledgement that nobody takes keeps its place among those under way.
                tokio::select! {
                    biased;
                    () = &mut due => break,
                    Some(ack) = acks.next() => drop::<PublishAck>(ack?),
                }
            }
            let lane = message.subject.rsplit('.').next().unwrap_or("0");
            let mut headers = async_nats::HeaderMap::new();
            headers.insert("sent", origin.elapsed().as_nanos().to_string().as_str());
            let subject = format!("bench.{round}.{lane}");
            acks.push(context.publish_with_headers(subject, headers, message.payload.clone()).await?.into_future());
        }
        while let Some(ack) = acks.next().await {
            ack?;
        }
        Ok::<_, anyhow::Error>(())
    };
    let receiver = async {
        let mut latency = Histogram::new_with_bounds(1_000, 60_000_000_000, 3)?;
        for _ in 0..plan.len() {
            let message = tokio::time::timeout(Duration::from_secs(10), delivered.next()).await?;
            let message = message.context("the reader has ended")?.map_err(|error| anyhow::anyhow!("{error}"))?;
            let sent = message.headers.as_ref().and_then(|headers| headers.get("sent")).context("no header `sent`")?;
            let sent: u64 = sent.as_str().parse()?;
            latency.saturating_record((origin.elapsed().as_nanos() as u64).saturating_sub(sent));
        }
        Ok::<_, anyhow::Error>(latency)
    };
    let (sent, latency) = tokio::join!(sender, receiver);
    sent?;
    latency
}
