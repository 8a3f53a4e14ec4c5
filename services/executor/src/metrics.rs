//! Metric names, units and labels.

use std::time::Duration;

use domain::Event;
use domain::execution::{Answer, ExecutionState, Leg, PlanBook};
use metrics::{counter, gauge, histogram};

/// `executor_broker_call_seconds{call,status}`: calls to the broker; status is HTTP's, or `none` without an answer.
pub(crate) fn broker_call(call: &'static str, took: Duration, status: Option<u16>) {
    let status = status.map_or_else(|| "none".to_owned(), |status| status.to_string());
    histogram!("executor_broker_call_seconds", "call" => call, "status" => status).record(took.as_secs_f64());
}

/// `executor_routine_calls_left`: calls that the minute leaves before the readings of clock, calendar and account wait.
pub(crate) fn routine_calls_left(left: usize) {
    gauge!("executor_routine_calls_left").set(left as f64);
}

/// `executor_orders_sent_total{leg,answer}`: orders sent, by what the broker answered.
pub(crate) fn sent(leg: Leg, answer: &Answer) {
    let answer = match answer {
        Answer::Found(_) | Answer::Taken => "accepted",
        Answer::NotFound => "not_found",
        Answer::Duplicate => "duplicate",
        Answer::Refused(_) => "refused",
        Answer::Unknown(_) => "unknown",
    };
    counter!("executor_orders_sent_total", "leg" => leg.as_str(), "answer" => answer).increment(1);
}

/// `executor_events_recorded_total{event}`: events appended to ORDER.
///
/// `executor_slippage_r{leg}`: how much worse a fill was than its plan, multiples of the stop distance.
pub(crate) fn recorded(event: &Event) {
    counter!("executor_events_recorded_total", "event" => event.name()).increment(1);
    if let Event::FillRecorded(fill) = event
        && let Some(slippage) = fill.slippage_r
    {
        histogram!("executor_slippage_r", "leg" => fill.leg.as_str()).record(slippage.to_f64());
    }
}

/// `executor_open_plans`: plans not yet closed.
///
/// `executor_uncovered_shares`: open shares without a working stop.
///
/// `executor_unknown_order_age_seconds`: age of the oldest order whose fate is unknown; 0 when none is.
pub(crate) fn standing(state: &ExecutionState, oldest_doubt: Option<Duration>) {
    gauge!("executor_open_plans").set(state.open_plans().filter(|book| book.closed.is_none()).count() as f64);
    gauge!("executor_uncovered_shares").set(state.open_plans().map(PlanBook::uncovered).sum::<u64>() as f64);
    gauge!("executor_unknown_order_age_seconds").set(oldest_doubt.unwrap_or_default().as_secs_f64());
}
