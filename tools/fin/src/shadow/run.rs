//! The three services of a strategy on trial, in one process beside a running suite.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use chassis::{CancellationToken, Loaded, Service, Sources};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::running::at_running_suite;
use crate::up::{DRAIN_WITHIN, keep_running};

pub(super) fn run(file: &Path, profile: &str, bus: Option<&str>) -> anyhow::Result<()> {
    let file = file.canonicalize().with_context(|| file.display().to_string())?;
    let sources = Sources::process()
        .set("profile", profile)
        .set("shadow.enabled", true)
        .set("shadow.strategy", file.display().to_string());
    let settings = sources.clone().load()?.settings;
    let loaded = at_running_suite(sources, &settings, bus).load()?;
    let strategy = loaded.strategy()?;
    chassis::logs::init(&loaded.settings.log).map_err(|error| anyhow::anyhow!(error))?;
    chassis::metrics::install()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let shutdown = chassis::signals::shutdown_token()?;
        tracing::info!(name = strategy.name, version = strategy.version(), "on trial");
        run_all(&loaded, shutdown).await
    })
}

/// Until `shutdown`, or until one of them cannot run.
async fn run_all(loaded: &Loaded, shutdown: CancellationToken) -> anyhow::Result<()> {
    let mut tasks = JoinSet::new();
    macro_rules! spawn {
        ($($service:ty),+ $(,)?) => {$(
            let (own, token) = (loaded.clone(), shutdown.clone());
            let name = <$service as Service>::NAME;
            tasks.spawn(async move {
                keep_running(name, &token, || chassis::start::<$service>(&own, token.clone())).await
            });
        )+};
    }
    spawn!(risk_engine::RiskEngine, planner::Planner, gap_scanner::GapScanner);
    let first = tasks.join_next().await;
    shutdown.cancel();
    let rest = timeout(DRAIN_WITHIN + Duration::from_secs(1), async {
        let mut outcome = Ok(());
        while let Some(ended) = tasks.join_next().await {
            outcome = outcome.and(ended?);
        }
        outcome
    });
    let rest = rest.await.context("the services did not stop in time")?;
    let first = first.map_or(Ok(Ok(())), |ended| ended)?;
    first.and(rest)
}
