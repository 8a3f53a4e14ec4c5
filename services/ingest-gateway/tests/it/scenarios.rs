//! Each scenario of `tools/vendor-sim/scenarios/data` against the gateway: another source stands in or the feed goes on,
//! what is missing is told, and nothing is made up.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context;
use bus::Kind;
use domain::Event;
use testkit::NatsServer;

use crate::harness::{Gateway, Ledger, Reader};
use crate::sources::{references, simulator, some_symbols};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tools/vendor-sim/scenarios/data");

async fn ask_for(base: &str, name: &str) -> anyhow::Result<()> {
    let scenario = std::fs::read_to_string(Path::new(FOLDER).join(name).with_extension("yaml"))?;
    let answer = reqwest::Client::new().post(format!("{base}/sim/v1/faults")).body(scenario).send().await?;
    anyhow::ensure!(answer.status().is_success(), "{}", answer.text().await?);
    Ok(())
}

/// The reference comes from `expected` (history, second close), and the failure of `failed` is told.
async fn stands_in(name: &str, second: &[&str], expected: (&str, &str), failed: &str) -> anyhow::Result<()> {
    chassis::tls::install_provider();
    let nats = NatsServer::start().await?;
    let mut reader = Reader::open(&nats, &[Kind::ReferenceUpdated]).await?;
    let mut errors = Reader::open(&nats, &[Kind::ErrorRaised]).await?;
    let sim = simulator().await?;
    let base = format!("http://{}", sim.addr);
    let symbols = some_symbols(&base).await?;
    ask_for(&base, name).await?;
    let gateway = Gateway::start_ranked(&nats, &base, &symbols, second)?;
    for reference in references(&mut reader).await?.values() {
        let close = reference.second_close.as_ref().context("a second close")?;
        assert_eq!((reference.source.as_str(), close.source.as_str()), expected, "{name}: {}", reference.symbol);
        assert_eq!(close.price, reference.prev_close, "{name}: {}", reference.symbol);
    }
    let told = |event: &Event| match event {
        Event::ErrorRaised(error) => error.code == "source_failed" && error.subject.as_deref() == Some(failed),
        _ => false,
    };
    errors.until(told).await?;
    gateway.stop().await?;
    sim.shutdown().await
}

#[tokio::test]
async fn yahoo_stands_in_for_alpaca() -> anyhow::Result<()> {
    stands_in("alpaca-refuses", &["yahoo", "finnhub"], ("yahoo", "finnhub"), "alpaca").await
}

#[tokio::test]
async fn finnhub_stands_in_for_yahoo() -> anyhow::Result<()> {
    stands_in("yahoo-crumb", &["yahoo", "finnhub"], ("alpaca", "finnhub"), "yahoo").await
}

#[tokio::test]
async fn finnhub_stands_in_for_alpha_vantage() -> anyhow::Result<()> {
    stands_in("alphavantage-refuses", &["alphavantage", "finnhub"], ("alpaca", "finnhub"), "alphavantage").await
}

/// Batches keep their promises from the first to the last minute of the play; what did not come is told, if `gap`.
async fn feed_goes_on(name: &str, gap: bool) -> anyhow::Result<()> {
    let nats = NatsServer::start().await?;
    let mut reader = Reader::open(&nats, &[Kind::TradeBatch, Kind::FeedGapDetected]).await?;
    let options = vendor_sim::Options {
        seed: 11,
        symbols: 40,
        date: "2026-11-24".parse().ok(),
        start: "09:00:00".parse()?,
        speed: 60.0,
        warmup_seconds: 2.0,
        scenario: Some(Path::new(FOLDER).join(name).with_extension("yaml")),
        ..vendor_sim::Options::new()
    };
    let sim = vendor_sim::start(options).await?;
    // On a busy machine a feed that goes on may be silent for seconds, too.
    let silence_ms_max = if gap { 2_000 } else { 60_000 };
    let settings = [("gateway.watermark.ahead_ms_max", 36_000_000), ("gateway.feed.silence_ms_max", silence_ms_max)];
    let gateway = Gateway::start(&nats, &format!("http://{}", sim.addr), &settings)?;
    let date: domain::SessionDate = "2026-11-24".parse()?;
    let (mut ledger, mut gaps) = (Ledger::new(4), 0);
    reader
        .until(|event| {
            gaps += u32::from(matches!(event, Event::FeedGapDetected(_)));
            ledger.take(event);
            ledger.partitions.iter().all(|p| p.watermark >= date.at_hm(9, 40)) && (gaps > 0 || !gap)
        })
        .await?;
    assert_eq!(gaps > 0, gap, "{name}: {gaps} gaps");
    assert!(ledger.trades() > 1_000, "{name}: {} trades", ledger.trades());
    gateway.stop().await?;
    sim.shutdown().await
}

#[tokio::test]
async fn a_feed_that_ends_comes_back_and_tells_its_gap() -> anyhow::Result<()> {
    feed_goes_on("finnhub-drops", true).await
}

#[tokio::test]
async fn a_feed_that_only_stands_is_noticed_and_tells_its_gap() -> anyhow::Result<()> {
    feed_goes_on("finnhub-half-open", true).await
}

#[tokio::test]
async fn frames_in_disorder_break_no_promise() -> anyhow::Result<()> {
    feed_goes_on("finnhub-disorder", false).await
}

#[test]
fn each_file_of_the_library_is_played() -> anyhow::Result<()> {
    let mut files = BTreeSet::new();
    for entry in std::fs::read_dir(FOLDER)? {
        files.extend(entry?.path().file_stem().and_then(|stem| stem.to_str()).map(str::to_owned));
    }
    let played = [
        "alpaca-refuses",
        "alphavantage-refuses",
        "finnhub-disorder",
        "finnhub-drops",
        "finnhub-half-open",
        "yahoo-crumb",
    ];
    assert_eq!(files, played.map(str::to_owned).into());
    Ok(())
}
