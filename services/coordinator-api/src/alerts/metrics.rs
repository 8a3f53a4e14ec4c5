//! What alerts measure. Each:
//!
//! - `alerts_delivered_total`: messages that a target took.
//! - `alerts_given_up_total`: messages that a target did not take in time, or refused.
//! - `alerts_retries_total`: attempts that failed and were repeated.
//! - `alerts_collapsed_total`: notices told together with others like them, or left out for want of room.
//! - `alerts_waiting`: messages that wait for a target.
//! - `alerts_outdated_total`: events that had happened too long ago to be told.

use metrics::{counter, gauge};

pub(super) fn finished(target: &str, delivered: bool) {
    if delivered {
        counter!("alerts_delivered_total", "target" => target.to_owned()).increment(1);
    } else {
        counter!("alerts_given_up_total", "target" => target.to_owned()).increment(1);
    }
}

pub(super) fn retried(target: &str) {
    counter!("alerts_retries_total", "target" => target.to_owned()).increment(1);
}

pub(super) fn collapsed(target: &str) {
    counter!("alerts_collapsed_total", "target" => target.to_owned()).increment(1);
}

pub(super) fn waiting(target: &str, messages: usize) {
    gauge!("alerts_waiting", "target" => target.to_owned()).set(messages as f64);
}

pub(super) fn outdated() {
    counter!("alerts_outdated_total").increment(1);
}
