//! How many trades go through, from made frames to the scanner's state, at several layouts and beside an earlier build.

use std::time::Duration;

use e2e::say;

use crate::chain::{Chain, Flood, PARTS, Programs};
use crate::report::{Layout, Report, median};

/// The layout of the shipped configuration, with a usual universe.
pub(crate) const USUAL: Layout = Layout { partitions: 4, symbols: 1_000 };
const LAYOUTS: [Layout; 5] = [
    Layout { partitions: 1, symbols: 1_000 },
    Layout { partitions: 16, symbols: 1_000 },
    Layout { partitions: 1, symbols: 10_000 },
    Layout { partitions: 4, symbols: 10_000 },
    Layout { partitions: 16, symbols: 10_000 },
];
const WARM_UP: Duration = Duration::from_millis(500);
const SHORT: Duration = Duration::from_secs(6);
const ROUNDS: usize = 3;

/// Measures and reports: the usual layout for as long as `sustained`, the others shortly, and ours beside `base`.
pub(crate) async fn measure(report: &mut Report, sustained: Duration, base: Option<Programs>) -> anyhow::Result<()> {
    let here = Programs::here()?;
    let run = one(USUAL, &here, sustained).await?;
    let meaning = format!(
        "sustained for {} s: WebSocket → gateway → JetStream, synced → gap-scanner; {USUAL}",
        sustained.as_secs()
    );
    report.add("trades_per_second", run.trades_per_second, &meaning)?;
    let cores = run.cores_of(&["gateway", "nats-server", "scanner"]);
    report.add("cpu_cores_per_million", cores, "gateway, server and scanner, at a million trades a second")?;
    for part in PARTS {
        say(&format!("  of which {part:<17} {:>14.3}", run.cores_of(&[part])))?;
    }
    report.at_layout(USUAL, run.trades_per_second);
    for layout in LAYOUTS {
        let run = one(layout, &here, SHORT).await?;
        report.add_at(layout, "trades_per_second", run.trades_per_second, "six seconds")?;
        report.at_layout(layout, run.trades_per_second);
        if layout.symbols == 10_000 && layout.partitions == USUAL.partitions {
            report.add("rss_mib_10k_symbols", run.scanner_mib, "gap-scanner's resident memory at full speed")?;
        }
    }
    let Some(base) = base else { return Ok(()) };
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let earlier = one(USUAL, &base, SHORT).await?.trades_per_second;
        ratios.push(one(USUAL, &here, SHORT).await?.trades_per_second / earlier);
    }
    report.add("trades_per_second_to_base", median(ratios), "ours to the earlier build's, round by round")
}

async fn one(layout: Layout, programs: &Programs, duration: Duration) -> anyhow::Result<Flood> {
    let mut chain = Chain::start(layout, programs).await?;
    let mut scanner = chain.scanner().await?;
    chain.flood(&mut scanner, WARM_UP).await?;
    let run = chain.flood(&mut scanner, duration).await?;
    drop(scanner);
    chain.stop()?;
    Ok(run)
}
