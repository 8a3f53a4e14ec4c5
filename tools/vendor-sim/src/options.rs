//! What can be chosen at start.

use std::net::SocketAddr;
use std::path::PathBuf;

use chrono::{NaiveDate, NaiveTime};

/// Choices of one simulated vendor world, also its command line.
#[derive(Debug, Clone, clap::Parser)]
#[command(
    name = "vendor-sim",
    version,
    about = "Finnhub, Yahoo, Alpha Vantage and Alpaca on one port, on a market of their own"
)]
pub struct Options {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Seed of the made market and of every identifier.
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// Market seconds per wall second, once `--start` is reached.
    #[arg(long, default_value_t = 20.0)]
    pub speed: f64,
    /// First session date; default: today's session or the next one (made), the first recorded one (`--data`).
    #[arg(long)]
    pub date: Option<NaiveDate>,
    /// Folder of recorded sessions to play instead of made ones; it is only read.
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// Split factors of the recorded daily bars, raw price = bar × factor, e.g. `GME=4,AMC=0.1`; default: detected.
    #[arg(long, value_delimiter = ',')]
    pub factors: Vec<String>,
    /// Journal of the broker's account and the market clock; without it nothing outlives the process.
    #[arg(long)]
    pub state: Option<PathBuf>,
    /// Number of made symbols, 40 to 2000.
    #[arg(long, default_value_t = 200)]
    pub symbols: usize,
    /// New York time at which `--speed` begins; the session before it is played in `--warmup-seconds`.
    #[arg(long, default_value = "09:34:00")]
    pub start: NaiveTime,
    /// Wall seconds for the time from 04:00 to `--start`, and again from five minutes after the close to 20:00.
    #[arg(long, default_value_t = 12.0)]
    pub warmup_seconds: f64,
    /// New York times at which the market clock stops, in the first session.
    #[arg(long, value_delimiter = ',')]
    pub pause_at: Vec<NaiveTime>,
    /// Start the market at once instead of waiting for the first Finnhub subscription.
    #[arg(long)]
    pub no_wait: bool,
    /// Largest share of a print that fills our orders, in per cent.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub participation: u8,
    /// Cash of the account when it is first opened, in whole US dollars.
    #[arg(long, default_value_t = 100_000)]
    pub cash: u32,
    /// Faults to go wrong with: a YAML file as in `scenarios/`.
    #[arg(long)]
    pub scenario: Option<PathBuf>,
    /// Stand still as a market and send pre-built trades to every Finnhub subscriber as fast as it takes them.
    #[arg(long)]
    pub firehose: bool,
}

impl Options {
    /// The defaults, listening on a free port of the loopback.
    pub fn new() -> Self {
        <Self as clap::Parser>::parse_from(["vendor-sim"])
    }

    pub(crate) fn validate(&self) -> anyhow::Result<()> {
        anyhow::ensure!(self.speed > 0.0 && self.speed.is_finite(), "--speed must be above 0, not {}", self.speed);
        anyhow::ensure!(self.warmup_seconds > 0.0, "--warmup-seconds must be above 0, not {}", self.warmup_seconds);
        anyhow::ensure!((40..=2000).contains(&self.symbols), "--symbols must be 40 to 2000, not {}", self.symbols);
        Ok(())
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}
