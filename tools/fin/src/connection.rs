//! How a command finds the bus.

use anyhow::Context;
use bus::{Bus, BusConfig};
use chassis::{Profile, Sources};
use domain::UnixNanos;

/// Which bus; the configuration's when nothing else is said.
#[derive(Debug, clap::Args)]
pub(crate) struct Connection {
    /// Address of the bus, for example the one that /api/v1/status shows.
    #[arg(long, value_name = "URL")]
    bus: Option<String>,
}

impl Connection {
    /// The configuration's table, with the address of the command line.
    pub(crate) fn bus_config(&self) -> anyhow::Result<BusConfig> {
        let mut config = Sources::process().load()?.settings.bus.clone();
        if let Some(url) = &self.bus {
            config.url.clone_from(url);
        }
        Ok(config)
    }

    /// True in the dev profile, whose market time has nothing to do with the wall's.
    pub(crate) fn is_simulated() -> anyhow::Result<bool> {
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

/// What the clock on the wall shows.
pub(crate) fn wall_time() -> anyhow::Result<UnixNanos> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    Ok(UnixNanos::new(i64::try_from(since.as_nanos())?))
}
