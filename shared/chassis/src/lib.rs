//! What every process needs: configuration, logs, metrics, health, clock, signals, drain.
//!
//! A service implements [`Service`]; its `main` is [`run`]. Several services in one process are each started with
//! [`start`]: each has its own bus connection, readiness and health listener, and nothing global is shared but the
//! logger and the metrics recorder.

pub mod clock;
pub mod config;
pub mod health;
pub mod logs;
pub mod metrics;
pub mod signals;
pub mod tls;
pub mod traces;

mod context;
mod errors;
mod heartbeat;
mod readiness;
mod run;
mod secret;
mod vendors;

pub use bus::Class;
pub use clock::Clock;
pub use config::{ConfigError, Fault, Loaded, Problem, Profile, Settings, Sources, StrategyFile, read_strategy};
pub use context::{Author, Context, MetaBuilder, Service};
pub use errors::ErrorReporter;
pub use readiness::Readiness;
pub use run::{RunError, run, start};
pub use secret::Secret;
pub use tokio_util::sync::CancellationToken;
pub use vendors::{Alpaca, AlphaVantage, Finnhub, Sim, Vendors, Yahoo};

/// A failure of a service; its chain is printed once, where the process ends.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// True where the bus was away or did not answer in time: trying again makes sense.
pub fn is_transient(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source())
        .filter_map(|error| error.downcast_ref::<bus::BusError>())
        .any(|error| matches!(error.class(), Class::Transient | Class::UnknownOutcome))
}

/// What a service's run gives.
pub type Result<T = (), E = BoxError> = std::result::Result<T, E>;
