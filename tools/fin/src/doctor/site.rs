//! The configuration, as far as the other checks need it.

use chassis::{Fault, Loaded, Problem, Settings, Sources};
use ingest_gateway::keys;

use super::finding::{Complaint, Finding};
use crate::config::check;
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
    pub(super) finnhub: Result<String, Fault>,
    pub(super) alpaca: Result<(String, String), Fault>,
    /// `None` where none is configured.
    pub(super) alphavantage: Option<Result<String, Fault>>,
}

const NAME: &str = "configuration";
const FIX: &str = "mend the key that is named; docs/reference/configuration.md says what it may be";

/// Reads everything for `profile`; without a configuration there is no site to look at. A wrong value counts as its
/// built-in one, so that the other checks can go on.
pub(super) fn read(profile: &str, bus: Option<&str>) -> (Option<Site>, Finding) {
    let sources = Sources::process().set("profile", profile);
    let (problems, _) = check(sources.clone());
    let complaints: Vec<_> = problems.into_iter().map(complaint).collect();
    let at_suite = |loaded: Loaded| at_running_suite(sources.clone(), &loaded.settings, bus).inspect().0;
    let Some(site) = sources.clone().inspect().0.and_then(at_suite).and_then(Site::new) else {
        return (None, Finding::new(NAME, "", complaints));
    };
    let Settings { profile, data_dir, .. } = site.settings();
    let detail = format!("profile {}, data in {}", profile.as_str(), data_dir.display());
    (Some(site), Finding::new(NAME, detail, complaints))
}

fn complaint(problem: Problem) -> Complaint {
    let fix = problem.fix.clone().unwrap_or_else(|| FIX.to_owned());
    Complaint::fail(Problem { fix: None, ..problem }.to_string(), fix)
}

impl Keys {
    fn new(settings: &Settings) -> Self {
        let alpaca = &settings.vendors.alpaca;
        let named = || Ok((alpaca.key()?.expose().to_owned(), alpaca.secret()?.expose().to_owned()));
        Self {
            finnhub: keys::finnhub(settings),
            alpaca: keys::alpaca(settings).and_then(|keys| keys.map_or_else(named, Ok)),
            alphavantage: keys::alphavantage(settings).transpose(),
        }
    }
}

impl Site {
    fn new(loaded: Loaded) -> Option<Self> {
        let gateway = loaded.table("gateway").0?;
        let executor = loaded.table("executor").0?;
        let recorder = loaded.table("recorder").0?;
        let keys = Keys::new(&loaded.settings);
        Some(Self { loaded, gateway, executor, recorder, keys })
    }

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
