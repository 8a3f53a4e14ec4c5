//! What the bus counts. Label `service` is the connection's name; `stream` and `reader` come from the topology.
//!
//! - `finagent_bus_published_total`: events stored and acknowledged.
//! - `finagent_bus_publish_retries_total`: attempts after the first.
//! - `finagent_bus_publish_failures_total`: events given up after the deadline of all attempts.
//! - `finagent_bus_ack_seconds`: from sending an event to its acknowledgement.
//! - `finagent_bus_in_flight`: events that wait for their acknowledgement.
//! - `finagent_bus_consumed_total`: messages handed to a reader.
//! - `finagent_bus_redelivered_total`: messages handed out more than once.
//! - `finagent_bus_reader_rebuilds_total`: times a reader started again behind its last message.
//! - `finagent_bus_dead_letters_total`: messages put into DEAD.
//! - `finagent_bus_pending`: messages that a reader has still to read.
//! - `finagent_bus_up`: 1 while connected.
//! - `finagent_bus_connections_total`: connections made.
//! - `finagent_bus_slow_consumer_total`: times the server dropped messages for a slow connection; they are read again.
//! - `finagent_bus_server_errors_total`: refusals by the server, such as a subject that the user may not use.
//! - `finagent_bus_append_conflicts_total`: appends refused because the stream had moved on.

use std::sync::Arc;
use std::time::Duration;

use domain::StreamName;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

/// Instruments of the ways that are walked for every message, looked up once.
pub(crate) struct Instruments {
    service: String,
    published: Counter,
    retried: Counter,
    failed: Counter,
    ack_seconds: Histogram,
    in_flight: Gauge,
}

impl Instruments {
    pub(crate) fn new(service: &str) -> Self {
        let service = service.to_owned();
        Self {
            published: counter!("finagent_bus_published_total", "service" => service.clone()),
            retried: counter!("finagent_bus_publish_retries_total", "service" => service.clone()),
            failed: counter!("finagent_bus_publish_failures_total", "service" => service.clone()),
            ack_seconds: histogram!("finagent_bus_ack_seconds", "service" => service.clone()),
            in_flight: gauge!("finagent_bus_in_flight", "service" => service.clone()),
            service,
        }
    }

    /// Counts a publish as in flight until the guard is dropped.
    pub(crate) fn sent(self: &Arc<Self>) -> InFlightGuard {
        self.in_flight.increment(1);
        InFlightGuard(Arc::clone(self))
    }

    pub(crate) fn acknowledged(&self, after: Duration) {
        self.published.increment(1);
        self.ack_seconds.record(after);
    }

    pub(crate) fn retried(&self) {
        self.retried.increment(1);
    }

    pub(crate) fn gave_up(&self) {
        self.failed.increment(1);
    }

    pub(crate) fn dead_letter(&self, reader: &str) {
        let (service, reader) = (self.service.clone(), reader.to_owned());
        counter!("finagent_bus_dead_letters_total", "service" => service, "reader" => reader).increment(1);
    }

    pub(crate) fn consumed(&self, reader: &str) -> ReaderInstruments {
        let labels = [("service", self.service.clone()), ("reader", reader.to_owned())];
        ReaderInstruments {
            consumed: counter!("finagent_bus_consumed_total", &labels),
            redelivered: counter!("finagent_bus_redelivered_total", &labels),
            rebuilt: counter!("finagent_bus_reader_rebuilds_total", &labels),
            pending: gauge!("finagent_bus_pending", &labels),
        }
    }
}

/// One publish that waits for its acknowledgement.
pub(crate) struct InFlightGuard(Arc<Instruments>);

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.0.in_flight.decrement(1);
    }
}

/// Instruments of one reader: a durable's name, or the streams that are folded.
pub(crate) struct ReaderInstruments {
    pub(crate) consumed: Counter,
    pub(crate) redelivered: Counter,
    pub(crate) rebuilt: Counter,
    pub(crate) pending: Gauge,
}

pub(crate) fn connected(service: &str, epoch: u64) {
    gauge!("finagent_bus_up", "service" => service.to_owned()).set(1);
    counter!("finagent_bus_connections_total", "service" => service.to_owned()).absolute(epoch);
}

pub(crate) fn disconnected(service: &str) {
    gauge!("finagent_bus_up", "service" => service.to_owned()).set(0);
}

pub(crate) fn slow_consumer(service: &str) {
    counter!("finagent_bus_slow_consumer_total", "service" => service.to_owned()).increment(1);
}

pub(crate) fn server_error(service: &str) {
    counter!("finagent_bus_server_errors_total", "service" => service.to_owned()).increment(1);
}

pub(crate) fn conflict(stream: StreamName) {
    counter!("finagent_bus_append_conflicts_total", "stream" => stream.as_str()).increment(1);
}
