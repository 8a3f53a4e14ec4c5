//! The life of a process: configuration, logs, bus, work, drain.

use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bus::{Bus, BusError, Holder, topology};
use domain::ops::{ReadinessReported, Severity};
use domain::{Event, EventId};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, SystemClock};
use crate::config::{ConfigError, Fault, Loaded, Sources};
use crate::context::{Author, Context, Service};
use crate::errors::{ErrorReporter, publish_until};
use crate::heartbeat::Heartbeat;
use crate::readiness::Readiness;
use crate::{BoxError, health, logs, metrics, signals, tls, traces};

/// Why a service ended that should not have.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The configuration is refused.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The process cannot be set up.
    #[error("{service}: cannot set up the process")]
    Setup {
        /// The service.
        service: &'static str,
        /// Why.
        source: BoxError,
    },
    /// The health listener's address is taken or not ours.
    #[error("{service}: health.listen: cannot listen on {address}")]
    Listen {
        /// The service.
        service: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The bus cannot be used.
    #[error("{service}: the bus cannot be used")]
    Bus {
        /// The service.
        service: &'static str,
        /// Why.
        source: BusError,
    },
    /// The work failed.
    #[error("{service} failed")]
    Failed {
        /// The service.
        service: &'static str,
        /// Why.
        source: BoxError,
    },
    /// The work was not finished within the grace period.
    #[error("{service} did not stop within {grace_ms} ms")]
    DrainTimedOut {
        /// The service.
        service: &'static str,
        /// The grace period.
        grace_ms: u128,
    },
}

impl RunError {
    /// The process's exit code: 2 for a refused configuration, 3 for an unfinished drain, else 1.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) => 2,
            Self::DrainTimedOut { .. } => 3,
            Self::Setup { .. } | Self::Listen { .. } | Self::Bus { .. } | Self::Failed { .. } => 1,
        }
    }
}

/// The `main` of a service. With the argument `healthcheck` it asks the running one and exits 0 or 1.
pub fn run<S: Service>() -> ExitCode {
    let argument = std::env::args().nth(1);
    let outcome = match argument.as_deref() {
        None => run_process::<S>(),
        Some("healthcheck") => return health_check::<S>(),
        Some("--version") => return say(S::NAME, env!("CARGO_PKG_VERSION"), ExitCode::SUCCESS),
        Some(other) => {
            let usage = format!("unknown argument `{other}`; usage: {} [healthcheck | --version]", S::NAME);
            return say(S::NAME, &usage, ExitCode::from(2));
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => say(S::NAME, &logs::chain(&error), ExitCode::from(error.exit_code())),
    }
}

fn run_process<S: Service>() -> Result<(), RunError> {
    let setup = |source: BoxError| RunError::Setup { service: S::NAME, source };
    let loaded = Sources::process().load()?;
    logs::init(&loaded.settings.log).map_err(|fault| loaded.refuse(fault))?;
    metrics::install().map_err(|e| setup(e.into()))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| setup(e.into()))?;
    runtime.block_on(async {
        let shutdown = signals::shutdown_token().map_err(|e| setup(e.into()))?;
        start::<S>(&loaded, shutdown).await
    })
}

fn health_check<S: Service>() -> ExitCode {
    let listen = match Sources::process().load() {
        Ok(loaded) => loaded.settings.health.listen,
        Err(error) => return say(S::NAME, &error.to_string(), ExitCode::from(2)),
    };
    if listen.port() == 0 {
        return say(S::NAME, "health.listen has no fixed port to ask", ExitCode::from(2));
    }
    match health::ask(listen) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => say(S::NAME, &format!("{listen}: {error}"), ExitCode::FAILURE),
    }
}

/// Logs may not be running yet, or not in a form a person reads: the last word goes to standard error as it is.
fn say(name: &str, text: &str, code: ExitCode) -> ExitCode {
    // Nobody is left to hear of a failure to write.
    let _ = writeln!(std::io::stderr(), "{name}: {text}");
    code
}

/// Runs one service until it ends or `shutdown` is cancelled and it has drained.
///
/// # Errors
/// Says which part failed; the class of a bus error tells whether trying again makes sense.
pub async fn start<S: Service>(loaded: &Loaded, shutdown: CancellationToken) -> Result<(), RunError> {
    tls::install_provider();
    let settings = Arc::clone(&loaded.settings);
    let name = name_of::<S>(loaded)?;
    let config = loaded.service::<S>()?;
    loaded.check_bus()?;
    let bus_failed = |source| RunError::Bus { service: name, source };
    let readiness = Readiness::default();
    readiness.set("bus", false, "connecting");
    let listener = listen(name, settings.health.listen).await?;
    let mut tasks = JoinSet::new();
    let stop = CancellationToken::new();
    let _stops_tasks = stop.clone().drop_guard();
    let heartbeat = Heartbeat::default();
    let routes = health::router(readiness.clone()).merge(heartbeat.router());
    tasks.spawn(health::serve_until(listener, routes, stop.clone()));

    let connecting = async {
        let bus = Bus::connect(&settings.bus, name).await?;
        if settings.bus.ensure_topology {
            topology::ensure(&bus, &settings.bus.sizes).await?;
        }
        Ok(if settings.shadow.enabled { bus.on_trial() } else { bus })
    };
    let bus = tokio::select! {
        connected = connecting => connected.map_err(bus_failed)?,
        () = shutdown.cancelled() => return Ok(()),
    };

    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let author = Author::new(name, Arc::clone(&clock));
    let tracing = traces::start(&settings.telemetry, name, &settings.instance, Arc::clone(&clock));
    let (tracer, spans) = tracing.map_err(|source| RunError::Setup { service: name, source })?;
    let (errors, raised) = ErrorReporter::new(author.clone());
    let reporter = Reporter {
        bus: bus.clone(),
        author: author.clone(),
        instance: settings.instance.clone(),
        readiness: readiness.clone(),
    };
    tasks.spawn(watch_link(bus.clone(), readiness.clone()));
    tasks.spawn(watch_dead_letters(bus.clone(), errors.clone()));
    let reports = tokio::spawn(reporter.clone().report_until(stop.clone()));
    let publishing = tokio::spawn(publish_until(raised, bus.publisher(), author, stop.clone()));
    let ctx = Context {
        config,
        settings: Arc::clone(&settings),
        name,
        instance: settings.instance.clone(),
        holder: Holder::new(&settings.instance),
        publisher: bus.publisher(),
        bus: bus.clone(),
        readiness,
        errors: errors.clone(),
        tracer,
        clock,
        shutdown: shutdown.clone(),
        loaded: loaded.clone(),
        heartbeat,
    };
    tracing::info!(service = name, profile = settings.profile.as_str(), "running");
    let outcome = work::<S>(ctx, &shutdown, settings.drain.grace()).await;
    if let Err(error) = &outcome {
        let text = logs::chain(error);
        errors.raise(Severity::Critical, "service_stopped", format!("{name} has stopped"), text, None);
    }
    stop.cancel();
    // Both end by themselves; a panic in there has been printed.
    let _ = tokio::join!(reports, publishing);
    reporter.report(Life::Ending).await;
    bus.drain().await;
    spans.flush(FLUSH).await;
    tasks.shutdown().await;
    tracing::info!(service = name, "stopped");
    outcome
}

/// How long the last spans may take: little beside the grace that a process has.
const FLUSH: Duration = Duration::from_secs(2);

/// The service's name, which is another on trial.
fn name_of<S: Service>(loaded: &Loaded) -> Result<&'static str, ConfigError> {
    match S::ON_TRIAL {
        _ if !loaded.settings.shadow.enabled => Ok(S::NAME),
        Some(name) => Ok(name),
        None => {
            let problem = format!("is true, and {} has no part in a strategy on trial", S::NAME);
            Err(loaded.refuse(Fault::new("shadow.enabled", problem)))
        }
    }
}

async fn listen(service: &'static str, address: SocketAddr) -> Result<TcpListener, RunError> {
    let failed = |source| RunError::Listen { service, address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    tracing::info!(service, address = %bound, "health listener");
    Ok(listener)
}

async fn work<S: Service>(
    ctx: Context<S::Config>,
    shutdown: &CancellationToken,
    grace: Duration,
) -> Result<(), RunError> {
    let service = ctx.name;
    let expired = async {
        shutdown.cancelled().await;
        sleep(grace).await;
    };
    tokio::select! {
        outcome = S::run(ctx) => outcome.map_err(|source| RunError::Failed { service, source }),
        () = expired => Err(RunError::DrainTimedOut { service, grace_ms: grace.as_millis() }),
    }
}

async fn watch_link(bus: Bus, readiness: Readiness) {
    let mut link = bus.link();
    loop {
        let up = link.borrow_and_update().up;
        let detail = if up { bus.config().url.clone() } else { format!("away: {}", bus.config().url) };
        readiness.set("bus", up, detail);
        if link.changed().await.is_err() {
            return;
        }
    }
}

async fn watch_dead_letters(bus: Bus, errors: ErrorReporter) {
    let mut letters = bus.dead_letters();
    loop {
        match letters.recv().await {
            Ok(letter) => {
                let message = format!("{} could not handle a message of {}", letter.reader, letter.stream.as_str());
                let detail = format!("{} (sequence {}): {}", letter.subject, letter.seq, letter.reason);
                errors.raise(Severity::Critical, "dead_letter", message, detail, Some(&letter.reader));
            }
            Err(tokio::sync::broadcast::error::RecvError::Lagged(missed)) => {
                tracing::warn!(missed, "dead letters came faster than they could be reported");
            }
            Err(tokio::sync::broadcast::error::RecvError::Closed) => return,
        }
    }
}

#[derive(Clone)]
struct Reporter {
    bus: Bus,
    author: Author,
    instance: String,
    readiness: Readiness,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Life {
    Running,
    Ending,
}

const REPORT_EVERY: Duration = Duration::from_secs(10);
/// Checks that turn together make one report.
const SETTLE: Duration = Duration::from_millis(100);

impl Reporter {
    async fn report_until(self, stop: CancellationToken) {
        let mut changes = self.readiness.changes();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = changes.changed() => sleep(SETTLE).await,
                () = sleep(REPORT_EVERY) => {}
            }
            changes.mark_unchanged();
            metrics::upkeep();
            self.report(Life::Running).await;
        }
    }

    async fn report(&self, life: Life) {
        if !self.bus.is_up() {
            return;
        }
        let at = self.author.now();
        let report = ReadinessReported {
            service: self.author.name().to_owned(),
            instance: self.instance.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ready: self.readiness.is_ready(),
            running: life == Life::Running,
            checks: self.readiness.snapshot(),
            at,
        };
        let parts = ["readiness", self.author.name(), &self.instance, &at.nanos().to_string()];
        let meta = self.author.meta(EventId::from_parts(&parts)).build();
        let publisher = self.bus.publisher();
        // The next report says more than a late one.
        let event = Event::from(report);
        if !matches!(timeout(Duration::from_secs(2), publisher.publish(&event, &meta)).await, Ok(Ok(_))) {
            tracing::debug!("a readiness report was not stored");
        }
    }
}
