//! The chain under test: generator → WebSocket → ingest-gateway → JetStream on disk; a reader comes after it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bus::BusConfig;
use e2e::http::eventually;
use e2e::process::Process;
use tempfile::TempDir;
use testkit::NatsServer;

use crate::cpu::Usage;
use crate::gap_scanner::GapScanner;
use crate::generator::{Generator, Plan, Tally};
use crate::report::Layout;

/// Programs of one build.
#[derive(Debug, Clone)]
pub(crate) struct Programs(PathBuf);

impl Programs {
    /// Those in `folder`.
    pub(crate) const fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// Those beside this one.
    pub(crate) fn here() -> anyhow::Result<Self> {
        let gateway = e2e::process::program("ingest-gateway")?;
        Ok(Self(gateway.parent().context("a program without a folder")?.to_owned()))
    }

    fn get(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

/// Everything before the reader: a server of its own, the gateway's own process, the generator on a thread.
pub(crate) struct Chain {
    pub(crate) nats: NatsServer,
    pub(crate) generator: Generator,
    gateway: Process,
    programs: Programs,
    folder: TempDir,
}

/// One run at full speed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flood {
    pub(crate) trades_per_second: f64,
    /// Cores that a million trades a second need, by part.
    pub(crate) cores_per_million: Vec<(&'static str, f64)>,
    /// The gap-scanner's resident memory after it, MiB.
    pub(crate) scanner_mib: f64,
}

impl Flood {
    /// Cores that `parts` need together for a million trades a second.
    pub(crate) fn cores_of(&self, parts: &[&str]) -> f64 {
        self.cores_per_million.iter().filter(|(part, _)| parts.contains(part)).map(|(_, cores)| cores).sum()
    }
}

impl Chain {
    /// Starts every part and waits until the gateway is ready to read the feed.
    pub(crate) async fn start(layout: Layout, programs: &Programs) -> anyhow::Result<Self> {
        let nats = NatsServer::start().await?;
        let generator = Generator::start(layout.symbols)?;
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("default.yaml"), settings(&nats, &generator, layout, &folder))?;
        let environment = environment(&folder);
        let gateway = Process::start(&programs.get("ingest-gateway"), "ingest-gateway", &environment, folder.path())?;
        let config = BusConfig { url: nats.url(), ..BusConfig::default() };
        wait_for_stream(&config).await?;
        Ok(Self { nats, generator, gateway, programs: programs.clone(), folder })
    }

    /// Starts gap-scanner as its own process behind the gateway, and waits until it reads.
    pub(crate) async fn scanner(&self) -> anyhow::Result<GapScanner> {
        let program = self.programs.get("gap-scanner");
        GapScanner::start(&program, &environment(&self.folder), self.folder.path()).await
    }

    /// As many trades as go through in `duration`; every one must be folded by `scanner`.
    pub(crate) async fn flood(&mut self, scanner: &mut GapScanner, duration: Duration) -> anyhow::Result<Flood> {
        let server = self.nats.pid().context("no server runs")?;
        let pids = [("nats-server", server), ("gateway", self.gateway.pid()), ("scanner", scanner.pid())];
        let (before, begun) = (Usage::now(&pids), Instant::now());
        let sent = self.run(Plan::Flood(duration))?;
        let finished = scanner.folded(sent.trades).await?;
        let elapsed = finished.duration_since(begun).as_secs_f64();
        let (after, millions) = (Usage::now(&pids), sent.trades as f64 / 1e6);
        Ok(Flood {
            trades_per_second: sent.trades as f64 / elapsed,
            cores_per_million: PARTS.map(|part| (part, after.since(&before, part) / millions)).to_vec(),
            scanner_mib: scanner.resident_mib()?,
        })
    }

    /// Has the generator carry `plan` out and says what it sent.
    pub(crate) fn run(&mut self, plan: Plan) -> anyhow::Result<Tally> {
        if let Some(code) = self.gateway.ended() {
            let log = std::fs::read_to_string(self.folder.path().join("ingest-gateway.log")).unwrap_or_default();
            anyhow::bail!("the gateway ended with {code}: {}", log.lines().last().unwrap_or_default());
        }
        self.generator.run(plan)
    }

    /// Stops the gateway as Kubernetes would.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        let code = self.gateway.terminate(Duration::from_secs(20));
        ensure!(code == Some(0), "the gateway ended with {code:?}");
        Ok(())
    }
}

/// The parts, by the name of their thread or process.
pub(crate) const PARTS: [&str; 4] = ["generator", "gateway", "nats-server", "scanner"];

fn settings(nats: &NatsServer, generator: &Generator, layout: Layout, folder: &TempDir) -> String {
    let Layout { partitions, symbols } = layout;
    let (url, data, addr) = (nats.url(), folder.path().display(), generator.addr);
    let names = generator.symbols.join(", ");
    format!(
        "profile: paper
data_dir: {data}
instance: bench
bus: {{ url: {url}, ensure_topology: true }}
log: {{ level: warn }}
health: {{ listen: 127.0.0.1:0 }}
vendors:
  finnhub: {{ ws_url: ws://{addr}/ws, rest_url: http://{addr} }}
  yahoo: {{ rest_url: http://{addr} }}
  alpaca: {{ rest_url: http://{addr}, data_url: http://{addr} }}
gateway:
  partitions: {partitions}
  universe: {{ symbols_max: {symbols}, symbols: [{names}] }}
  watermark: {{ lateness_ms: 0 }}
  reference: {{ retry_ms: 3600000 }}
  news: {{ interval_ms: 0 }}
scanner: {{ partitions: {partitions} }}
"
    )
}

fn environment(folder: &TempDir) -> Vec<(String, String)> {
    let pairs = [
        ("FIN_CONFIG_DIR", folder.path().display().to_string()),
        ("FIN__VENDORS__FINNHUB__TOKEN", "sim-bench".to_owned()),
    ];
    pairs.map(|(key, value)| (key.to_owned(), value)).to_vec()
}

async fn wait_for_stream(config: &BusConfig) -> anyhow::Result<()> {
    let client = async_nats::connect(&config.url).await?;
    let context = async_nats::jetstream::new(client);
    eventually("the gateway has made MARKET", Duration::from_secs(10), || async {
        Ok(context.get_stream("MARKET").await.is_ok().then_some(()))
    })
    .await
}
