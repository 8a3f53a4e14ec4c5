//! The sign of life of a service's work, which a living process alone does not give.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use serde_json::json;

/// How often it is told on the bus.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// When the work last went on. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heartbeat(Arc<Mutex<Beats>>);

#[derive(Debug, Default)]
struct Beats {
    last: Option<Instant>,
    told: Option<Instant>,
}

impl Heartbeat {
    /// The work goes on; `tell` is called when it is time to say so on the bus.
    pub(crate) fn beat(&self, tell: impl FnOnce()) {
        let now = Instant::now();
        let due = {
            let mut beats = self.beats();
            beats.last = Some(now);
            let due = beats.told.is_none_or(|told| now.duration_since(told) >= TELL_EVERY);
            if due {
                beats.told = Some(now);
            }
            due
        };
        if due {
            tell();
        }
    }

    /// `/heartbeat`: the age of the last beat in ms; 503 where there has been none.
    pub(crate) fn router(&self) -> Router {
        Router::new().route("/heartbeat", get(answer)).with_state(self.clone())
    }

    fn beats(&self) -> MutexGuard<'_, Beats> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn answer(State(heartbeat): State<Heartbeat>) -> Response {
    let last = heartbeat.beats().last;
    match last {
        Some(last) => Json(json!({ "age_ms": last.elapsed().as_millis() as u64 })).into_response(),
        None => (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "age_ms": null }))).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_once_a_second_however_often_it_beats() {
        let (heartbeat, mut told) = (Heartbeat::default(), 0);
        assert!(heartbeat.beats().last.is_none());
        for _ in 0..10 {
            heartbeat.beat(|| told += 1);
        }
        assert_eq!(told, 1);
        assert!(heartbeat.beats().last.is_some());
    }
}
