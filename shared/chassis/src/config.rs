//! Configuration: read once, from built-in defaults, files and the environment; unknown keys are refused.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bus::BusConfig;
use domain::strategy::{Strategy, StrategyError};
use figment::providers::{Env, Format, Serialized, Yaml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Provider};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::vendors::{SECRET_KEYS, Vendors};

/// Which vendors and whose money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
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

    const fn built_in(self) -> BuiltIn {
        match self {
            Self::Dev => BuiltIn("built-in dev.yaml", include_str!("../../../config/dev.yaml")),
            Self::Paper => BuiltIn("built-in paper.yaml", include_str!("../../../config/paper.yaml")),
            Self::Prod => BuiltIn("built-in prod.yaml", include_str!("../../../config/prod.yaml")),
        }
    }
}

/// What all services share; each has its own table beside this.
#[derive(Debug, Clone)]
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
    /// Vendors and broker.
    pub vendors: Vendors,
}

/// Table `health`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// Where `/healthz`, `/readyz` and `/metrics` answer; port 0 takes any free one.
    pub listen: SocketAddr,
}

/// Table `log`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Level, or filters such as `info,bus=debug`.
    pub level: String,
    /// How lines look.
    pub format: LogFormat,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Table `telemetry`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    /// Base address of the OTLP receiver (HTTP, protobuf), as in `OTEL_EXPORTER_OTLP_ENDPOINT`; empty: no traces.
    pub endpoint: String,
    /// Share of the trade batches whose publishing gets a span, 0 to 1; a batch that makes a round due gets one anyway.
    pub batch_ratio: f64,
}

/// Table `drain`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drain {
    /// How long a service may finish its work after it was asked to stop, ms.
    pub grace_ms: u64,
}

impl Drain {
    /// The same as a duration.
    pub const fn grace(self) -> Duration {
        Duration::from_millis(self.grace_ms)
    }
}

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A key that nobody reads.
    #[error("configuration: unknown key `{key}` from {origin}; known are {known}")]
    UnknownKey {
        /// The key.
        key: String,
        /// The file or environment it stands in.
        origin: String,
        /// What may stand there.
        known: String,
    },
    /// A value that cannot be read, or an unknown key inside a table.
    #[error("configuration: `{}`{}: {}", key_of(.0), origin_of(.0), .0.kind)]
    Invalid(Box<figment::Error>),
    /// A value outside its range.
    #[error("configuration: `{key}` is {value}, must be {expected}")]
    Range {
        /// The key.
        key: String,
        /// Its value.
        value: String,
        /// What it may be.
        expected: String,
    },
    /// A secret in a file that is not meant for secrets.
    #[error("configuration: `{key}` stands in {origin}: secrets come from `{key}_file` or the environment only")]
    SecretInFile {
        /// The key.
        key: &'static str,
        /// The file.
        origin: String,
    },
    /// A secret that is needed and not given.
    #[error("configuration: `{key}` is not set: name a file by `{key}_file`, or set it in the environment")]
    SecretMissing {
        /// The key.
        key: &'static str,
    },
    /// A secret's file that cannot be read.
    #[error("configuration: `{key}_file` names {path}, which cannot be read")]
    SecretFile {
        /// The key, without `_file`.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file named by the configuration that cannot be read.
    #[error("configuration: cannot read {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A strategy that cannot be read.
    #[error("strategy.yaml: {0}")]
    StrategyFile(Box<figment::Error>),
    /// A strategy with a number out of range.
    #[error(transparent)]
    Strategy(#[from] StrategyError),
    /// Real money without the second confirmation.
    #[error("configuration: profile prod trades real money and needs `confirm_live: true`")]
    LiveNotConfirmed,
}

/// The key in its written order; figment puts the table that was asked for last.
fn key_of(error: &figment::Error) -> String {
    let mut path = error.path.clone();
    if !path.is_empty() {
        path.rotate_right(1);
    }
    path.join(".")
}

fn origin_of(error: &figment::Error) -> String {
    let Some(metadata) = &error.metadata else { return String::new() };
    metadata.source.as_ref().map_or_else(|| format!(" in {}", metadata.name), |source| format!(" in {source}"))
}

impl From<figment::Error> for ConfigError {
    fn from(error: figment::Error) -> Self {
        Self::Invalid(Box::new(error))
    }
}

const SHARED: [&str; 10] =
    ["profile", "data_dir", "instance", "confirm_live", "bus", "health", "log", "telemetry", "drain", "vendors"];
/// The variable by which every OpenTelemetry exporter is told where to send; stands for `telemetry.endpoint`.
const OTLP_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const SERVICES: [&str; 7] = ["gateway", "scanner", "planner", "risk", "executor", "recorder", "api"];

/// Where the configuration comes from. Later ones win: built-in files, files in a folder, environment, [`Self::set`].
#[derive(Debug, Clone, Default)]
pub struct Sources {
    folder: Option<PathBuf>,
    environment: bool,
    values: Vec<(String, Value)>,
}

impl Sources {
    /// Everything: built-in files, `FIN_CONFIG_DIR`, `FIN__SECTION__KEY`.
    pub fn process() -> Self {
        Self { folder: std::env::var_os("FIN_CONFIG_DIR").map(Into::into), environment: true, values: Vec::new() }
    }

    /// The built-in files alone; for tests.
    pub fn built_in() -> Self {
        Self::default()
    }

    /// Also the files `default.yaml`, `<profile>.yaml` and `strategy.yaml` in `folder`, where they exist.
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Sets `key` (dots between tables), above all other sources.
    pub fn set(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.values.push((key.to_owned(), value.into()));
        self
    }

    /// Reads and checks everything that services share.
    ///
    /// # Errors
    /// Names the key and where it stands.
    pub fn load(self) -> Result<Loaded, ConfigError> {
        let base = BuiltIn("built-in default.yaml", include_str!("../../../config/default.yaml"));
        if let Some(path) = self.folder.clone()
            && let Err(source) = std::fs::read_dir(&path)
        {
            return Err(ConfigError::File { path, source });
        }
        let default_file = self.file("default");
        let profile: Profile = self.values_over(Figment::from(&base).merge(&default_file)).extract_inner("profile")?;
        let profile_file = self.file(profile.as_str());
        let files = Figment::from(base).merge(profile.built_in()).merge(default_file).merge(profile_file);
        let figment = self.values_over(files);
        refuse_unknown_tables(&figment)?;
        refuse_secrets_in_files(&figment)?;
        let settings = settings(&figment, profile)?;
        let strategy_text = self.strategy()?;
        let strategy_folder = self.folder.unwrap_or_default();
        Ok(Loaded { settings: Arc::new(settings), strategy_text: strategy_text.into(), strategy_folder, figment })
    }

    fn values_over(&self, files: Figment) -> Figment {
        let otlp = || Env::raw().only(&[OTLP_ENDPOINT]).map(|_| "telemetry.endpoint".into());
        let base = if self.environment { files.merge(otlp()).merge(Env::prefixed("FIN__").split("__")) } else { files };
        self.values.iter().fold(base, |figment, (key, value)| figment.merge(Serialized::default(key, value)))
    }

    fn file(&self, name: &str) -> figment::providers::Data<Yaml> {
        let path = self.folder.as_ref().map(|folder| folder.join(format!("{name}.yaml")));
        path.filter(|p| p.exists()).map_or_else(|| Yaml::string(""), Yaml::file_exact)
    }

    fn strategy(&self) -> Result<String, ConfigError> {
        let built_in = || include_str!("../../../config/strategy.yaml").to_owned();
        let Some(path) = self.folder.as_ref().map(|f| f.join("strategy.yaml")).filter(|p| p.exists()) else {
            return Ok(built_in());
        };
        std::fs::read_to_string(&path).map_err(|source| ConfigError::File { path, source })
    }
}

/// A configuration that was read; services take their tables from it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What all services share.
    pub settings: Arc<Settings>,
    /// The strategy file's text.
    pub strategy_text: Arc<str>,
    /// Where the files are that the strategy names: `FIN_CONFIG_DIR`, or the working directory.
    pub strategy_folder: PathBuf,
    figment: Figment,
}

impl Loaded {
    /// The strategy, checked.
    ///
    /// # Errors
    /// Names the key, its value and what it may be.
    pub fn strategy(&self) -> Result<Strategy, ConfigError> {
        read_strategy(&self.strategy_text)
    }

    /// The table called `name`; its type's default when nothing sets it.
    ///
    /// # Errors
    /// Names the key and where it stands.
    pub fn section<T: DeserializeOwned>(&self, name: &str) -> Result<T, ConfigError> {
        let empty = Figment::from(Serialized::default(name, Dict::new()));
        Ok(empty.merge(&self.figment).extract_inner_lossy(name)?)
    }
}

/// The strategy in `text` (YAML), checked.
///
/// # Errors
/// Names the key, its value and what it may be.
pub fn read_strategy(text: &str) -> Result<Strategy, ConfigError> {
    let read = Figment::from(Yaml::string(text)).extract::<Strategy>();
    let strategy = read.map_err(|error| ConfigError::StrategyFile(Box::new(error)))?;
    strategy.validate()?;
    Ok(strategy)
}

fn settings(figment: &Figment, profile: Profile) -> Result<Settings, ConfigError> {
    let confirmed = figment.contains("confirm_live") && figment.extract_inner_lossy::<bool>("confirm_live")?;
    if profile == Profile::Prod && !confirmed {
        return Err(ConfigError::LiveNotConfirmed);
    }
    let telemetry: Telemetry = figment.extract_inner_lossy("telemetry")?;
    if !(0.0..=1.0).contains(&telemetry.batch_ratio) {
        return Err(ConfigError::Range {
            key: "telemetry.batch_ratio".to_owned(),
            value: telemetry.batch_ratio.to_string(),
            expected: "between 0 and 1".to_owned(),
        });
    }
    let instance = if figment.contains("instance") { figment.extract_inner_lossy("instance")? } else { host_name() };
    Ok(Settings {
        profile,
        data_dir: figment.extract_inner_lossy("data_dir")?,
        instance,
        bus: figment.extract_inner_lossy("bus")?,
        health: figment.extract_inner_lossy("health")?,
        log: figment.extract_inner_lossy("log")?,
        telemetry,
        drain: figment.extract_inner_lossy("drain")?,
        vendors: figment.extract_inner_lossy("vendors")?,
    })
}

fn host_name() -> String {
    std::env::var("HOSTNAME").ok().filter(|h| !h.is_empty()).unwrap_or_else(|| "local".to_owned())
}

fn refuse_unknown_tables(figment: &Figment) -> Result<(), ConfigError> {
    let all: BTreeMap<String, Value> = figment.extract()?;
    let known = || SHARED.iter().chain(&SERVICES);
    match all.keys().find(|key| !known().any(|k| k == key)) {
        None => Ok(()),
        Some(key) => Err(ConfigError::UnknownKey {
            key: key.clone(),
            origin: origin(figment, key),
            known: known().copied().collect::<Vec<_>>().join(", "),
        }),
    }
}

fn refuse_secrets_in_files(figment: &Figment) -> Result<(), ConfigError> {
    for key in SECRET_KEYS {
        let in_file = figment.find_metadata(key).is_some_and(|m| file_of(m).is_some());
        if in_file && !matches!(figment.find_value(key), Ok(Value::Empty(..)) | Err(_)) {
            return Err(ConfigError::SecretInFile { key, origin: origin(figment, key) });
        }
    }
    Ok(())
}

fn origin(figment: &Figment, key: &str) -> String {
    match figment.find_metadata(key) {
        Some(metadata) => match file_of(metadata) {
            Some(path) => display(path),
            None => metadata.name.to_string(),
        },
        None => "an unknown source".to_owned(),
    }
}

fn file_of(metadata: &Metadata) -> Option<&Path> {
    metadata.source.as_ref().and_then(figment::Source::file_path)
}

fn display(path: &Path) -> String {
    path.display().to_string()
}

/// A file that was compiled in.
struct BuiltIn(&'static str, &'static str);

impl Provider for BuiltIn {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.0)
    }

    fn data(&self) -> Result<Map<figment::Profile, Dict>, figment::Error> {
        Yaml::string(self.1).data()
    }
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
            assert!(loaded.strategy_text.contains("name"));
        }
    }

    #[test]
    fn real_money_needs_the_second_confirmation() {
        let error = Sources::built_in().set("profile", "prod").load().unwrap_err();
        assert!(matches!(error, ConfigError::LiveNotConfirmed), "{error}");
    }

    #[test]
    fn a_share_of_the_batches_lies_between_none_and_all() {
        let error = Sources::built_in().set("telemetry.batch_ratio", 1.5).load().unwrap_err();
        assert!(error.to_string().contains("telemetry.batch_ratio"), "{error}");
        assert!(Sources::built_in().load().unwrap().settings.telemetry.endpoint.is_empty());
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
    fn unknown_keys_are_refused_with_key_and_place() {
        let check = |text: &str, named: &[&str]| {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("default.yaml"), text).unwrap();
            let loaded = Sources::built_in().folder(folder.path()).load();
            let error = match loaded.and_then(|l| l.section::<Table>("planner")) {
                Ok(table) => panic!("accepted: {table:?}"),
                Err(error) => error.to_string(),
            };
            for part in named {
                assert!(error.contains(part), "`{part}` is not in: {error}");
            }
        };
        check("scaner: { depth: 3 }", &["scaner", "default.yaml"]);
        check("bus: { urll: x }", &["bus.urll", "default.yaml"]);
        check("vendors: { finnhub: { tokn: x } }", &["vendors.finnhub.tokn", "default.yaml"]);
        check("planner: { dept: 3 }", &["planner.dept", "default.yaml"]);
        check("planner: { depth: many }", &["depth", "many", "default.yaml"]);
        check("vendors: { alpaca: { secret: abc } }", &["vendors.alpaca.secret", "default.yaml", "secret_file"]);
    }
}
