//! A gateway under test, and what it has written.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use bus::{Bus, BusConfig, Fold, FoldSpec, Item, Kind};
use chassis::{CancellationToken, RunError, Sources};
use domain::market::TradeBatch;
use domain::{Event, UnixNanos};
use ingest_gateway::IngestGateway;
use tempfile::TempDir;
use testkit::NatsServer;
use tokio::task::JoinHandle;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);

/// A running gateway.
pub(crate) struct Gateway {
    _folder: Option<TempDir>,
    shutdown: CancellationToken,
    running: JoinHandle<Result<(), RunError>>,
}

impl Gateway {
    /// Starts it in the dev profile against vendors below `vendors` (`http://…`), with `settings` on top.
    pub(crate) fn start(nats: &NatsServer, vendors: &str, settings: &[(&str, i64)]) -> anyhow::Result<Self> {
        Self::start_for(nats, vendors, &[], settings)
    }

    /// The same for some symbols only, where any are named; then with Alpaca as first source of the history.
    pub(crate) fn start_for(
        nats: &NatsServer,
        vendors: &str,
        symbols: &[String],
        settings: &[(&str, i64)],
    ) -> anyhow::Result<Self> {
        Self::start_fed_by(nats, vendors, (&["finnhub"], "json"), symbols, settings)
    }

    /// The same with the trades of some feeds, best first, and the encoding of Alpaca's.
    pub(crate) fn start_fed_by(
        nats: &NatsServer,
        vendors: &str,
        (feeds, encoding): (&[&str], &str),
        symbols: &[String],
        settings: &[(&str, i64)],
    ) -> anyhow::Result<Self> {
        let folder = TempDir::new()?;
        let started = Self::start_with(folder.path(), nats, vendors, (feeds, encoding), symbols, settings)?;
        Ok(Self { _folder: Some(folder), ..started })
    }

    /// The same with `second` as the sources of the second close.
    pub(crate) fn start_ranked(
        nats: &NatsServer,
        vendors: &str,
        symbols: &[String],
        second: &[&str],
    ) -> anyhow::Result<Self> {
        let folder = TempDir::new()?;
        let sources = Self::sources(folder.path(), nats, vendors, symbols)?;
        let sources = sources.set("gateway.sources.second_close", second.to_vec());
        let started = Self::run(sources.set("vendors.alphavantage.key", "sim-gateway-test"))?;
        Ok(Self { _folder: Some(folder), ..started })
    }

    /// The same for every symbol, with its data in `folder`.
    pub(crate) fn start_in(
        folder: &Path,
        nats: &NatsServer,
        vendors: &str,
        settings: &[(&str, i64)],
    ) -> anyhow::Result<Self> {
        Self::start_with(folder, nats, vendors, (&["finnhub"], "json"), &[], settings)
    }

    fn start_with(
        folder: &Path,
        nats: &NatsServer,
        vendors: &str,
        (feeds, encoding): (&[&str], &str),
        symbols: &[String],
        settings: &[(&str, i64)],
    ) -> anyhow::Result<Self> {
        let sources = Self::sources(folder, nats, vendors, symbols)?
            .set("gateway.sources.trades", feeds.to_vec())
            .set("gateway.feed.alpaca_encoding", encoding);
        Self::run(settings.iter().fold(sources, |sources, (key, value)| sources.set(key, *value)))
    }

    fn sources(folder: &Path, nats: &NatsServer, vendors: &str, symbols: &[String]) -> anyhow::Result<Sources> {
        let socket = vendors.replacen("http://", "ws://", 1);
        let mut sources = Sources::built_in()
            .set("profile", "dev")
            .set("data_dir", folder.to_str().context("folder")?)
            .set("bus.url", nats.url())
            .set("vendors.finnhub.ws_url", format!("{socket}/finnhub/"))
            .set("vendors.finnhub.rest_url", format!("{vendors}/finnhub"))
            .set("vendors.finnhub.token", "sim-gateway-test")
            .set("vendors.yahoo.rest_url", format!("{vendors}/yahoo"))
            .set("vendors.alpaca.rest_url", format!("{vendors}/alpaca"))
            .set("vendors.alpaca.data_stream_url", format!("{socket}/alpaca/v2"))
            .set("vendors.alphavantage.rest_url", format!("{vendors}/alphavantage"))
            .set("vendors.sim.rest_url", format!("{vendors}/sim/v1"));
        if !symbols.is_empty() {
            sources = sources
                .set("gateway.universe.symbols", symbols.to_vec())
                .set("gateway.sources.history", vec!["alpaca", "yahoo"])
                .set("gateway.sources.second_close", vec!["yahoo", "finnhub"]);
        }
        Ok(sources)
    }

    fn run(sources: Sources) -> anyhow::Result<Self> {
        let loaded = sources.load()?;
        let shutdown = CancellationToken::new();
        let token = shutdown.clone();
        let running = tokio::spawn(async move { chassis::start::<IngestGateway>(&loaded, token).await });
        Ok(Self { _folder: None, shutdown, running })
    }

    /// Stops it as SIGTERM does.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.shutdown.cancel();
        Ok(timeout(PATIENCE, self.running).await.context("the gateway does not stop")???)
    }
}

/// True for a report of a service whose `check` is fulfilled.
pub(crate) fn ready(event: &Event, check: &str) -> bool {
    let Event::ReadinessReported(report) = event else { return false };
    report.running && report.checks.iter().any(|known| known.name == check && known.ok)
}

/// Bytes that the gateway with its data in `folder` has spooled.
pub(crate) fn spooled(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder.join("spool/0")).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).map(|data| data.len()).sum()
}

/// Reads events of some kinds from the beginning.
pub(crate) struct Reader {
    _bus: Bus,
    fold: Fold,
}

impl Reader {
    pub(crate) async fn open(nats: &NatsServer, kinds: &[Kind]) -> anyhow::Result<Self> {
        let bus = Bus::connect(&BusConfig { url: nats.url(), ..BusConfig::default() }, "test").await?;
        bus::topology::ensure(&bus, &bus::topology::Sizes::default()).await?;
        let fold = Fold::open(&bus, FoldSpec::kinds(kinds))?;
        Ok(Self { _bus: bus, fold })
    }

    /// Takes events up to the first that makes `enough` true.
    pub(crate) async fn until(&mut self, mut enough: impl FnMut(&Event) -> bool) -> anyhow::Result<Vec<Event>> {
        let mut events = Vec::new();
        let read = async {
            loop {
                if let Item::Event(folded) = self.fold.next().await? {
                    let done = enough(&folded.event);
                    events.push(folded.event);
                    if done {
                        return Ok::<_, anyhow::Error>(());
                    }
                }
            }
        };
        let read = timeout(PATIENCE, read).await;
        read.with_context(|| format!("waited in vain; the last of {} events: {:?}", events.len(), events.last()))??;
        Ok(events)
    }
}

/// One trade as a batch told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) ts: i64,
    pub(crate) symbol: String,
    pub(crate) price: i64,
    pub(crate) size: u32,
    pub(crate) conditions: String,
}

/// The trades of `batch`.
pub(crate) fn told(batch: &TradeBatch) -> Vec<Told> {
    let trades = &batch.trades;
    (0..trades.price.len())
        .map(|row| Told {
            ts: trades.ts_event[row],
            symbol: batch.symbols[trades.symbol[row] as usize].to_string(),
            price: trades.price[row],
            size: trades.size[row],
            conditions: batch.condition_sets[trades.conditions[row] as usize].clone(),
        })
        .collect()
}

/// Checks what every reader relies on: numbers without a hole, watermarks that keep their promise and never go back.
/// Gives each partition's trades in order.
#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) partitions: Vec<Standing>,
}

/// Where one partition stands.
#[derive(Debug, Clone, Default)]
pub(crate) struct Standing {
    pub(crate) epoch: u64,
    pub(crate) batch_no: u64,
    pub(crate) watermark: UnixNanos,
    pub(crate) trades: Vec<Told>,
}

impl Ledger {
    pub(crate) fn new(partitions: usize) -> Self {
        Self { partitions: vec![Standing::default(); partitions] }
    }

    /// Takes the next event; anything but a batch is passed over.
    pub(crate) fn take(&mut self, event: &Event) {
        let Event::TradeBatch(batch) = event else { return };
        let standing = &mut self.partitions[batch.partition as usize];
        let expected = if batch.epoch > standing.epoch { 1 } else { standing.batch_no + 1 };
        assert!(batch.epoch >= standing.epoch, "epoch {} after {}", batch.epoch, standing.epoch);
        assert_eq!(batch.batch_no, expected, "partition {} epoch {}", batch.partition, batch.epoch);
        assert!(batch.watermark >= standing.watermark, "watermark went back to {}", batch.watermark);
        for trade in told(batch) {
            assert!(trade.ts >= standing.watermark.nanos(), "{trade:?} came after watermark {}", standing.watermark);
            standing.trades.push(trade);
        }
        (standing.epoch, standing.batch_no, standing.watermark) = (batch.epoch, batch.batch_no, batch.watermark);
    }

    /// Trades of all partitions.
    pub(crate) fn trades(&self) -> usize {
        self.partitions.iter().map(|standing| standing.trades.len()).sum()
    }
}
