//! What the person at the command line got wrong, as opposed to what went wrong.

/// An argument that cannot be meant; the text names its value. The program ends with exit code 2.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);
