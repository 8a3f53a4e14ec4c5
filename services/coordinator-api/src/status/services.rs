//! Each service by its own last word, and whether the suite may trade.

use std::collections::BTreeMap;

use domain::UnixNanos;
use serde::{Deserialize, Serialize};

use super::is_fresh;
use crate::store::Position;

/// Every service that a whole suite has, in the order data moves.
const SERVICES: [&str; 7] =
    ["ingest-gateway", "gap-scanner", "planner", "risk-engine", "executor", "recorder", "coordinator-api"];

/// Three reports missed: the instance is taken for gone.
const SILENT_SECONDS: i64 = 30;

/// A service's report as the store has it.
#[derive(Debug, Clone, Deserialize)]
pub struct Reported {
    /// The service.
    pub service: String,
    /// Which of its replicas.
    pub instance: String,
    /// Its version.
    pub version: String,
    /// True when every check is.
    pub ready: bool,
    /// False when it stopped on purpose.
    pub running: bool,
    /// What it needs.
    pub checks: Vec<Check>,
    /// When it said so, RFC 3339.
    pub at: String,
}

/// One thing that is needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Check {
    /// What.
    pub name: String,
    /// True when it is there.
    pub ok: bool,
    /// Numbers or reason.
    pub detail: String,
}

/// How a service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Every check is passed.
    Ready,
    /// It runs and something is missing.
    Degraded,
    /// It has not been heard of yet.
    Starting,
    /// It stopped, or has been silent for too long.
    Down,
}

/// One line of the service list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ServiceState {
    /// The service.
    pub name: String,
    /// Which of its replicas; empty when none is known.
    pub instance: String,
    /// Its version; empty when none is known.
    pub version: String,
    /// How it is.
    pub state: Condition,
    /// Why.
    pub detail: String,
    /// When it was heard of last, RFC 3339.
    pub seen_at: Option<String>,
}

/// Whether everything that trading needs is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Readiness {
    /// True when every check is passed.
    pub ready: bool,
    /// How many are.
    pub passed: usize,
    /// How many there are.
    pub total: usize,
    /// Each of them, `service/check`.
    pub checks: Vec<Check>,
}

impl Reported {
    fn at(&self) -> UnixNanos {
        self.at.parse().unwrap_or_default()
    }

    fn is_live(&self, now: UnixNanos) -> bool {
        self.running && now.plus_seconds(-SILENT_SECONDS) <= self.at()
    }

    /// True when the service said after `instant` that nothing is missing.
    pub(super) fn was_well_after(&self, instant: UnixNanos) -> bool {
        self.ready && self.at() > instant
    }
}

/// Every service of the suite: its live instances, or what was last heard of it.
pub fn services(reported: &[Reported], now: UnixNanos) -> Vec<ServiceState> {
    let mut by_name: BTreeMap<&str, Vec<&Reported>> = SERVICES.iter().map(|name| (*name, Vec::new())).collect();
    for report in reported {
        by_name.entry(&report.service).or_default().push(report);
    }
    let place = |name: &str| SERVICES.iter().position(|s| *s == name).unwrap_or(SERVICES.len());
    let mut names: Vec<&str> = by_name.keys().copied().collect();
    names.sort_by_key(|name| place(name));
    names.into_iter().flat_map(|name| lines(name, &by_name[name], now)).collect()
}

fn lines(name: &str, reports: &[&Reported], now: UnixNanos) -> Vec<ServiceState> {
    let live: Vec<ServiceState> = reports.iter().filter(|r| r.is_live(now)).map(|r| line(r)).collect();
    if !live.is_empty() {
        return live;
    }
    match reports.iter().max_by_key(|r| r.at()) {
        Some(last) => {
            let detail = if last.running { "silent for more than 30 s" } else { "stopped" };
            vec![ServiceState { state: Condition::Down, detail: detail.to_owned(), ..line(last) }]
        }
        None => vec![ServiceState {
            name: name.to_owned(),
            instance: String::new(),
            version: String::new(),
            state: Condition::Starting,
            detail: "not heard of yet".to_owned(),
            seen_at: None,
        }],
    }
}

fn line(report: &Reported) -> ServiceState {
    let missing: Vec<String> =
        report.checks.iter().filter(|c| !c.ok).map(|c| format!("{}: {}", c.name, c.detail)).collect();
    ServiceState {
        name: report.service.clone(),
        instance: report.instance.clone(),
        version: report.version.clone(),
        state: if report.ready { Condition::Ready } else { Condition::Degraded },
        detail: missing.join("; "),
        seen_at: Some(report.at.clone()),
    }
}

/// Every check of every live service, that each service lives, and that bus and store do.
pub fn readiness(
    services: &[ServiceState],
    reported: &[Reported],
    store: Option<Position>,
    connected: bool,
    now: UnixNanos,
) -> Readiness {
    let mut checks = vec![
        Check {
            name: "bus".to_owned(),
            ok: connected,
            detail: if connected { "connected" } else { "no connection" }.to_owned(),
        },
        store_check(store, now),
    ];
    for service in services.iter().filter(|s| matches!(s.state, Condition::Starting | Condition::Down)) {
        checks.push(Check { name: service.name.clone(), ok: false, detail: service.detail.clone() });
    }
    for report in reported.iter().filter(|r| r.is_live(now)) {
        for check in &report.checks {
            checks.push(Check { name: format!("{}/{}", report.service, check.name), ..check.clone() });
        }
    }
    let passed = checks.iter().filter(|c| c.ok).count();
    Readiness { ready: passed == checks.len(), passed, total: checks.len(), checks }
}

fn store_check(store: Option<Position>, now: UnixNanos) -> Check {
    let (ok, detail) = match store {
        None => (false, "there is no store yet: the recorder has not started".to_owned()),
        Some(position) if is_fresh(position, now) => (true, format!("up to date, row change {}", position.store_seq)),
        Some(position) => {
            let since = position.committed_at.map_or_else(|| "never".to_owned(), |t| t.to_string());
            (false, format!("last written {since}"))
        }
    };
    Check { name: "store".to_owned(), ok, detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(service: &str, second: i64, ready: bool, running: bool) -> Reported {
        Reported {
            service: service.into(),
            instance: format!("{service}-{second}"),
            version: "1".into(),
            ready,
            running,
            checks: vec![Check { name: "feed".into(), ok: ready, detail: "d".into() }],
            at: UnixNanos::new(0).plus_seconds(second).to_string(),
        }
    }

    #[test]
    fn a_service_is_judged_by_its_newest_living_instance() {
        let now = UnixNanos::new(0).plus_seconds(100);
        let check = |reports: &[Reported], state: Condition, instance: &str| {
            let all = services(reports, now);
            let line = all.iter().find(|s| s.name == "planner").unwrap();
            assert_eq!((line.state, line.instance.as_str()), (state, instance));
        };
        check(&[], Condition::Starting, "");
        check(&[report("planner", 95, true, true)], Condition::Ready, "planner-95");
        check(&[report("planner", 95, false, true)], Condition::Degraded, "planner-95");
        check(&[report("planner", 60, true, true)], Condition::Down, "planner-60");
        check(&[report("planner", 95, true, false)], Condition::Down, "planner-95");
        check(&[report("planner", 95, true, true), report("planner", 90, true, false)], Condition::Ready, "planner-95");
    }

    #[test]
    fn readiness_needs_every_service_the_bus_and_a_fresh_store() {
        let now = UnixNanos::new(0).plus_seconds(100);
        let all: Vec<Reported> = SERVICES.iter().map(|s| report(s, 99, true, true)).collect();
        let newest = Position { store_seq: 1, committed_at: Some(now), watermark: None };
        let fresh = Some(newest);
        let check = |reports: &[Reported], store, connected, ready: bool, missing: &str| {
            let found = readiness(&services(reports, now), reports, store, connected, now);
            assert_eq!(found.ready, ready);
            assert_eq!(found.total - found.passed, usize::from(!ready));
            assert!(ready || found.checks.iter().any(|c| !c.ok && c.name == missing), "{found:?}");
        };
        check(&all, fresh, true, true, "");
        check(&all, fresh, false, false, "bus");
        check(&all, None, true, false, "store");
        check(&all, Some(Position { committed_at: Some(UnixNanos::new(1)), ..newest }), true, false, "store");
        check(&all[1..], fresh, true, false, "ingest-gateway");
    }
}
