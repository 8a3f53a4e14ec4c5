//! The chain under test: generator → WebSocket → gateway → JetStream on disk → fold.

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use bus::BusConfig;
use chassis::{CancellationToken, Sources};
use testkit::NatsServer;

use crate::cpu::Usage;
use crate::generator::{Generator, Plan};
use crate::scanner::{Message, Scanner, Seen};

/// Everything from the made trade to its symbol's state, each part on its own thread, the server its own process.
pub(crate) struct Chain {
    pub(crate) nats: NatsServer,
    pub(crate) generator: Generator,
    scanner: Scanner,
    shutdown: CancellationToken,
    gateway: Receiver<anyhow::Result<()>>,
}

/// One run at full speed.
pub(crate) struct Flood {
    pub(crate) trades_per_second: f64,
    pub(crate) trades_per_batch: f64,
    pub(crate) bytes_per_trade: f64,
    /// Cores that a million trades a second need, by part.
    cores_per_million: Vec<(&'static str, f64)>,
}

impl Flood {
    /// Cores that `parts` need together for a million trades a second.
    pub(crate) fn cores_of(&self, parts: &[&str]) -> f64 {
        self.cores_per_million.iter().filter(|(part, _)| parts.contains(part)).map(|(_, cores)| cores).sum()
    }
}

/// The parts, by the name of their thread or process.
pub(crate) const PARTS: [&str; 4] = ["generator", "gateway", "nats-server", "scanner"];

impl Chain {
    /// Starts every part and waits until the gateway reads the feed.
    pub(crate) async fn start(symbols: usize) -> anyhow::Result<Self> {
        let nats = NatsServer::start().await?;
        let generator = Generator::start(symbols)?;
        let base = format!("http://{}", generator.addr);
        let loaded = Sources::built_in()
            .set("profile", "paper")
            .set("bus.url", nats.url())
            .set("bus.ensure_topology", true)
            .set("log.level", "warn")
            .set("vendors.finnhub.ws_url", format!("ws://{}/ws", generator.addr))
            .set("vendors.finnhub.rest_url", base.as_str())
            .set("vendors.finnhub.token", "sim-bench")
            .set("vendors.yahoo.rest_url", base.as_str())
            .set("gateway.universe.symbols", generator.symbols.clone())
            .set("gateway.universe.symbols_max", 10_000)
            .set("gateway.watermark.lateness_ms", 0)
            .set("gateway.reference.retry_ms", 3_600_000)
            .set("gateway.news.interval_ms", 0)
            .load()?;
        chassis::logs::init(&loaded.settings.log)?;
        let shutdown = CancellationToken::new();
        let (ended, gateway) = sync_channel(1);
        let token = shutdown.clone();
        thread::Builder::new().name("gateway".into()).spawn(move || {
            let run = || -> anyhow::Result<()> {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                runtime.block_on(chassis::start::<ingest_gateway::IngestGateway>(&loaded, token))?;
                Ok(())
            };
            let _ = ended.send(run());
        })?;
        let config = BusConfig { url: nats.url(), ..BusConfig::default() };
        wait_for_stream(&config).await?;
        let scanner = Scanner::start(config, &generator)?;
        let chain = Self { nats, generator, scanner, shutdown, gateway };
        chain.flood(Duration::from_millis(200)).context("warming up")?;
        Ok(chain)
    }

    /// As many trades as go through in `duration`; every one must arrive.
    pub(crate) fn flood(&self, duration: Duration) -> anyhow::Result<Flood> {
        let (before, begun) = (Usage::now(self.nats.pid()), Instant::now());
        let seen = self.run(Plan::Flood(duration))?;
        let elapsed = seen.finished.duration_since(begun).as_secs_f64();
        let (after, millions) = (Usage::now(self.nats.pid()), seen.tally.trades as f64 / 1e6);
        Ok(Flood {
            trades_per_second: seen.tally.trades as f64 / elapsed,
            trades_per_batch: seen.tally.trades as f64 / seen.batches as f64,
            bytes_per_trade: seen.bytes as f64 / seen.tally.trades as f64,
            cores_per_million: PARTS.map(|part| (part, after.since(&before, part) / millions)).to_vec(),
        })
    }

    /// `rate` trades a second in frames of ten, with the messages that carried them.
    pub(crate) fn paced(&self, duration: Duration, rate: u64) -> anyhow::Result<Seen> {
        self.scanner.keep(true);
        let seen = self.run(Plan::Paced(duration, rate));
        self.scanner.keep(false);
        seen
    }

    /// The messages of a short run at full speed.
    pub(crate) fn messages(&self) -> anyhow::Result<Vec<Message>> {
        self.scanner.keep(true);
        let seen = self.run(Plan::Flood(Duration::from_millis(500)));
        self.scanner.keep(false);
        Ok(seen?.messages)
    }

    fn run(&self, plan: Plan) -> anyhow::Result<Seen> {
        if let Ok(ended) = self.gateway.try_recv() {
            ended.context("the gateway ended")?;
        }
        let sent = self.generator.run(plan)?;
        let seen = self.scanner.take(sent.trades)?;
        anyhow::ensure!(seen.tally == sent, "sent {sent:?}, but {:?} came", seen.tally);
        Ok(seen)
    }

    /// Stops the gateway.
    pub(crate) fn stop(self) -> anyhow::Result<()> {
        self.shutdown.cancel();
        self.gateway.recv_timeout(Duration::from_secs(20)).context("the gateway does not stop")?
    }
}

async fn wait_for_stream(config: &BusConfig) -> anyhow::Result<()> {
    let client = async_nats::connect(&config.url).await?;
    let context = async_nats::jetstream::new(client);
    for _ in 0..200 {
        if context.get_stream("MARKET").await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    anyhow::bail!("the gateway has not made MARKET in 10 s")
}
