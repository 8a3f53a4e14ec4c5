//! `fin up`: the whole suite in one process, with its bus as a child.

mod lock;
mod nats;
mod services;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use chassis::{Loaded, Profile, Sources};

use crate::connection::{Announcement, BUS_ADDRESS, SIM_ADDRESS, SUITE_FOLDER};
use crate::keys;
use lock::Lock;
use nats::NatsServer;
pub(crate) use services::{keep_running, point_at_simulator};

/// What `fin up` takes on its command line.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Simulated vendors (dev), the broker's paper account (paper) or real money (prod).
    #[arg(long, default_value = "dev", env = "FIN__PROFILE")]
    pub profile: String,
    /// Market seconds per wall second (dev).
    #[arg(long, default_value_t = 20.0)]
    pub speed: f64,
    /// Seed of the made market (dev).
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// First session date (dev).
    #[arg(long)]
    pub date: Option<chrono::NaiveDate>,
    /// Folder of recorded sessions to play instead of made ones (dev).
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// Number of made symbols (dev).
    #[arg(long)]
    pub symbols: Option<usize>,
    /// New York time from which `--speed` holds; what is before it is played in a few seconds (dev).
    #[arg(long)]
    pub start: Option<chrono::NaiveTime>,
}

/// Runs the suite until it is interrupted.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    chassis::tls::install_provider();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(up(arguments))
}

async fn up(arguments: &Arguments) -> anyhow::Result<()> {
    let sources = || Sources::process().set("profile", arguments.profile.as_str());
    let settings = sources().load()?.settings;
    chassis::logs::init(&settings.log).map_err(|error| anyhow::anyhow!(error))?;
    chassis::metrics::install()?;
    let folder = settings.data_dir.join(market_name(settings.profile, arguments)?);
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let _lock = Lock::take(&folder)?;
    let shutdown = chassis::signals::shutdown_token()?;

    let nats = NatsServer::start(&folder.join("nats"))?;
    let announce = |name, text: &str| Announcement::new(&settings.data_dir, name, text);
    let _bus = announce(BUS_ADDRESS, &nats.url())?;
    let _folder = announce(SUITE_FOLDER, &folder.display().to_string())?;
    let seed = folder.join("risk.seed");
    let public_key = keys::create_or_show(&seed)?;
    let mut sources = sources()
        .set("bus.url", nats.url())
        .set("bus.ca_file", "") // a child on a loopback address
        .set("bus.signing_seed_file", seed.display().to_string())
        .set("bus.risk_public_key", public_key)
        .set("data_dir", folder.display().to_string());
    let sim = match settings.profile {
        Profile::Dev => Some(vendor_sim::start(sim_options(arguments, &folder)).await.context("vendor-sim")?),
        Profile::Paper | Profile::Prod => None,
    };
    let _sim = sim.as_ref().map(|sim| announce(SIM_ADDRESS, &sim.addr.to_string())).transpose()?;
    if let Some(sim) = &sim {
        sources = point_at_simulator(sources, sim.addr);
    }
    let loaded: Loaded = sources.load()?;
    let outcome = services::run_all(&loaded, shutdown).await;
    let outcome = match sim {
        Some(sim) => outcome.and(sim.shutdown().await.context("vendor-sim")),
        None => outcome,
    };
    drop(nats);
    tracing::info!("stopped");
    outcome
}

/// Where this market's streams, store and broker are kept, so that different markets never mix.
fn market_name(profile: Profile, arguments: &Arguments) -> anyhow::Result<String> {
    if profile != Profile::Dev {
        return Ok(profile.as_str().to_owned());
    }
    let Some(data) = &arguments.data else {
        let date = arguments.date.map_or_else(String::new, |d| format!("-{d}"));
        return Ok(format!("made-{}{date}", arguments.seed));
    };
    let data = data.canonicalize().with_context(|| format!("--data {}", data.display()))?;
    let date = arguments.date.map_or_else(String::new, |d| d.to_string());
    let name = domain::id::content_hash(&["recorded", &data.display().to_string(), &date]);
    Ok(format!("recorded-{}", &name[..12]))
}

fn sim_options(arguments: &Arguments, folder: &Path) -> vendor_sim::Options {
    let mut options = vendor_sim::Options::new();
    options.speed = arguments.speed;
    options.seed = arguments.seed;
    options.date = arguments.date;
    options.data.clone_from(&arguments.data);
    options.state = Some(folder.join("vendor-sim"));
    if let Some(symbols) = arguments.symbols {
        options.symbols = symbols;
    }
    if let Some(start) = arguments.start {
        options.start = start;
    }
    options
}

/// How long the services have to finish what they are doing.
pub(crate) const DRAIN_WITHIN: Duration = Duration::from_secs(15);
