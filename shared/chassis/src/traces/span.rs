//! A span under way.

use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;

use domain::UnixNanos;
use opentelemetry::KeyValue;
use opentelemetry::trace::{Link, Status};
use opentelemetry_sdk::trace::SpanData;
use tracing::Instrument as _;

use super::{Cause, Inner, TraceContext};

/// A span under way; ends when it is dropped.
#[must_use = "it ends when it is dropped"]
pub struct Span {
    context: Option<TraceContext>,
    open: Option<Box<Open>>,
    log: tracing::Span,
}

struct Open {
    tracer: Arc<Inner>,
    data: SpanData,
}

impl Span {
    /// No span, in whose place `context` stands.
    pub(super) fn off(context: Option<TraceContext>) -> Self {
        Self { context, open: None, log: tracing::Span::none() }
    }

    pub(super) fn begin(tracer: &Arc<Inner>, context: TraceContext, data: SpanData) -> Self {
        let message = data.attributes.iter().find(|a| a.key.as_str() == "messaging.message.id");
        let event_id = message.map(|a| tracing::field::display(a.value.clone()));
        let log = tracing::info_span!("span", trace_id = %context.trace(), span_id = %context.span(), event_id);
        Self { context: Some(context), open: Some(Box::new(Open { tracer: Arc::clone(tracer), data })), log }
    }

    /// Links to other causes.
    pub fn linked<'a>(mut self, causes: impl IntoIterator<Item = &'a Cause>) -> Self {
        if let Some(open) = &mut self.open {
            let link = |cause: &Cause| Link::new(cause.context.to_span_context(true), Vec::new(), 0);
            open.data.links.links.extend(causes.into_iter().map(link));
        }
        self
    }

    /// Where this span is; for a span that is off, where its parent is.
    pub const fn context(&self) -> Option<TraceContext> {
        self.context
    }

    /// It as the cause of what follows, taken up at `at`.
    pub fn cause(&self, at: UnixNanos) -> Option<Cause> {
        self.context.map(|context| Cause { context, taken: at })
    }

    /// What the lines of its work are logged in.
    pub const fn log(&self) -> &tracing::Span {
        &self.log
    }

    /// Does `work` as a part of it; an error is told.
    pub async fn until<T, E: Display>(&mut self, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let outcome = work.instrument(self.log.clone()).await;
        if let Err(error) = &outcome {
            self.fail("error", error);
        }
        outcome
    }

    /// Notes the answer to an HTTP request: its status, or why there is none.
    pub fn answered<E: Display>(&mut self, status: Result<u16, E>) {
        match status {
            Ok(status) => {
                if let Some(open) = &mut self.open {
                    open.data.attributes.push(KeyValue::new("http.response.status_code", i64::from(status)));
                }
                if status >= 400 {
                    self.fail(&status.to_string(), "");
                }
            }
            Err(error) => self.fail("error", error),
        }
    }

    /// Makes it as if it had never begun.
    pub fn discard(mut self) {
        self.open = None;
    }

    fn fail(&mut self, kind: &str, error: impl Display) {
        if let Some(open) = &mut self.open {
            open.data.attributes.push(KeyValue::new("error.type", kind.to_owned()));
            open.data.status = Status::error(error.to_string());
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(open) = self.open.take() {
            open.tracer.finish(open.data);
        }
    }
}
