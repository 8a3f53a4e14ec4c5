//! W3C trace contexts, made from what the spans are about.

use std::fmt;
use std::future::Future;

use domain::EventId;
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
use opentelemetry_sdk::trace::{IdGenerator as _, RandomIdGenerator};
use sha2::{Digest as _, Sha256};

/// Which trace, and which span in it; always a sampled one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    trace: TraceId,
    span: SpanId,
}

/// What is done to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Publish,
    Process,
}

impl TraceContext {
    /// Reads a `traceparent` header; `None` if it is none, or if its trace is not sampled.
    pub fn parse(traceparent: &str) -> Option<Self> {
        let mut parts = traceparent.split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let hex = |text: &str, len| text.len() == len && text.bytes().all(|b| b.is_ascii_hexdigit());
        let whole = hex(version, 2) && hex(trace, 32) && hex(span, 16) && hex(flags, 2);
        let known = match version {
            "00" => parts.next().is_none(),
            "ff" => false,
            _ => true, // a later version may say more
        };
        let sampled = u8::from_str_radix(flags, 16).is_ok_and(|flags| flags & 1 == 1);
        let context = Self { trace: TraceId::from_hex(trace).ok()?, span: SpanId::from_hex(span).ok()? };
        (whole && known && sampled && context.to_span_context(true).is_valid()).then_some(context)
    }

    /// The place of the span for `act` on event `id`: the same whenever it is asked for. Without a parent it is the root
    /// of the event's own trace.
    pub(super) fn of(act: Act, id: &EventId, parent: Option<Self>) -> Self {
        let digest: [u8; 32] = Sha256::digest(id.as_str()).into();
        let (trace, publish, process) = (first(&digest), first(&digest[16..]), first(&digest[24..]));
        let span = SpanId::from_bytes(match act {
            Act::Publish => publish,
            Act::Process => process,
        });
        Self { trace: parent.map_or(TraceId::from_bytes(trace), |parent| parent.trace), span }
    }

    /// A place of its own, for what may happen several times.
    pub(super) fn unique(parent: Option<Self>) -> Self {
        let ids = RandomIdGenerator::default();
        Self { trace: parent.map_or_else(|| ids.new_trace_id(), |parent| parent.trace), span: ids.new_span_id() }
    }

    /// True for `ratio` of all traces: the same ones everywhere.
    pub(super) fn is_sampled(self, ratio: f64) -> bool {
        (u64::from_be_bytes(first(&self.trace.to_bytes()[8..])) as f64) < ratio * u64::MAX as f64
    }

    pub(super) const fn span(self) -> SpanId {
        self.span
    }

    pub(super) const fn trace(self) -> TraceId {
        self.trace
    }

    pub(super) fn to_span_context(self, remote: bool) -> SpanContext {
        SpanContext::new(self.trace, self.span, TraceFlags::SAMPLED, remote, TraceState::NONE)
    }
}

fn first<const N: usize>(bytes: &[u8]) -> [u8; N] {
    std::array::from_fn(|i| bytes[i])
}

/// The `traceparent` header.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-01", self.trace, self.span)
    }
}

tokio::task_local! {
    static CURRENT: Option<TraceContext>;
}

/// Runs `work`, whose HTTP requests then belong to the span `parent`.
pub async fn within<F: Future>(parent: Option<TraceContext>, work: F) -> F::Output {
    CURRENT.scope(parent, work).await
}

pub(super) fn current() -> Option<TraceContext> {
    CURRENT.try_with(|current| *current).ok().flatten()
}
