//! What the API measures.

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

const STREAMS: &str = "api_live_streams";
const SLOW: &str = "api_slow_streams_total";
const COMMANDS: &str = "api_commands_total";

/// Says what each metric means.
pub fn describe() {
    describe_gauge!(STREAMS, Unit::Count, "Live streams that are open.");
    describe_counter!(SLOW, Unit::Count, "Live streams dropped because their client did not keep up.");
    describe_counter!(COMMANDS, Unit::Count, "Commands, by event and whether the bus took them.");
}

pub(crate) fn streams(open: usize) {
    gauge!(STREAMS).set(open as f64);
}

pub(crate) fn slow_stream() {
    counter!(SLOW).increment(1);
}

pub(crate) fn command(event: &'static str, taken: bool) {
    counter!(COMMANDS, "event" => event, "taken" => if taken { "yes" } else { "no" }).increment(1);
}
