//! Why a vendor did not answer as asked.

use std::error::Error;
use std::time::Duration;

/// A failed call to a vendor. `what` names the call without keys or tokens.
#[derive(Debug, thiserror::Error)]
pub enum VendorError {
    /// No answer: refused, reset, timed out.
    #[error("{vendor} did not answer {what}")]
    Unreachable {
        /// The vendor.
        vendor: &'static str,
        /// The call.
        what: String,
        /// The transport's own words.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The vendor's server failed (HTTP 5xx).
    #[error("{vendor} failed on {what} with HTTP {status}")]
    Failed {
        /// The vendor.
        vendor: &'static str,
        /// The call.
        what: String,
        /// The HTTP status.
        status: u16,
    },
    /// Too many calls (HTTP 429).
    #[error("{vendor} throttles {what}")]
    Throttled {
        /// The vendor.
        vendor: &'static str,
        /// The call.
        what: String,
        /// How long the vendor asks to wait, where it says so.
        retry_after: Option<Duration>,
    },
    /// The vendor understood and will not do it: no access, unknown symbol.
    #[error("{vendor} refused {what}: {reason}")]
    Refused {
        /// The vendor.
        vendor: &'static str,
        /// The call.
        what: String,
        /// The vendor's own words.
        reason: String,
    },
    /// The answer is not what the vendor's contract says.
    #[error("{vendor} answered {what} with something else: {reason}")]
    Malformed {
        /// The vendor.
        vendor: &'static str,
        /// The call.
        what: String,
        /// The field and value, or the parser's words.
        reason: String,
    },
}

impl VendorError {
    /// True when the same call may succeed later.
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Failed { .. } | Self::Throttled { .. } => true,
            Self::Refused { .. } | Self::Malformed { .. } => false,
        }
    }

    /// Who failed.
    pub const fn vendor(&self) -> &'static str {
        match self {
            Self::Unreachable { vendor, .. }
            | Self::Failed { vendor, .. }
            | Self::Throttled { vendor, .. }
            | Self::Refused { vendor, .. }
            | Self::Malformed { vendor, .. } => vendor,
        }
    }

    /// How long the vendor asks us to wait.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled { retry_after, .. } => *retry_after,
            Self::Unreachable { .. } | Self::Failed { .. } | Self::Refused { .. } | Self::Malformed { .. } => None,
        }
    }
}
