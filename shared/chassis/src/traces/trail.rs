//! Causes that wait for what follows from them.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use domain::{Meta, UnixNanos};

use super::TraceContext;
use crate::clock::Clock;

/// An event from which others follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cause {
    pub(super) context: TraceContext,
    /// When this process took it up.
    pub(super) taken: UnixNanos,
}

impl Cause {
    /// Where it is in its trace.
    pub const fn context(self) -> TraceContext {
        self.context
    }

    /// The same, taken up `at` another time.
    pub const fn taken_at(self, at: UnixNanos) -> Self {
        Self { taken: at, ..self }
    }
}

/// Stories of which the newest are remembered.
const STORIES_MAX: usize = 4096;
/// Causes in one story: as many as there may be partitions.
const CAUSES_MAX: usize = 32;

/// The causes by story: a round, signal, plan or order id. The oldest stories are forgotten first.
pub struct Trail {
    clock: Arc<dyn Clock>,
    stories: HashMap<String, Vec<Cause>>,
    order: VecDeque<String>,
}

impl Trail {
    /// Nothing yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, stories: HashMap::new(), order: VecDeque::new() }
    }

    /// Notes an event of `story`, if it belongs to a trace.
    pub fn note(&mut self, story: &str, meta: &Meta) {
        if let Some(context) = meta.traceparent.as_deref().and_then(TraceContext::parse) {
            self.put(story, context);
        }
    }

    /// The newest cause in `story`.
    pub fn last(&self, story: &str) -> Option<&Cause> {
        self.all(story).last()
    }

    /// All causes in `story`, oldest first.
    pub fn all(&self, story: &str) -> &[Cause] {
        self.stories.get(story).map_or(&[], Vec::as_slice)
    }

    fn put(&mut self, story: &str, context: TraceContext) {
        if !self.stories.contains_key(story) {
            if self.order.len() >= STORIES_MAX
                && let Some(oldest) = self.order.pop_front()
            {
                self.stories.remove(&oldest);
            }
            self.order.push_back(story.to_owned());
        }
        let causes = self.stories.entry(story.to_owned()).or_default();
        if causes.iter().all(|known| known.context != context) && causes.len() < CAUSES_MAX {
            causes.push(Cause { context, taken: self.clock.now() });
        }
    }
}
