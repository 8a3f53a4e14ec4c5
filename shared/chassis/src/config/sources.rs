//! Where the configuration comes from.

use std::path::PathBuf;
use std::sync::Arc;

use figment::providers::{Env, Serialized};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Provider};

use super::file::File;
use super::layers::Layers;
use super::loaded::Loaded;
use super::problem::{ConfigError, Fault, Problem, unless_refused};
use super::strategy::StrategyFile;
use super::{Profile, Settings, shared};

/// The environment's name among the layers.
pub(super) const ENVIRONMENT: &str = "environment";
const COMMAND_LINE: &str = "command line";
const PREFIX: &str = "FIN__";

/// The variable that sets `key`.
pub(crate) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_uppercase())
}

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
    /// Names every key that is wrong, and where it stands.
    pub fn load(self) -> Result<Loaded, ConfigError> {
        let (loaded, problems) = self.inspect();
        unless_refused(loaded, problems)
    }

    /// Reads everything that services share, and says what is wrong with it. A wrong value counts as its built-in one;
    /// nothing can be told where a file or the profile cannot be read.
    pub fn inspect(self) -> (Option<Loaded>, Vec<Problem>) {
        let ((layers, profile), strategy_file) = match (self.layers(), self.strategy_file()) {
            (Ok(layers), Ok(strategy_file)) => (layers, strategy_file),
            (layers, strategy_file) => {
                let refused = [layers.err(), strategy_file.err()].into_iter().flatten();
                return (None, refused.flat_map(|ConfigError(problems)| problems).collect());
            }
        };
        let mut problems = shared::inspect(&layers);
        let settings = Settings::take(profile, &layers, &mut problems);
        let folder = self.folder.clone().unwrap_or_default();
        let strategy_file = match settings.as_ref().and_then(|settings| settings.shadow.file(&folder)) {
            None => strategy_file,
            Some(Ok(path)) => match File::text(&path) {
                Ok(text) => StrategyFile::new(path.display().to_string(), &text),
                Err(problem) => {
                    problems.push(problem);
                    strategy_file
                }
            },
            Some(Err(fault)) => {
                problems.push(layers.locate(fault));
                strategy_file
            }
        };
        let loaded = settings.map(|settings| Loaded {
            settings: Arc::new(settings),
            strategy_file,
            strategy_folder: folder,
            layers: Arc::new(layers),
        });
        (loaded, problems)
    }

    /// The strategy file, whether or not it can be understood.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn strategy_file(&self) -> Result<StrategyFile, ConfigError> {
        let Some(path) = self.path("strategy") else {
            return Ok(StrategyFile::new("built-in strategy.yaml", include_str!("../../../../config/strategy.yaml")));
        };
        Ok(StrategyFile::new(path.display().to_string(), &File::text(&path)?))
    }

    fn layers(&self) -> Result<(Layers, Profile), ConfigError> {
        self.see_folder()?;
        let shipped = File::parse("built-in default.yaml", include_str!("../../../../config/default.yaml"))?;
        let own = self.file("default")?;
        let files: Vec<File> = std::iter::once(shipped.clone()).chain(own.clone()).collect();
        let layers = Layers { figment: self.over(&files), files, shipped: Figment::from(&shipped) };
        let mut problems = Vec::new();
        let profile: Option<Profile> = layers.take("profile", &mut problems);
        let profile = unless_refused(profile, problems)?;

        let (name, text) = profile.built_in();
        let of_profile = File::parse(name, text)?;
        let own_of_profile = self.file(profile.as_str())?;
        let built_in = Figment::from(&shipped).merge(&of_profile);
        let files: Vec<File> = [shipped, of_profile].into_iter().chain(own).chain(own_of_profile).collect();
        Ok((Layers { figment: self.over(&files), files, shipped: built_in }, profile))
    }

    /// The files, and what wins over them.
    fn over(&self, files: &[File]) -> Figment {
        let figment = files.iter().fold(Figment::new(), |figment, file| figment.merge(file));
        let figment = if self.environment { figment.merge(Telemetry).merge(Environment) } else { figment };
        self.values.iter().fold(figment, |figment, (key, value)| figment.merge(CommandLine(key, value)))
    }

    fn see_folder(&self) -> Result<(), Problem> {
        let Some(path) = &self.folder else { return Ok(()) };
        let unreadable = |error| Fault::new("", format!("the folder {} cannot be read: {error}", path.display()));
        std::fs::read_dir(path).map(|_| ()).map_err(|error| Problem::at(None, unreadable(error)))
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| folder.join(format!("{name}.yaml"))).filter(|path| path.exists())
    }

    fn file(&self, name: &str) -> Result<Option<File>, Problem> {
        self.path(name).map(|path| File::open(&path)).transpose()
    }
}

/// The variable by which every OpenTelemetry exporter is told where to send; stands for `telemetry.endpoint`.
const OTLP_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

struct Telemetry;

impl Provider for Telemetry {
    fn metadata(&self) -> Metadata {
        Metadata::named(OTLP_ENDPOINT)
    }

    fn data(&self) -> Result<Map<figment::Profile, Dict>, figment::Error> {
        Env::raw().only(&[OTLP_ENDPOINT]).map(|_| "telemetry.endpoint".into()).data()
    }
}

struct Environment;

impl Provider for Environment {
    fn metadata(&self) -> Metadata {
        Metadata::named(ENVIRONMENT)
    }

    fn data(&self) -> Result<Map<figment::Profile, Dict>, figment::Error> {
        Env::prefixed(PREFIX).split("__").data()
    }
}

struct CommandLine<'a>(&'a str, &'a Value);

impl Provider for CommandLine<'_> {
    fn metadata(&self) -> Metadata {
        Metadata::named(COMMAND_LINE)
    }

    fn data(&self) -> Result<Map<figment::Profile, Dict>, figment::Error> {
        Serialized::default(self.0, self.1).data()
    }
}
