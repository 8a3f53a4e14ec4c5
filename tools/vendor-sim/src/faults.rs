//! Faults of the REST calls and of the streams that can be asked for.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Something that goes wrong with the next calls of one kind.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    /// Method and beginning of the path: whole, or of the broker below `/alpaca`; for example `POST /v2/orders` or
    /// `GET /yahoo/v8`. `SEND` for the frames of a stream.
    on: String,
    /// Whether it happens before the broker acts on the call or after.
    #[serde(default)]
    pub(crate) when: When,
    /// How long the caller waits for it, in ms of wall time. A caller that hangs up `before` is never served.
    #[serde(default)]
    delay_ms: u64,
    /// Status to answer with instead of the broker's answer; `before`, the broker never sees the call.
    #[serde(default)]
    pub(crate) status: Option<u16>,
    /// JSON to answer a read with, with `status` or 200.
    #[serde(default)]
    pub(crate) body: Option<Value>,
    /// Seconds of a `Retry-After` header beside `status` or `body`.
    #[serde(default)]
    pub(crate) retry_after_s: Option<u64>,
    /// What happens to a stream's frame; calls have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    frame: Option<Mangle>,
    /// How many calls or frames it hits.
    #[serde(default = "once")]
    count: u32,
}

/// What may happen to a frame of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mangle {
    /// It comes twice.
    Duplicate,
    /// It comes after the one behind it.
    Swap,
    /// It never comes.
    Drop,
}

/// On which side of the broker's action a fault lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum When {
    /// The broker has not acted yet.
    Before,
    /// The broker has acted.
    #[default]
    After,
}

impl Fault {
    pub(crate) async fn wait(&self) {
        tokio::time::sleep(Duration::from_millis(self.delay_ms)).await;
    }
}

fn once() -> u32 {
    1
}

/// The faults still to come, in the order they were asked for.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    pub(crate) fn add(&self, fault: Fault) {
        self.lock().push(fault);
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    pub(crate) fn list(&self) -> Vec<Fault> {
        self.lock().clone()
    }

    /// The fault that hits this call, used up by it.
    pub(crate) fn hit(&self, method: &str, path: &str) -> Option<Fault> {
        self.take(method, path, |_| true)
    }

    /// What happens to the next frame of `stream`; a swap only hits a frame with another one behind it.
    pub(crate) fn mangle(&self, stream: &str, followed: bool) -> Option<Mangle> {
        let hits = |fault: &Fault| fault.frame.is_some_and(|mangle| followed || mangle != Mangle::Swap);
        self.take("SEND", stream, hits)?.frame
    }

    fn take(&self, method: &str, path: &str, also: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let mut faults = self.lock();
        let below = path.strip_prefix("/alpaca").unwrap_or(path);
        let meant = |wanted: &str| path.starts_with(wanted) || below.starts_with(wanted);
        let named = |fault: &Fault| fault.on.split_once(' ').is_some_and(|(m, wanted)| m == method && meant(wanted));
        let at = faults.iter().position(|fault| named(fault) && also(fault))?;
        faults[at].count = faults[at].count.saturating_sub(1);
        Some(if faults[at].count == 0 { faults.remove(at) } else { faults[at].clone() })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Fault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_hits_its_calls_and_is_used_up() {
        let faults = Faults::default();
        faults.add(serde_json::from_str(r#"{"on": "POST /v2/orders", "delay_ms": 5, "count": 2}"#).unwrap());
        assert!(faults.hit("GET", "/v2/orders").is_none());
        assert!(faults.hit("POST", "/v2/orders").is_some_and(|f| f.when == When::After));
        assert!(faults.hit("POST", "/v2/orders").is_some());
        assert!(faults.hit("POST", "/v2/orders").is_none());
        faults.add(serde_json::from_str(r#"{"on": "GET /v2/calendar", "body": []}"#).unwrap());
        assert!(faults.hit("GET", "/finnhub/v2/calendar").is_none());
        assert!(faults.hit("GET", "/alpaca/v2/calendar").is_some());
    }

    #[test]
    fn a_swap_waits_for_a_frame_with_another_behind_it() {
        let faults = Faults::default();
        faults.add(serde_json::from_str(r#"{"on": "SEND /finnhub", "frame": "swap"}"#).unwrap());
        assert_eq!(faults.mangle("/finnhub", false), None);
        assert_eq!(faults.mangle("/alpaca/stream", true), None);
        assert_eq!(faults.mangle("/finnhub", true), Some(Mangle::Swap));
        assert_eq!(faults.mangle("/finnhub", true), None);
    }
}
