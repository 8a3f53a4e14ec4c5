//! `make bench`: what the suite can carry, measured through its real programs on a real server.
//!
//! Absolute figures belong to the machine and the minute they were taken in; a ratio's two sides are taken in turn in
//! this one run. Nothing is counted unless every trade arrived.

mod chain;
mod cpu;
mod floods;
mod fold;
mod gap_scanner;
mod generator;
mod paces;
mod raw;
mod records;
mod recovery;
mod report;
mod research;
mod rounds;
mod site;

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use crate::chain::Programs;
use crate::report::Report;

/// Measures throughput, latency, recovery and memory; writes target/bench/latest.json.
#[derive(Debug, Parser)]
struct Arguments {
    /// How long the usual layout is kept at full speed.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// A folder with an earlier build's programs, to be measured in turn with these.
    #[arg(long, value_name = "DIR")]
    base: Option<PathBuf>,
    /// Only these parts: floods, paces, recovery, rounds, records, research.
    #[arg(long, value_name = "PART", value_delimiter = ',')]
    only: Vec<String>,
    /// A document whose table of figures is replaced by this run's.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let wanted = |part: &str| arguments.only.is_empty() || arguments.only.iter().any(|only| only == part);
    let mut report = Report::default();
    if wanted("floods") {
        let base = arguments.base.clone().map(Programs::new);
        floods::measure(&mut report, Duration::from_secs(arguments.seconds), base).await?;
    }
    if wanted("paces") {
        paces::measure(&mut report).await?;
    }
    if wanted("recovery") {
        recovery::measure(&mut report).await?;
    }
    if wanted("rounds") {
        rounds::measure(&mut report).await?;
    }
    if wanted("records") {
        records::measure(&mut report).await?;
    }
    if wanted("research") {
        research::measure(&mut report)?;
    }
    report.write("target/bench/latest.json")?;
    arguments.record.map_or(Ok(()), |document| report.record(&document))
}
