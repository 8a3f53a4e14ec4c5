//! What CONTROL says of the strategy.

use std::sync::{Arc, PoisonError, RwLock};

use bus::{Fold, FoldSpec, Folded, Item, Kind};
use chassis::StrategyFile;
use domain::strategy::{Schedules, Strategy};
use domain::{Event, UnixNanos};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::state::Shared;

/// Versions that are remembered, the newest.
const KEPT: usize = 100;

/// An activation.
#[derive(Debug)]
#[allow(clippy::struct_field_names, reason = "everywhere a version's name is called its version")]
pub(crate) struct Version {
    /// Id of its event.
    pub(crate) id: String,
    pub(crate) version: String,
    pub(crate) text: String,
    /// `None` where this program cannot read the text.
    pub(crate) strategy: Option<Arc<Strategy>>,
    /// Market time; zero for the first of all.
    pub(crate) effective_from: UnixNanos,
    /// Wall time.
    pub(crate) activated_at: UnixNanos,
    pub(crate) author: String,
    pub(crate) reason: String,
    pub(crate) request_id: String,
    pub(crate) file: Option<String>,
}

/// The versions in the order of their activation.
#[derive(Debug)]
pub struct Versions {
    /// The process's own, until anything is activated.
    own: Arc<Strategy>,
    known: RwLock<Known>,
    complete: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Known {
    newest_last: Vec<Arc<Version>>,
    from_file: Option<Arc<Version>>,
    /// What is wrong with what lies in the file.
    refused: Option<String>,
}

impl Versions {
    pub(crate) fn new(own: Arc<Strategy>) -> Self {
        Self { own, known: RwLock::default(), complete: watch::Sender::new(false) }
    }

    /// Name, version and numbers of what is in force.
    pub(crate) fn in_force(&self) -> (String, String, Arc<Strategy>) {
        match self.newest().first() {
            Some(newest) => {
                let strategy = newest.strategy.as_ref().unwrap_or(&self.own);
                (strategy.name.clone(), newest.version.clone(), Arc::clone(strategy))
            }
            None => (self.own.name.clone(), self.own.version(), Arc::clone(&self.own)),
        }
    }

    /// When scans fall due.
    pub fn schedules(&self) -> Schedules {
        self.in_force().2.schedules.clone()
    }

    /// True until anything is activated.
    pub(crate) fn is_empty(&self) -> bool {
        self.read().newest_last.is_empty()
    }

    /// All of them, the newest first.
    pub(crate) fn newest(&self) -> Vec<Arc<Version>> {
        self.read().newest_last.iter().rev().cloned().collect()
    }

    /// The newest that came from a file.
    pub(crate) fn last_of_file(&self) -> Option<Arc<Version>> {
        self.read().from_file.clone()
    }

    /// The one that this request activated.
    pub(crate) fn asked_by(&self, request_id: &str) -> Option<Arc<Version>> {
        self.read().newest_last.iter().rev().find(|version| version.request_id == request_id).cloned()
    }

    /// What is wrong with what lies in the file; `None` if nothing is.
    pub(crate) fn refused(&self) -> Option<String> {
        self.read().refused.clone()
    }

    pub(crate) fn set_refused(&self, why: Option<String>) {
        self.write().refused = why;
    }

    /// Waits until everything that CONTROL held at the start is known.
    pub(crate) async fn complete(&self) {
        let mut complete = self.complete.subscribe();
        // The sender lives as long as this.
        let _ = complete.wait_for(|complete| *complete).await;
    }

    fn take(&self, folded: Folded) {
        let Event::ConfigActivated(activated) = folded.event else { return };
        let name = format!("strategy {}", activated.config_version);
        let strategy = StrategyFile::new(name, &activated.strategy_yaml).read();
        if let Err(error) = &strategy {
            tracing::error!(version = activated.config_version, %error, "an activated strategy cannot be read");
        }
        let version = Arc::new(Version {
            id: folded.meta.id.to_string(),
            version: activated.config_version,
            text: activated.strategy_yaml,
            strategy: strategy.ok().map(Arc::new),
            effective_from: activated.effective_from,
            activated_at: activated.by.requested_at,
            author: activated.by.author,
            reason: activated.by.reason,
            request_id: activated.by.request_id,
            file: activated.file,
        });
        let mut known = self.write();
        if version.file.is_some() {
            known.from_file = Some(Arc::clone(&version));
        }
        known.newest_last.push(version);
        if known.newest_last.len() > KEPT {
            known.newest_last.remove(0);
        }
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps what is known of the versions up to date until shutdown.
///
/// # Errors
/// Class Fatal: CONTROL cannot be read any more.
pub(crate) async fn follow(shared: Arc<Shared>, shutdown: CancellationToken) -> Result<(), bus::BusError> {
    let mut fold = Fold::open(&shared.bus, FoldSpec::kinds(&[Kind::ConfigActivated]))?;
    loop {
        let item = tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            item = fold.next() => item?,
        };
        match item {
            Item::Event(folded) => shared.versions.take(*folded),
            Item::CaughtUp => drop(shared.versions.complete.send_replace(true)),
            // Whoever decides by it puts it into DEAD.
            Item::Poison(poison) => {
                tracing::error!(seq = poison.seq, reason = poison.reason, "an activation cannot be read");
            }
        }
    }
}
