//! Traces: one span for each event that is published, each batch that makes a round due and each call of a vendor or
//! broker, sent to an OTLP receiver.
//!
//! An event's `traceparent` names the span of its own publishing, whose parent is that of its cause; so the chain of
//! events is the trace. Ids are made from event ids: what is published again after a restart has the same span. Without
//! a receiver a [`Tracer`] is off: no span is made, and what a cause carries is passed on as it is.

mod context;
mod export;
mod span;
mod trail;

use std::sync::Arc;
use std::time::SystemTime;

use bus::subject;
use domain::{Event, EventId, Meta, UnixNanos};
use metrics::Counter;
use opentelemetry::trace::{SpanId, SpanKind, Status};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use tokio::sync::mpsc;

pub use context::{TraceContext, within};
pub use span::Span;
pub use trail::{Cause, Trail};

pub(crate) use export::start;

use crate::clock::Clock;
use context::Act;

/// Makes a service's spans. Cheap to clone; off by default.
#[derive(Clone, Default)]
pub struct Tracer {
    inner: Option<Arc<Inner>>,
}

impl std::fmt::Debug for Tracer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.inner.is_some() { "Tracer(on)" } else { "Tracer(off)" })
    }
}

struct Inner {
    clock: Arc<dyn Clock>,
    queue: mpsc::Sender<SpanData>,
    dropped: Counter,
    scope: InstrumentationScope,
    batch_ratio: f64,
}

impl Tracer {
    /// The span of publishing `event` under `id`: from when its cause was taken up until the returned span is dropped.
    pub fn publish(&self, id: &EventId, event: &Event, cause: Option<&Cause>) -> Span {
        let Some(inner) = &self.inner else { return Span::off(cause.map(|cause| cause.context)) };
        let begun = cause.map_or_else(|| inner.clock.now(), |cause| cause.taken);
        let parent = cause.map(|cause| cause.context);
        let message = Message { act: Act::Publish, name: event.name(), subject: &subject::subject_of(event), id };
        Span::begin(inner, message.place(parent), message.data(inner, parent, begun))
    }

    /// The span of publishing one of many messages made at `made`: only for the share of them that is sampled.
    pub fn publish_sampled(&self, id: &EventId, name: &'static str, subject: &str, made: UnixNanos) -> Span {
        let Some(inner) = &self.inner else { return Span::off(None) };
        let message = Message { act: Act::Publish, name, subject, id };
        let place = message.place(None);
        if !place.is_sampled(inner.batch_ratio) {
            return Span::off(None);
        }
        Span::begin(inner, place, message.data(inner, None, made))
    }

    /// The span of working on the message that `meta` describes, from when that was made. Begins a trace unless the
    /// message belongs to one.
    pub fn process(&self, name: &'static str, subject: &str, meta: &Meta) -> Span {
        let parent = meta.traceparent.as_deref().and_then(TraceContext::parse);
        let Some(inner) = &self.inner else { return Span::off(parent) };
        let message = Message { act: Act::Process, name, subject, id: &meta.id };
        Span::begin(inner, message.place(parent), message.data(inner, parent, meta.ts_init))
    }

    /// The span of an HTTP request, in the trace of [`within`] or one of its own. `route` is the path without ids. The
    /// query, which may hold a key, is not told.
    pub fn request(&self, method: &str, url: &reqwest::Url, route: &str) -> Span {
        let parent = context::current();
        let Some(inner) = &self.inner else { return Span::off(parent) };
        let mut attributes = vec![
            KeyValue::new("http.request.method", method.to_owned()),
            KeyValue::new("url.scheme", url.scheme().to_owned()),
            KeyValue::new("url.path", url.path().to_owned()),
        ];
        attributes.extend(url.host_str().map(|host| KeyValue::new("server.address", host.to_owned())));
        attributes.extend(url.port_or_known_default().map(|port| KeyValue::new("server.port", i64::from(port))));
        let place = TraceContext::unique(parent);
        let name = if route.is_empty() { method.to_owned() } else { format!("{method} {route}") };
        let begun = inner.clock.now();
        Span::begin(inner, place, inner.data(place, parent, SpanKind::Client, name, begun, attributes))
    }
}

/// What is published or worked on.
struct Message<'a> {
    act: Act,
    name: &'static str,
    subject: &'a str,
    id: &'a EventId,
}

impl Message<'_> {
    fn place(&self, parent: Option<TraceContext>) -> TraceContext {
        TraceContext::of(self.act, self.id, parent)
    }

    fn data(&self, inner: &Inner, parent: Option<TraceContext>, begun: UnixNanos) -> SpanData {
        let (kind, operation, kind_of_operation) = match self.act {
            Act::Publish => (SpanKind::Producer, "publish", "send"),
            Act::Process => (SpanKind::Consumer, "process", "process"),
        };
        let attributes = vec![
            KeyValue::new("messaging.system", "nats"),
            KeyValue::new("messaging.operation.name", operation),
            KeyValue::new("messaging.operation.type", kind_of_operation),
            KeyValue::new("messaging.destination.name", self.subject.to_owned()),
            KeyValue::new("messaging.message.id", self.id.as_str().to_owned()),
        ];
        inner.data(self.place(parent), parent, kind, format!("{operation} {}", self.name), begun, attributes)
    }
}

impl Inner {
    fn data(
        &self,
        place: TraceContext,
        parent: Option<TraceContext>,
        span_kind: SpanKind,
        name: String,
        begun: UnixNanos,
        attributes: Vec<KeyValue>,
    ) -> SpanData {
        let begun = system_time(begun);
        SpanData {
            span_context: place.to_span_context(false),
            parent_span_id: parent.map_or(SpanId::INVALID, TraceContext::span),
            parent_span_is_remote: parent.is_some() && span_kind != SpanKind::Client,
            span_kind,
            name: name.into(),
            start_time: begun,
            end_time: begun,
            attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::default(),
            instrumentation_scope: self.scope.clone(),
        }
    }

    /// Queues a finished span; one that does not fit is counted and forgotten.
    fn finish(&self, mut data: SpanData) {
        data.end_time = system_time(self.clock.now()).max(data.start_time);
        if self.queue.try_send(data).is_err() {
            self.dropped.increment(1);
        }
    }
}

fn system_time(at: UnixNanos) -> SystemTime {
    SystemTime::UNIX_EPOCH + std::time::Duration::from_nanos(u64::try_from(at.nanos()).unwrap_or(0))
}

#[cfg(test)]
mod tests;
