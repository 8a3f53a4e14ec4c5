//! Refusals become `ErrorRaised`: each kind at once, its repetitions as a count.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::ops::Severity;
use ports::Refusal;
use tokio::time::Instant;

use crate::{GatewayContext, metrics};

/// A kind is raised again after this time, with the number of those in between.
const QUIET: Duration = Duration::from_secs(10);
/// More different subjects than this are raised together.
const SUBJECTS_MAX: usize = 256;

/// Raises errors about the feed's content, rate-limited by kind and subject.
pub(crate) struct Alarms {
    context: Arc<GatewayContext>,
    source: &'static str,
    limiter: Limiter,
}

impl Alarms {
    pub(crate) fn new(context: Arc<GatewayContext>, source: &'static str) -> Self {
        Self { context, source, limiter: Limiter::default() }
    }

    /// Counts what was refused and raises what is new.
    pub(crate) fn refused(&mut self, refusal: &Refusal, now: Instant) {
        metrics::refused(refusal.code);
        let Some(hidden) = self.limiter.admit(refusal.code, refusal.subject.as_deref(), now) else { return };
        let message = match refusal.code {
            "malformed_frame" => format!("a frame of {} was refused whole: it is not what the vendor documents", self.source),
            "vendor_error" => format!("{} reports an error", self.source),
            code => format!("a trade of {} was refused: {}", self.source, code.replace('_', " ")),
        };
        let repeated = if hidden > 0 { format!(" (and {hidden} more like it)") } else { String::new() };
        let detail = format!("{}{repeated}", refusal.detail);
        self.context.errors.raise(Severity::Warning, refusal.code, message, detail, refusal.subject.as_deref());
    }

    /// Raises a fault of the feed itself.
    pub(crate) fn fault(&mut self, severity: Severity, code: &'static str, message: String, detail: String, now: Instant) {
        if self.limiter.admit(code, None, now).is_some() {
            self.context.errors.raise(severity, code, message, detail, Some(self.source));
        }
    }
}

#[derive(Default)]
struct Limiter {
    seen: HashMap<(&'static str, Option<String>), (Instant, u64)>,
}

impl Limiter {
    /// `Some(n)` when this one is to be raised, and `n` like it were not since the last time.
    fn admit(&mut self, code: &'static str, subject: Option<&str>, now: Instant) -> Option<u64> {
        let known = self.seen.contains_key(&(code, subject.map(str::to_owned)));
        let subject = subject.filter(|_| known || self.seen.len() < SUBJECTS_MAX);
        match self.seen.entry((code, subject.map(str::to_owned))) {
            std::collections::hash_map::Entry::Occupied(mut entry) => {
                let (raised, hidden) = entry.get_mut();
                if now.saturating_duration_since(*raised) < QUIET {
                    *hidden += 1;
                    return None;
                }
                *raised = now;
                Some(std::mem::take(hidden))
            }
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert((now, 0));
                Some(0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_are_counted_and_subjects_bounded() {
        let start = Instant::now();
        let mut limiter = Limiter::default();
        let mut admit = |subject, seconds| limiter.admit("bad_price", subject, start + Duration::from_secs(seconds));
        assert_eq!([admit(Some("GME"), 0), admit(Some("GME"), 1), admit(Some("AMC"), 1)], [Some(0), None, Some(0)]);
        assert_eq!([admit(Some("GME"), 2), admit(Some("GME"), 11)], [None, Some(2)]);
        for n in 0..1_000 {
            admit(Some(&n.to_string()), 20);
        }
        assert!(limiter.seen.len() <= SUBJECTS_MAX + 1);
    }
}
