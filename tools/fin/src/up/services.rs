//! Starts the seven services inside this process and watches over them.

use std::future::Future;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::bail;
use chassis::{CancellationToken, Loaded, RunError, Service, Sources};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::DRAIN_WITHIN;
use crate::suite::with_services;

/// A service that ends this soon after its start will not do better when started again.
const FAILS_AT_START: Duration = Duration::from_secs(10);
const RESTART_DELAYS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// What the simulator takes for a key; it opens nothing else.
const SIM_KEY: &str = "sim";

/// Points every vendor's base address at the simulator.
pub(crate) fn point_at_simulator(sources: Sources, sim: SocketAddr) -> Sources {
    sources
        .set("vendors.finnhub.ws_url", format!("ws://{sim}/finnhub/"))
        .set("vendors.finnhub.token", SIM_KEY)
        .set("vendors.alpaca.key", SIM_KEY)
        .set("vendors.alpaca.secret", SIM_KEY)
        .set("vendors.finnhub.rest_url", format!("http://{sim}/finnhub"))
        .set("vendors.yahoo.rest_url", format!("http://{sim}/yahoo"))
        .set("vendors.alphavantage.rest_url", format!("http://{sim}/alphavantage"))
        .set("vendors.alpaca.rest_url", format!("http://{sim}/alpaca"))
        .set("vendors.alpaca.stream_url", format!("ws://{sim}/alpaca/stream"))
        .set("vendors.alpaca.data_stream_url", format!("ws://{sim}/alpaca/v2"))
        .set("vendors.sim.rest_url", format!("http://{sim}/sim/v1"))
}

/// Runs all services until `shutdown`, or until one of them cannot run.
pub(super) async fn run_all(loaded: &Loaded, shutdown: CancellationToken) -> anyhow::Result<()> {
    let mut tasks = JoinSet::new();
    macro_rules! spawn {
        ($($service:ty),+ $(,)?) => {$(
            let (own, token) = (loaded.clone(), shutdown.clone());
            let name = <$service as Service>::NAME;
            tasks.spawn(async move { keep_running(name, &token, || chassis::start::<$service>(&own, token.clone())).await });
        )+};
    }
    with_services!(spawn);
    tasks.spawn(announce(loaded.clone(), shutdown.clone()));
    let mut outcome = Ok(());
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended.unwrap_or_else(|panic| Err(anyhow::anyhow!("a service panicked: {panic}"))) {
            shutdown.cancel();
            outcome = outcome.and(Err(error));
        }
        if shutdown.is_cancelled() {
            return match tokio::time::timeout(DRAIN_WITHIN, drain(&mut tasks)).await {
                Ok(drained) => outcome.and(drained),
                Err(_) => outcome.and(Err(anyhow::anyhow!("services did not stop within {DRAIN_WITHIN:?}"))),
            };
        }
    }
    outcome
}

async fn drain(tasks: &mut JoinSet<anyhow::Result<()>>) -> anyhow::Result<()> {
    let mut outcome = Ok(());
    while let Some(ended) = tasks.join_next().await {
        outcome = outcome.and(ended?);
    }
    outcome
}

/// Starts a service again, later each time, when it fails after it had been running.
pub(crate) async fn keep_running<F, Fut>(
    name: &'static str,
    shutdown: &CancellationToken,
    start: F,
) -> anyhow::Result<()>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<(), RunError>>,
{
    let mut delay = RESTART_DELAYS.0;
    loop {
        let since = Instant::now();
        let Err(error) = start().await else { return Ok(()) };
        if shutdown.is_cancelled() {
            return Ok(());
        }
        if since.elapsed() < FAILS_AT_START {
            return Err(error.into());
        }
        tracing::error!(service = name, error = %error, delay_ms = delay.as_millis() as u64, "service failed; starting it again");
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = tokio::time::sleep(delay) => delay = (delay * 2).min(RESTART_DELAYS.1),
        }
    }
}

/// Prints the dashboard's address once it answers.
async fn announce(loaded: Loaded, shutdown: CancellationToken) -> anyhow::Result<()> {
    let api: coordinator_api::Config = loaded.section("api")?;
    let address = api.listen;
    let since = Instant::now();
    while TcpStream::connect(address).await.is_err() {
        if shutdown.is_cancelled() {
            return Ok(());
        }
        if since.elapsed() > Duration::from_secs(60) {
            bail!("the API does not answer on {address}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    say(&format!(
        "fin-agent is live on http://{address} ({} profile). Ctrl-C stops it.",
        loaded.settings.profile.as_str()
    ));
    shutdown.cancelled().await;
    Ok(())
}

#[allow(clippy::print_stdout)] // the one line that a person waits for
fn say(line: &str) {
    println!("{line}");
}
