//! The way from the declaration to the server: what is missing is made, what differs is changed in place.

use std::time::Duration;

use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::stream::Config as StreamConfig;
use async_nats::jetstream::{ErrorCode, consumer, context, kv, stream};

use super::{BUCKETS, Bucket, DURABLES, Durable, Origin, STREAMS, Sizes, consumer_config, stream_config};
use crate::connect::Bus;
use crate::error::BusError;

/// What [`ensure`] did, or [`diff`] would have it do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Made anew.
    pub created: Vec<&'static str>,
    /// Changed in place.
    pub updated: Vec<&'static str>,
    /// Left as they were.
    pub unchanged: Vec<&'static str>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Unchanged,
    Updated,
    Created,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Apply,
    Look,
}

/// Makes the server agree with the topology; nothing that holds messages is ever removed.
///
/// # Errors
/// `BusError::Conflict` (class Fatal) if something exists in a form that cannot be changed in place;
/// class Transient if the server does not answer.
pub async fn ensure(bus: &Bus, sizes: &Sizes) -> Result<Report, BusError> {
    reconcile(bus, sizes, Mode::Apply).await
}

/// What differs between the server and the topology; changes nothing.
///
/// # Errors
/// Class Transient if the server does not answer.
pub async fn diff(bus: &Bus, sizes: &Sizes) -> Result<Report, BusError> {
    reconcile(bus, sizes, Mode::Look).await
}

async fn reconcile(bus: &Bus, sizes: &Sizes, mode: Mode) -> Result<Report, BusError> {
    let mut report = Report::default();
    for spec in &STREAMS {
        report.add(spec.name, ensure_stream(bus, stream_config(spec, sizes), mode).await?);
    }
    for spec in DURABLES {
        let in_stream = ensure_durable(bus, spec, Origin::Stream, mode).await?;
        report.add(spec.name, in_stream.max(ensure_durable(bus, spec, Origin::Redrive, mode).await?));
    }
    for spec in &BUCKETS {
        report.add(spec.name, ensure_bucket(bus, spec, sizes, mode).await?);
    }
    Ok(report)
}

impl Report {
    fn add(&mut self, name: &'static str, outcome: Outcome) {
        match outcome {
            Outcome::Created => self.created.push(name),
            Outcome::Updated => self.updated.push(name),
            Outcome::Unchanged => self.unchanged.push(name),
        }
    }
}

async fn ensure_stream(bus: &Bus, wanted: StreamConfig, mode: Mode) -> Result<Outcome, BusError> {
    let context = bus.context();
    let what = format!("stream {}", wanted.name);
    let found = match context.get_stream(&wanted.name).await {
        Ok(stream) => stream.cached_info().config.clone(),
        Err(error) => match error.kind() {
            context::GetStreamErrorKind::JetStream(e) if e.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                if mode == Mode::Look {
                    return Ok(Outcome::Created);
                }
                return match context.create_stream(&wanted).await {
                    Ok(_) => Ok(Outcome::Created),
                    Err(e) => Err(stream_refused(what, e)),
                };
            }
            _ => return Err(BusError::request(format!("reading {what}"), error)),
        },
    };
    if same_stream(&found, &wanted) {
        return Ok(Outcome::Unchanged);
    }
    if mode == Mode::Look {
        return Ok(Outcome::Updated);
    }
    let changed = StreamConfig { metadata: found.metadata, ..wanted };
    match context.update_stream(&changed).await {
        Ok(_) => Ok(Outcome::Updated),
        Err(e) => Err(stream_refused(what, e)),
    }
}

fn stream_refused(what: String, error: context::CreateStreamError) -> BusError {
    match error.kind() {
        context::CreateStreamErrorKind::JetStream(e) => BusError::Conflict { what, detail: e.to_string() },
        _ => BusError::request(format!("creating {what}"), error),
    }
}

fn same_stream(found: &StreamConfig, wanted: &StreamConfig) -> bool {
    found.subjects == wanted.subjects
        && found.discard == wanted.discard
        && found.max_bytes == wanted.max_bytes
        && found.max_age == wanted.max_age
        && found.max_messages_per_subject == wanted.max_messages_per_subject
        && found.num_replicas == wanted.num_replicas
        && found.storage == wanted.storage
        && found.retention == wanted.retention
        && found.deny_delete == wanted.deny_delete
        && found.deny_purge == wanted.deny_purge
        && found.allow_atomic_publish == wanted.allow_atomic_publish
        && found.duplicate_window == wanted.duplicate_window
        && found.allow_message_ttl == wanted.allow_message_ttl
}

async fn ensure_durable(bus: &Bus, spec: &Durable, origin: Origin, mode: Mode) -> Result<Outcome, BusError> {
    let what = format!("consumer {}", spec.name);
    let wanted = consumer_config(spec, origin);
    let found = match find_durable(bus, spec, origin).await {
        Ok(Some(consumer)) => consumer.cached_info().config.clone(),
        Ok(None) | Err(BusError::Missing { .. }) if mode == Mode::Look => return Ok(Outcome::Created),
        Ok(None) => return create_durable(bus, spec, origin).await.map(|_| Outcome::Created),
        Err(error) => return Err(error),
    };
    if same_consumer(&found, &wanted) {
        return Ok(Outcome::Unchanged);
    }
    if mode == Mode::Look {
        return Ok(Outcome::Updated);
    }
    match bus.context().update_consumer_on_stream(wanted, origin.stream(spec)).await {
        Ok(_) => Ok(Outcome::Updated),
        Err(error) => match error.kind() {
            stream::ConsumerUpdateErrorKind::JetStream(e) => Err(BusError::Conflict { what, detail: e.to_string() }),
            _ => Err(BusError::request(format!("changing {what}"), error)),
        },
    }
}

/// The durable as it stands on the server; `None` if it is not there.
pub(crate) async fn find_durable(
    bus: &Bus,
    spec: &Durable,
    origin: Origin,
) -> Result<Option<consumer::Consumer<pull::Config>>, BusError> {
    let stream = origin.stream(spec);
    match bus.context().get_consumer_from_stream::<pull::Config, _, _>(spec.name, stream).await {
        Ok(found) => Ok(Some(found)),
        Err(error) => match error.kind() {
            stream::ConsumerErrorKind::JetStream(e) if e.error_code() == ErrorCode::CONSUMER_NOT_FOUND => Ok(None),
            stream::ConsumerErrorKind::JetStream(e) if e.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                Err(BusError::Missing { what: format!("stream {stream}") })
            }
            _ => Err(BusError::request(format!("reading consumer {}", spec.name), error)),
        },
    }
}

pub(crate) async fn create_durable(
    bus: &Bus,
    spec: &Durable,
    origin: Origin,
) -> Result<consumer::Consumer<pull::Config>, BusError> {
    let created = bus.context().create_consumer_on_stream(consumer_config(spec, origin), origin.stream(spec)).await;
    created.map_err(|error| match error.kind() {
        stream::ConsumerErrorKind::JetStream(e) => {
            BusError::Conflict { what: format!("consumer {}", spec.name), detail: e.to_string() }
        }
        _ => BusError::request(format!("creating consumer {}", spec.name), error),
    })
}

fn same_consumer(found: &consumer::Config, wanted: &pull::Config) -> bool {
    let mut filters = found.filter_subjects.clone();
    if !found.filter_subject.is_empty() {
        filters.push(found.filter_subject.clone());
    }
    filters == wanted.filter_subjects
        && found.ack_wait == wanted.ack_wait
        && found.max_ack_pending == wanted.max_ack_pending
        && found.max_deliver == wanted.max_deliver
        && found.ack_policy == wanted.ack_policy
}

async fn ensure_bucket(bus: &Bus, spec: &Bucket, sizes: &Sizes, mode: Mode) -> Result<Outcome, BusError> {
    let what = || format!("bucket {}", spec.name);
    let marker = (spec.marker_s > 0).then(|| Duration::from_secs(spec.marker_s));
    if let Ok(stream) = bus.context().get_stream(format!("KV_{}", spec.name)).await {
        let found = stream.cached_info().config.clone();
        // Without markers its keys cannot lapse.
        if found.subject_delete_marker_ttl == marker {
            return Ok(Outcome::Unchanged);
        }
        if mode == Mode::Look {
            return Ok(Outcome::Updated);
        }
        let allow_message_ttl = found.allow_message_ttl || marker.is_some();
        let changed = StreamConfig { allow_message_ttl, subject_delete_marker_ttl: marker, ..found };
        let updated = bus.context().update_stream(&changed).await;
        return updated.map(|_| Outcome::Updated).map_err(|e| stream_refused(what(), e));
    }
    if mode == Mode::Look {
        return Ok(Outcome::Created);
    }
    let config = kv::Config {
        bucket: spec.name.to_owned(),
        history: 1,
        max_bytes: i64::from(sizes.ops_mib) << 20,
        num_replicas: usize::from(sizes.replicas),
        limit_markers: marker,
        ..kv::Config::default()
    };
    match bus.context().create_key_value(config).await {
        Ok(_) => Ok(Outcome::Created),
        Err(error) => Err(BusError::request(format!("creating {}", what()), error)),
    }
}
