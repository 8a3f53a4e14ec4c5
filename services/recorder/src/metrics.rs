//! What the recorder measures.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

const EVENTS: &str = "recorder_events_total";
const BATCH_SECONDS: &str = "recorder_commit_seconds";
const BATCH_MESSAGES: &str = "recorder_batch_messages";
const QUEUE: &str = "recorder_queue_messages";
const FAILURES: &str = "recorder_commit_failures_total";
const UNDECODABLE: &str = "recorder_undecodable_total";
const ARCHIVED: &str = "recorder_archived_trades_total";
const ARCHIVE_FAILURES: &str = "recorder_archive_failures_total";

/// Says what each metric means.
pub fn describe() {
    describe_counter!(EVENTS, Unit::Count, "Messages stored or folded, by stream.");
    describe_histogram!(BATCH_SECONDS, Unit::Seconds, "Time from the first statement of a transaction to its commit.");
    describe_histogram!(BATCH_MESSAGES, Unit::Count, "Messages of one transaction.");
    describe_gauge!(QUEUE, Unit::Count, "Messages that wait for the writer.");
    describe_counter!(FAILURES, Unit::Count, "Transactions that failed and were tried again.");
    describe_counter!(UNDECODABLE, Unit::Count, "Messages stored without being understood, by stream.");
    describe_counter!(ARCHIVED, Unit::Count, "Trades written to the archive.");
    describe_counter!(ARCHIVE_FAILURES, Unit::Count, "Writes to the archive that failed and were tried again.");
}

pub(crate) fn stored(stream: domain::StreamName) {
    counter!(EVENTS, "stream" => stream.as_str()).increment(1);
}

pub(crate) fn committed(messages: usize, took: Duration) {
    histogram!(BATCH_MESSAGES).record(messages as f64);
    histogram!(BATCH_SECONDS).record(took.as_secs_f64());
}

pub(crate) fn queued(messages: usize) {
    gauge!(QUEUE).set(messages as f64);
}

pub(crate) fn commit_failed() {
    counter!(FAILURES).increment(1);
}

pub(crate) fn undecodable(stream: domain::StreamName) {
    counter!(UNDECODABLE, "stream" => stream.as_str()).increment(1);
}

pub(crate) fn archived(trades: usize) {
    counter!(ARCHIVED).increment(trades as u64);
}

pub(crate) fn archive_failed() {
    counter!(ARCHIVE_FAILURES).increment(1);
}
