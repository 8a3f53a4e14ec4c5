//! The bus: whether it is there, lets us in, is what the suite needs, and holds what the topology says.

use std::time::Duration;

use bus::{Bus, BusConfig, BusError, diagnosis, topology};
use domain::UnixNanos;
use serde_json::Value;
use tokio::time::timeout;

use super::Checked;
use super::finding::{Complaint, Finding};
use super::probe::{Call, Probe};
use super::site::Site;
use crate::connection::wall_time;

const CONNECT_MS: u64 = 4_000;
const ASK: Duration = Duration::from_secs(1);
const DIFF: Duration = Duration::from_secs(4);
/// Leases are judged by the server's clock beside ours.
const DRIFT_MAX: i64 = 1_000_000_000;

pub(super) async fn check(probe: &Probe, site: &Site, monitor: Option<&str>) -> Checked {
    let configured = &site.settings().bus;
    let config = BusConfig { connect_timeout_ms: configured.connect_timeout_ms.min(CONNECT_MS), ..configured.clone() };
    let bus = match Bus::connect(&config, "fin").await {
        Ok(bus) => bus,
        Err(error) => {
            let streams = Complaint::fail("not looked at: the bus is away", "mend the bus first");
            let findings = vec![refused(&error), Finding::new("streams", "", vec![streams])];
            return Checked { findings, answer: None };
        }
    };
    let (server, streams) = tokio::join!(server(&bus, probe, monitor), streams(&bus, &config));
    bus.drain().await;
    Checked { findings: vec![server, streams], answer: None }
}

fn refused(error: &BusError) -> Finding {
    let fix = match error {
        BusError::LoginRefused { .. } => {
            "give `bus.user` and `bus.password_file` of a user of config/nats/users.conf; `topology` may look at everything"
        }
        BusError::Unreachable { .. } => {
            "start it (`fin up`, or `docker compose up nats`), or mend `bus.url`, `bus.ca_file` and the network"
        }
        _ => "mend the key that is named",
    };
    Finding::fail("bus", chassis::logs::chain(error), fix)
}

async fn server(bus: &Bus, probe: &Probe, monitor: Option<&str>) -> Finding {
    let before = wall_time().unwrap_or_default();
    let server = diagnosis::server(bus, ASK).await;
    let after = wall_time().unwrap_or_default();
    let mut complaints = Vec::new();
    if !server.jetstream {
        complaints.push(Complaint::fail(
            "JetStream is off",
            "add `jetstream { store_dir: … }` to the server's configuration",
        ));
    }
    if !server.is_recent() {
        let (major, minor) = diagnosis::VERSION_MIN;
        complaints.push(Complaint::fail(
            format!("version {} cannot store several messages at once", server.version),
            format!("install nats-server {major}.{minor} or newer"),
        ));
    }
    let mut details = vec![format!("{}, version {}", bus.config().url, server.version)];
    match server.now {
        Some(now) => details.push(drift(now, (before, after), &mut complaints)),
        None => details.push("its clock is not told to this user".to_owned()),
    }
    match monitor {
        Some(url) => match syncs(probe, url).await {
            Ok(true) => details.push("every write is synced".to_owned()),
            Ok(false) => complaints.push(Complaint::warn(
                "writes are not synced one by one: a loss of power may take decisions with it",
                "set `sync_interval: always` in the jetstream block of the server's configuration",
            )),
            Err(complaint) => complaints.push(Complaint { status: super::Status::Warn, ..complaint }),
        },
        None => details.push("how it syncs is told with --bus-monitor only".to_owned()),
    }
    Finding::new("bus", details.join(", "), complaints)
}

fn drift(now: UnixNanos, (before, after): (UnixNanos, UnixNanos), complaints: &mut Vec<Complaint>) -> String {
    let (low, high) = (now.nanos() - after.nanos(), now.nanos() - before.nanos());
    let seconds = |nanos: i64| nanos as f64 / 1e9;
    let told = format!(
        "its clock ahead by {:+.3} s, known to {:.3} s",
        seconds(i64::midpoint(low, high)),
        seconds(high - low) / 2.0
    );
    if low > DRIFT_MAX || high < -DRIFT_MAX {
        let fix = "let a time service keep the clocks of both machines";
        complaints.push(Complaint::warn("the server's clock is not ours", fix));
    }
    told
}

async fn syncs(probe: &Probe, monitor: &str) -> Result<bool, Complaint> {
    let call = Call {
        address_key: "--bus-monitor",
        url: format!("{}/varz", monitor.trim_end_matches('/')),
        query: Vec::new(),
        headers: Vec::new(),
    };
    let body: Value = serde_json::from_str(&probe.get(&call).await?.body).unwrap_or_default();
    Ok(body["jetstream"]["config"]["sync_always"] == true)
}

async fn streams(bus: &Bus, config: &BusConfig) -> Finding {
    let report = match timeout(DIFF, topology::diff(bus, &config.sizes)).await {
        Ok(Ok(report)) => report,
        Ok(Err(error)) => return unseen(config, &chassis::logs::chain(&error)),
        Err(_) => return unseen(config, "no answer"),
    };
    let mut complaints = Vec::new();
    let mut note = |word: &str, names: &[&str]| {
        if names.is_empty() {
            return;
        }
        let (detail, fix) = (format!("{word}: {}", names.join(", ")), "`fin topology apply`");
        complaints.push(if config.ensure_topology {
            Complaint::warn(format!("{detail} (a starting service mends it)"), fix)
        } else {
            Complaint::fail(detail, fix)
        });
    };
    note("missing", &report.created);
    note("differs", &report.updated);
    Finding::new("streams", format!("{} as declared", report.unchanged.len()), complaints)
}

fn unseen(config: &BusConfig, why: &str) -> Finding {
    let user = config.user.as_deref().unwrap_or("anonymous");
    let detail = format!("user {user} cannot look at the streams: {why}");
    let fix = "run it as user `topology`: FIN__BUS__USER=topology, FIN__BUS__PASSWORD_FILE=…";
    Finding::new("streams", "", vec![Complaint::warn(detail, fix)])
}
