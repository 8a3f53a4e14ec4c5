//! Which vendor told what, and who stands in for one that fails.

use std::collections::BTreeMap;

use anyhow::Context;
use bus::Kind;
use domain::market::{Lending, ReferenceUpdated};
use domain::{Event, Symbol};
use serde_json::{Value, json};
use testkit::NatsServer;

use crate::harness::{Gateway, Reader, ready};

pub(crate) const SYMBOLS: usize = 6;

/// A made market that stands still before the open.
pub(crate) async fn simulator() -> anyhow::Result<vendor_sim::Running> {
    let mut options = vendor_sim::Options::new();
    options.seed = 11;
    options.symbols = 40;
    options.date = "2026-11-24".parse().ok();
    options.start = "08:00:00".parse()?;
    options.warmup_seconds = 0.5;
    options.pause_at = vec!["08:00:00".parse()?];
    options.no_wait = true;
    vendor_sim::start(options).await
}

/// The first few symbols that the simulator lists; more would only take longer.
pub(crate) async fn some_symbols(base: &str) -> anyhow::Result<Vec<String>> {
    let listed: Value = reqwest::get(format!("{base}/finnhub/api/v1/stock/symbol?token=sim")).await?.json().await?;
    let listed = listed.as_array().context("a list")?;
    Ok(listed.iter().take(SYMBOLS).filter_map(|listing| listing["symbol"].as_str().map(str::to_owned)).collect())
}

async fn ask_for(base: &str, fault: Value) -> anyhow::Result<()> {
    let answer = reqwest::Client::new().post(format!("{base}/sim/v1/faults")).json(&fault).send().await?;
    anyhow::ensure!(answer.status().is_success(), "{}", answer.text().await?);
    Ok(())
}

/// Calls that the faults have left over, by what they are on.
async fn left_over(base: &str) -> anyhow::Result<BTreeMap<String, u64>> {
    let list: Value = reqwest::get(format!("{base}/sim/v1/faults")).await?.json().await?;
    let items = list["items"].as_array().context("items")?;
    Ok(items.iter().filter_map(|i| Some((i["on"].as_str()?.to_owned(), i["count"].as_u64()?))).collect())
}

pub(crate) async fn references(reader: &mut Reader) -> anyhow::Result<BTreeMap<Symbol, ReferenceUpdated>> {
    let mut found = BTreeMap::new();
    reader
        .until(|event| {
            if let Event::ReferenceUpdated(reference) = event {
                found.insert(reference.symbol.clone(), reference.clone());
            }
            found.len() == SYMBOLS
        })
        .await?;
    Ok(found)
}

#[tokio::test]
async fn every_fact_comes_from_the_first_vendor_of_its_need_and_once() -> anyhow::Result<()> {
    chassis::tls::install_provider();
    let nats = NatsServer::start().await?;
    let mut reader = Reader::open(&nats, &[Kind::ReferenceUpdated, Kind::ReadinessReported]).await?;
    let sim = simulator().await?;
    let base = format!("http://{}", sim.addr);
    let symbols = some_symbols(&base).await?;
    let gateway = Gateway::start_for(&nats, &base, &symbols, &[])?;
    let told = references(&mut reader).await?;
    for reference in told.values() {
        let second = reference.second_close.as_ref().context("a second close")?;
        assert_eq!((reference.source.as_str(), second.source.as_str()), ("alpaca", "yahoo"));
        assert_eq!(second.price, reference.prev_close, "{}", reference.symbol);
        assert_eq!(reference.lending, Some(Lending { shortable: true, easy_to_borrow: true }));
        assert_eq!((reference.float_shares, reference.daily_bars.len()), (None, 252));
        assert_eq!((reference.session_volumes.len(), reference.volume_step_minutes), (18, 5));
        for (day, opening) in reference.session_volumes.iter().rev().zip(reference.opening_volumes.iter().rev()) {
            assert_eq!((day.date, day.regular[0]), (opening.date, opening.volume), "{}", reference.symbol);
        }
    }
    let before_the_open = told.values().flat_map(|r| &r.session_volumes).flat_map(|day| &day.premarket).sum::<u64>();
    assert!(before_the_open > 0, "pre-market volume is known");
    gateway.stop().await?;

    let paths = ["/v2/stocks", "/v2/assets", "/v1/corporate-actions", "/yahoo", "/finnhub/api/v1/stock/profile2"];
    for path in paths {
        ask_for(&base, json!({"on": format!("GET {path}"), "status": 500, "count": 1_000})).await?;
    }
    let gateway = Gateway::start_for(&nats, &base, &symbols, &[])?;
    let mut stopped = false;
    let since = reader
        .until(|event| {
            let Event::ReadinessReported(report) = event else { return false };
            stopped |= !report.running;
            stopped && ready(event, "reference")
        })
        .await?;
    assert!(!since.iter().any(|event| matches!(event, Event::ReferenceUpdated(_))), "nothing is told twice");
    let untouched = left_over(&base).await?;
    assert!(untouched.len() == paths.len() && untouched.values().all(|count| *count == 1_000), "{untouched:?}");
    gateway.stop().await?;
    sim.shutdown().await
}

#[tokio::test]
async fn another_vendor_stands_in_and_a_refusal_is_not_asked_again() -> anyhow::Result<()> {
    chassis::tls::install_provider();
    let nats = NatsServer::start().await?;
    let mut reader = Reader::open(&nats, &[Kind::ReferenceUpdated]).await?;
    let mut errors = Reader::open(&nats, &[Kind::ErrorRaised]).await?;
    let sim = simulator().await?;
    let base = format!("http://{}", sim.addr);
    let symbols = some_symbols(&base).await?;
    ask_for(&base, json!({"on": "GET /v2/stocks/bars", "status": 403, "count": 10})).await?;
    ask_for(&base, json!({"on": "GET /v1/corporate-actions", "status": 429, "retry_after_s": 1})).await?;
    ask_for(&base, json!({"on": "GET /finnhub/api/v1/stock/profile2", "status": 500, "count": 1_000})).await?;
    let gateway = Gateway::start_for(&nats, &base, &symbols, &[])?;
    for reference in references(&mut reader).await?.values() {
        let second = reference.second_close.as_ref().context("a second close")?;
        assert_eq!((reference.source.as_str(), second.source.as_str()), ("yahoo", "finnhub"));
        assert_eq!(second.price, reference.prev_close, "{}", reference.symbol);
        assert!(reference.session_volumes.iter().all(|day| day.premarket.is_empty()));
    }
    // A refusal is not tried again; a failure is, four times, and then the other symbols' sectors are not asked for.
    let expected = [("GET /finnhub/api/v1/stock/profile2", 995), ("GET /v2/stocks/bars", 9)];
    assert_eq!(left_over(&base).await?, expected.map(|(on, count)| (on.to_owned(), count)).into());
    let raised = errors.until(|event| matches!(event, Event::ErrorRaised(e) if e.code == "source_failed")).await?;
    let Some(Event::ErrorRaised(error)) = raised.last() else { anyhow::bail!("{raised:?}") };
    assert!(error.subject.as_deref() == Some("alpaca") && error.detail.contains("HTTP 403"), "{error:?}");
    gateway.stop().await?;
    sim.shutdown().await
}
