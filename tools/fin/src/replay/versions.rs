//! The strategy versions that a day was decided under, from CONTROL.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use chassis::StrategyFile;
use domain::control::ConfigActivated;
use domain::scan::{Input, Round, RoundOpened, ScoringModel};
use domain::strategy::{Strategies, Strategy, StrategyVersion};
use domain::{Event, SessionDate, StreamName};
use research::usage::UsageError;

use super::recording::{Recording, last_seq};

/// A version with what scores by it.
pub(super) struct Scoring {
    pub(super) version: StrategyVersion,
    pub(super) model: Arc<dyn ScoringModel>,
}

/// The versions that CONTROL names, over the one that was given.
pub(super) struct Versions<'a> {
    own: Arc<Strategy>,
    control: &'a Recording,
}

impl<'a> Versions<'a> {
    pub(super) fn new(own: &Arc<Strategy>, control: &'a Recording) -> Self {
        Self { own: Arc::clone(own), control }
    }

    /// What was known once CONTROL had been read up to `inputs`; all of it without.
    fn known(&self, inputs: Option<&[Input]>) -> Strategies {
        let mut strategies = Strategies::new(Arc::clone(&self.own));
        let until = inputs.map_or(u64::MAX, |inputs| last_seq(inputs, StreamName::Control));
        for recorded in self.control.events.iter().filter(|recorded| recorded.seq <= until) {
            if let Event::ConfigActivated(activated) = &recorded.event {
                strategies.activate(activated, meaning(activated));
            }
        }
        strategies
    }

    /// Every version that the rounds of `day` were decided under, and the one that was in force at its end.
    ///
    /// # Errors
    /// A version of `recorded` is not known: CONTROL names none of that name and another was given.
    pub(super) fn of_day(
        &self,
        day: SessionDate,
        recorded: &BTreeSet<String>,
        folder: &Path,
    ) -> anyhow::Result<Vec<Scoring>> {
        let strategies = self.known(None);
        let mut scorings = Vec::new();
        for version in recorded {
            let Some(strategy) = strategies.named(version) else {
                let (given, name) = (self.own.version(), &self.own.name);
                let text = format!(
                    "{day} was decided under strategy version {version}; the one given is {given} ({name}): name the \
                     file that was in force by --strategy"
                );
                return Err(UsageError(text).into());
            };
            scorings
                .push(scoring(StrategyVersion { version: version.clone(), strategy: Arc::clone(strategy) }, folder)?);
        }
        if let Ok(last) = strategies.at(day.at_hm(20, 0))
            && !recorded.contains(&last.version)
        {
            scorings.push(scoring(last, folder)?);
        }
        Ok(scorings)
    }

    /// The opening of a round as it follows from the activations that its own record says were known.
    pub(super) fn opening(&self, recorded: &RoundOpened) -> Option<RoundOpened> {
        let StrategyVersion { version, strategy } = self.known(Some(&recorded.inputs)).at(recorded.round.due).ok()?;
        let round = Round { config_version: version, strategy: strategy.name.clone(), ..recorded.round.clone() };
        Some(RoundOpened { round, inputs: recorded.inputs.clone() })
    }

    /// Under which version a round that SCAN does not hold would have been evaluated.
    pub(super) fn due(&self, round: &Round) -> Option<String> {
        Some(self.known(None).at(round.due).ok()?.version)
    }
}

/// What the text of an activation means; `None` where this program cannot read it, which services pass over, too.
pub(super) fn meaning(activated: &ConfigActivated) -> Option<Arc<Strategy>> {
    let name = format!("strategy {}", activated.config_version);
    StrategyFile::new(name, &activated.strategy_yaml).read().ok().map(Arc::new)
}

/// What was activated last, of what this program can read.
pub(super) fn newest(control: &Recording) -> Option<Arc<Strategy>> {
    control.events.iter().rev().find_map(|recorded| match &recorded.event {
        Event::ConfigActivated(activated) => meaning(activated),
        _ => None,
    })
}

fn scoring(version: StrategyVersion, folder: &Path) -> anyhow::Result<Scoring> {
    let model = learned_score::model(&version.strategy.scoring, folder)?;
    Ok(Scoring { version, model })
}
