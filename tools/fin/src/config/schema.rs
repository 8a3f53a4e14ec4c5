//! The JSON Schema of what people write, made from the types that read it.

use std::path::PathBuf;

use bus::BusConfig;
use chassis::Profile;
use chassis::config::{Drain, Health, Log, Shadow, Telemetry, Vendors};
use domain::strategy::Strategy;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform as _};
use schemars::{JsonSchema, Schema};

/// A file of the configuration. Each gives what differs from the files before it.
#[derive(JsonSchema)]
#[schemars(title = "fin-agent configuration", deny_unknown_fields)]
#[expect(dead_code, reason = "only its form counts")]
struct ConfigFile {
    /// Which vendors and whose money.
    profile: Profile,
    /// Where a run keeps its files.
    data_dir: PathBuf,
    /// This process among its like; the host's name unless set.
    instance: String,
    /// With profile prod: real money may be traded.
    confirm_live: bool,
    /// The bus.
    bus: BusConfig,
    /// The health listener.
    health: Health,
    /// Logs.
    log: Log,
    /// Traces.
    telemetry: Telemetry,
    /// The end of a process.
    drain: Drain,
    /// The strategy on trial.
    shadow: Shadow,
    /// Vendors and broker.
    vendors: Vendors,
    /// The ingest gateway.
    gateway: ingest_gateway::Config,
    /// The gap scanner.
    scanner: gap_scanner::Config,
    /// The planner.
    planner: planner::Config,
    /// The risk engine.
    risk: risk_engine::Config,
    /// The executor.
    executor: executor::Config,
    /// The recorder.
    recorder: recorder::config::Config,
    /// The API and the dashboard.
    api: coordinator_api::Config,
    /// Alerts to where people are.
    alerts: coordinator_api::alerts::Alerts,
    /// The dead-man's switch.
    watchdog: crate::watchdog::Config,
}

/// `default.yaml` and the profiles' files: layers, of which none must be complete.
pub(super) fn files() -> Schema {
    let mut schema = of::<ConfigFile>();
    RecursiveTransform(|schema: &mut Schema| {
        schema.remove("required");
    })
    .transform(&mut schema);
    schema
}

/// `strategy.yaml`.
pub(super) fn strategy() -> Schema {
    let mut schema = of::<Strategy>();
    schema.insert("title".to_owned(), "fin-agent strategy".into());
    schema
}

fn of<T: JsonSchema>() -> Schema {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<T>()
}
