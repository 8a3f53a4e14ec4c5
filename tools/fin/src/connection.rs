//! How a command finds the bus.

use std::path::{Path, PathBuf};

use anyhow::Context;
use bus::{Bus, BusConfig};
use chassis::{Profile, Sources};
use domain::UnixNanos;

/// Where a running `fin up` says which bus is its own, in the data folder.
pub(crate) const BUS_ADDRESS: &str = "bus.url";
/// Where it says in which folder below it keeps its files.
pub(crate) const SUITE_FOLDER: &str = "suite.folder";
/// Where it says at which address the simulated vendors are.
pub(crate) const SIM_ADDRESS: &str = "sim.addr";

/// Which bus: the one named, the configured one, or that of the `fin up` that runs on the same data folder.
#[derive(Debug, clap::Args)]
pub(crate) struct Connection {
    /// Address of the bus; by default the configured one, or that of the `fin up` that runs here.
    #[arg(long, value_name = "URL")]
    bus: Option<String>,
}

impl Connection {
    /// The configuration's table, with the address of the command line.
    pub(crate) fn bus_config(&self) -> anyhow::Result<BusConfig> {
        let settings = Sources::process().load()?.settings;
        let mut config = settings.bus.clone();
        if let Some(url) = &self.bus {
            config.url.clone_from(url);
        } else if config.url == BusConfig::default().url
            && let Some(url) = announced(&settings.data_dir, BUS_ADDRESS)
        {
            config.url = url;
        }
        Ok(config)
    }

    /// True in the dev profile, whose market time has nothing to do with the wall's.
    fn is_simulated() -> anyhow::Result<bool> {
        Ok(Sources::process().load()?.settings.profile == Profile::Dev)
    }

    /// Connects, does `work` and disconnects.
    pub(crate) fn with_bus<T>(&self, work: impl AsyncFnOnce(Bus) -> anyhow::Result<T>) -> anyhow::Result<T> {
        let config = self.bus_config()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let bus = Bus::connect(&config, "fin").await.context("the bus")?;
            let outcome = work(bus.clone()).await;
            bus.drain().await;
            outcome
        })
    }
}

/// What the `fin up` on this data folder says under `name`; `None` when none runs.
pub(crate) fn announced(data_dir: &Path, name: &str) -> Option<String> {
    std::fs::read_to_string(data_dir.join(name)).ok().map(|text| text.trim().to_owned())
}

/// Says something about the suite on this data folder for as long as it lives.
pub(crate) struct Announcement(PathBuf);

impl Announcement {
    pub(crate) fn new(data_dir: &Path, name: &str, text: &str) -> anyhow::Result<Self> {
        let path = data_dir.join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        // Whoever reads an address that was left behind is told that nobody answers there.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The later of the market's own time and the wall's, which a simulation has nothing to do with.
pub(crate) async fn market_time(bus: &Bus) -> anyhow::Result<UnixNanos> {
    let now = wall_time()?;
    let market = bus::dead_letter::market_time(bus).await?;
    let simulated = Connection::is_simulated()?;
    Ok(market.filter(|market| simulated || *market > now).unwrap_or(now))
}

/// What the clock on the wall shows.
pub(crate) fn wall_time() -> anyhow::Result<UnixNanos> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    Ok(UnixNanos::new(i64::try_from(since.as_nanos())?))
}
