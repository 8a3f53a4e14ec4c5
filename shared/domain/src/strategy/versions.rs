//! Which version of the strategy is in force when.

use std::sync::Arc;

use super::Strategy;
use crate::control::ConfigActivated;
use crate::time::UnixNanos;

/// A strategy and the name of its version. Whoever activates it names it; it is never hashed again, so that programs of
/// different releases mean the same by it.
#[derive(Debug, Clone, PartialEq)]
pub struct StrategyVersion {
    /// The version's hash, as it stands in every round.
    pub version: String,
    /// Its numbers.
    pub strategy: Arc<Strategy>,
}

impl StrategyVersion {
    /// `strategy` under its own hash.
    pub fn of(strategy: Arc<Strategy>) -> Self {
        Self { version: strategy.version(), strategy }
    }
}

/// The versions that were activated, in the order of CONTROL, over the one that a process was started with.
///
/// The process's own counts only while nothing was activated at all.
#[derive(Debug, Clone)]
pub struct Strategies {
    own: StrategyVersion,
    activated: Vec<Activated>,
}

#[derive(Debug, Clone)]
struct Activated {
    version: String,
    effective_from: UnixNanos,
    /// `None` where its text means nothing to this program.
    strategy: Option<Arc<Strategy>>,
}

impl Strategies {
    /// Nothing activated yet.
    pub fn new(own: Arc<Strategy>) -> Self {
        Self { own: StrategyVersion::of(own), activated: Vec::new() }
    }

    /// Takes the next activation of CONTROL, with what its text means; `None` if it cannot be read.
    pub fn activate(&mut self, activated: &ConfigActivated, strategy: Option<Arc<Strategy>>) {
        let (version, effective_from) = (activated.config_version.clone(), activated.effective_from);
        self.activated.push(Activated { version, effective_from, strategy });
    }

    /// The strategy called `version`, if it is known by that name.
    pub fn named(&self, version: &str) -> Option<&Arc<Strategy>> {
        match self.activated.iter().rev().find(|activated| activated.version == version) {
            Some(activated) => activated.strategy.as_ref(),
            None => Some(&self.own.strategy).filter(|_| self.own.version == version),
        }
    }

    /// The strategy called `version`. While nothing was activated the process's own stands for every version.
    pub fn get(&self, version: &str) -> Option<&Arc<Strategy>> {
        self.named(version).or_else(|| Some(&self.own.strategy).filter(|_| self.activated.is_empty()))
    }

    /// What is in force for a round that falls due at `due`: the last activation that took effect by then.
    ///
    /// # Errors
    /// The version whose text cannot be read.
    pub fn at(&self, due: UnixNanos) -> Result<StrategyVersion, UnreadableVersion> {
        match self.activated.iter().rev().find(|activated| activated.effective_from <= due) {
            Some(Activated { version, strategy: Some(strategy), .. }) => {
                Ok(StrategyVersion { version: version.clone(), strategy: Arc::clone(strategy) })
            }
            Some(Activated { version, .. }) => Err(UnreadableVersion { version: version.clone() }),
            None => Ok(self.own.clone()),
        }
    }

    /// The newest version that can be read, and its name; the process's own if there is none.
    pub fn newest_readable(&self) -> (&str, &Arc<Strategy>) {
        let mut newest = self.activated.iter().rev();
        let readable = newest.find_map(|activated| Some((activated.version.as_str(), activated.strategy.as_ref()?)));
        readable.unwrap_or((&self.own.version, &self.own.strategy))
    }

    /// Every version that can be read, the newest first and the process's own last, each with the market time from which it
    /// is in force.
    pub fn readable(&self) -> impl Iterator<Item = (StrategyVersion, UnixNanos)> {
        let activated = self.activated.iter().rev().filter_map(|Activated { version, effective_from, strategy }| {
            let strategy = Arc::clone(strategy.as_ref()?);
            Some((StrategyVersion { version: version.clone(), strategy }, *effective_from))
        });
        activated.chain([(self.own.clone(), UnixNanos::default())])
    }
}

/// An activated strategy means nothing to this program, which may be older than the one that activated it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("strategy version {version} was activated and cannot be read")]
pub struct UnreadableVersion {
    /// The version.
    pub version: String,
}

impl Strategy {
    /// True where a partition that was folded under `other` is what it would be under this strategy: they differ only in
    /// what is asked when a round falls due, not in what is kept of a trade or when rounds fall due.
    pub fn folds_like(&self, other: &Self) -> bool {
        self.schedules == other.schedules
            && self.scan.opening_range_minutes == other.scan.opening_range_minutes
            && self.scan.outliers == other.scan.outliers
            && self.plan.trail.is_some() == other.plan.trail.is_some()
    }
}
