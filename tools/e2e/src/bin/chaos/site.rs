//! A suite with a door before each replica, and what is asked of it from outside.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use async_nats::jetstream::{self, stream};
use bus::{permissions, topology};
use domain::{SessionDate, UnixNanos, calendar};
use e2e::Suite;
use e2e::suite::{SERVICES, Setup};
use events::TradeBatchReader;
use serde_json::Value;

use crate::door::Door;

/// Longest time that a service or the bus may need to come back; longer is a hang.
const BACK_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(10);
const ANSWER_WITHIN: Duration = Duration::from_millis(500);

/// What stands around the suite.
pub(crate) struct Site {
    /// By replica.
    pub(crate) doors: BTreeMap<String, Door>,
    /// Ports of `/readyz`, by replica.
    health: BTreeMap<String, u16>,
    /// JetStream, asked past every door.
    pub(crate) jetstream: jetstream::Context,
    pub(crate) programs: Programs,
    bus_ports: Vec<u16>,
    client: reqwest::Client,
    first: SessionDate,
    /// Headlines that were due at an instant.
    headlines: (UnixNanos, u64),
}

/// Where the programs are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Programs {
    /// This commit's; beside this program if not given.
    pub(crate) current: Option<PathBuf>,
    /// The previous commit's.
    pub(crate) previous: Option<PathBuf>,
    /// libfaketime's library.
    pub(crate) fake_time: Option<PathBuf>,
}

impl Site {
    /// Starts a suite with its doors.
    pub(crate) async fn build(setup: Setup, programs: Programs, first: SessionDate) -> anyhow::Result<(Suite, Self)> {
        let mut suite = Suite::prepare(setup).await?;
        let urls: Vec<String> = suite.nodes().iter().map(testkit::NatsServer::url).collect();
        let port = |url: &String| url.rsplit(':').next().and_then(|p| p.parse().ok()).context("port of nats-server");
        let bus_ports = urls.iter().map(port).collect::<anyhow::Result<_>>()?;
        let options = async_nats::ConnectOptions::with_user_and_password(
            permissions::ADMIN.to_owned(),
            permissions::ADMIN.to_owned(),
        );
        let client = options.reconnect_delay_callback(|_| Duration::from_millis(50)).connect(urls).await?;
        let mut jetstream = jetstream::new(client);
        jetstream.set_timeout(ANSWER_WITHIN);
        let client = reqwest::Client::builder().timeout(ANSWER_WITHIN).no_proxy().build()?;
        let (doors, health) = (BTreeMap::new(), BTreeMap::new());
        let headlines = (UnixNanos::default(), 0);
        let mut site = Self { doors, health, jetstream, programs, bus_ports, client, first, headlines };
        for service in SERVICES {
            site.prepare(&mut suite, service).await?;
        }
        suite.start_services().await?;
        Ok((suite, site))
    }

    /// Gives a replica its door, its health port and its clock.
    pub(crate) async fn prepare(&mut self, suite: &mut Suite, replica: &str) -> anyhow::Result<()> {
        let door = Door::open(self.bus_ports.clone()).await?;
        suite.set(replica, "FIN__BUS__URL", door.url());
        self.doors.insert(replica.to_owned(), door);
        let port = testkit::free_port();
        suite.set(replica, "FIN__HEALTH__LISTEN", format!("127.0.0.1:{port}"));
        self.health.insert(replica.to_owned(), port);
        if let Some(library) = self.programs.fake_time.clone() {
            let file = clock_file(suite, replica);
            std::fs::write(&file, "+0")?;
            suite.set(replica, "LD_PRELOAD", library.display().to_string());
            suite.set(replica, "FAKETIME_TIMESTAMP_FILE", file.display().to_string());
            suite.set(replica, "FAKETIME_NO_CACHE", "1");
            suite.set(replica, "FAKETIME_DONT_FAKE_MONOTONIC", "1");
        }
        Ok(())
    }

    /// Waits until every stream of the bus has a leader that answers.
    pub(crate) async fn bus_is_back(&self) -> anyhow::Result<()> {
        let since = Instant::now();
        for spec in &topology::STREAMS {
            while self.leader(spec.name).await.is_err() {
                anyhow::ensure!(since.elapsed() < BACK_WITHIN, "no leader of {} within {BACK_WITHIN:?}", spec.name);
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
        Ok(())
    }

    /// The node that leads `stream`, from 0.
    pub(crate) async fn leader(&self, stream: &str) -> anyhow::Result<usize> {
        let mut stream = self.jetstream.get_stream(stream).await?;
        let Some(cluster) = stream.info().await?.cluster.clone() else { return Ok(0) };
        if self.bus_ports.len() == 1 {
            return Ok(0);
        }
        let leader = cluster.leader.context("no leader")?;
        leader.strip_prefix("node-").and_then(|n| n.parse().ok()).context("a leader of another name")
    }

    /// Waits until `replica` says that it is ready; gives how long that took since `since`.
    pub(crate) async fn ready(&self, replica: &str, since: Instant) -> anyhow::Result<Duration> {
        loop {
            let found = self.readiness(replica).await;
            if found.as_ref().is_ok_and(|r| r["ready"] == true) {
                return Ok(since.elapsed());
            }
            anyhow::ensure!(since.elapsed() < BACK_WITHIN, "{replica} is not ready within {BACK_WITHIN:?}: {found:?}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// What MARKET and the scanner still lack before market time may go on from a standstill at `now`, or `None`:
    /// every trade and headline so far, and today's history.
    pub(crate) async fn missing(&mut self, suite: &Suite, now: UnixNanos) -> anyhow::Result<Option<String>> {
        let market = self.jetstream.get_stream("MARKET").await?;
        for partition in 0..PARTITIONS {
            let watermark = watermark(&market, partition).await?;
            if watermark < now {
                return Ok(Some(format!("partition {partition} is published up to {watermark} only")));
            }
        }
        for (service, check) in [("ingest-gateway", "reference"), ("gap-scanner", "reference")] {
            let readiness = self.readiness(service).await?;
            let found = readiness["checks"].as_array().into_iter().flatten().find(|c| c["name"] == check);
            let detail = found.and_then(|c| c["detail"].as_str()).unwrap_or_default();
            let numbers: Vec<&str> = detail.split(' ').filter(|w| w.parse::<u32>().is_ok()).collect();
            let partial = service == "gap-scanner" && (numbers.len() < 2 || numbers[0] != numbers[1]);
            if partial || found.is_none_or(|c| c["ok"] != true) {
                return Ok(Some(format!("{service}: {detail}")));
            }
        }
        self.missing_news(suite, &market, now).await
    }

    /// The gateway publishes what was published since the session before the first one.
    async fn missing_news(
        &mut self,
        suite: &Suite,
        market: &stream::Stream,
        now: UnixNanos,
    ) -> anyhow::Result<Option<String>> {
        if self.headlines.0 != now {
            let from = calendar::previous_session(self.first).date;
            let (mut date, mut due) = (from, 0);
            while date <= now.session_date() {
                let text = suite.sim_text(&format!("/session/news.csv?date={date}")).await?;
                let published =
                    text.lines().filter_map(|line| line.split(',').next()?.parse().ok().map(UnixNanos::new));
                due += published.filter(|at| *at <= now && at.session_date() >= from).count() as u64;
                date = calendar::next_session(date).date;
            }
            self.headlines = (now, due);
        }
        let stored = market.info_with_subjects("market.v1.news_published.>").await?.info.state.subjects_count;
        let due = self.headlines.1;
        Ok((stored < due).then(|| format!("{stored} of {due} headlines are published")))
    }

    async fn readiness(&self, replica: &str) -> anyhow::Result<Value> {
        let port = self.health.get(replica).context("no such replica")?;
        let answer = self.client.get(format!("http://127.0.0.1:{port}/readyz")).send().await?;
        Ok(serde_json::from_str(&answer.text().await?)?)
    }
}

/// Lanes of trade batches, as the suite is configured.
const PARTITIONS: u32 = 4;

async fn watermark(market: &stream::Stream, partition: u32) -> anyhow::Result<UnixNanos> {
    let message = market.get_last_raw_message_by_subject(&bus::subject::trade_batch(partition)).await?;
    Ok(TradeBatchReader::new(&message.payload)?.header().watermark)
}

/// The file that says how far a replica's clock is off.
pub(crate) fn clock_file(suite: &Suite, replica: &str) -> PathBuf {
    suite.folder().join(format!("{replica}.clock"))
}

/// Looks for libfaketime where Debian puts it.
pub(crate) fn find_fake_time() -> Option<PathBuf> {
    let triplets = std::fs::read_dir("/usr/lib").ok()?;
    let candidate = |folder: &Path| folder.join("faketime/libfaketime.so.1");
    triplets.flatten().map(|entry| candidate(&entry.path())).find(|path| path.is_file())
}
