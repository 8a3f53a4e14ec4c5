//! Logs go to standard error, as text or one JSON object a line.

use crate::config::{Fault, Log, LogFormat};

/// Starts logging; does nothing if this process logs already.
///
/// # Errors
/// `log.level` is not a filter.
pub fn init(settings: &Log) -> Result<(), Fault> {
    let filter = settings.filter()?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match settings.format {
        LogFormat::Text => logs.with_target(false).try_init(),
        LogFormat::Json => logs.json().flatten_event(true).try_init(),
    };
    if let Err(error) = started {
        tracing::debug!(%error, "this process logs already");
    }
    Ok(())
}

/// An error with its whole chain of causes on one line.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let part = error.to_string();
        // Some libraries repeat their source in their own text.
        if !text.ends_with(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        cause = error.source();
    }
    text
}
