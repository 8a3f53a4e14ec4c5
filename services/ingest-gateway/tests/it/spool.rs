//! The bus is away for long: batches wait on disk, and nothing is lost in silence.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bus::Kind;
use domain::market::{FeedGapDetected, FeedGapReason};
use domain::{Event, SessionDate, Symbol, UnixNanos};
use tempfile::TempDir;
use testkit::NatsServer;
use tokio::time::{Instant, sleep};

use crate::harness::{Gateway, Ledger, Reader, spooled};
use crate::peer::{Peer, frame};

const SYMBOLS: [&str; 4] = ["AAA", "BBB", "CCC", "DDD"];
/// Little memory, so that trades must go somewhere else; every hole is told, however short.
const SETTINGS: [(&str, i64); 4] = [
    ("gateway.batch.trades_max", 256),
    ("gateway.spool.after_ms", 200),
    ("gateway.watermark.gap_ms_min", 0),
    ("gateway.watermark.ahead_ms_max", 86_400_000),
];
const KINDS: [Kind; 2] = [Kind::TradeBatch, Kind::FeedGapDetected];

fn open() -> UnixNanos {
    "2026-11-24".parse::<SessionDate>().unwrap().at_hm(9, 30)
}

/// When trade `n` of every symbol happens; its price is `n` dollars.
fn at(n: i64) -> UnixNanos {
    open().plus_nanos(n * 10_000_000)
}

/// Sends trades `from..until` of every symbol, `burst` of each in a frame.
async fn send(peer: &Peer, from: i64, until: i64, burst: usize) {
    let numbers: Vec<i64> = (from..until).collect();
    for (sent, chunk) in numbers.chunks(burst).enumerate() {
        let prices: Vec<String> = chunk.iter().map(i64::to_string).collect();
        let trades = chunk.iter().zip(&prices).flat_map(|(n, price)| SYMBOLS.map(|s| (s, price.as_str(), at(*n))));
        peer.send(frame(&trades.collect::<Vec<_>>()));
        if sent % 4 == 3 {
            sleep(Duration::from_millis(1)).await;
        }
    }
}

/// A hole ends when every symbol is subscribed again, half a second after the connection.
const SUBSCRIBED: Duration = Duration::from_millis(600);

/// Everything on MARKET, read until trade `last` of every symbol has come.
async fn read(nats: &NatsServer, last: i64) -> anyhow::Result<(Ledger, Vec<FeedGapDetected>)> {
    let mut reader = Reader::open(nats, &KINDS).await?;
    let (mut ledger, mut gaps, mut complete) = (Ledger::new(4), Vec::new(), 0);
    reader
        .until(|event| {
            match event {
                Event::FeedGapDetected(gap) => gaps.push(gap.clone()),
                Event::TradeBatch(batch) => {
                    complete += batch.trades.price.iter().filter(|price| **price == last * 1_000_000_000).count();
                }
                other => panic!("{other:?}"),
            }
            ledger.take(event);
            complete == SYMBOLS.len()
        })
        .await?;
    Ok((ledger, gaps))
}

/// The numbers of each symbol's trades, in order.
fn numbers(ledger: &Ledger) -> BTreeMap<&str, Vec<i64>> {
    let mut numbers: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for trade in ledger.partitions.iter().flat_map(|partition| &partition.trades) {
        numbers.entry(trade.symbol.as_str()).or_default().push(trade.price / 1_000_000_000);
    }
    numbers
}

/// Checks that each symbol's trades of `1..=last` came once and in order, or lie in a gap; gives how many did not come.
fn missing(ledger: &Ledger, gaps: &[FeedGapDetected], last: i64) -> u64 {
    let mut missing = 0;
    for (symbol, numbers) in numbers(ledger) {
        assert!(numbers.is_sorted_by(|a, b| a < b), "{symbol}: doubled or out of order");
        for n in (1..=last).filter(|n| numbers.binary_search(n).is_err()) {
            let told = gaps.iter().any(|gap| (gap.from..gap.until).contains(&at(n)));
            assert!(told, "{symbol}: trade {n} is missing in silence; {gaps:?}");
            missing += 1;
        }
    }
    missing
}

/// Waits until more than `bytes` are spooled, and no more come.
async fn until_spooled(folder: &Path, bytes: u64) {
    let (begun, mut grown, mut before) = (Instant::now(), Instant::now(), 0);
    while before < bytes || grown.elapsed() < Duration::from_millis(700) {
        assert!(begun.elapsed() < Duration::from_secs(60), "{before} of {bytes} bytes are spooled");
        sleep(Duration::from_millis(10)).await;
        let now = spooled(folder);
        if std::mem::replace(&mut before, now) != now {
            grown = Instant::now();
        }
    }
}

#[tokio::test]
async fn a_bus_that_is_away_for_long_gets_every_trade_in_order_when_it_is_back() -> anyhow::Result<()> {
    let (mut nats, folder, peer) = (NatsServer::start().await?, TempDir::new()?, Peer::start(open()).await?);
    let gateway = Gateway::start_in(folder.path(), &nats, &peer.base, &SETTINGS)?;
    peer.connected().await;
    send(&peer, 1, 1_001, 1).await;
    let mut next = 1_001;
    for _ in 0..2 {
        nats.kill9();
        send(&peer, next, next + 10_000, 10).await;
        // Far more than memory holds: reading went on.
        until_spooled(folder.path(), 100_000).await;
        nats.restart().await?;
        send(&peer, next + 10_000, next + 11_000, 1).await;
        next += 11_000;
        let (ledger, gaps) = read(&nats, next - 1).await?;
        assert_eq!((missing(&ledger, &gaps, next - 1), gaps.len()), (0, 0));
        assert!(ledger.partitions.iter().all(|p| p.epoch <= 1), "one run, one epoch");
    }
    let begun = Instant::now();
    while spooled(folder.path()) > 0 {
        assert!(begun.elapsed() < Duration::from_secs(10), "what is stored leaves the disk");
        sleep(Duration::from_millis(10)).await;
    }
    gateway.stop().await
}

#[tokio::test]
async fn a_bus_that_is_away_for_longer_than_a_lease_costs_no_trade_and_no_epoch() -> anyhow::Result<()> {
    let (mut nats, folder, peer) = (NatsServer::start().await?, TempDir::new()?, Peer::start(open()).await?);
    let gateway = Gateway::start_in(folder.path(), &nats, &peer.base, &SETTINGS)?;
    peer.connected().await;
    send(&peer, 1, 501, 1).await;
    nats.kill9();
    let back = Instant::now() + Duration::from_secs(6);
    let mut next = 501;
    while Instant::now() < back {
        send(&peer, next, next + 10, 1).await;
        next += 10;
        sleep(Duration::from_millis(20)).await;
    }
    nats.restart().await?;
    send(&peer, next, next + 500, 1).await;
    let last = next + 499;
    let (ledger, gaps) = read(&nats, last).await?;
    assert_eq!((missing(&ledger, &gaps, last), gaps.len()), (0, 0), "{gaps:?}");
    assert!(ledger.partitions.iter().all(|p| p.epoch <= 1), "one run, one epoch");
    gateway.stop().await
}

#[tokio::test]
async fn a_full_spool_tells_exactly_what_was_dropped() -> anyhow::Result<()> {
    let (mut nats, folder, peer) = (NatsServer::start().await?, TempDir::new()?, Peer::start(open()).await?);
    let settings = [&SETTINGS[..], &[("gateway.spool.mib_max", 1)]].concat();
    let gateway = Gateway::start_in(folder.path(), &nats, &peer.base, &settings)?;
    peer.connected().await;
    send(&peer, 1, 501, 1).await;
    nats.kill9();
    let mut sent = 501;
    while spooled(folder.path()) < 1_040_000 {
        send(&peer, sent, sent + 1_000, 50).await;
        sent += 1_000;
        assert!(sent < 400_000, "{} bytes", spooled(folder.path()));
    }
    send(&peer, sent, sent + 20_000, 50).await;
    sent += 20_000;
    sleep(Duration::from_millis(500)).await;
    nats.restart().await?;
    // Market time goes on until the hole is told and trades are taken again.
    let mut reader = Reader::open(&nats, &[Kind::FeedGapDetected]).await?;
    let mut told = std::pin::pin!(reader.until(|_| true));
    while futures_util::future::poll_immediate(told.as_mut()).await.is_none() {
        send(&peer, sent, sent + 10, 1).await;
        sent += 10;
        sleep(Duration::from_millis(20)).await;
    }
    send(&peer, sent, sent + 500, 1).await;
    let last = sent + 499;

    let (ledger, gaps) = read(&nats, last).await?;
    let lost = missing(&ledger, &gaps, last);
    assert!(lost > 0);
    assert!(gaps.iter().all(|gap| gap.reason == FeedGapReason::SpoolFull && gap.epoch == 1));
    assert_eq!(gaps.iter().map(|gap| gap.dropped_trades.unwrap()).sum::<u64>(), lost, "{gaps:?}");
    gateway.stop().await
}

#[tokio::test]
async fn a_gateway_killed_with_a_spool_sends_it_before_its_new_epoch() -> anyhow::Result<()> {
    let (mut nats, folder, peer) = (NatsServer::start().await?, TempDir::new()?, Peer::start(open()).await?);
    let mut gateway = process(folder.path(), &nats, &peer)?;
    peer.connected().await;
    send(&peer, 1, 501, 1).await;
    nats.kill9();
    send(&peer, 501, 8_001, 10).await;
    until_spooled(folder.path(), 60_000).await;
    gateway.kill()?;
    gateway.wait()?;
    peer.disconnected().await;
    nats.restart().await?;

    peer.set_clock(at(9_001));
    let gateway = Gateway::start_in(folder.path(), &nats, &peer.base, &SETTINGS)?;
    peer.connected().await;
    sleep(SUBSCRIBED).await;
    send(&peer, 9_001, 9_501, 1).await;
    let (ledger, gaps) = read(&nats, 9_500).await?;
    let lost = missing(&ledger, &gaps, 9_500);
    assert_eq!(lost, 4 * 1_000, "only what was sent while no gateway ran");
    assert!(ledger.partitions.iter().filter(|p| p.batch_no > 0).all(|p| p.epoch == 2));
    assert!(gaps.iter().all(|gap| gap.reason == FeedGapReason::GatewayDown && gap.epoch == 2), "{gaps:?}");
    gateway.stop().await
}

#[tokio::test]
async fn a_spool_that_another_gateway_has_overtaken_is_dropped_and_reported() -> anyhow::Result<()> {
    let (mut nats, folder, peer) = (NatsServer::start().await?, TempDir::new()?, Peer::start(open()).await?);
    let mut old = process(folder.path(), &nats, &peer)?;
    peer.connected().await;
    send(&peer, 1, 101, 1).await;
    nats.kill9();
    send(&peer, 101, 4_101, 10).await;
    until_spooled(folder.path(), 20_000).await;
    old.kill()?;
    old.wait()?;
    peer.disconnected().await;
    nats.restart().await?;

    peer.set_clock(at(5_001));
    let other = Gateway::start(&nats, &peer.base, &SETTINGS)?;
    peer.connected().await;
    sleep(SUBSCRIBED).await;
    send(&peer, 5_001, 5_101, 1).await;
    read(&nats, 5_100).await?;
    other.stop().await?;
    peer.disconnected().await;

    peer.set_clock(at(6_001));
    let mut errors = Reader::open(&nats, &[Kind::ErrorRaised]).await?;
    let gateway = Gateway::start_in(folder.path(), &nats, &peer.base, &SETTINGS)?;
    let raised = errors.until(|e| matches!(e, Event::ErrorRaised(e) if e.code == "spool_superseded")).await?;
    let Some(Event::ErrorRaised(error)) = raised.last() else { panic!("{raised:?}") };
    let trades: u64 = error.detail.split(' ').next().unwrap_or_default().parse()?;
    assert!((16_000..=16_400).contains(&trades), "{error:?}");
    peer.connected().await;
    sleep(SUBSCRIBED).await;
    send(&peer, 6_001, 6_101, 1).await;
    let (ledger, gaps) = read(&nats, 6_100).await?;
    missing(&ledger, &gaps, 6_100);
    assert!(ledger.partitions.iter().filter(|p| p.batch_no > 0).all(|p| p.epoch == 3));
    gateway.stop().await
}

#[tokio::test]
async fn what_is_spooled_for_a_partition_that_is_no_more_is_dropped_and_reported() -> anyhow::Result<()> {
    let (mut nats, folder, peer) = (NatsServer::start().await?, TempDir::new()?, Peer::start(open()).await?);
    let mut old = process(folder.path(), &nats, &peer)?;
    peer.connected().await;
    send(&peer, 1, 101, 1).await;
    read(&nats, 100).await?;
    nats.kill9();
    send(&peer, 101, 4_101, 10).await;
    until_spooled(folder.path(), 20_000).await;
    old.kill()?;
    old.wait()?;
    nats.restart().await?;

    let gone = SYMBOLS.iter().filter(|s| s.parse::<Symbol>().is_ok_and(|symbol| symbol.partition(4) >= 2)).count();
    assert!((1..SYMBOLS.len()).contains(&gone));
    let mut errors = Reader::open(&nats, &[Kind::ErrorRaised]).await?;
    let settings = [&SETTINGS[..], &[("gateway.partitions", 2)]].concat();
    let gateway = Gateway::start_in(folder.path(), &nats, &peer.base, &settings)?;
    let raised = errors.until(|e| matches!(e, Event::ErrorRaised(e) if e.code == "spool_superseded")).await?;
    let Some(Event::ErrorRaised(error)) = raised.last() else { panic!("{raised:?}") };
    assert_eq!(error.detail.split(' ').next(), Some((4_000 * gone).to_string().as_str()), "{error:?}");
    gateway.stop().await
}

/// The gateway as a process of its own, with its data in `folder`.
fn process(folder: &Path, nats: &NatsServer, peer: &Peer) -> anyhow::Result<Child> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ingest-gateway"));
    command.env("FIN__PROFILE", "dev").env("FIN__DATA_DIR", folder).env("FIN__BUS__URL", nats.url());
    for (key, value) in SETTINGS {
        command.env(format!("FIN__{}", key.replace('.', "__").to_uppercase()), value.to_string());
    }
    let vendors = &peer.base;
    command
        .env("FIN__VENDORS__FINNHUB__WS_URL", format!("{}/finnhub/", vendors.replacen("http://", "ws://", 1)))
        .env("FIN__VENDORS__FINNHUB__REST_URL", format!("{vendors}/finnhub"))
        .env("FIN__VENDORS__FINNHUB__TOKEN", "sim-gateway-test")
        .env("FIN__VENDORS__YAHOO__REST_URL", format!("{vendors}/yahoo"))
        .env("FIN__VENDORS__SIM__REST_URL", format!("{vendors}/sim/v1"));
    Ok(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?)
}
