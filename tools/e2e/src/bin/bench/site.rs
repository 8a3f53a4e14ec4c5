//! A bus with its streams, and a folder for the programs beside it.

use std::path::Path;

use bus::{Bus, BusConfig, topology};
use domain::Symbol;
use testkit::NatsServer;

/// Everything ends, and every file goes, when it is dropped.
pub(crate) struct Site {
    nats: NatsServer,
    /// A connection that may do everything.
    pub(crate) bus: Bus,
    folder: tempfile::TempDir,
}

impl Site {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let nats = NatsServer::start().await?;
        let config = BusConfig { url: nats.url(), ..BusConfig::default() };
        let bus = Bus::connect(&config, "bench").await?;
        topology::ensure(&bus, &config.sizes).await?;
        Ok(Self { nats, bus, folder: tempfile::tempdir()? })
    }

    /// Where the programs keep what they keep, and their logs.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What every program is told, and `more`.
    pub(crate) fn environment(&self, more: &[(&str, &str)]) -> Vec<(String, String)> {
        let (url, folder) = (self.nats.url(), self.folder.path().display().to_string());
        let common = [
            ("FIN__PROFILE", "dev"),
            ("FIN__BUS__URL", &url),
            ("FIN__DATA_DIR", &folder),
            ("FIN__INSTANCE", "bench"),
            ("FIN__LOG__LEVEL", "warn"),
        ];
        common.iter().chain(more).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }
}

/// The made symbol of this number, four letters.
pub(crate) fn symbol(n: u32) -> anyhow::Result<Symbol> {
    let letter = |n: u32| char::from(b'A' + (n % 26) as u8);
    Ok([n / 17_576, n / 676, n / 26, n].map(letter).iter().collect::<String>().parse()?)
}
