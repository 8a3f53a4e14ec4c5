//! The real gap-scanner as its own process.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use e2e::http::{self, eventually};
use e2e::process::Process;

/// Longer than the service needs between two reports of what it has folded.
const QUIET_MAX: Duration = Duration::from_secs(10);

/// A running gap-scanner; killed when dropped.
pub(crate) struct GapScanner {
    process: Process,
    base: String,
    program: PathBuf,
    environment: Vec<(String, String)>,
    folder: PathBuf,
    /// Trades that earlier runs sent through it.
    before: u64,
}

impl GapScanner {
    /// Starts `program` and waits until it holds its partitions.
    pub(crate) async fn start(program: &Path, environment: &[(String, String)], folder: &Path) -> anyhow::Result<Self> {
        let port = testkit::free_port();
        let listen = ("FIN__HEALTH__LISTEN".to_owned(), format!("127.0.0.1:{port}"));
        let environment = [environment, &[listen]].concat();
        let process = Process::start(program, "gap-scanner", &environment, folder)?;
        let scanner = Self {
            process,
            base: format!("http://127.0.0.1:{port}"),
            program: program.to_owned(),
            environment,
            folder: folder.to_owned(),
            before: 0,
        };
        eventually("gap-scanner holds its partitions", Duration::from_secs(60), || async {
            Ok(scanner.metric("scanner_partitions_held").await?.filter(|held| *held > 0.0))
        })
        .await?;
        Ok(scanner)
    }

    /// Waits until every partition is restored and every symbol's history is there.
    pub(crate) async fn ready(&self) -> anyhow::Result<()> {
        let url = format!("{}/readyz", self.base);
        eventually("gap-scanner has caught up", Duration::from_secs(60), || async {
            Ok(http::text(&url).await.is_ok().then_some(()))
        })
        .await
    }

    /// Kills it and starts it again on the same address.
    pub(crate) fn kill9_and_restart(&mut self) -> anyhow::Result<()> {
        self.process.kill9();
        self.process = Process::start(&self.program, "gap-scanner", &self.environment, &self.folder)?;
        Ok(())
    }

    /// Waits until `trades` more have been folded, with no batch missing; when that was seen.
    pub(crate) async fn folded(&mut self, trades: u64) -> anyhow::Result<Instant> {
        let due = self.before + trades;
        let (mut last, mut since) = (0, Instant::now());
        let finished = loop {
            let folded = self.metric("scanner_trades_folded_total").await?.unwrap_or_default() as u64;
            ensure!(folded <= due, "doubled: {folded} trades folded of {due} sent");
            if folded == due {
                break Instant::now();
            }
            if folded != last {
                (last, since) = (folded, Instant::now());
            }
            ensure!(since.elapsed() < QUIET_MAX, "lost: {folded} of {due} trades were folded");
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        let holes = self.metric("scanner_batch_holes_total").await?.unwrap_or_default();
        ensure!(holes == 0.0, "{holes} batches are missing");
        self.before = due;
        Ok(finished)
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Resident memory, MiB.
    pub(crate) fn resident_mib(&self) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
        let kib: f64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
        Ok(kib / 1_024.0)
    }

    /// The value of the one metric called `name`; `None` while there is none.
    async fn metric(&self, name: &str) -> anyhow::Result<Option<f64>> {
        let text = http::text(&format!("{}/metrics", self.base)).await?;
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(value.map(str::parse).transpose()?)
    }
}
