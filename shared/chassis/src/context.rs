//! What a service is, and what it is given to run with.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use bus::{Bus, BusError, Fold, FoldSpec, Holder, Item, Kind, Lease, Poison, Publisher};
use domain::control::ConfigActivated;
use domain::ops::Severity;
use domain::strategy::Strategy;
use domain::{Event, EventId, Meta, UnixNanos};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::{ConfigError, Fault, Loaded, Settings, StrategyFile};
use crate::errors::ErrorReporter;
use crate::heartbeat::Heartbeat;
use crate::metrics;
use crate::readiness::Readiness;
use crate::traces::{Span, Tracer, Trail};

/// A part of the suite that runs until it is asked to stop.
pub trait Service: Send + 'static {
    /// Its name in events, metrics and logs.
    const NAME: &'static str;
    /// Its name in the processes of a strategy on trial; `None` where it has no part in one.
    const ON_TRIAL: Option<&'static str> = None;
    /// Its table in the configuration.
    const SECTION: &'static str;
    /// That table. Refuse unknown keys: `#[serde(default, deny_unknown_fields)]`.
    type Config: DeserializeOwned + Send + 'static;

    /// What is wrong with that table beyond its types: ranges, and what the profile asks of this service.
    fn check(config: &Self::Config, loaded: &Loaded) -> Vec<Fault> {
        let _ = (config, loaded);
        Vec::new()
    }

    /// Does the work; returns soon after `ctx.shutdown` is cancelled, with nothing half done.
    fn run(ctx: Context<Self::Config>) -> impl Future<Output = crate::Result> + Send;
}

/// Everything a running service holds.
pub struct Context<C> {
    /// Its own table.
    pub config: C,
    /// What all services share.
    pub settings: Arc<Settings>,
    /// Its name.
    pub name: &'static str,
    /// This process among its like.
    pub instance: String,
    /// As whom it holds leases.
    pub holder: Holder,
    /// Its connection to the bus.
    pub bus: Bus,
    /// Publishes on that connection.
    pub publisher: Publisher,
    /// Where it says what it needs.
    pub readiness: Readiness,
    /// Where it says what went wrong.
    pub errors: ErrorReporter,
    /// Makes its spans.
    pub tracer: Tracer,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// Cancelled when it is asked to stop.
    pub shutdown: CancellationToken,
    pub(crate) loaded: Loaded,
    pub(crate) heartbeat: Heartbeat,
}

impl<C> Context<C> {
    /// True in the processes of a strategy on trial: what is activated for the suite does not concern them, and they see
    /// the suite's own decisions only where they ask for them.
    pub fn on_trial(&self) -> bool {
        self.settings.shadow.enabled
    }

    /// Starts the envelope of an event whose identity is `id`.
    pub fn meta(&self, id: EventId) -> MetaBuilder {
        self.author().meta(id)
    }

    /// The same for parts of the service that do not hold the context.
    pub fn author(&self) -> Author {
        Author::new(self.name, Arc::clone(&self.clock))
    }

    /// For the causes of what it will publish.
    pub fn trail(&self) -> Trail {
        Trail::new(Arc::clone(&self.clock))
    }

    /// Keeps what a fold of this service could not read in DEAD, which also raises a critical error; goes on meanwhile.
    pub fn bury(&self, poison: Poison) {
        let (bus, errors) = (self.bus.clone(), self.errors.clone());
        let reader = format!("{}-{}", self.name, poison.stream.package());
        tokio::spawn(async move {
            if let Err(error) = bus.bury(&reader, &poison).await {
                let detail = format!("{} ({error}; no copy in DEAD)", poison.reason);
                let message = format!("{reader} could not read message {}", poison.seq);
                errors.raise(Severity::Critical, "dead_letter", message, detail, Some(&poison.subject));
            }
        });
    }

    /// Waits until this replica alone is responsible for `what`; ready meanwhile, since standing by is all it has to do.
    /// `None` if it is asked to stop first.
    ///
    /// # Errors
    /// Class Fatal only.
    pub async fn lead(&self, what: &str) -> Result<Option<Lease>, BusError> {
        self.readiness.keep_only(&["bus", "owner"]);
        let key = format!("{}.{what}", self.name);
        let acquiring = Lease::acquire(&self.bus, &key, &self.holder);
        let mut acquiring = std::pin::pin!(acquiring);
        let mut wait = tokio::time::interval(std::time::Duration::from_secs(1));
        wait.tick().await;
        loop {
            tokio::select! {
                () = self.shutdown.cancelled() => return Ok(None),
                lease = &mut acquiring => {
                    metrics::standing_by(self.name, false);
                    self.readiness.set("owner", true, format!("responsible for {what}"));
                    return lease.map(Some);
                }
                _ = wait.tick() => {
                    metrics::standing_by(self.name, self.bus.is_up());
                    self.readiness.set("owner", true, format!("standing by for {what}"));
                }
            }
        }
    }

    /// Says that the work goes on, at `/heartbeat` and on the bus. Called at every turn of the work, it waits for nothing.
    pub fn beat(&self) {
        self.heartbeat.beat(|| self.bus.beat(self.name, &self.instance));
    }

    /// What the text of an activation means. `None`, with a line in the log, where this program cannot read it: it may be
    /// long out of force, and where it is not, whoever leaves something undone for it says so.
    pub fn activated(&self, activated: &ConfigActivated) -> Option<Arc<Strategy>> {
        let name = format!("strategy {}", activated.config_version);
        match StrategyFile::new(name, &activated.strategy_yaml).read() {
            Ok(strategy) => Some(Arc::new(strategy)),
            Err(error) => {
                tracing::warn!(version = activated.config_version, %error, "an activated strategy cannot be read");
                None
            }
        }
    }

    /// The strategy to begin with: that of the process's own file, or, where the file is refused, the newest activated. So a
    /// file that somebody is still writing keeps nothing from starting again. On trial it is that of the file alone.
    ///
    /// # Errors
    /// The file is refused, and nothing was activated, or the process is of a strategy on trial; or the bus cannot be read.
    pub async fn own_strategy(&self) -> crate::Result<Arc<Strategy>> {
        let refused = match self.strategy() {
            Ok(strategy) => return Ok(Arc::new(strategy)),
            Err(refused) if self.on_trial() => return Err(refused.into()),
            Err(refused) => refused,
        };
        match self.newest_activated().await? {
            Some(strategy) => {
                tracing::warn!(error = %refused, "the strategy file is refused; what was activated last holds");
                Ok(strategy)
            }
            None => Err(refused.into()),
        }
    }

    /// The newest activated strategy, or the process's own where nothing was activated.
    ///
    /// # Errors
    /// Those of [`Self::own_strategy`].
    pub async fn strategy_in_force(&self) -> crate::Result<Arc<Strategy>> {
        match self.newest_activated().await? {
            Some(strategy) => Ok(strategy),
            None => Ok(Arc::new(self.strategy()?)),
        }
    }

    async fn newest_activated(&self) -> Result<Option<Arc<Strategy>>, BusError> {
        let mut fold = Fold::open(&self.bus, FoldSpec::kinds(&[Kind::ConfigActivated]))?;
        let mut newest = None;
        loop {
            match fold.next().await? {
                Item::CaughtUp => return Ok(newest),
                Item::Event(folded) => {
                    if let Event::ConfigActivated(activated) = &folded.event {
                        newest = self.activated(activated).or(newest);
                    }
                }
                Item::Poison(poison) => self.bury(poison),
            }
        }
    }

    /// The strategy file as it was at the start, whether or not it is accepted.
    pub const fn strategy_file(&self) -> &StrategyFile {
        &self.loaded.strategy_file
    }

    /// Where the strategy file is, or would be; `None` without a folder of configuration.
    pub fn strategy_path(&self) -> Option<std::path::PathBuf> {
        self.loaded.strategy_path()
    }

    /// The strategy of the process's own file, checked; another may have been activated since.
    ///
    /// # Errors
    /// Names the key, its value and what it may be.
    pub fn strategy(&self) -> Result<Strategy, ConfigError> {
        self.loaded.strategy()
    }

    /// Where the files are that the strategy names.
    pub fn strategy_folder(&self) -> &Path {
        &self.loaded.strategy_folder
    }

    /// Another table of the configuration.
    ///
    /// # Errors
    /// Names the key and where it stands.
    pub fn section<T: DeserializeOwned>(&self, name: &str) -> Result<T, ConfigError> {
        self.loaded.section(name)
    }
}

/// Signs events with a service's name and the time.
#[derive(Clone)]
pub struct Author {
    name: &'static str,
    clock: Arc<dyn Clock>,
}

impl Author {
    /// Signs as `name`.
    pub fn new(name: &'static str, clock: Arc<dyn Clock>) -> Self {
        Self { name, clock }
    }

    /// Starts the envelope of an event whose identity is `id`.
    pub fn meta(&self, id: EventId) -> MetaBuilder {
        MetaBuilder(Meta {
            id,
            source: self.name.to_owned(),
            ts_init: self.clock.now(),
            causation: None,
            correlation: None,
            traceparent: None,
        })
    }

    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn now(&self) -> UnixNanos {
        self.clock.now()
    }
}

/// An envelope in the making.
#[derive(Debug, Clone)]
pub struct MetaBuilder(Meta);

impl MetaBuilder {
    /// Names the event that caused this one.
    pub fn caused_by(mut self, cause: &EventId) -> Self {
        self.0.causation = Some(cause.clone());
        self
    }

    /// Names the story it belongs to: a plan, signal or round id.
    pub fn about(mut self, correlation: impl Into<String>) -> Self {
        self.0.correlation = Some(correlation.into());
        self
    }

    /// Goes on with `cause`: caused by it, same story, same trace.
    pub fn following(mut self, cause: &Meta) -> Self {
        self.0.causation = Some(cause.id.clone());
        self.0.correlation.clone_from(&cause.correlation);
        self.0.traceparent.clone_from(&cause.traceparent);
        self
    }

    /// Sets the W3C trace context.
    pub fn traced(mut self, traceparent: impl Into<String>) -> Self {
        self.0.traceparent = Some(traceparent.into());
        self
    }

    /// Names the span of its publishing.
    pub fn spanned(mut self, span: &Span) -> Self {
        self.0.traceparent = span.context().map(|context| context.to_string());
        self
    }

    /// The envelope.
    pub fn build(self) -> Meta {
        self.0
    }
}

impl From<MetaBuilder> for Meta {
    fn from(builder: MetaBuilder) -> Self {
        builder.0
    }
}
