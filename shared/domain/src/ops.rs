//! How the services are.

use serde::{Deserialize, Serialize};

use crate::time::UnixNanos;

/// How bad an error is for whoever watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Look at it today.
    Warning,
    /// Act now.
    Critical,
}

/// Something went wrong that a person should see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorRaised {
    /// Same for the same fault, so that repetitions are counted and not listed.
    pub error_id: String,
    /// How bad it is.
    pub severity: Severity,
    /// The service that noticed.
    pub service: String,
    /// Short name, a closed set per service, for example `malformed_frame`.
    pub code: String,
    /// One sentence for a person.
    pub message: String,
    /// The input or the chain of causes, without secrets.
    pub detail: String,
    /// Symbol, stream, durable or file concerned.
    pub subject: Option<String>,
    /// Wall time.
    pub at: UnixNanos,
}

/// One thing a service needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReadinessCheck {
    /// What, for example `feed`.
    pub name: String,
    /// True when it is there.
    pub ok: bool,
    /// Numbers or reason.
    pub detail: String,
}

/// A service says how it is; on every change and at least every ten seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReadinessReported {
    /// The service.
    pub service: String,
    /// Which of its replicas.
    pub instance: String,
    /// Its version.
    pub version: String,
    /// True when every check is.
    pub ready: bool,
    /// False in its last report before it stops on purpose.
    pub running: bool,
    /// The checks.
    pub checks: Vec<ReadinessCheck>,
    /// Wall time.
    pub at: UnixNanos,
}
