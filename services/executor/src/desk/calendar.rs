//! The broker's calendar beside the built-in table.

use std::sync::Arc;
use std::time::Instant;

use domain::calendar::{self, BrokerDay};
use domain::ops::Severity;
use ports::VendorError;

use super::{Desk, Done};
use crate::calendar_check::{Comparison, Span};

impl Desk {
    pub(super) fn read_calendar(&mut self) {
        let session = self.market.now().map(|now| calendar::session_at(now).date);
        let Some(span) = session.and_then(|session| self.calendar.due(session, Instant::now())) else { return };
        let port = Arc::clone(&self.port);
        self.calls.spawn(async move { Done::Calendar(span, port.calendar(span.from, span.to).await) });
    }

    pub(super) fn observe_calendar(&mut self, span: Span, outcome: Result<Vec<BrokerDay>, VendorError>) {
        let days = match outcome {
            Ok(days) => days,
            Err(error) => {
                self.calendar.failed();
                self.ctx.readiness.set("calendar", self.calendar.is_known(span.session), error.to_string());
                let message = "the broker's calendar cannot be read";
                self.ctx.errors.raise(Severity::Warning, "calendar_unknown", message, error.to_string(), None);
                return;
            }
        };
        let Comparison { blocking, ahead } = self.calendar.compare(span, &days);
        for conflict in &ahead {
            let message = format!("the broker's calendar and the built-in table disagree on {}", conflict.date);
            let subject = conflict.date.to_string();
            self.ctx.errors.raise(Severity::Warning, "calendar_ahead", message, conflict.to_string(), Some(&subject));
        }
        let conflicts: Vec<String> =
            blocking.iter().map(|conflict| format!("calendar conflict on {conflict}")).collect();
        match conflicts.as_slice() {
            [] => self.ctx.readiness.set("calendar", true, format!("agreed from {} to {}", span.from, span.to)),
            found => {
                let message = format!("nothing is entered on {}: {}", span.session, found.join("; "));
                self.ctx.readiness.set("calendar", false, found.join("; "));
                let detail = "the broker's /v2/calendar and the built-in table disagree";
                let subject = span.session.to_string();
                self.ctx.errors.raise(Severity::Critical, "calendar_conflict", message, detail, Some(&subject));
            }
        }
        self.state.observe_calendar(span.session, conflicts);
    }
}
