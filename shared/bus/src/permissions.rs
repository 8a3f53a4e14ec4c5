//! Who may do what on the server: one user per service, with exactly its subjects.
//!
//! This keeps mistakes and a captured service from writing another's stream. It does not stop a hostile reader from
//! misusing the place of a reply; signatures do (`docs/adr/0013-decisions-are-signed.md`).

use std::fmt::Write as _;

use domain::StreamName::{self, Control, Market, Ops, Order, Plan, Risk, Scan};

use crate::subject::{errors_of, heartbeat, reader_name, redrive_filter, stream_filter};
use crate::topology::{
    ALERTS_CONTROL, ALERTS_OPS, ALERTS_ORDER, ALERTS_RISK, DURABLES, Durable, EXECUTOR_RISK, PARTITIONS_MAX, REDRIVE,
};
use crate::world::{SHADOW, World};

/// Which readers of a service have names on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// None: they go with their connection.
    Passing,
    /// One for each stream.
    OneEach,
    /// One for each partition of MARKET.
    OnePerPartition,
}

/// What one service does on the bus.
#[derive(Debug, Clone, Copy)]
pub struct Role {
    /// The service, and its user.
    pub service: &'static str,
    /// The stream it writes, beside OPS and DEAD.
    pub writes: Option<StreamName>,
    /// The streams it reads in order.
    pub reads: &'static [StreamName],
    /// True for a service of a strategy on trial: what it writes, and what it reads of the same streams, lies in SHADOW.
    pub on_trial: bool,
    /// On trial, the streams of the suite itself that it reads in order beside its own of the same name.
    pub reads_live: &'static [StreamName],
    /// True where it reads what a strategy on trial decides.
    pub reads_shadow: bool,
    /// The durables it consumes.
    pub durables: &'static [&'static Durable],
    /// True for the one that carries out what a person decides: dead letters are handled, tokens checked.
    pub handles_dead_letters: bool,
    /// True where it asks how far market time has come.
    pub sees_market: bool,
    /// True where replicas agree on who works.
    pub leases: bool,
    /// True where replicas keep together to what a vendor allows.
    pub budgets: bool,
    /// Which readers have names of their own on the server, and so replace those before them.
    pub known_readers: Readers,
    /// True where it keeps snapshots of its state.
    pub snapshots: bool,
    /// True where it says that it is at work.
    pub beats: bool,
    /// The service whose heartbeats it hears; it may do nothing else but report errors of its own.
    pub minds: Option<&'static str>,
}

const fn role(service: &'static str, writes: Option<StreamName>, reads: &'static [StreamName]) -> Role {
    Role {
        service,
        writes,
        reads,
        on_trial: false,
        reads_live: &[],
        reads_shadow: false,
        durables: &[],
        handles_dead_letters: false,
        sees_market: false,
        leases: false,
        budgets: false,
        known_readers: Readers::Passing,
        snapshots: false,
        beats: false,
        minds: None,
    }
}

/// Every service, those of a strategy on trial, and the watchdog.
pub const ROLES: [Role; 11] = [
    // Which symbols money waits on, so that it can say when one of them falls silent.
    Role { leases: true, budgets: true, ..role("ingest-gateway", Some(Market), &[Market, Scan, Plan, Risk, Order]) },
    Role {
        leases: true,
        known_readers: Readers::OnePerPartition,
        snapshots: true,
        ..role("gap-scanner", Some(Scan), &[Market, Scan, Control])
    },
    role("planner", Some(Plan), &[Scan, Plan, Control]),
    role("risk-engine", Some(Risk), &[Plan, Risk, Order, Control]),
    Role {
        durables: &[&EXECUTOR_RISK],
        leases: true,
        beats: true,
        ..role("executor", Some(Order), &[Risk, Control, Order, Market])
    },
    Role { leases: true, known_readers: Readers::OneEach, ..role("recorder", None, &StreamName::ALL) },
    // It holds what a strategy on trial decided against what the suite did.
    Role {
        durables: &[&ALERTS_OPS, &ALERTS_CONTROL, &ALERTS_RISK, &ALERTS_ORDER],
        handles_dead_letters: true,
        sees_market: true,
        // Of several replicas one sends the alerts.
        leases: true,
        reads_shadow: true,
        ..role("coordinator-api", Some(Control), &[Control, Scan, Plan, Risk])
    },
    Role {
        on_trial: true,
        leases: true,
        known_readers: Readers::OnePerPartition,
        snapshots: true,
        ..role("shadow-gap-scanner", Some(Scan), &[Market, Scan])
    },
    Role { on_trial: true, ..role("shadow-planner", Some(Plan), &[Scan, Plan, Control]) },
    Role { on_trial: true, reads_live: &[Risk], ..role("shadow-risk-engine", Some(Risk), &[Plan, Risk, Control]) },
    Role { minds: Some("executor"), ..role("watchdog", None, &[]) },
];

impl Role {
    const fn world(&self) -> World {
        if self.on_trial { World::Shadow } else { World::Live }
    }

    /// The streams on the server that it reads in order.
    pub(crate) fn streams(&self) -> Vec<&'static str> {
        let world = self.world();
        let own = self.reads.iter().map(|stream| world.server_stream(*stream));
        let live = self.reads_live.iter().map(|stream| stream.as_str());
        let mut streams = Vec::new();
        for stream in own.chain(live).chain(self.reads_shadow.then_some(SHADOW)) {
            if !streams.contains(&stream) {
                streams.push(stream);
            }
        }
        streams
    }

    /// The streams on the server that it writes events into.
    pub(crate) fn written(&self) -> Vec<&'static str> {
        let world = self.world();
        let mut streams: Vec<_> = self.writes.into_iter().chain([Ops]).map(|s| world.server_stream(s)).collect();
        streams.dedup();
        streams
    }

    /// Subjects it may publish to, requests to the server included.
    pub fn publish(&self) -> Vec<String> {
        if self.minds.is_some() {
            return vec![errors_of(self.service)];
        }
        let world = self.world();
        let all = |stream: StreamName| world.subject(stream, &stream_filter(stream));
        let mut allowed: Vec<String> = self.writes.map(all).into_iter().collect();
        allowed.push(all(Ops));
        let written = self.writes.map(|s| world.server_stream(s)).into_iter().chain(["DEAD"]);
        allowed.extend(written.map(|stream| format!("$JS.API.STREAM.MSG.GET.{stream}")));
        for stream in self.streams() {
            let api = |request: &str| format!("$JS.API.{request}.{stream}");
            allowed.extend([
                api("STREAM.INFO"),
                api("CONSUMER.CREATE"),
                api("CONSUMER.CREATE") + ".>",
                api("CONSUMER.INFO") + ".*",
                api("CONSUMER.MSG.NEXT") + ".*",
            ]);
        }
        for stream in self.reads {
            allowed.push(format!("dead.{}-{}.*", self.service, stream.package()));
            let own = |part: Option<u32>| {
                let name = reader_name(self.service, *stream, part.map(|p| p.to_string()).as_deref());
                format!("$JS.API.CONSUMER.DELETE.{}.{name}", world.server_stream(*stream))
            };
            match self.known_readers {
                Readers::OneEach => allowed.push(own(None)),
                Readers::OnePerPartition if *stream == Market => {
                    allowed.extend((0..PARTITIONS_MAX).map(|partition| own(Some(partition))));
                }
                Readers::Passing | Readers::OnePerPartition => {}
            }
        }
        if self.beats {
            allowed.push(heartbeat(self.service));
        }
        if self.leases {
            allowed.push(format!("$KV.leases.{}.>", self.service));
            allowed.extend(["STREAM.INFO", "STREAM.MSG.GET"].map(|request| format!("$JS.API.{request}.KV_leases")));
        }
        if self.budgets {
            allowed.push(format!("$KV.budgets.{}.>", self.service));
            allowed.push("$JS.API.STREAM.MSG.GET.KV_budgets".to_owned());
        }
        if self.snapshots {
            allowed.extend([format!("snap.{}.>", self.service), "$JS.API.STREAM.MSG.GET.SNAP".to_owned()]);
        }
        for durable in self.durables {
            let (stream, name) = (durable.stream.as_str(), durable.name);
            if !self.reads.contains(&durable.stream) {
                allowed.push(format!("$JS.API.CONSUMER.INFO.{stream}.{name}"));
                allowed.push(format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{name}"));
            }
            allowed.extend([
                format!("$JS.ACK.{stream}.{name}.>"),
                format!("$JS.ACK.{REDRIVE}.{name}.>"),
                format!("$JS.API.CONSUMER.INFO.{REDRIVE}.{name}"),
                format!("$JS.API.CONSUMER.MSG.NEXT.{REDRIVE}.{name}"),
            ]);
        }
        if self.sees_market {
            allowed.push("$JS.API.STREAM.MSG.GET.MARKET".to_owned());
        }
        if self.handles_dead_letters {
            allowed.push("dead.*.*".to_owned());
            allowed.extend(DURABLES.map(|durable| redrive_filter(durable.name)));
            allowed.extend([REDRIVE, "KV_tokens"].map(|stream| format!("$JS.API.STREAM.MSG.GET.{stream}")));
        }
        allowed
    }

    /// Subjects it may subscribe to: its own inbox, since everything else but heartbeats is pulled.
    pub fn subscribe(&self) -> Vec<String> {
        let inbox = format!("_INBOX_{}.>", self.service);
        std::iter::once(inbox).chain(self.minds.map(heartbeat)).collect()
    }
}

/// The user who applies the topology.
pub const ADMIN: &str = "topology";

/// The `authorization` block of nats-server's configuration; `password` gives each user's, quoted as it must stand.
pub fn server_config(password: impl Fn(&str) -> String) -> String {
    let list =
        |subjects: Vec<String>| subjects.iter().map(|s| format!("          {s:?}")).collect::<Vec<_>>().join("\n");
    let mut text = String::from("authorization {\n  users = [\n");
    let _ = writeln!(text, "    {{ user: {ADMIN:?}, password: {} }}", password(ADMIN));
    for role in &ROLES {
        let (user, password) = (role.service, password(role.service));
        let (publish, subscribe) = (list(role.publish()), list(role.subscribe()));
        let _ = writeln!(
            text,
            "    {{ user: {user:?}, password: {password}, permissions: {{\n        publish: {{ allow: [\n{publish}\n        \
             ] }}\n        subscribe: {{ allow: [\n{subscribe}\n        ] }}\n    }} }}"
        );
    }
    text + "  ]\n}\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stream_has_one_writer_and_nobody_but_the_recorder_reads_everything() {
        for stream in StreamName::ALL {
            let writers: Vec<_> =
                ROLES.iter().filter(|r| r.writes == Some(stream) && !r.on_trial).map(|r| r.service).collect();
            assert_eq!(writers.len(), usize::from(stream != Ops), "{stream:?}: {writers:?}");
        }
        for role in ROLES.iter().filter(|r| r.on_trial) {
            assert_eq!(role.written(), ["SHADOW"], "{}", role.service);
        }
        let everything: Vec<_> = ROLES.iter().filter(|r| r.reads.len() == StreamName::ALL.len()).collect();
        assert_eq!(everything.iter().map(|r| r.service).collect::<Vec<_>>(), ["recorder"]);
    }
}
