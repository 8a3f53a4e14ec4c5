//! The process's one metrics recorder, in Prometheus' text format.

use std::sync::{Mutex, OnceLock, PoisonError};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

/// The recorder could not be installed.
#[derive(Debug, thiserror::Error)]
#[error("metrics: {0}")]
pub struct MetricsError(String);

/// Installs the recorder; does nothing if this process has it already.
///
/// # Errors
/// Another recorder is installed.
pub fn install() -> Result<(), MetricsError> {
    static ONCE: Mutex<()> = Mutex::new(());
    let _only_one = ONCE.lock().unwrap_or_else(PoisonError::into_inner);
    if HANDLE.get().is_some() {
        return Ok(());
    }
    let built = PrometheusBuilder::new().set_buckets(&SECONDS).and_then(PrometheusBuilder::install_recorder);
    let handle = built.map_err(|e| MetricsError(e.to_string()))?;
    let _ = HANDLE.set(handle);
    Ok(())
}

/// Everything recorded so far; empty before [`install`].
pub fn render() -> String {
    HANDLE.get().map(PrometheusHandle::render).unwrap_or_default()
}

/// `finagent_standing_by`: 1 while another replica is responsible. What this one measured before stays as it was.
pub(crate) fn standing_by(service: &'static str, standing_by: bool) {
    metrics::gauge!("finagent_standing_by", "service" => service).set(f64::from(u8::from(standing_by)));
}

/// Folds what was recorded into the buckets, so that it does not pile up between two readings.
pub(crate) fn upkeep() {
    if let Some(handle) = HANDLE.get() {
        handle.run_upkeep();
    }
}

static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

const SECONDS: [f64; 14] =
    [0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];
