//! The strategy file: what a person writes there is activated, once it holds still and nothing is wrong with it.
//!
//! It is compared by its content, so that it makes no difference whether it was written in place, renamed over or, as
//! Kubernetes does, reached through a link that now leads elsewhere.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bus::Created;
use chassis::StrategyFile;
use domain::control::{Authorship, ConfigActivated};
use domain::id::content_hash;
use domain::ops::Severity;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::{activation, check, effective_from, sentence};
use crate::metrics;
use crate::state::Shared;

/// How often the file is looked at; two looks that see the same make it stand still.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How often a refusal is said again, so that its banner stays.
const REMIND_EVERY: Duration = Duration::from_secs(50);
/// Bytes of a strategy file.
pub(crate) const BYTES_MAX: usize = 128 * 1024;

/// What the file is, and where.
pub(crate) struct Watched {
    /// As it was when the process started.
    pub(crate) at_start: StrategyFile,
    /// Where it is or would be; `None` where only what is built in counts.
    pub(crate) path: Option<PathBuf>,
    /// Where the files are that it names.
    pub(crate) folder: PathBuf,
}

/// Activates what lies in the file, until shutdown.
///
/// What lay there at the start is activated if it is another than what was activated from a file last: a version that a
/// person gave by command stays in force until the file changes.
pub(crate) async fn watch(shared: Arc<Shared>, watched: Watched, shutdown: CancellationToken) {
    tokio::select! {
        () = shutdown.cancelled() => return,
        () = shared.versions.complete() => {}
    }
    let last = shared.versions.last_of_file();
    let mut watcher = Watcher {
        // A file may read alike and hash otherwise in another release.
        version: last.as_ref().map(|last| last.version.clone()),
        done: last.filter(|last| last.text == watched.at_start.text()).map(|last| last.text.clone()),
        seen: Some(watched.at_start.text().to_owned()),
        edited: false,
        reminded: None,
        shared,
        watched,
    };
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = looks.tick() => watcher.look().await,
        }
    }
}

struct Watcher {
    shared: Arc<Shared>,
    watched: Watched,
    /// The version that came from the file last.
    version: Option<String>,
    /// The text that was dealt with last.
    done: Option<String>,
    /// The text at the last look.
    seen: Option<String>,
    /// True once what lay there at the start was dealt with.
    edited: bool,
    /// When the refusal was said last.
    reminded: Option<Instant>,
}

impl Watcher {
    async fn look(&mut self) {
        let text = match self.read() {
            Ok(Some(text)) => text,
            Ok(None) => return,
            Err(why) => {
                self.done = None;
                return self.refuse(why);
            }
        };
        let still = self.seen.as_ref() == Some(&text);
        if self.done.as_ref() == Some(&text) {
            self.remind();
        } else if still && self.deal_with(&text).await {
            (self.done, self.edited) = (Some(text.clone()), true);
        }
        self.seen = Some(text);
    }

    /// What lies there; `None` where nothing does, as in the middle of a swap.
    fn read(&self) -> Result<Option<String>, String> {
        let Some(path) = &self.watched.path else { return Ok(Some(self.watched.at_start.text().to_owned())) };
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            // Without a file of our own the built-in one holds.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let is_built_in = !self.edited && self.watched.at_start.name() != path.display().to_string();
                return Ok(is_built_in.then(|| self.watched.at_start.text().to_owned()));
            }
            Err(error) => return Err(format!("{}: cannot be read: {error}", path.display())),
        };
        if bytes.len() > BYTES_MAX {
            return Err(format!("{}: has {} bytes, must have {BYTES_MAX} at most", path.display(), bytes.len()));
        }
        String::from_utf8(bytes).map(Some).map_err(|_| format!("{}: is not UTF-8", path.display()))
    }

    /// True once nothing is left to do about this text.
    async fn deal_with(&mut self, text: &str) -> bool {
        let name = self.watched.path.as_ref().filter(|path| path.exists());
        let name = name.map_or_else(|| self.watched.at_start.name().to_owned(), |path| path.display().to_string());
        let file = StrategyFile::new(name, text);
        let (strategy, problems) = check(&file, &self.watched.folder);
        let Some(strategy) = strategy.filter(|_| problems.is_empty()) else {
            self.reminded = None;
            self.refuse(sentence(&problems));
            return true;
        };
        self.shared.versions.set_refused(None);
        let version = strategy.version();
        // What is in force by command already is activated, too: from then on it is what the file says, which no restart
        // takes for news.
        if self.version.as_ref() == Some(&version) {
            return true;
        }
        match self.activate(&file, &version).await {
            Ok(()) => {
                self.version = Some(version);
                true
            }
            Err(error) => {
                tracing::warn!(%error, file = file.name(), "the strategy is not activated yet");
                false
            }
        }
    }

    async fn activate(&self, file: &StrategyFile, version: &str) -> Result<(), bus::BusError> {
        let shared = &self.shared;
        let before = shared.versions.newest().first().map(|newest| newest.id.clone());
        let reason = match (&before, self.edited) {
            (None, _) => "the first one",
            (Some(_), false) => "the file was edited while the suite was down",
            (Some(_), true) => "the file was edited",
        };
        let by = Authorship {
            author: "file".to_owned(),
            reason: reason.to_owned(),
            requested_at: shared.now(),
            // The same change seen by two processes is one activation.
            request_id: content_hash(&["strategy_file", version, before.as_deref().unwrap_or_default()]),
        };
        let activated = ConfigActivated {
            config_version: version.to_owned(),
            strategy_yaml: file.text().to_owned(),
            effective_from: effective_from(&shared.bus, before.is_none()).await?,
            by,
            file: Some(file.name().to_owned()),
        };
        let (event, meta) = activation(activated, "coordinator-api");
        let sent = shared.publisher.create(&event, &meta).await;
        metrics::command(event.name(), sent.is_ok());
        match sent? {
            Created::New { seq } => tracing::info!(version, file = file.name(), seq, reason, "strategy activated"),
            Created::Exists { seq, .. } => tracing::info!(version, seq, "strategy already activated by another"),
        }
        Ok(())
    }

    fn refuse(&mut self, why: String) {
        self.shared.versions.set_refused(Some(why));
        self.remind();
    }

    /// Says again what is wrong with the file, if anything is.
    fn remind(&mut self) {
        let Some(why) = self.shared.versions.refused() else { return };
        if self.reminded.is_some_and(|last| last.elapsed() < REMIND_EVERY) {
            return;
        }
        self.reminded = Some(Instant::now());
        let message =
            format!("the strategy file is refused; version {} stays in force", self.shared.versions.in_force().1);
        self.shared.errors.raise(Severity::Warning, "strategy_refused", message, why, None);
    }
}
