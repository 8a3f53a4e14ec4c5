//! `make bench`: what the suite can carry, measured through its real parts on a real server.
//!
//! Absolute figures belong to the machine and the minute they were taken in; the ratios are taken in one run, their
//! two sides in turn. Nothing is counted unless every trade arrived: count, shares, checksum and batch numbers agree.

mod chain;
mod cpu;
mod generator;
mod raw;
mod report;
mod scanner;

use std::time::{Duration, Instant};

use bytes::Bytes;
use events::TradeBatchReader;

use crate::chain::Chain;
use crate::generator::Tally;
use crate::report::{Report, median};
use crate::scanner::{Message, State};

const ROUNDS: usize = 3;
const SYMBOLS: usize = 1_000;
const FLOOD: Duration = Duration::from_secs(6);
const PACED: Duration = Duration::from_secs(5);
const PACED_RATE: u64 = 10_000;
const PUBLISHED: usize = 4_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut report = Report::default();
    let messages = flood(&mut report).await?;
    fold(&messages, &mut report)?;
    latency(&mut report).await?;
    publish(&mut report).await?;
    report.write("target/bench/latest.json")
}

/// Full speed, three times; gives the messages of a short run for the other measurements.
async fn flood(report: &mut Report) -> anyhow::Result<Vec<Message>> {
    let chain = Chain::start(SYMBOLS, false).await?;
    let mut runs = Vec::new();
    for _ in 0..ROUNDS {
        runs.push(tokio::task::block_in_place_or(|| chain.flood(FLOOD))?);
    }
    Ok(Vec::new())
}
