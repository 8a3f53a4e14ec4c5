//! `make bench`: what the suite can carry, measured through its real parts on a real server.
//!
//! Absolute figures belong to the machine and the minute they were taken in; a ratio's two sides are taken in turn in
//! this one run. Nothing is counted unless every trade arrived: count, shares, checksum and batch numbers agree.

mod chain;
mod cpu;
mod generator;
mod raw;
mod recovery;
mod report;
mod research;
mod rounds;
mod scanner;

use std::time::{Duration, Instant};

use bytes::Bytes;
use events::TradeBatchReader;
use tokio::runtime::{Builder, Runtime};

use crate::chain::Chain;
use crate::generator::Tally;
use crate::report::{Report, median, say};
use crate::scanner::{Message, State};

const ROUNDS: usize = 3;
const SYMBOLS: usize = 1_000;
const FLOOD: Duration = Duration::from_secs(6);
const PACED: Duration = Duration::from_secs(5);
const PACED_RATE: u64 = 10_000;
const PUBLISHED: usize = 4_000;
const PUBLISHED_BYTES: usize = 2_048;

fn main() -> anyhow::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let mut report = Report::default();
    let chain = runtime.block_on(Chain::start(SYMBOLS))?;
    flood(&chain, &mut report)?;
    fold(&chain, &mut report)?;
    latency(&chain, &runtime, &mut report)?;
    publish(&chain, &runtime, &mut report)?;
    chain.stop()?;
    runtime.block_on(recovery::measure(&mut report))?;
    runtime.block_on(rounds::measure(&mut report))?;
    research::measure(&mut report)?;
    report.write("target/bench/latest.json")
}

/// As fast as it goes, from made frames to folded trades.
fn flood(chain: &Chain, report: &mut Report) -> anyhow::Result<()> {
    let mut runs = Vec::new();
    for _ in 0..ROUNDS {
        runs.push(chain.flood(FLOOD)?);
    }
    let middle = |figure: fn(&chain::Flood) -> f64| median(runs.iter().map(figure).collect());
    report.add(
        "trades_per_second",
        middle(|run| run.trades_per_second),
        "WebSocket → gateway → JetStream, synced → folded",
    )?;
    report.add("trades_per_batch", middle(|run| run.trades_per_batch), "at that speed")?;
    report.add("bytes_per_trade", middle(|run| run.bytes_per_trade), "on the bus")?;
    report.add(
        "cpu_cores_per_million",
        middle(|run| run.cores_of(&["gateway", "nats-server", "scanner"])),
        "gateway, server and fold, at a million trades a second",
    )?;
    for part in chain::PARTS {
        let cores = median(runs.iter().map(|run| run.cores_of(&[part])).collect());
        say(&format!("  of which {part:<17} {cores:>14.3}"))?;
    }
    Ok(())
}

/// The decoding and folding alone, on messages that the gateway made.
fn fold(chain: &Chain, report: &mut Report) -> anyhow::Result<()> {
    let messages = chain.messages()?;
    let mut speeds = Vec::new();
    for _ in 0..ROUNDS {
        let mut state = State::new(chain.generator.sent_at.clone(), chain.generator.origin);
        let (mut tally, begun) = (Tally::default(), Instant::now());
        while begun.elapsed() < Duration::from_secs(1) {
            for message in &messages {
                state.apply(&TradeBatchReader::new(&message.payload)?, &mut tally)?;
            }
        }
        speeds.push(tally.trades as f64 / begun.elapsed().as_secs_f64());
    }
    report.add("fold_trades_per_second", median(speeds), "decoded and folded on one core")
}

/// A steady feed: from sent to folded, beside a bare publish and delivery of the same messages at the same times.
fn latency(chain: &Chain, runtime: &Runtime, report: &mut Report) -> anyhow::Result<()> {
    let mut rounds = Vec::new();
    for round in 0..ROUNDS {
        let seen = chain.paced(PACED, PACED_RATE)?;
        let raw = runtime.block_on(raw::deliver(&chain.nats.url(), &seen.messages, round))?;
        rounds.push((seen.latency, raw));
    }
    let ms = |quantile: f64, nanos: &hdrhistogram::Histogram<u64>| nanos.value_at_quantile(quantile) as f64 / 1e6;
    let ours = |quantile| median(rounds.iter().map(|(ours, _)| ms(quantile, ours)).collect());
    let bare = |quantile| median(rounds.iter().map(|(_, raw)| ms(quantile, raw)).collect());
    let ratio = median(rounds.iter().map(|(ours, raw)| ms(0.99, ours) / ms(0.99, raw)).collect());
    report.add("trade_to_state_p50_ms", ours(0.5), "sent → folded, 10,000 trades a second in frames of ten")?;
    report.add("trade_to_state_p99_ms", ours(0.99), "the same")?;
    report.add("raw_publish_to_deliver_p50_ms", bare(0.5), "the same messages through bare async-nats, synced")?;
    report.add("raw_publish_to_deliver_p99_ms", bare(0.99), "the same")?;
    report.add("trade_to_state_p99_ratio", ratio, "p99 of ours to p99 of the bare messages, round by round")
}

/// Our acknowledged publish, whole envelope, beside bare async-nats: messages of 2 KiB, as many in flight.
fn publish(chain: &Chain, runtime: &Runtime, report: &mut Report) -> anyhow::Result<()> {
    let payloads = vec![Bytes::from(vec![0x5a; PUBLISHED_BYTES]); PUBLISHED];
    let url = chain.nats.url();
    let bus = runtime.block_on(raw::connect(&url))?;
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        ours.push(runtime.block_on(raw::publish_ours(&bus, &payloads, round))?);
        bare.push(runtime.block_on(raw::publish_raw(&url, &payloads, round))?);
    }
    let share = median(ours.iter().zip(&bare).map(|(ours, bare)| ours / bare).collect());
    report.add("published_per_second", median(ours), "our publish, acknowledged and synced, 2 KiB")?;
    report.add("raw_published_per_second", median(bare), "bare async-nats")?;
    report.add("bus_share", share, "ours to bare, round by round")
}

/// Messages of one run with the time since its first.
pub(crate) fn schedule(messages: &[Message]) -> Vec<(Duration, &Message)> {
    let first = messages.first().map(|message| message.at);
    messages.iter().map(|m| (first.map_or(Duration::ZERO, |first| m.at.duration_since(first)), m)).collect()
}
