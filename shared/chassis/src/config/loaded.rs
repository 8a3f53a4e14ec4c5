//! A configuration that was read.

use std::path::PathBuf;
use std::sync::Arc;

use bus::BusError;
use domain::strategy::Strategy;
use serde::de::DeserializeOwned;

use super::Settings;
use super::layers::Layers;
use super::problem::{ConfigError, Fault, Origin, Problem, unless_refused};
use super::strategy::StrategyFile;
use crate::context::Service;

/// A configuration that was read; services take their tables from it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What all services share.
    pub settings: Arc<Settings>,
    /// The strategy file; that of the strategy on trial, where this process has a part in it.
    pub strategy_file: StrategyFile,
    /// Where the files are that the strategy names: `FIN_CONFIG_DIR`, or the working directory.
    pub strategy_folder: PathBuf,
    pub(super) layers: Arc<Layers>,
}

impl Loaded {
    /// The strategy, checked.
    ///
    /// # Errors
    /// Names every key that is wrong, its line and what it may be.
    pub fn strategy(&self) -> Result<Strategy, ConfigError> {
        self.strategy_file.read()
    }

    /// Where the strategy file is, or would be; `None` where only what is built in counts.
    pub fn strategy_path(&self) -> Option<PathBuf> {
        Some(&self.strategy_folder)
            .filter(|folder| !folder.as_os_str().is_empty())
            .map(|folder| folder.join("strategy.yaml"))
    }

    /// The table called `name`; its type's default when nothing sets it.
    ///
    /// # Errors
    /// Names every key that is wrong, and where it stands.
    pub fn section<T: DeserializeOwned>(&self, name: &str) -> Result<T, ConfigError> {
        let (table, problems) = self.table(name);
        unless_refused(table, problems)
    }

    /// The table called `name` with built-in values for what is wrong, and everything that is.
    pub fn table<T: DeserializeOwned>(&self, name: &str) -> (Option<T>, Vec<Problem>) {
        let mut problems = Vec::new();
        let table = self.layers.take(name, &mut problems);
        (table, problems)
    }

    /// The table of a service, checked by the service.
    ///
    /// # Errors
    /// Names every key that is wrong, and where it stands.
    pub fn service<S: Service>(&self) -> Result<S::Config, ConfigError> {
        let (config, problems) = self.inspect::<S>();
        unless_refused(config, problems)
    }

    /// The table of a service with built-in values for what is wrong, and everything that is.
    pub fn inspect<S: Service>(&self) -> (Option<S::Config>, Vec<Problem>) {
        let (config, mut problems) = self.table(S::SECTION);
        if let Some(config) = &config {
            problems.extend(S::check(config, self).into_iter().map(|fault| self.locate(fault)));
        }
        (config, problems)
    }

    /// What keeps a service from connecting to the bus: an address, a key or a file that cannot be used.
    pub fn inspect_bus(&self) -> Vec<Problem> {
        let Err(error) = self.settings.bus.check() else { return Vec::new() };
        let (key, problem) = match error {
            BusError::Config { key, value, source } => {
                (format!("bus.{key}"), format!("is `{value}`, which cannot be used: {source}"))
            }
            BusError::File { key, path, source } => {
                (format!("bus.{key}"), format!("names {}, which cannot be read: {source}", path.display()))
            }
            other => ("bus".to_owned(), crate::logs::chain(&other)),
        };
        vec![self.locate(Fault::new(key, problem))]
    }

    /// Refuses what keeps a service from connecting to the bus.
    pub(crate) fn check_bus(&self) -> Result<(), ConfigError> {
        unless_refused(Some(()), self.inspect_bus())
    }

    /// Says where the key of `fault` stands, or else the table that it belongs to.
    pub fn locate(&self, fault: Fault) -> Problem {
        self.layers.locate(fault)
    }

    /// The same as an error.
    pub fn refuse(&self, fault: Fault) -> ConfigError {
        ConfigError(vec![self.locate(fault)])
    }

    /// The files that were read, later ones over earlier ones.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.layers.files.iter().map(|file| file.name.as_str())
    }

    /// Where the value of `key` comes from; `None` where it is the default of its type.
    pub fn origin(&self, key: &str) -> Option<Origin> {
        self.layers.origin(key)
    }
}
