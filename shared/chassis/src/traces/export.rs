//! Sends spans to an OTLP receiver, beside the service and never in its way.
//!
//! - `telemetry_spans_dropped_total`: spans that the receiver did not get, because it failed or too many waited.

use std::sync::Arc;
use std::time::Duration;

use metrics::{Counter, counter};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{Inner, Tracer};
use crate::BoxError;
use crate::clock::Clock;
use crate::config::Telemetry;

/// Spans that wait; more are dropped.
const WAITING_MAX: usize = 8192;
/// Spans in one request.
const BATCH: usize = 512;
/// How long spans are collected for a request.
const EVERY: Duration = Duration::from_millis(500);
/// How long the receiver may take.
const TIMEOUT: Duration = Duration::from_secs(3);

/// The sending end of a [`Tracer`].
#[derive(Default)]
pub(crate) struct Export {
    running: Option<(CancellationToken, JoinHandle<()>)>,
}

impl Export {
    /// Sends what waits, at most for `limit`, and ends.
    pub(crate) async fn flush(self, limit: Duration) {
        let Some((stop, task)) = self.running else { return };
        stop.cancel();
        if timeout(limit, task).await.is_err() {
            tracing::warn!("the last spans could not be sent in time");
        }
    }
}

/// The tracer of `service`: off where the settings name no receiver.
///
/// # Errors
/// `telemetry.endpoint` is no address.
pub(crate) fn start(
    settings: &Telemetry,
    service: &'static str,
    instance: &str,
    clock: Arc<dyn Clock>,
) -> Result<(Tracer, Export), BoxError> {
    if settings.endpoint.is_empty() {
        return Ok((Tracer::default(), Export::default()));
    }
    let endpoint = format!("{}/v1/traces", settings.endpoint.trim_end_matches('/'));
    let named = |source: BoxError| BoxError::from(format!("telemetry.endpoint: {}: {source}", settings.endpoint));
    reqwest::Url::parse(&endpoint).map_err(|e| named(e.into()))?;
    let client = reqwest::Client::builder().timeout(TIMEOUT).build()?;
    let mut exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_endpoint(endpoint)
        .with_timeout(TIMEOUT)
        .build()
        .map_err(|e| named(e.into()))?;
    let version = env!("CARGO_PKG_VERSION");
    let resource = Resource::builder().with_service_name(service).with_attributes([
        KeyValue::new("service.namespace", "fin-agent"),
        KeyValue::new("service.version", version),
        KeyValue::new("service.instance.id", instance.to_owned()),
    ]);
    exporter.set_resource(&resource.build());
    let dropped = counter!("telemetry_spans_dropped_total", "service" => service);
    let (queue, spans) = mpsc::channel(WAITING_MAX);
    let stop = CancellationToken::new();
    let task = tokio::spawn(export(exporter, spans, stop.clone(), dropped.clone()));
    let scope = InstrumentationScope::builder("fin-agent").with_version(version).build();
    let inner = Inner { clock, queue, dropped, scope, batch_ratio: settings.batch_ratio };
    Ok((Tracer { inner: Some(Arc::new(inner)) }, Export { running: Some((stop, task)) }))
}

/// Sends spans until `stop`, then what still waits. A request that fails is not repeated.
async fn export(
    exporter: SpanExporter,
    mut spans: mpsc::Receiver<SpanData>,
    stop: CancellationToken,
    dropped: Counter,
) {
    let mut failing = false;
    let mut batch = Vec::new();
    loop {
        let more = tokio::select! {
            biased;
            () = stop.cancelled() => false,
            received = spans.recv_many(&mut batch, BATCH) => received > 0,
        };
        if more {
            let _ = timeout(EVERY, stop.cancelled()).await;
        }
        loop {
            while batch.len() < BATCH
                && let Ok(span) = spans.try_recv()
            {
                batch.push(span);
            }
            if batch.is_empty() {
                break;
            }
            let number = batch.len() as u64;
            match exporter.export(std::mem::take(&mut batch)).await {
                Ok(()) => failing = false,
                Err(error) => {
                    dropped.increment(number);
                    if !std::mem::replace(&mut failing, true) {
                        tracing::warn!(%error, "the OTLP receiver takes no spans; they are dropped until it does");
                    }
                }
            }
        }
        if !more {
            return;
        }
    }
}
