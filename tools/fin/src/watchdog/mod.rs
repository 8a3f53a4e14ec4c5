//! `fin watchdog`: the dead-man's switch.
//!
//! A process of its own, with keys and a bus user of its own. When the executor's heart has not been heard in market hours
//! for `watchdog.silence_ms`, neither over the bus nor directly, it cancels the executor's entries at the broker; after
//! `watchdog.grace_ms` more it closes what the executor opened. It has no state but what it has heard: the broker's book
//! says what is left to do. Why so: `docs/adr/0021-the-watchdog-acts-on-silence.md`.

mod alarm;
mod config;
mod hearing;
mod watch;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use bus::Bus;
use chassis::{CancellationToken, Loaded, Problem, Profile, Readiness, Sources};
use domain::ops::ErrorRaised;
use executor::adapters::alpaca::{AlpacaClient, AlpacaConfig, Credentials};
use ports::OrderPort as _;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::running::at_running_suite;
use alarm::Alarms;
pub(crate) use alarm::NAME;
pub use config::Config;
use hearing::Hearing;
use watch::Watch;

/// Minds the executor.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Simulated vendors (dev), the broker's paper account (paper) or real money (prod).
    #[arg(long, default_value = "dev", env = "FIN__PROFILE")]
    profile: String,
    /// Only say what would be done.
    #[arg(long)]
    dry_run: bool,
}

/// Between two attempts to reach the bus or the broker at the start.
const AGAIN: Duration = Duration::from_secs(1);

/// Runs until it is interrupted.
///
/// # Errors
/// A configuration that cannot be meant, or keys of another account.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    chassis::tls::install_provider();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(guard(arguments))
}

async fn guard(arguments: &Arguments) -> anyhow::Result<()> {
    let sources = Sources::process().set("profile", arguments.profile.as_str());
    let sources = at_running_suite(sources.clone(), &sources.load()?.settings, None);
    let loaded = sources.load()?;
    let settings = &loaded.settings;
    chassis::logs::init(&settings.log)?;
    chassis::metrics::install()?;
    let (config, problems) = inspect(&loaded);
    anyhow::ensure!(
        problems.is_empty(),
        "configuration: {}",
        problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n  ")
    );
    let config = config.context("configuration: no table watchdog")?;
    let executor: executor::Config = loaded.section("executor")?;
    let shutdown = chassis::signals::shutdown_token()?;
    let broker = broker(&loaded, &config)?;

    let hearing = Hearing::new();
    let (alarms, raised) = Alarms::new();
    let readiness = Readiness::default();
    let listener = TcpListener::bind(settings.health.listen).await.context("health.listen")?;
    let routes = chassis::health::router(readiness.clone());
    tokio::spawn(chassis::health::serve_until(listener, routes, shutdown.clone()));
    tokio::spawn(reach_bus(settings.bus.clone(), hearing.clone(), raised, readiness.clone()));
    if !config.executor_url.is_empty() {
        tokio::spawn(hearing::ask(config.executor_url.clone(), config.poll(), hearing.clone()));
    }
    let Some(account) = account(&broker, executor.account_number.as_deref(), &shutdown).await? else { return Ok(()) };
    tracing::info!(account, silence_ms = config.silence_ms, grace_ms = config.grace_ms, "minding the executor");
    let dry_run = arguments.dry_run;
    let foreign = BTreeMap::new();
    let mut watch = Watch { config, hearing, broker, account, alarms, dry_run, foreign, acting: false };
    loop {
        let silence = watch.hearing.silence();
        readiness.set("executor", watch.hearing.has_heard(), format!("silent for {} ms", silence.as_millis()));
        let pause = watch.look().await;
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = sleep(pause) => {}
        }
    }
}

/// The table `watchdog`, and what is wrong with it.
pub(crate) fn inspect(loaded: &Loaded) -> (Option<Config>, Vec<Problem>) {
    let (config, mut problems) = loaded.table::<Config>(NAME);
    if let Some(config) = &config {
        let real_money = loaded.settings.profile == Profile::Prod;
        problems.extend(config.check(real_money).into_iter().map(|fault| loaded.locate(fault)));
    }
    (config, problems)
}

/// The broker by the watchdog's own keys, where it has any.
fn broker(loaded: &Loaded, config: &Config) -> anyhow::Result<AlpacaClient> {
    let mut alpaca = loaded.settings.vendors.alpaca.clone();
    let own = config.key_file.is_some();
    if own {
        (alpaca.key_file, alpaca.secret_file) = (config.key_file.clone(), config.secret_file.clone());
    } else if loaded.settings.profile != Profile::Dev {
        tracing::warn!("watchdog.key_file is not set: the executor's keys are used, and a revoked one disarms both");
    }
    let credentials = if loaded.settings.profile == Profile::Dev && !alpaca.has_keys() {
        Credentials { key_id: "sim".to_owned(), secret: "sim".to_owned() }
    } else {
        let (key, secret) = (alpaca.key()?, alpaca.secret()?);
        Credentials { key_id: key.expose().to_owned(), secret: secret.expose().to_owned() }
    };
    let (rest_url, stream_url) = (alpaca.rest_url, alpaca.stream_url);
    let call_timeout = config.call_timeout();
    // It acts where the executor does not: nothing of it may wait.
    let routine_calls_max = 0;
    Ok(AlpacaClient::new(AlpacaConfig { rest_url, stream_url, credentials, call_timeout, routine_calls_max })?)
}

/// The number of the account that the keys open; waits for the broker. `None` if it is asked to stop first.
async fn account(
    broker: &AlpacaClient,
    expected: Option<&str>,
    shutdown: &CancellationToken,
) -> anyhow::Result<Option<String>> {
    loop {
        match broker.account().await {
            Ok(found) => {
                let is_ours = expected.is_none_or(|expected| expected == found.account);
                anyhow::ensure!(is_ours, "the keys open account {}, not executor.account_number", found.account);
                return Ok(Some(found.account));
            }
            Err(error) if !error.is_transient() => return Err(error).context("the broker refuses"),
            Err(error) => tracing::warn!(error = chassis::logs::chain(&error), "the broker does not answer yet"),
        }
        tokio::select! {
            () = shutdown.cancelled() => return Ok(None),
            () = sleep(AGAIN) => {}
        }
    }
}

/// Connects to the bus however long that takes; then hears and tells over it.
async fn reach_bus(
    config: bus::BusConfig,
    hearing: Hearing,
    raised: mpsc::Receiver<ErrorRaised>,
    readiness: Readiness,
) {
    readiness.set("bus", false, "connecting");
    let bus = loop {
        match Bus::connect(&config, NAME).await {
            Ok(bus) => break bus,
            Err(error) => tracing::warn!(error = chassis::logs::chain(&error), "no bus yet"),
        }
        sleep(AGAIN).await;
    };
    tokio::spawn(alarm::publish(bus.clone(), raised));
    let mut link = bus.link();
    let heard = tokio::spawn(hearing::listen(bus, hearing));
    while !heard.is_finished() {
        let up = link.borrow_and_update().up;
        readiness.set("bus", up, if up { "connected" } else { "away" });
        if link.changed().await.is_err() {
            break;
        }
    }
}
