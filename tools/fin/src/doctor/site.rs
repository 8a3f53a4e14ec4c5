//! The configuration, as far as the other checks need it.

use chassis::{ConfigError, Loaded, Profile, Settings, Sources};

use super::finding::{Complaint, Finding};
use crate::running::at_running_suite;

/// What is configured.
pub(super) struct Site {
    pub(super) loaded: Loaded,
    pub(super) gateway: ingest_gateway::Config,
    pub(super) executor: executor::Config,
    pub(super) recorder: recorder::config::Config,
    pub(super) keys: Keys,
}

/// What opens the vendors' doors; `Err` says which key is missing or unreadable.
pub(super) struct Keys {
    pub(super) finnhub: Result<String, ConfigError>,
    pub(super) alpaca: Result<(String, String), ConfigError>,
    /// `None` where none is configured.
    pub(super) alphavantage: Option<Result<String, ConfigError>>,
}

const NAME: &str = "configuration";
const FIX: &str = "mend the key that is named; docs/reference/configuration.md says what it may be";

/// Reads everything for `profile`; without a configuration there is no site to look at.
pub(super) fn read(profile: &str, bus: Option<&str>) -> (Option<Site>, Finding) {
    let sources = Sources::process().set("profile", profile);
    let (sources, loaded, mut complaints) = match sources.clone().load() {
        Ok(loaded) => (sources, loaded, Vec::new()),
        // Looking does no harm: go on with the other checks.
        Err(error @ ConfigError::LiveNotConfirmed) => {
            let sources = sources.set("confirm_live", true);
            match sources.clone().load() {
                Ok(loaded) => (sources, loaded, vec![Complaint::fail(error.to_string(), "set FIN__CONFIRM_LIVE=true")]),
                Err(error) => return (None, Finding::fail(NAME, chassis::logs::chain(&error), FIX)),
            }
        }
        Err(error) => return (None, Finding::fail(NAME, chassis::logs::chain(&error), FIX)),
    };
    let sources = at_running_suite(sources, &loaded.settings, bus);
    match site(sources, &mut complaints) {
        Ok(site) => {
            let Settings { profile, data_dir, .. } = &*site.loaded.settings;
            let detail = format!("profile {}, data in {}", profile.as_str(), data_dir.display());
            (Some(site), Finding::new(NAME, detail, complaints))
        }
        Err(error) => (None, Finding::fail(NAME, chassis::logs::chain(&error), FIX)),
    }
}

fn site(sources: Sources, complaints: &mut Vec<Complaint>) -> Result<Site, ConfigError> {
    let loaded = sources.load()?;
    let settings = &loaded.settings;
    let gateway: ingest_gateway::Config = loaded.section("gateway")?;
    let executor: executor::Config = loaded.section("executor")?;
    let recorder: recorder::config::Config = loaded.section("recorder")?;
    let api: coordinator_api::Config = loaded.section("api")?;
    let mut hold = |outcome: Result<(), String>| {
        complaints.extend(outcome.err().map(|detail| Complaint::fail(detail, FIX)));
    };
    hold(gateway.validate().map_err(|error| error.to_string()));
    hold(executor.validate(settings.profile == Profile::Prod).map_err(|error| error.to_string()));
    hold(recorder.validate().map_err(|error| error.to_string()));
    hold(api.validate().map_err(|error| error.to_string()));
    hold(loaded.strategy().map(drop).map_err(|error| chassis::logs::chain(&error)));
    let keys = Keys::new(settings);
    Ok(Site { loaded, gateway, executor, recorder, keys })
}

impl Keys {
    fn new(settings: &Settings) -> Self {
        let (vendors, sim) = (&settings.vendors, || SIM_KEY.to_owned());
        let is_dev = settings.profile == Profile::Dev;
        let finnhub_given = vendors.finnhub.token.is_some() || vendors.finnhub.token_file.is_some();
        let finnhub = || vendors.finnhub.token().map(|token| token.expose().to_owned());
        let alpaca = || {
            let (key, secret) = (vendors.alpaca.key()?, vendors.alpaca.secret()?);
            Ok((key.expose().to_owned(), secret.expose().to_owned()))
        };
        let alphavantage = || vendors.alphavantage.key().map(|key| key.expose().to_owned());
        Self {
            finnhub: if is_dev && !finnhub_given { Ok(sim()) } else { finnhub() },
            alpaca: if is_dev && !vendors.alpaca.has_keys() { Ok((sim(), sim())) } else { alpaca() },
            alphavantage: match (vendors.alphavantage.has_key(), is_dev) {
                (true, _) => Some(alphavantage()),
                (false, true) => Some(Ok(sim())),
                (false, false) => None,
            },
        }
    }
}

/// What the simulator takes for a key; it opens nothing else.
const SIM_KEY: &str = "sim";

impl Site {
    /// Every key that could be read.
    pub(super) fn secrets(&self) -> Vec<String> {
        let alpaca = self.keys.alpaca.as_ref().ok();
        let mut all: Vec<String> = alpaca.into_iter().flat_map(|(key, secret)| [key.clone(), secret.clone()]).collect();
        all.extend(self.keys.finnhub.as_ref().ok().cloned());
        all.extend(self.keys.alphavantage.as_ref().and_then(|key| key.as_ref().ok()).cloned());
        all
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.loaded.settings
    }
}
