//! The strategy versions that CONTROL names, each with the model that it scores by.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use bus::{Fold, FoldSpec, Folded, Item, Kind};
use chassis::Context;
use domain::ops::Severity;
use domain::scan::ScoringModel;
use domain::strategy::{Strategies, Strategy, StrategyVersion};
use domain::{Event, StreamName, UnixNanos};
use tokio::sync::{Mutex, watch};

use crate::Config;

/// A version, and what scores by it.
#[derive(Clone)]
pub(crate) struct Scoring {
    pub(crate) version: StrategyVersion,
    pub(crate) model: Arc<dyn ScoringModel>,
}

/// What every partition of this replica knows of the versions.
pub(crate) struct Versions {
    known: Mutex<Known>,
    /// Counts the activations.
    news: watch::Sender<u64>,
    /// Where the files are that strategies name.
    folder: PathBuf,
}

struct Known {
    strategies: Strategies,
    /// Sequence of the last activation taken.
    seq: u64,
    models: HashMap<String, Arc<dyn ScoringModel>>,
}

impl Versions {
    /// `own` counts until anything is activated.
    pub(crate) fn new(own: Arc<Strategy>, folder: PathBuf) -> Self {
        let strategies = Strategies::new(own);
        let known = Known { strategies, seq: 0, models: HashMap::new() };
        Self { known: Mutex::new(known), news: watch::Sender::new(0), folder }
    }

    /// Takes what CONTROL holds at this moment; the sequence of the last activation, 0 on trial, where none counts.
    pub(crate) async fn catch_up(&self, ctx: &Context<Config>) -> Result<u64, bus::BusError> {
        let mut known = self.known.lock().await;
        if ctx.on_trial() {
            return Ok(known.seq);
        }
        let beyond = FoldSpec::kinds(&[Kind::ConfigActivated]).after(StreamName::Control, known.seq);
        let mut fold = Fold::open(&ctx.bus, beyond)?;
        loop {
            match fold.next().await? {
                Item::Event(folded) => self.note(known.take(ctx, &folded)),
                Item::CaughtUp => return Ok(known.seq),
                Item::Poison(poison) => ctx.bury(poison),
            }
        }
    }

    /// Takes an activation that was read elsewhere.
    pub(crate) async fn take(&self, ctx: &Context<Config>, folded: &Folded) {
        self.note(self.known.lock().await.take(ctx, folded));
    }

    /// Turns with every activation.
    pub(crate) fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    fn note(&self, is_new: bool) {
        if is_new {
            self.news.send_modify(|count| *count += 1);
        }
    }

    /// What is in force for a round that falls due at `due`.
    ///
    /// # Errors
    /// The version cannot be read here, or the model's file cannot be used.
    pub(crate) async fn at(&self, due: UnixNanos) -> chassis::Result<Scoring> {
        let mut known = self.known.lock().await;
        let version = known.strategies.at(due)?;
        known.scoring(version, &self.folder)
    }

    /// The newest version that can be carried out here.
    ///
    /// # Errors
    /// None can: why not the newest that can be read.
    pub(crate) async fn newest(&self) -> chassis::Result<Scoring> {
        self.known.lock().await.newest_usable(&self.folder).map(|(scoring, _)| scoring)
    }

    /// The version called `name`, if it is known by that name.
    ///
    /// # Errors
    /// The model's file cannot be used.
    pub(crate) async fn named(&self, name: &str) -> chassis::Result<Option<Scoring>> {
        let mut known = self.known.lock().await;
        let Some(strategy) = known.strategies.named(name).cloned() else { return Ok(None) };
        known.scoring(StrategyVersion { version: name.to_owned(), strategy }, &self.folder).map(Some)
    }

    /// From which market time on a partition must be folded anew, because the newest version that can be carried out does
    /// not fold as `folds_like` says; `None` if it does.
    pub(crate) async fn folds_otherwise_from(&self, folds_like: impl Fn(&Strategy) -> bool) -> Option<UnixNanos> {
        let (newest, from) = self.known.lock().await.newest_usable(&self.folder).ok()?;
        (!folds_like(&newest.version.strategy)).then_some(from)
    }
}

impl Known {
    /// True for an activation that was not known.
    fn take(&mut self, ctx: &Context<Config>, folded: &Folded) -> bool {
        if folded.seq <= self.seq {
            return false;
        }
        let is_activation = matches!(folded.event, Event::ConfigActivated(_));
        if let Event::ConfigActivated(activated) = &folded.event {
            self.strategies.activate(activated, ctx.activated(activated));
            self.seq = folded.seq;
            tracing::info!(version = activated.config_version, from = %activated.effective_from, "strategy activated");
        }
        is_activation
    }

    /// Rounds of one whose model cannot be used are left undone; that keeps nothing from starting, or nobody could mend it.
    fn newest_usable(&mut self, folder: &std::path::Path) -> chassis::Result<(Scoring, UnixNanos)> {
        let versions: Vec<_> = self.strategies.readable().collect();
        let mut why = None;
        for (version, from) in versions {
            let name = version.version.clone();
            match self.scoring(version, folder) {
                Ok(scoring) => return Ok((scoring, from)),
                Err(error) => {
                    tracing::warn!(version = name, %error, "the strategy's model cannot be used here");
                    why.get_or_insert(error);
                }
            }
        }
        Err(why.unwrap_or_else(|| "no strategy is known".into()))
    }

    fn scoring(&mut self, version: StrategyVersion, folder: &std::path::Path) -> chassis::Result<Scoring> {
        if let Some(model) = self.models.get(&version.version) {
            return Ok(Scoring { model: Arc::clone(model), version });
        }
        let model = learned_score::model(&version.strategy.scoring, folder)?;
        self.models.insert(version.version.clone(), Arc::clone(&model));
        Ok(Scoring { version, model })
    }
}

/// Says that a round is left undone because its strategy cannot be carried out here.
pub(crate) fn cannot(ctx: &Context<Config>, round_id: &str, why: &str) {
    let message = format!("round {round_id} is not evaluated: its strategy cannot be carried out here");
    ctx.errors.raise(Severity::Critical, "strategy_unusable", message, why, Some(round_id));
}
