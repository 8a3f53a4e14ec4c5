//! The topology in the forms that others read: JSON, a table for people, and NACK resources for Kubernetes.

use std::fmt::Write as _;

use async_nats::jetstream::stream::DiscardPolicy;
use serde_json::{Value, json};

use crate::permissions::{ADMIN, ROLES, Role};
use crate::topology::{self, BUCKETS, DURABLES, Durable, Keep, Origin, STREAMS, Sizes};

/// Streams, durables, buckets and users.
pub fn json(sizes: &Sizes) -> Value {
    json!({ "streams": streams(sizes), "consumers": consumers(), "buckets": buckets(), "users": users() })
}

/// The same for people.
pub fn markdown(sizes: &Sizes) -> String {
    let mut text = String::from("| Stream | Subjects | Kept | When full | MiB |\n|---|---|---|---|---|\n");
    for (spec, stream) in STREAMS.iter().zip(streams(sizes)) {
        let kept = match (spec.keep, spec.days) {
            (Keep::Newest, _) => "the newest of each subject".to_owned(),
            (_, 0) => "until handled".to_owned(),
            (_, days) => format!("{days} days"),
        };
        let full = if stream["discard"] == "new" { "refuses" } else { "the oldest go" };
        let mib = stream["max_bytes"].as_i64().unwrap_or_default() >> 20;
        let _ = writeln!(text, "| {} | `{}.>` | {kept} | {full} | {mib} |", spec.name, spec.package);
    }
    text += "\n| Consumer | Stream | Filters |\n|---|---|---|\n";
    for consumer in consumers() {
        let _ = writeln!(
            text,
            "| {} | {} | {} |",
            words(&consumer["name"]),
            words(&consumer["stream"]),
            words(&consumer["filters"])
        );
    }
    text += "\n| Bucket | Keys | MiB |\n|---|---|---|\n";
    for bucket in &BUCKETS {
        let keys = if bucket.marker_s > 0 { "lapse unless they are renewed" } else { "stay" };
        let _ = writeln!(text, "| {} | {keys} | {} |", bucket.name, sizes.ops_mib);
    }
    text += "\n| User | Writes | Reads |\n|---|---|---|\n";
    for role in &ROLES {
        let (writes, reads) = rights(role);
        let _ = writeln!(text, "| {} | {} | {} |", role.service, writes.join(", "), reads.join(", "));
    }
    let _ = writeln!(text, "| {ADMIN} | everything | everything |");
    text
}

/// What `role` writes and reads: streams and buckets.
fn rights(role: &Role) -> (Vec<&'static str>, Vec<&'static str>) {
    let both = [
        ("DEAD", !role.reads.is_empty() || role.handles_dead_letters),
        ("REDRIVE", role.handles_dead_letters),
        ("SNAP", role.snapshots),
        ("leases", role.leases),
        ("budgets", role.budgets),
    ];
    let both = || both.into_iter().filter_map(|(name, may)| may.then_some(name));
    let writes = role.written().into_iter().chain(both());
    let reads = [("REDRIVE", !role.durables.is_empty()), ("tokens", role.handles_dead_letters)];
    let reads = both().chain(reads.into_iter().filter_map(|(name, may)| may.then_some(name)));
    (writes.collect(), role.streams().into_iter().chain(reads).collect())
}

/// Resources of the NACK controller, one YAML document each (JSON is YAML).
pub fn nack(sizes: &Sizes) -> String {
    let resource = |kind: &str, name: &str, spec: Value| {
        let metadata = json!({ "name": name.to_ascii_lowercase() });
        json!({ "apiVersion": "jetstream.nats.io/v1beta2", "kind": kind, "metadata": metadata, "spec": spec })
    };
    let streams = STREAMS.iter().zip(streams(sizes)).map(|(spec, stream)| {
        let seconds = stream["max_age_s"].as_u64().unwrap_or_default();
        let spec_fields = json!({
            "name": spec.name, "subjects": stream["subjects"], "storage": "file", "retention": "limits",
            "discard": stream["discard"], "maxBytes": stream["max_bytes"], "maxAge": format!("{seconds}s"),
            "duplicateWindow": format!("{}s", topology::stream_config(spec, sizes).duplicate_window.as_secs()),
            "replicas": sizes.replicas, "denyDelete": stream["deny_delete"], "denyPurge": stream["deny_purge"],
            "allowAtomicPublish": spec.atomic, "preventDelete": true,
            "maxMsgsPerSubject": stream["max_per_subject"], "allowMsgTtl": stream["allow_ttl"],
        });
        resource("Stream", spec.name, spec_fields)
    });
    let consumers = places().map(|(durable, origin)| {
        let config = topology::consumer_config(durable, origin);
        let spec = json!({
            "streamName": origin.stream(durable), "durableName": durable.name, "deliverPolicy": "all",
            "ackPolicy": "explicit", "ackWait": format!("{}s", durable.ack_wait_s),
            "maxAckPending": durable.ack_pending_max, "maxDeliver": config.max_deliver,
            "filterSubjects": config.filter_subjects, "preventDelete": true,
        });
        resource("Consumer", &format!("{}-{}", durable.name, origin.stream(durable)), spec)
    });
    let buckets = BUCKETS.iter().map(|bucket| {
        let mut spec = json!({
            "bucket": bucket.name, "history": 1, "replicas": sizes.replicas,
            "maxBytes": i64::from(sizes.ops_mib) << 20, "preventDelete": true,
        });
        if bucket.marker_s > 0 {
            // Without it no key may expire. NACK takes it in nanoseconds, other durations as text.
            spec["limitMarkerTtl"] = json!(bucket.marker_s * 1_000_000_000);
        }
        resource("KeyValue", bucket.name, spec)
    });
    let mut text = String::new();
    for document in streams.chain(consumers).chain(buckets) {
        let _ = writeln!(text, "---\n{document:#}");
    }
    text
}

fn streams(sizes: &Sizes) -> Vec<Value> {
    let one = |spec| {
        let config = topology::stream_config(spec, sizes);
        let discard = if config.discard == DiscardPolicy::New { "new" } else { "old" };
        json!({
            "name": config.name, "subjects": config.subjects, "discard": discard, "max_bytes": config.max_bytes,
            "max_age_s": config.max_age.as_secs(), "replicas": config.num_replicas,
            "deny_delete": config.deny_delete, "deny_purge": config.deny_purge, "allow_atomic": spec.atomic,
            "max_per_subject": config.max_messages_per_subject, "allow_ttl": config.allow_message_ttl,
        })
    };
    STREAMS.iter().map(one).collect()
}

fn consumers() -> Vec<Value> {
    let one = |(durable, origin): (&Durable, Origin)| {
        let config = topology::consumer_config(durable, origin);
        json!({
            "name": durable.name, "stream": origin.stream(durable), "filters": config.filter_subjects,
            "ack_wait_s": durable.ack_wait_s, "ack_pending_max": durable.ack_pending_max,
        })
    };
    places().map(one).collect()
}

/// Every durable in its stream, and in REDRIVE.
fn places() -> impl Iterator<Item = (&'static Durable, Origin)> {
    DURABLES.into_iter().flat_map(|durable| Origin::ALL.map(|origin| (durable, origin)))
}

fn buckets() -> Vec<Value> {
    BUCKETS.iter().map(|bucket| json!({ "name": bucket.name, "marker_s": bucket.marker_s })).collect()
}

fn users() -> Vec<Value> {
    let one = |role: &Role| json!({ "user": role.service, "publish": role.publish(), "subscribe": role.subscribe() });
    ROLES.iter().map(one).collect()
}

fn words(value: &Value) -> String {
    match value {
        Value::Array(items) => items.iter().map(words).collect::<Vec<_>>().join(", "),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_names_everything_that_is_declared() {
        let sizes = Sizes::default();
        let (markdown, nack, json) = (markdown(&sizes), nack(&sizes), json(&sizes).to_string());
        let documents: Vec<Value> =
            nack.split("---\n").skip(1).map(|document| serde_json::from_str(document).unwrap()).collect();
        assert_eq!(documents.len(), STREAMS.len() + DURABLES.len() * 2 + BUCKETS.len());
        assert!(documents.iter().all(|d| d["spec"]["preventDelete"] == true), "{nack}");
        let leases = documents.iter().find(|d| d["spec"]["bucket"] == "leases").unwrap();
        assert_eq!(leases["spec"]["limitMarkerTtl"], 60_000_000_000_u64, "leases have to lapse");
        let names = STREAMS.iter().map(|s| s.name).chain(DURABLES.iter().map(|d| d.name));
        for name in names.chain(ROLES.iter().map(|r| r.service)) {
            assert!(markdown.contains(name) && json.contains(name), "{name}");
        }
    }
}
