//! The real gap-scanner with ten thousand symbols: how long it is away when it is killed.

use std::time::{Duration, Instant};

use bus::{Bus, Pipeline};
use domain::{Event, Symbol};
use e2e::process::program;
use testkit::build;

use crate::gap_scanner::GapScanner;
use crate::report::{Report, median};
use crate::site::{self, Site};

const SYMBOLS: u32 = 10_000;
const PARTITIONS: u32 = 4;
const BATCHES: u64 = 40;
const ROUNDS: usize = 3;
/// Longer than the scanner waits between two snapshots.
const SNAPSHOT: Duration = Duration::from_secs(7);

/// Measures and reports.
pub(crate) async fn measure(report: &mut Report) -> anyhow::Result<()> {
    let site = Site::start().await?;
    let symbols = (0..SYMBOLS).map(site::symbol).collect::<anyhow::Result<Vec<_>>>()?;
    publish(&site.bus, symbols.iter().map(|symbol| build::reference(symbol.as_str()).into())).await?;
    publish(&site.bus, batches(&symbols, 1..BATCHES)).await?;

    let begun = Instant::now();
    let mut scanner = GapScanner::start(&program("gap-scanner")?, &site.environment(&[]), site.folder()).await?;
    scanner.ready().await?;
    let from_nothing = begun.elapsed();
    tokio::time::sleep(SNAPSHOT).await;
    let mut recovered = Vec::new();
    for round in 0..ROUNDS as u64 {
        publish(&site.bus, batches(&symbols, BATCHES + round..BATCHES + round + 1)).await?;
        let begun = Instant::now();
        scanner.kill9_and_restart()?;
        scanner.ready().await?;
        recovered.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    report.add("recovery_ms", median(recovered), "gap-scanner, 10,000 symbols: started after kill -9 → caught up")?;
    report.add("recovery_without_snapshot_ms", from_nothing.as_secs_f64() * 1e3, "the same, from the stream alone")
}

/// One batch of each partition for each number: a trade of every symbol.
fn batches(symbols: &[Symbol], numbers: std::ops::Range<u64>) -> impl Iterator<Item = Event> {
    numbers.flat_map(move |number| {
        (0..PARTITIONS).map(move |partition| {
            let own = symbols.iter().filter(|symbol| symbol.partition(PARTITIONS) == partition);
            let prints: Vec<(&str, i64)> = own.map(|symbol| (symbol.as_str(), 2_500 + number as i64)).collect();
            build::trade_batch(partition, number, &prints).into()
        })
    })
}

async fn publish(bus: &Bus, events: impl Iterator<Item = Event>) -> anyhow::Result<()> {
    let mut pipeline = Pipeline::new(bus.publisher(), 256);
    for (n, event) in events.enumerate() {
        let meta = build::meta(&[event.name(), &n.to_string(), &format!("{:?}", Instant::now())], "ingest-gateway");
        pipeline.push(bus::Outgoing::event(&event, &meta)).await?;
    }
    Ok(pipeline.flush().await?)
}
