//! Refusals become `ErrorRaised`; the chassis counts repetitions instead of raising them again.

use std::sync::Arc;

use domain::Symbol;
use domain::ops::Severity;
use ports::Refusal;

use crate::{GatewayContext, metrics};

/// Raises errors about one feed.
pub(crate) struct Alarms {
    context: Arc<GatewayContext>,
    source: &'static str,
}

impl Alarms {
    pub(crate) const fn new(context: Arc<GatewayContext>, source: &'static str) -> Self {
        Self { context, source }
    }

    /// Counts and raises what was refused of the feed's content.
    pub(crate) fn refused(&self, refusal: &Refusal) {
        metrics::refused(refusal.code);
        let source = self.source;
        let message = match refusal.code {
            "malformed_frame" => format!("a frame of {source} was refused whole: it is not what the vendor documents"),
            "repeated_frame" => format!("a frame of {source} came twice and was taken once"),
            "vendor_error" => format!("{source} reports an error"),
            code => format!("a trade of {source} was refused: {}", code.replace('_', " ")),
        };
        let subject = refusal.subject.as_deref();
        self.context.errors.raise(Severity::Warning, refusal.code, message, refusal.detail.as_str(), subject);
    }

    /// Raises something about one symbol that money waits on.
    pub(crate) fn symbol(&self, code: &'static str, symbol: &Symbol, message: String, detail: String) {
        self.context.errors.raise(Severity::Warning, code, message, detail, Some(symbol.as_str()));
    }

    /// Raises a fault of the feed itself.
    pub(crate) fn fault(&self, severity: Severity, code: &'static str, message: String, detail: String) {
        self.context.errors.raise(severity, code, message, detail, Some(self.source));
    }
}
