//! Configuration: read once, from built-in defaults, files and the environment; unknown keys are refused.

mod extract;
mod file;
#[cfg(test)]
mod fuzz_tests;
mod layers;
mod loaded;
mod problem;
mod shared;
mod sources;
mod strategy;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bus::BusConfig;
use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

pub use loaded::Loaded;
pub use problem::{ConfigError, Fault, Origin, Problem};
pub use sources::Sources;
pub(crate) use sources::variable;
pub use strategy::{StrategyFile, read_strategy};

pub use crate::vendors::Vendors;
use layers::Layers;

/// Which vendors and whose money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Simulated vendors.
    #[default]
    Dev,
    /// Real data, the broker's paper account.
    Paper,
    /// Real money.
    Prod,
}

impl Profile {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Paper => "paper",
            Self::Prod => "prod",
        }
    }

    /// What is shown to whoever looks at the suite.
    pub const fn mode(self) -> &'static str {
        match self {
            Self::Dev => "SIM",
            Self::Paper => "PAPER",
            Self::Prod => "LIVE",
        }
    }

    /// The built-in file's name and text.
    const fn built_in(self) -> (&'static str, &'static str) {
        match self {
            Self::Dev => ("built-in dev.yaml", include_str!("../../../../config/dev.yaml")),
            Self::Paper => ("built-in paper.yaml", include_str!("../../../../config/paper.yaml")),
            Self::Prod => ("built-in prod.yaml", include_str!("../../../../config/prod.yaml")),
        }
    }
}

/// What all services share; each has its own table beside this.
#[derive(Debug, Clone, Serialize)]
pub struct Settings {
    /// Which vendors and whose money.
    pub profile: Profile,
    /// Where a run keeps its files.
    pub data_dir: PathBuf,
    /// This process among its like; the host's name unless set.
    pub instance: String,
    /// The bus.
    pub bus: BusConfig,
    /// The health listener.
    pub health: Health,
    /// Logs.
    pub log: Log,
    /// Traces.
    pub telemetry: Telemetry,
    /// The end of a process.
    pub drain: Drain,
    /// The strategy on trial.
    pub shadow: Shadow,
    /// Vendors and broker.
    pub vendors: Vendors,
}

/// Table `health`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// Where `/healthz`, `/readyz` and `/metrics` answer; port 0 takes any free one.
    pub listen: SocketAddr,
}

/// Table `log`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Level, or filters such as `info,bus=debug`.
    pub level: String,
    /// How lines look.
    pub format: LogFormat,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Table `telemetry`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    /// Base address of the OTLP receiver (HTTP, protobuf), as in `OTEL_EXPORTER_OTLP_ENDPOINT`; empty: no traces.
    pub endpoint: String,
    /// Share of the trade batches whose publishing gets a span, 0 to 1; a batch that makes a round due gets one anyway.
    pub batch_ratio: f64,
}

/// Table `drain`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Drain {
    /// How long a service may finish its work after it was asked to stop, ms.
    pub grace_ms: u64,
}

/// Table `shadow`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Shadow {
    /// True in the processes that run a strategy on trial beside the suite: gap-scanner, planner and risk-engine then write
    /// SHADOW and nothing else, under names that begin with `shadow-`. No other service starts with it.
    pub enabled: bool,
    /// File of the strategy on trial, in the folder of configuration unless its path says otherwise.
    pub strategy: PathBuf,
}

impl Shadow {
    /// What is on trial, if this process has a part in it.
    fn file(&self, folder: &Path) -> Option<Result<PathBuf, Fault>> {
        let missing = || Fault::new("shadow.strategy", "is empty").fix("name the file of the strategy on trial");
        let named = !self.strategy.as_os_str().is_empty();
        self.enabled.then(|| if named { Ok(folder.join(&self.strategy)) } else { Err(missing()) })
    }
}

impl Drain {
    /// The same as a duration.
    pub const fn grace(self) -> Duration {
        Duration::from_millis(self.grace_ms)
    }
}

impl Settings {
    /// Takes what is shared, with built-in values for what is wrong; that is added to `problems`.
    fn take(profile: Profile, layers: &Layers, problems: &mut Vec<Problem>) -> Option<Self> {
        let confirmed = layers.origin(CONFIRM_LIVE).is_some() && layers.take(CONFIRM_LIVE, problems) == Some(true);
        if profile == Profile::Prod && !confirmed {
            let fault = Fault::new(CONFIRM_LIVE, "is not set, and profile prod trades real money");
            problems.push(layers.locate(fault.fix(format!("set `{CONFIRM_LIVE}: true`"))));
        }
        let named = layers.origin("instance").and_then(|_| layers.take("instance", problems));
        let settings = Self {
            profile,
            data_dir: layers.take("data_dir", problems)?,
            instance: named.unwrap_or_else(host_name),
            bus: layers.take("bus", problems)?,
            health: layers.take("health", problems)?,
            log: layers.take("log", problems)?,
            telemetry: layers.take("telemetry", problems)?,
            drain: layers.take("drain", problems)?,
            shadow: layers.take("shadow", problems)?,
            vendors: layers.take("vendors", problems)?,
        };
        let faults = [settings.log.filter().err(), settings.telemetry.check()];
        problems.extend(faults.into_iter().flatten().map(|fault| layers.locate(fault)));
        Some(settings)
    }
}

impl Telemetry {
    fn check(&self) -> Option<Fault> {
        let holds = (0.0..=1.0).contains(&self.batch_ratio);
        Fault::unless(holds, "telemetry.batch_ratio", self.batch_ratio, "0 to 1")
    }
}

impl Log {
    /// `level` as a filter.
    pub(crate) fn filter(&self) -> Result<EnvFilter, Fault> {
        let expected = "a level (info) or filters (info,bus=debug)";
        EnvFilter::try_new(&self.level)
            .map_err(|_| Fault::new("log.level", format!("is `{}`, must be {expected}", self.level)))
    }
}

const CONFIRM_LIVE: &str = "confirm_live";

fn host_name() -> String {
    std::env::var("HOSTNAME").ok().filter(|h| !h.is_empty()).unwrap_or_else(|| "local".to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Table {
        depth: u32,
        name: String,
    }

    #[test]
    fn every_profile_loads_from_what_is_built_in() {
        for profile in ["dev", "paper", "prod"] {
            let loaded = Sources::built_in().set("profile", profile).set("confirm_live", true).load().unwrap();
            assert_eq!(loaded.settings.profile.as_str(), profile);
            assert!(!loaded.settings.vendors.alpaca.rest_url.is_empty());
            assert!(loaded.strategy_file.text().contains("name"));
        }
    }

    #[test]
    fn real_money_needs_the_second_confirmation() {
        let error = Sources::built_in().set("profile", "prod").load().unwrap_err().to_string();
        assert_eq!(
            error,
            "configuration: `confirm_live` is not set, and profile prod trades real money; set `confirm_live: true`"
        );
    }

    #[test]
    fn a_process_on_trial_has_the_strategy_that_it_is_given() {
        let folder = tempfile::tempdir().unwrap();
        let strategy =
            include_str!("../../../../config/strategy.yaml").replacen("gap_pct_min: 4.0 ", "gap_pct_min: 9.0 ", 1);
        fs::write(folder.path().join("trial.yaml"), &strategy).unwrap();
        let on_trial = |file: &str| {
            Sources::built_in().folder(folder.path()).set("shadow.enabled", true).set("shadow.strategy", file).load()
        };
        assert_eq!(on_trial("trial.yaml").unwrap().strategy_file.text(), strategy);
        let absolute = folder.path().join("trial.yaml");
        assert_eq!(on_trial(absolute.to_str().unwrap()).unwrap().strategy_file.text(), strategy);
        let refused = |file: &str| on_trial(file).unwrap_err().to_string();
        assert!(refused("").contains("`shadow.strategy` is empty"), "{}", refused(""));
        assert!(refused("other.yaml").contains("other.yaml"), "{}", refused("other.yaml"));
        let beside = Sources::built_in().folder(folder.path()).set("shadow.strategy", "trial.yaml").load().unwrap();
        assert_ne!(beside.strategy_file.text(), strategy);
    }

    #[test]
    fn a_folder_overrides_the_built_in_files_and_set_overrides_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("default.yaml"), "planner: { depth: 3, name: a }\nbus: { url: nats://x:1 }")
            .unwrap();
        fs::write(folder.path().join("dev.yaml"), "planner: { depth: 4 }").unwrap();
        let loaded = Sources::built_in().folder(folder.path()).set("planner.name", "b").load().unwrap();
        let table: Table = loaded.section("planner").unwrap();
        assert_eq!((table.depth, table.name.as_str()), (4, "b"));
        assert_eq!(loaded.settings.bus.url, "nats://x:1");
        assert_eq!(loaded.section::<Table>("risk").unwrap().depth, 0);
    }

    #[test]
    fn what_is_wrong_is_refused_with_its_place() {
        let check = |text: &str, expected: &str| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("default.yaml");
            fs::write(&path, text).unwrap();
            let loaded = Sources::built_in().folder(folder.path()).load();
            let error = match loaded.and_then(|l| l.section::<Table>("planner")) {
                Ok(table) => panic!("accepted: {table:?}"),
                Err(error) => error.to_string(),
            };
            assert_eq!(error, format!("configuration: {}:{expected}", path.display()));
        };
        check("\nscaner: { depth: 3 }", "2: `scaner` is an unknown key; did you mean `scanner`?");
        check("bus:\n  urll: x", "2: `bus.urll` is an unknown key; did you mean `url`?");
        check("vendors:\n  finnhub: { tokn: x }", "2: `vendors.finnhub.tokn` is an unknown key; did you mean `token`?");
        check("planner:\n  x: 3", "2: `planner.x` is an unknown key; known are depth, name");
        check("planner:\n  depth: many", "2: `planner.depth` is string \"many\", must be u32");
        check(
            "log: { level: \"a=b=c\" }",
            "1: `log.level` is `a=b=c`, must be a level (info) or filters (info,bus=debug)",
        );
        check(
            "vendors: { alpaca: { secret: abc } }",
            "1: `vendors.alpaca.secret` is a secret in a file; name a file by `vendors.alpaca.secret_file`, or set \
             FIN__VENDORS__ALPACA__SECRET in the environment",
        );
        check("telemetry: { batch_ratio: 1.5 }", "1: `telemetry.batch_ratio` is 1.5, must be 0 to 1");
        check("profile: demo", "1: `profile` is `demo`, which it cannot be; known are dev, paper, prod");
        check("bus: [", "2: the file cannot be read: while parsing a node, did not find expected node content");
    }

    #[test]
    fn everything_wrong_is_said_at_once_and_the_rest_can_be_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("default.yaml"), "bus: { urll: x, in_flight_max: -1 }\nplanner: { depth: 3 }")
            .unwrap();
        fs::write(folder.path().join("dev.yaml"), "\nhealth:\n  listen: here").unwrap();
        let (loaded, problems) = Sources::built_in().folder(folder.path()).set("drain.grace_ms", "long").inspect();
        let found: Vec<_> = problems.iter().map(|p| (p.key.as_str(), p.line)).collect();
        let expected = [
            ("bus.urll", Some(1)),
            ("bus.in_flight_max", Some(1)),
            ("health.listen", Some(3)),
            ("drain.grace_ms", None),
        ];
        for expected in &expected {
            assert!(found.contains(expected), "{expected:?} is not in {problems:#?}");
        }
        assert_eq!(found.len(), expected.len(), "{problems:#?}");
        assert_eq!(problems.last().unwrap().file.as_deref(), Some("command line"));
        let loaded = loaded.unwrap();
        assert_eq!((loaded.settings.bus.in_flight_max, loaded.settings.drain.grace_ms), (4_096, 10_000));
        assert_eq!(loaded.section::<Table>("planner").unwrap().depth, 3);
    }

    #[test]
    fn a_value_tells_where_it_comes_from() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("default.yaml");
        fs::write(&path, "planner:\n  depth: 3").unwrap();
        let loaded = Sources::built_in().folder(folder.path()).set("planner.name", "b").load().unwrap();
        let origin = |key: &str| loaded.origin(key).map(|origin| origin.to_string());
        assert_eq!(origin("planner.depth"), Some(format!("{}:2", path.display())));
        assert_eq!(origin("planner.name").as_deref(), Some("command line"));
        assert_eq!(origin("planner.other"), None);
        assert!(origin("gateway.tape").unwrap().starts_with("built-in dev.yaml:"));
    }
}
