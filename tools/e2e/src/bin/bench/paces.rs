//! What each trade and message costs beside bare async-nats: age at the state, decoding, acknowledged publishing.

use std::time::{Duration, Instant};

use bus::BusConfig;
use bytes::Bytes;
use events::TradeBatchReader;
use hdrhistogram::Histogram;

use crate::chain::{Chain, Programs};
use crate::floods::USUAL;
use crate::fold::{Reader, Seen, State};
use crate::generator::{Plan, Tally};
use crate::raw;
use crate::report::{Report, median};

const ROUNDS: usize = 3;
const PACED: Duration = Duration::from_secs(4);
/// Trades a second, and what their keys end in.
const RATES: [(u64, &str); 3] = [(1_000, "_at_1k"), (10_000, ""), (100_000, "_at_100k")];
const PUBLISHED: usize = 4_000;
const PUBLISHED_BYTES: usize = 2_048;

/// Measures and reports.
pub(crate) async fn measure(report: &mut Report) -> anyhow::Result<()> {
    let mut chain = Chain::start(USUAL, &Programs::here()?).await?;
    let reader = Reader::start(BusConfig { url: chain.nats.url(), ..BusConfig::default() }, &chain.generator)?;
    run(&mut chain, &reader, Plan::Flood(Duration::from_millis(500)))?;
    fold(&mut chain, &reader, report)?;
    for (rate, suffix) in RATES {
        latency(&mut chain, &reader, rate, suffix, report).await?;
    }
    publish(&chain.nats.url(), report).await?;
    chain.stop()
}

/// Has `plan` carried out; every trade must arrive: count, shares, checksum and batch numbers.
fn run(chain: &mut Chain, reader: &Reader, plan: Plan) -> anyhow::Result<Seen> {
    let sent = chain.run(plan)?;
    let seen = reader.take(sent.trades)?;
    anyhow::ensure!(seen.tally == sent, "sent {sent:?}, but {:?} came", seen.tally);
    Ok(seen)
}

/// The decoding and folding alone, on messages that the gateway made at full speed.
fn fold(chain: &mut Chain, reader: &Reader, report: &mut Report) -> anyhow::Result<()> {
    reader.keep(true);
    let seen = run(chain, reader, Plan::Flood(Duration::from_millis(500)))?;
    reader.keep(false);
    let trades = seen.tally.trades as f64;
    report.add("trades_per_batch", trades / seen.batches as f64, "at full speed")?;
    report.add("bytes_per_trade", seen.bytes as f64 / trades, "on the bus")?;
    let mut speeds = Vec::new();
    for _ in 0..ROUNDS {
        let mut state = State::new(chain.generator.sent_at.clone(), chain.generator.origin);
        let (mut tally, begun) = (Tally::default(), Instant::now());
        while begun.elapsed() < Duration::from_secs(1) {
            for message in &seen.messages {
                state.apply(&TradeBatchReader::new(&message.payload)?, &mut tally)?;
            }
        }
        speeds.push(tally.trades as f64 / begun.elapsed().as_secs_f64());
    }
    report.add("fold_trades_per_second", median(speeds), "decoded and folded on one core")
}

/// A steady feed: from sent to folded, beside a bare publish and delivery of the same messages at the same times.
async fn latency(
    chain: &mut Chain,
    reader: &Reader,
    rate: u64,
    suffix: &str,
    report: &mut Report,
) -> anyhow::Result<()> {
    let mut rounds = Vec::new();
    for round in 0..ROUNDS {
        reader.keep(true);
        let seen = run(chain, reader, Plan::Paced(PACED, rate));
        reader.keep(false);
        let seen = seen?;
        let bare = raw::deliver(&chain.nats.url(), &seen.messages, &format!("{rate}-{round}")).await?;
        rounds.push((seen.latency, bare));
    }
    let ms = |quantile: f64, nanos: &Histogram<u64>| nanos.value_at_quantile(quantile) as f64 / 1e6;
    let ours = |quantile| median(rounds.iter().map(|(ours, _)| ms(quantile, ours)).collect());
    let bare = |quantile| median(rounds.iter().map(|(_, bare)| ms(quantile, bare)).collect());
    let ratio = median(rounds.iter().map(|(ours, bare)| ms(0.99, ours) / ms(0.99, bare)).collect());
    let what = format!("sent → folded, {rate} trades a second in frames of ten");
    report.add(&format!("trade_to_state_p50_ms{suffix}"), ours(0.5), &what)?;
    report.add(&format!("trade_to_state_p99_ms{suffix}"), ours(0.99), "the same")?;
    report.add(
        &format!("raw_publish_to_deliver_p99_ms{suffix}"),
        bare(0.99),
        "the same messages through bare async-nats, synced",
    )?;
    report.add(&format!("trade_to_state_p99_ratio{suffix}"), ratio, "p99 of ours to the bare messages', round by round")
}

/// Our acknowledged publish, whole envelope, beside bare async-nats: messages of 2 KiB, as many in flight.
async fn publish(url: &str, report: &mut Report) -> anyhow::Result<()> {
    let payloads = vec![Bytes::from(vec![0x5a; PUBLISHED_BYTES]); PUBLISHED];
    let bus = raw::connect(url).await?;
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        ours.push(raw::publish_ours(&bus, &payloads, round).await?);
        bare.push(raw::publish_raw(url, &payloads, round).await?);
    }
    let share = median(ours.iter().zip(&bare).map(|(ours, bare)| ours / bare).collect());
    report.add("published_per_second", median(ours), "our publish, acknowledged and synced, 2 KiB")?;
    report.add("raw_published_per_second", median(bare), "bare async-nats")?;
    report.add("bus_share", share, "ours to bare, round by round")
}
