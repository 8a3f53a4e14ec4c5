//! The strategy: which version is in force, what was changed, and what its file asks for.
//!
//! CONTROL is what counts ([`versions`]); [`file`] puts what a person writes into the strategy file there, after [`check`].

mod changes;
pub(crate) mod file;
pub(crate) mod versions;

use std::path::Path;

use chassis::{Fault, Problem, StrategyFile};
use domain::control::{Authorship, ConfigActivated};
use domain::strategy::Strategy;
use domain::{Event, EventId, Meta, UnixNanos};

pub use changes::{Change, changes};

/// What keeps a strategy from being activated: wrong keys and numbers, each with its line, or a model that cannot be used.
/// `folder` is where the files are that it names. The strategy comes with built-in values for what is wrong.
pub fn check(file: &StrategyFile, folder: &Path) -> (Option<Strategy>, Vec<Problem>) {
    let (strategy, mut problems) = file.inspect();
    let model = strategy.as_ref().map(|strategy| learned_score::model(&strategy.scoring, folder));
    if let Some(Err(error)) = model {
        let text = chassis::logs::chain(&error);
        problems.push(file.locate(Fault::new("scoring.learned.file", format!("cannot be used: {text}"))));
    }
    (strategy, problems)
}

/// Everything that is wrong, one after the other.
pub(crate) fn sentence(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("; ")
}

/// An activation that `source` appends, whoever asked for it: the same request is the same event.
pub fn activation(activated: ConfigActivated, source: &str) -> (Event, Meta) {
    let Authorship { requested_at, request_id, .. } = activated.by.clone();
    let meta = Meta {
        id: activation_id(&request_id),
        source: source.to_owned(),
        ts_init: requested_at,
        causation: None,
        correlation: Some(request_id),
        traceparent: None,
    };
    (Event::from(activated), meta)
}

/// The id of the activation that a request asks for.
pub(crate) fn activation_id(request_id: &str) -> EventId {
    EventId::from_parts(&["config_activated", request_id])
}

/// From which market time on an activation made now is in force: what has fallen due keeps what it was decided under.
/// The first one of all has nothing before it.
///
/// # Errors
/// The bus does not say how far market time is.
pub async fn effective_from(bus: &bus::Bus, is_first: bool) -> Result<UnixNanos, bus::BusError> {
    if is_first {
        return Ok(UnixNanos::default());
    }
    Ok(bus::dead_letter::market_time(bus).await?.unwrap_or_default())
}
