//! What exists on the server: streams, durables and buckets, declared once.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::stream::{Config as StreamConfig, DiscardPolicy, RetentionPolicy, StorageType};
use domain::StreamName;
use serde::{Deserialize, Serialize};

use crate::snapshot;
use crate::subject::{Kind, redrive_filter, stream_filter};
use crate::world;

mod reconcile;

pub use reconcile::{Report, diff, ensure};
pub(crate) use reconcile::{create_durable, find_durable};

/// How large the streams may grow, and on how many nodes they are kept.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// MARKET, MiB; when full, the oldest batches go.
    pub market_mib: u32,
    /// SCAN, MiB: every candidate of every round; when full, nothing more is accepted.
    pub scan_mib: u32,
    /// SHADOW, MiB: the same of a strategy on trial; when full, its oldest go.
    pub shadow_mib: u32,
    /// PLAN, RISK, ORDER and CONTROL each, MiB; when full, nothing more is accepted.
    pub money_mib: u32,
    /// OPS, DEAD, REDRIVE, SNAP and each bucket, MiB.
    pub ops_mib: u32,
    /// Copies of every stream: 1, or 3 on a cluster.
    pub replicas: u8,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { market_mib: 4_096, scan_mib: 4_096, shadow_mib: 1_024, money_mib: 512, ops_mib: 128, replicas: 1 }
    }
}

/// Most partitions of the market: each is synced by itself, so more of them cost latency and bring no speed.
pub const PARTITIONS_MAX: u32 = 32;

/// What a full stream does, and which size it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Market data: the oldest goes, also by size.
    Market,
    /// What scans found: a full stream refuses.
    Scan,
    /// Decisions and orders: a full stream refuses.
    Money,
    /// Reports: the oldest goes.
    Reports,
    /// What a strategy on trial found and decided, every candidate too: the oldest goes, since nobody trades on it.
    Trial,
    /// Dead letters, and those sent again: until somebody deals with them, one message a subject; a full stream refuses.
    UntilHandled,
    /// Snapshots: the newest of each subject.
    Newest,
}

/// One stream of the server.
#[derive(Debug, Clone, Copy)]
pub struct StreamSpec {
    /// Its name on the server.
    pub name: &'static str,
    /// First token of its subjects.
    pub package: &'static str,
    /// What it keeps when it is full.
    pub keep: Keep,
    /// How long messages stay, days; 0 is for ever.
    pub days: u64,
    /// True where several messages are stored together or not at all.
    pub atomic: bool,
}

/// Every stream.
pub const STREAMS: [StreamSpec; 11] = [
    StreamSpec { name: "MARKET", package: "market", keep: Keep::Market, days: 3, atomic: false },
    StreamSpec { name: "SCAN", package: "scan", keep: Keep::Scan, days: 90, atomic: false },
    StreamSpec { name: "PLAN", package: "plan", keep: Keep::Money, days: 90, atomic: false },
    StreamSpec { name: "RISK", package: "risk", keep: Keep::Money, days: 90, atomic: true },
    StreamSpec { name: "ORDER", package: "order", keep: Keep::Money, days: 90, atomic: true },
    StreamSpec { name: "CONTROL", package: "control", keep: Keep::Money, days: 365, atomic: false },
    StreamSpec { name: "OPS", package: "ops", keep: Keep::Reports, days: 30, atomic: false },
    StreamSpec { name: world::SHADOW, package: world::PREFIX, keep: Keep::Trial, days: 30, atomic: false },
    StreamSpec { name: "DEAD", package: "dead", keep: Keep::UntilHandled, days: 0, atomic: false },
    StreamSpec { name: "REDRIVE", package: "redrive", keep: Keep::UntilHandled, days: 30, atomic: false },
    StreamSpec { name: snapshot::STREAM, package: "snap", keep: Keep::Newest, days: 0, atomic: false },
];

/// A reader whose place the server remembers, in its stream and beside it in REDRIVE, for what failed and is sent again.
#[derive(Debug, Clone, Copy)]
pub struct Durable {
    /// `<service>-<stream>`.
    pub name: &'static str,
    /// The stream it reads.
    pub stream: StreamName,
    /// The kinds it reads; none means all.
    pub kinds: &'static [Kind],
    /// Most messages handed out and not yet acknowledged.
    pub ack_pending_max: i64,
    /// After this long without an acknowledgement a message is handed out again, s.
    pub ack_wait_s: u64,
    /// After this many failures of the handler a message becomes a dead letter.
    pub failures_max: u32,
}

impl Durable {
    /// True when it reads what lies on `subject` of its stream.
    pub(crate) fn reads(&self, subject: &str) -> bool {
        let is_under = |filter: String| subject.starts_with(filter.trim_end_matches('>'));
        match self.kinds {
            [] => is_under(stream_filter(self.stream)),
            kinds => kinds.iter().any(|kind| is_under(kind.filter())),
        }
    }
}

/// Which of a durable's two places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Origin {
    /// Its stream.
    Stream,
    /// REDRIVE: what a person sent to it again, and to nobody else.
    Redrive,
}

impl Origin {
    pub(crate) const ALL: [Self; 2] = [Self::Stream, Self::Redrive];

    /// The stream on the server.
    pub(crate) const fn stream(self, durable: &Durable) -> &'static str {
        match self {
            Self::Stream => durable.stream.as_str(),
            Self::Redrive => REDRIVE,
        }
    }
}

/// Name of the stream of messages that are sent again.
pub(crate) const REDRIVE: &str = "REDRIVE";

/// The executor's work: each approval stays until the broker's answer to its entry is recorded.
pub const EXECUTOR_RISK: Durable = Durable {
    name: "executor-risk",
    stream: StreamName::Risk,
    kinds: &[Kind::PlanApproved],
    ack_pending_max: 64,
    ack_wait_s: 30,
    failures_max: 5,
};

/// What people are told of, a durable for each stream: an event stays until it was delivered or given up. Several targets
/// wait independently of each other, so many events may be out at once.
const fn alerts(name: &'static str, stream: StreamName, kinds: &'static [Kind]) -> Durable {
    Durable { name, stream, kinds, ack_pending_max: 2_048, ack_wait_s: 30, failures_max: 5 }
}

/// Alerts: what went wrong.
pub const ALERTS_OPS: Durable = alerts("alerts-ops", StreamName::Ops, &[Kind::ErrorRaised]);
/// Alerts: what people did to trading.
pub const ALERTS_CONTROL: Durable = alerts(
    "alerts-control",
    StreamName::Control,
    &[Kind::TradingStateChanged, Kind::FlattenRequested, Kind::FlattenCancelled, Kind::StrategyPaused],
);
/// Alerts: what limits did to trading.
pub const ALERTS_RISK: Durable = alerts("alerts-risk", StreamName::Risk, &[Kind::DayOpened, Kind::TradingStateLowered]);
/// Alerts: fills, and the end of a session.
pub const ALERTS_ORDER: Durable =
    alerts("alerts-order", StreamName::Order, &[Kind::FillRecorded, Kind::DeadlineReached]);

/// Every durable. Whoever keeps state folds its streams instead, and remembers its place with that state.
pub const DURABLES: [&Durable; 5] = [&EXECUTOR_RISK, &ALERTS_OPS, &ALERTS_CONTROL, &ALERTS_RISK, &ALERTS_ORDER];

/// A key-value bucket.
#[derive(Debug, Clone, Copy)]
pub struct Bucket {
    /// Its name.
    pub name: &'static str,
    /// How long the marker of an expired key stays, s; 0 for buckets whose keys never expire.
    pub marker_s: u64,
}

/// Every bucket.
pub const BUCKETS: [Bucket; 4] = [
    Bucket { name: "leases", marker_s: 60 },
    Bucket { name: "flags", marker_s: 0 },
    Bucket { name: "tokens", marker_s: 0 },
    Bucket { name: "budgets", marker_s: 0 },
];

pub(crate) fn stream_config(spec: &StreamSpec, sizes: &Sizes) -> StreamConfig {
    let (mib, discard) = match spec.keep {
        Keep::Market => (sizes.market_mib, DiscardPolicy::Old),
        Keep::Scan => (sizes.scan_mib, DiscardPolicy::New),
        Keep::Trial => (sizes.shadow_mib, DiscardPolicy::Old),
        Keep::Money => (sizes.money_mib, DiscardPolicy::New),
        Keep::Reports | Keep::Newest => (sizes.ops_mib, DiscardPolicy::Old),
        Keep::UntilHandled => (sizes.ops_mib, DiscardPolicy::New),
    };
    let permanent = !matches!(spec.keep, Keep::UntilHandled | Keep::Newest);
    StreamConfig {
        name: spec.name.to_owned(),
        subjects: vec![format!("{}.>", spec.package)],
        discard,
        max_bytes: i64::from(mib) << 20,
        max_age: Duration::from_secs(spec.days * 24 * 60 * 60),
        max_messages: -1,
        max_messages_per_subject: if matches!(spec.keep, Keep::Newest | Keep::UntilHandled) { 1 } else { -1 },
        max_consumers: -1,
        storage: StorageType::File,
        retention: RetentionPolicy::Limits,
        num_replicas: usize::from(sizes.replicas),
        deny_delete: permanent,
        deny_purge: permanent,
        allow_atomic_publish: spec.atomic,
        allow_message_ttl: spec.keep == Keep::UntilHandled,
        duplicate_window: Duration::from_mins(2),
        ..StreamConfig::default()
    }
}

pub(crate) fn consumer_config(spec: &Durable, origin: Origin) -> pull::Config {
    let filters = match (origin, spec.kinds) {
        (Origin::Redrive, _) => vec![redrive_filter(spec.name)],
        (Origin::Stream, []) => vec![stream_filter(spec.stream)],
        (Origin::Stream, kinds) => kinds.iter().map(|k| k.filter()).collect(),
    };
    pull::Config {
        durable_name: Some(spec.name.to_owned()),
        name: Some(spec.name.to_owned()),
        deliver_policy: DeliverPolicy::All,
        ack_policy: AckPolicy::Explicit,
        ack_wait: Duration::from_secs(spec.ack_wait_s),
        max_ack_pending: spec.ack_pending_max,
        // Kills use up deliveries, so the library counts the handler's failures instead.
        max_deliver: -1,
        filter_subjects: filters,
        ..pull::Config::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_stream_is_declared_under_its_own_package() {
        for stream in StreamName::ALL {
            let spec = STREAMS.iter().find(|s| s.name == stream.as_str()).unwrap();
            assert_eq!(spec.package, stream.package());
        }
    }

    #[test]
    fn durables_read_kinds_of_their_own_stream_and_are_named_after_it() {
        for durable in DURABLES {
            assert!(durable.kinds.iter().all(|k| k.stream() == durable.stream), "{}", durable.name);
            assert!(durable.name.ends_with(durable.stream.package()), "{}", durable.name);
        }
    }

    #[test]
    fn streams_with_money_refuse_rather_than_forget() {
        for spec in STREAMS {
            let config = stream_config(&spec, &Sizes::default());
            let money = matches!(spec.name, "SCAN" | "PLAN" | "RISK" | "ORDER" | "CONTROL");
            let handled = matches!(spec.name, "DEAD" | "REDRIVE");
            assert_eq!(config.discard == DiscardPolicy::New, money || handled, "{}", spec.name);
            assert_eq!(config.deny_delete, !handled && spec.name != "SNAP", "{}", spec.name);
        }
    }
}
