//! Alpaca's stream as the live feed, against the simulator.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Context;
use bus::Kind;
use domain::market::{
    ConditionScheme, Eligibility, FeedGapDetected, FeedGapReason, TradingStatus, TradingStatusChanged,
};
use domain::{Event, SessionDate, UnixNanos};
use serde_json::{Value, json};
use testkit::{NatsServer, build};
use tokio::time::sleep;

use crate::harness::{Gateway, Ledger, Reader, Told, ready, told};

const SYMBOLS: usize = 12;

/// A made market that comes to 09:31 in two seconds and then goes on at `speed` until it stops at `pauses`.
async fn simulator(speed: f64, pauses: &[&str]) -> anyhow::Result<vendor_sim::Running> {
    let mut options = vendor_sim::Options::new();
    options.seed = 11;
    options.symbols = 40;
    options.date = "2026-11-24".parse().ok();
    options.start = "09:31:00".parse()?;
    options.speed = speed;
    options.warmup_seconds = 2.0;
    options.pause_at = pauses.iter().map(|at| at.parse()).collect::<Result<_, _>>()?;
    vendor_sim::start(options).await
}

async fn call(method: reqwest::Method, url: String, body: Value) -> anyhow::Result<String> {
    let answer = reqwest::Client::new().request(method, url).json(&body).send().await?;
    anyhow::ensure!(answer.status().is_success(), "{}", answer.text().await?);
    Ok(answer.text().await?)
}

async fn text(url: String) -> anyhow::Result<String> {
    Ok(reqwest::get(url).await?.error_for_status()?.text().await?)
}

async fn inject(base: &str, message: Value) -> anyhow::Result<()> {
    call(reqwest::Method::POST, format!("{base}/sim/v1/alpaca-stream"), json!([message])).await.map(drop)
}

async fn resume(base: &str) -> anyhow::Result<()> {
    call(reqwest::Method::POST, format!("{base}/sim/v1/clock"), json!({"paused": false})).await.map(drop)
}

async fn paused(base: &str, at: UnixNanos) -> anyhow::Result<()> {
    loop {
        let clock: Value = serde_json::from_str(&text(format!("{base}/sim/v1/clock")).await?)?;
        let now: UnixNanos = clock["now"].as_str().context("now")?.parse()?;
        if clock["paused"] == true && clock["waiting"] != true && now >= at {
            return Ok(());
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// The first few symbols that the simulator lists.
async fn some_symbols(base: &str) -> anyhow::Result<Vec<String>> {
    let listed = text(format!("{base}/finnhub/api/v1/stock/symbol?token=sim")).await?;
    let listed: Vec<Value> = serde_json::from_str(&listed)?;
    Ok(listed.iter().take(SYMBOLS).filter_map(|listing| listing["symbol"].as_str().map(str::to_owned)).collect())
}

fn start(nats: &NatsServer, base: &str, encoding: &str, symbols: &[String]) -> anyhow::Result<Gateway> {
    // The market comes to the open faster than its clock is looked at.
    let settings = [("gateway.watermark.ahead_ms_max", 36_000_000), ("gateway.news.interval_ms", 0)];
    Gateway::start_fed_by(nats, base, (&["alpaca"], encoding), symbols, &settings)
}

/// The tape of `symbols`, conditions as Finnhub numbers them.
async fn tape(base: &str, symbols: &[String]) -> anyhow::Result<Vec<Told>> {
    let csv = text(format!("{base}/sim/v1/session/trades.csv")).await?;
    let rows = csv.lines().skip(1).map(|line| {
        let fields: Vec<&str> = line.split(',').collect();
        let [ts, symbol, price, size, conditions] = fields.as_slice() else { anyhow::bail!("row `{line}`") };
        Ok(Told {
            ts: ts.parse::<i64>()? / 1_000_000 * 1_000_000,
            symbol: (*symbol).to_owned(),
            price: price.parse::<domain::Price>()?.nanos(),
            size: size.parse()?,
            conditions: conditions.replace(' ', ","),
        })
    });
    let rows: Vec<Told> = rows.collect::<anyhow::Result<_>>()?;
    Ok(rows.into_iter().filter(|row| symbols.contains(&row.symbol)).collect())
}

/// A trade without its way of writing conditions, which must allow the same.
fn bare(trade: &Told, scheme: ConditionScheme) -> (i64, String, i64, u32, String) {
    let allows = Eligibility::of(scheme, &trade.conditions);
    (trade.ts, trade.symbol.clone(), trade.price, trade.size, format!("{allows:?}"))
}

#[tokio::test]
async fn trades_arrive_once_across_a_lost_connection_and_the_hole_is_told() -> anyhow::Result<()> {
    chassis::tls::install_provider();
    let day: SessionDate = "2026-11-24".parse()?;
    let nats = NatsServer::start().await?;
    let mut reader = Reader::open(&nats, &[Kind::TradeBatch, Kind::FeedGapDetected]).await?;
    let sim = simulator(60.0, &["09:33:00", "09:36:00"]).await?;
    let base = format!("http://{}", sim.addr);
    let symbols = some_symbols(&base).await?;
    let gateway = start(&nats, &base, "json", &symbols)?;
    paused(&base, day.at_hm(9, 33)).await?;
    let mut ledger = Ledger::new(4);
    let (mut arrived, mut gaps) = (Vec::new(), Vec::new());
    let mut take = |event: &Event, ledger: &mut Ledger| {
        match event {
            Event::TradeBatch(batch) => {
                assert_eq!((batch.source.as_str(), batch.scheme), ("alpaca", ConditionScheme::Sip));
                arrived.extend(told(batch));
            }
            Event::FeedGapDetected(gap) => gaps.push(gap.clone()),
            _ => {}
        }
        ledger.take(event);
    };
    reader
        .until(|event| {
            take(event, &mut ledger);
            ledger.partitions.iter().all(|p| p.watermark >= day.at_hm(9, 33))
        })
        .await?;
    // The market goes on, and some seconds later the connection is cut.
    resume(&base).await?;
    sleep(Duration::from_millis(500)).await;
    call(reqwest::Method::DELETE, format!("{base}/sim/v1/alpaca-stream"), json!(null)).await?;
    paused(&base, day.at_hm(9, 36)).await?;
    reader
        .until(|event| {
            take(event, &mut ledger);
            ledger.partitions.iter().all(|p| p.watermark >= day.at_hm(9, 36))
        })
        .await?;

    let [gap] = gaps.as_slice() else { anyhow::bail!("{gaps:?}") };
    assert_eq!((gap.source.as_str(), gap.reason, gap.dropped_trades), ("alpaca", FeedGapReason::Disconnected, None));
    let lost = |trade: &Told| (gap.from.nanos()..gap.until.nanos()).contains(&trade.ts);
    let until = day.at_hm(9, 36).nanos();
    let key = |trade: &Told| bare(trade, ConditionScheme::Finnhub);
    let expected: Vec<_> = tape(&base, &symbols).await?.into_iter().filter(|trade| trade.ts <= until).collect();
    assert!(expected.iter().any(lost), "the hole is no test: {gap:?}");
    // What came of the hole's edges may be there too; outside of it every trade is, once and in order.
    let mut whole: Vec<_> = arrived.iter().filter(|t| !lost(t)).map(|t| bare(t, ConditionScheme::Sip)).collect();
    let mut wanted: Vec<_> = expected.iter().filter(|t| !lost(t)).map(key).collect();
    whole.sort();
    wanted.sort();
    assert_eq!(whole.len(), wanted.len());
    assert_eq!(whole, wanted);
    let within = arrived.iter().filter(|t| lost(t)).count();
    assert!(within < expected.iter().filter(|t| lost(t)).count());
    gateway.stop().await?;
    sim.shutdown().await
}

#[tokio::test]
async fn messagepack_brings_the_whole_tape() -> anyhow::Result<()> {
    chassis::tls::install_provider();
    let day: SessionDate = "2026-11-24".parse()?;
    let nats = NatsServer::start().await?;
    let mut reader = Reader::open(&nats, &[Kind::TradeBatch]).await?;
    let sim = simulator(60.0, &["09:32:00"]).await?;
    let base = format!("http://{}", sim.addr);
    let symbols = some_symbols(&base).await?;
    let gateway = start(&nats, &base, "messagepack", &symbols)?;
    let (mut arrived, mut ledger) = (Vec::new(), Ledger::new(4));
    reader
        .until(|event| {
            if let Event::TradeBatch(batch) = event {
                arrived.extend(told(batch));
            }
            ledger.take(event);
            ledger.partitions.iter().all(|p| p.watermark >= day.at_hm(9, 32))
        })
        .await?;
    let until = day.at_hm(9, 32).nanos();
    let expected: Vec<_> = tape(&base, &symbols).await?.into_iter().filter(|trade| trade.ts <= until).collect();
    let mut arrived: Vec<_> = arrived.iter().map(|t| bare(t, ConditionScheme::Sip)).collect();
    let mut expected: Vec<_> = expected.iter().map(|t| bare(t, ConditionScheme::Finnhub)).collect();
    arrived.sort();
    expected.sort();
    assert!(expected.len() > 500, "{} prints are no test", expected.len());
    assert_eq!(arrived, expected);
    gateway.stop().await?;
    sim.shutdown().await
}

#[tokio::test]
async fn a_lost_frame_is_told_by_the_bars_that_count_its_trades_and_a_doubled_one_is_taken_once() -> anyhow::Result<()>
{
    chassis::tls::install_provider();
    let day: SessionDate = "2026-11-24".parse()?;
    let nats = NatsServer::start().await?;
    let mut reader = Reader::open(&nats, &[Kind::TradeBatch, Kind::FeedGapDetected]).await?;
    let sim = simulator(60.0, &["09:33:10", "09:36:00"]).await?;
    let base = format!("http://{}", sim.addr);
    let symbols = some_symbols(&base).await?;
    let gateway = start(&nats, &base, "json", &symbols)?;
    paused(&base, day.at_hm(9, 33)).await?;
    let fault = |frame: &str| json!({"on": "SEND /alpaca/v2/sip", "frame": frame});
    for frame in ["duplicate", "drop"] {
        call(reqwest::Method::POST, format!("{base}/sim/v1/faults"), fault(frame)).await?;
    }
    resume(&base).await?;
    paused(&base, day.at_hm(9, 36)).await?;
    let (mut arrived, mut gaps, mut ledger) = (Vec::new(), Vec::new(), Ledger::new(4));
    reader
        .until(|event| {
            match event {
                Event::TradeBatch(batch) => arrived.extend(told(batch)),
                Event::FeedGapDetected(gap) => gaps.push(gap.clone()),
                _ => {}
            }
            ledger.take(event);
            ledger.partitions.iter().all(|p| p.watermark >= day.at_hm(9, 36))
        })
        .await?;
    let until = day.at_hm(9, 36).nanos();
    let expected: Vec<_> = tape(&base, &symbols).await?.into_iter().filter(|trade| trade.ts <= until).collect();
    let missing = expected.len() - arrived.len();
    assert!((1..=50).contains(&missing), "{missing} trades are missing");
    let [gap] = gaps.as_slice() else { anyhow::bail!("{gaps:?}") };
    let minute = (day.at_hm(9, 33), day.at_hm(9, 34));
    let told = FeedGapDetected {
        source: "alpaca".into(),
        epoch: 1,
        from: minute.0,
        until: minute.1,
        dropped_trades: Some(missing as u64),
        reason: FeedGapReason::Incomplete,
    };
    assert_eq!(*gap, told);
    let distinct: BTreeSet<_> = arrived.iter().map(|t| bare(t, ConditionScheme::Sip)).collect();
    let once: BTreeSet<_> = expected.iter().map(|t| bare(t, ConditionScheme::Finnhub)).collect();
    assert!(distinct.is_subset(&once));
    gateway.stop().await?;
    sim.shutdown().await
}

#[tokio::test]
async fn a_symbol_that_money_waits_on_is_told_when_it_is_halted_or_revised_and_another_one_is_not() -> anyhow::Result<()>
{
    chassis::tls::install_provider();
    let day: SessionDate = "2026-11-24".parse()?;
    let nats = NatsServer::start().await?;
    let mut errors = Reader::open(&nats, &[Kind::ErrorRaised]).await?;
    let mut statuses = Reader::open(&nats, &[Kind::TradingStatusChanged]).await?;
    let mut reports = Reader::open(&nats, &[Kind::ReadinessReported]).await?;
    let sim = simulator(60.0, &["09:32:00"]).await?;
    let base = format!("http://{}", sim.addr);
    let symbols = some_symbols(&base).await?;
    let gateway = start(&nats, &base, "json", &symbols)?;
    paused(&base, day.at_hm(9, 32)).await?;
    reports.until(|event| ready(event, "feed")).await?;

    let bus = bus::Bus::connect(&bus::BusConfig { url: nats.url(), ..bus::BusConfig::default() }, "test").await?;
    let meta = build::meta(&["plan", &symbols[0]], "planner");
    bus.publisher().publish(&Event::PlanProposed(build::plan_proposed(&symbols[0])), &meta).await?;
    let status = |symbol: &str, code: &str, words: &str| json!({"T": "s", "S": symbol, "sc": code, "sm": words, "rc": "T1", "rm": "News", "t": "2026-11-24T14:32:00Z", "z": "C"});
    let cancel = |symbol: &str| json!({"T": "x", "S": symbol, "i": 7, "x": "V", "p": 10.5, "s": 100, "a": "C", "t": "2026-11-24T14:32:00Z", "z": "C"});
    inject(&base, status(&symbols[1], "H", "Trading Halt")).await?;
    inject(&base, cancel(&symbols[1])).await?;
    inject(&base, status(&symbols[0], "H", "Trading Halt")).await?;
    let raised = errors.until(|event| matches!(event, Event::ErrorRaised(e) if e.code == "symbol_halted")).await?;
    let Some(Event::ErrorRaised(halted)) = raised.last() else { anyhow::bail!("{raised:?}") };
    assert_eq!(halted.subject.as_deref(), Some(symbols[0].as_str()));
    assert_eq!(halted.message, format!("{} (planned) is halted", symbols[0]));
    assert!(halted.detail.contains("H Trading Halt T1 News"), "{}", halted.detail);
    inject(&base, status(&symbols[1], "T", "Trading Resumption")).await?;
    let resumed = |event: &Event| matches!(event, Event::TradingStatusChanged(e) if e.status == TradingStatus::Resumed);
    let told = statuses.until(resumed).await?;
    let changed = |at: usize, status, words: &str| {
        let (symbol, at) = (symbols[at].parse().unwrap(), "2026-11-24T14:32:00Z".parse().unwrap());
        let (source, detail) = ("alpaca".to_owned(), format!("{words} T1 News"));
        Event::from(TradingStatusChanged { symbol, status, at, source, detail })
    };
    let halts = [1, 0].map(|at| changed(at, TradingStatus::Halted, "H Trading Halt"));
    let over = changed(1, TradingStatus::Resumed, "T Trading Resumption");
    assert_eq!(told, [&halts[..], &[over]].concat(), "of every symbol that is read");

    inject(&base, cancel(&symbols[0])).await?;
    let raised = errors.until(|event| matches!(event, Event::ErrorRaised(e) if e.code == "trade_revised")).await?;
    let Some(Event::ErrorRaised(revised)) = raised.last() else { anyhow::bail!("{raised:?}") };
    assert_eq!(revised.subject.as_deref(), Some(symbols[0].as_str()));
    assert!(revised.detail.contains("trade 7: 100 at 10.5 never were (C)"), "{}", revised.detail);
    gateway.stop().await?;
    sim.shutdown().await
}

#[tokio::test]
async fn a_feed_that_is_refused_gives_way_to_the_next_and_is_not_asked_again() -> anyhow::Result<()> {
    chassis::tls::install_provider();
    let nats = NatsServer::start().await?;
    let mut reader = Reader::open(&nats, &[Kind::TradeBatch]).await?;
    let mut errors = Reader::open(&nats, &[Kind::ErrorRaised]).await?;
    let sim = simulator(60.0, &["09:32:00"]).await?;
    let base = format!("http://{}", sim.addr);
    let symbols = some_symbols(&base).await?;
    let settings = [("gateway.watermark.ahead_ms_max", 36_000_000), ("gateway.feed.alpaca_symbols_max", 5)];
    let gateway = Gateway::start_fed_by(&nats, &base, (&["alpaca", "finnhub"], "json"), &symbols, &settings)?;
    let first = reader.until(|event| matches!(event, Event::TradeBatch(batch) if !batch.symbols.is_empty())).await?;
    let sources: BTreeSet<_> = first.iter().filter_map(source).collect();
    assert_eq!(sources, BTreeSet::from(["finnhub".to_owned()]));
    let raised = errors.until(|event| matches!(event, Event::ErrorRaised(e) if e.code == "feed_failed_over")).await?;
    let codes: Vec<_> =
        raised.iter().filter_map(|e| if let Event::ErrorRaised(e) = e { Some(e) } else { None }).collect();
    let refused = codes.iter().find(|e| e.code == "feed_disconnected").context("a refusal")?;
    assert!(refused.detail.contains("12 symbols") && refused.detail.contains("alpaca_symbols_max is 5"), "{refused:?}");
    let over = codes.last().context("an error")?;
    assert_eq!(over.message, "alpaca is away: the trades come from finnhub now");
    gateway.stop().await?;
    sim.shutdown().await
}

fn source(event: &Event) -> Option<String> {
    if let Event::TradeBatch(batch) = event { Some(batch.source.clone()) } else { None }
}
