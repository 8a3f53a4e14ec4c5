//! A bus with a market on it, and scanners that read it.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use bus::{Bus, Fold, FoldSpec, Item, lease};
use chassis::{CancellationToken, Loaded, Sources};
use domain::market::TradeBatch;
use domain::{Event, StreamName};
use gap_scanner::GapScanner;
use testkit::{NatsServer, build};
use tokio::task::JoinHandle;

pub(crate) const PARTITIONS: u32 = 4;

/// Market time between two batches, s: the trade round at 09:35 falls due with the sixteenth.
const STEP: i64 = 20;

pub(crate) struct World {
    pub(crate) server: NatsServer,
    pub(crate) bus: Bus,
    folder: tempfile::TempDir,
}

/// A running scanner.
pub(crate) struct Scanner {
    stop: CancellationToken,
    task: JoinHandle<Result<(), chassis::RunError>>,
}

impl World {
    pub(crate) async fn new() -> Self {
        let server = NatsServer::start().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("config")).unwrap();
        let config = bus::BusConfig { url: server.url(), ..bus::BusConfig::default() };
        let bus = Bus::connect(&config, "test").await.unwrap();
        bus::topology::ensure(&bus, &config.sizes).await.unwrap();
        let world = Self { server, bus, folder };
        for ticker in tickers() {
            let reference = build::reference(&ticker);
            let meta = build::meta(&["reference", &ticker], "ingest-gateway");
            world.bus.publisher().publish(&reference.into(), &meta).await.unwrap();
        }
        world
    }

    pub(crate) fn start(&self, instance: &str) -> Scanner {
        let loaded = self.load(instance);
        let stop = CancellationToken::new();
        let token = stop.clone();
        Scanner { stop, task: tokio::spawn(async move { chassis::start::<GapScanner>(&loaded, token).await }) }
    }

    /// The folder of the scanners' configuration; empty at first.
    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join("config")
    }

    fn load(&self, instance: &str) -> Loaded {
        let folder = self.folder.path().to_str().unwrap().to_owned();
        let sources =
            Sources::built_in().folder(self.config()).set("bus.url", self.server.url()).set("data_dir", folder);
        let sources = sources.set("instance", instance).set("scanner.partitions", PARTITIONS);
        sources.set("scanner.snapshot_every_ms", 200).load().unwrap()
    }

    /// Publishes the batches of these numbers, of every partition.
    pub(crate) async fn trade(&self, numbers: std::ops::Range<u64>) {
        for number in numbers {
            for partition in 0..PARTITIONS {
                let event = Event::from(batch(partition, number));
                let id = ["batch", &partition.to_string(), &number.to_string()];
                self.bus.publisher().publish(&event, &build::meta(&id, "ingest-gateway")).await.unwrap();
            }
        }
    }

    /// Waits until so many partitions have said what they found.
    pub(crate) async fn rounds_completed(&self, wanted: usize) {
        soon(async {
            while self.scan().await.keys().filter(|subject| subject.contains("scan_round_completed")).count() < wanted {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await;
    }

    /// Everything in SCAN by subject.
    pub(crate) async fn scan(&self) -> BTreeMap<String, Event> {
        let mut fold = Fold::open(&self.bus, FoldSpec::stream(StreamName::Scan)).unwrap();
        let mut found = BTreeMap::new();
        loop {
            match fold.next().await.unwrap() {
                Item::Event(folded) => {
                    assert!(found.insert(folded.subject.clone(), folded.event).is_none(), "{} twice", folded.subject);
                }
                Item::CaughtUp => return found,
                Item::Poison(poison) => panic!("{}", poison.reason),
            }
        }
    }

    /// Waits until the partitions are held like this.
    pub(crate) async fn held(&self, wanted: impl Fn(&BTreeMap<String, usize>) -> bool) {
        soon(async {
            loop {
                let mut counts = BTreeMap::new();
                for partition in 0..PARTITIONS {
                    let key = format!("gap-scanner.partition.{partition}");
                    if let Some(instance) = lease::holder_of(&self.bus, &key).await.unwrap() {
                        *counts.entry(instance).or_default() += 1;
                    }
                }
                if wanted(&counts) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await;
    }
}

impl Scanner {
    /// Ends it as a power cut would: nothing is given back.
    pub(crate) async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }

    /// Asks it to end.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        soon(self.task).await.unwrap().unwrap();
    }

    /// How it ended by itself.
    pub(crate) async fn ended(self) -> String {
        let error = soon(self.task).await.unwrap().unwrap_err();
        let chain = std::iter::successors(Some(&error as &dyn std::error::Error), |e| e.source());
        chain.map(ToString::to_string).collect::<Vec<_>>().join("; ")
    }
}

fn tickers() -> impl Iterator<Item = String> {
    (0..40).map(|n| format!("SYM{}{}", char::from(b'A' + n / 26), char::from(b'A' + n % 26)))
}

fn batch(partition: u32, number: u64) -> TradeBatch {
    let tickers: Vec<String> =
        tickers().filter(|ticker| build::symbol(ticker).partition(PARTITIONS) == partition).collect();
    let prints: Vec<(&str, i64)> =
        tickers.iter().zip(2_400..).map(|(t, cents)| (t.as_str(), cents + number as i64)).collect();
    let watermark = build::session().at_hm(9, 30).plus_seconds(number as i64 * STEP);
    TradeBatch { watermark, ..build::trade_batch(partition, number, &prints) }
}

pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), future).await.expect("nothing happened for 30 s")
}
