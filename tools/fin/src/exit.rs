//! Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 token or scope, 7 faults found.

use std::process::ExitCode;

/// What was asked for is not there.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotFound(pub String);

/// The API wants a token, or one of another scope.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

/// Checks that failed.
#[derive(Debug, thiserror::Error)]
#[error("{0} of the checks failed")]
pub struct FaultsFound(pub usize);

/// The exit code of a failed command.
pub fn code(error: &anyhow::Error) -> ExitCode {
    if error.is::<research::usage::UsageError>() {
        return ExitCode::from(2);
    }
    if error.is::<NotFound>() {
        return ExitCode::from(3);
    }
    if error.is::<Refused>() {
        return ExitCode::from(4);
    }
    if error.is::<FaultsFound>() {
        return ExitCode::from(7);
    }
    ExitCode::FAILURE
}
