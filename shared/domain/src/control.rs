//! What a person asked for.

use serde::Serialize;

use crate::risk::TradingState;
use crate::time::UnixNanos;

/// Who asked, why and when; part of every command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Authorship {
    /// The token's name, or `local` without one.
    pub author: String,
    /// The reason given.
    pub reason: String,
    /// Wall time of the request.
    pub requested_at: UnixNanos,
    /// The request's id, also its idempotency key.
    pub request_id: String,
}

/// A person lowered or raised the trading state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TradingStateChanged {
    /// The state asked for.
    pub state: TradingState,
    /// Who and why.
    pub by: Authorship,
}

/// A person wants everything closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FlattenRequested {
    /// Who and why.
    pub by: Authorship,
}

/// A person withdraws a flatten; exits already sent go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FlattenCancelled {
    /// Who and why.
    pub by: Authorship,
}

/// A person pauses or resumes a strategy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StrategyPaused {
    /// The strategy profile's name.
    pub strategy: String,
    /// False when it goes on again.
    pub paused: bool,
    /// Who and why.
    pub by: Authorship,
}

/// A strategy version takes effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConfigActivated {
    /// Hash of the configuration's canonical text.
    pub config_version: String,
    /// The strategy file's text.
    pub strategy_yaml: String,
    /// Rounds due at or after this instant use it.
    pub effective_from: UnixNanos,
    /// Who and why.
    pub by: Authorship,
    /// The file it was read from; `None` where a person gave its text.
    pub file: Option<String>,
}

/// A person has seen an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AlertAcknowledged {
    /// The alert.
    pub error_id: String,
    /// Who and why.
    pub by: Authorship,
}

/// What was done with a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadLetterAction {
    /// Sent again to the durable that failed.
    Redriven,
    /// Thrown away.
    Discarded,
}

/// A person dealt with a dead letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeadLetterHandled {
    /// Its subject in DEAD.
    pub subject: String,
    /// Its sequence in DEAD.
    pub sequence: u64,
    /// What was done.
    pub action: DeadLetterAction,
    /// Who and why.
    pub by: Authorship,
}
