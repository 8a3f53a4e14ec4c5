//! A made session, from pre-market to ten minutes after the open, at many times its speed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::Context;
use bus::Kind;
use domain::{Event, Symbol};
use testkit::NatsServer;
use tokio::time::sleep;

use crate::harness::{Gateway, Ledger, Reader, Told};

#[tokio::test]
async fn a_session_arrives_complete_and_in_order_with_history_and_news() -> anyhow::Result<()> {
    let nats = NatsServer::start().await?;
    let mut reader = Reader::open(&nats, &[Kind::TradeBatch, Kind::ReferenceUpdated, Kind::NewsPublished]).await?;
    let mut options = vendor_sim::Options::new();
    options.seed = 11;
    options.symbols = 40;
    options.date = "2026-11-24".parse().ok();
    options.speed = 120.0;
    options.warmup_seconds = 3.0;
    options.pause_at = vec!["09:40:00".parse()?];
    let sim = vendor_sim::start(options).await?;
    let base = format!("http://{}", sim.addr);
    // Nearly two hours of the market pass in a second, so a look at its clock is old when a busy machine has it.
    let gateway = Gateway::start(&nats, &base, &[("gateway.watermark.ahead_ms_max", 36_000_000)])?;

    let prints = loop {
        let clock: serde_json::Value = serde_json::from_str(&text(&format!("{base}/sim/v1/clock")).await?)?;
        if clock["paused"] == true && clock["waiting"] != true {
            break clock["prints"].as_u64().context("prints")? as usize;
        }
        sleep(Duration::from_millis(100)).await;
    };
    let expected = tape(&text(&format!("{base}/sim/v1/session/trades.csv")).await?, prints)?;
    let news = text(&format!("{base}/sim/v1/session/news.csv")).await?;
    let daily = text(&format!("{base}/sim/v1/session/daily.csv")).await?;
    let opening = text(&format!("{base}/sim/v1/session/opening.csv")).await?;
    let paused: domain::SessionDate = "2026-11-24".parse()?;
    let paused = paused.at_hm(9, 40);
    let published = news.lines().skip(1).filter(|line| {
        line.split(',').next().and_then(|ns| ns.parse().ok()).is_some_and(|ns: i64| ns <= paused.nanos())
    });
    let articles = published.count();

    let mut ledger = Ledger::new(4);
    let (mut references, mut told_news) = (BTreeMap::new(), BTreeSet::new());
    reader
        .until(|event| {
            match event {
                Event::ReferenceUpdated(reference) => {
                    let before = references.insert(reference.symbol.clone(), reference.clone());
                    assert!(before.is_none(), "{} was published twice", reference.symbol);
                }
                Event::NewsPublished(article) => assert!(told_news.insert(article.news_id.clone())),
                _ => ledger.take(event),
            }
            let reached = ledger.partitions.iter().all(|p| p.watermark >= paused);
            reached && references.len() == 40 && told_news.len() >= articles
        })
        .await?;

    assert!(expected.len() > 1_000, "{} prints are no test", expected.len());
    for (index, standing) in ledger.partitions.iter().enumerate() {
        let own = |told: &&Told| told.symbol.parse::<Symbol>().is_ok_and(|s| s.partition(4) == index as u32);
        let expected: Vec<&Told> = expected.iter().filter(own).collect();
        assert_eq!(standing.trades.iter().collect::<Vec<_>>(), expected, "partition {index}");
    }

    for (symbol, reference) in &references {
        let rows = |csv: &str| -> Vec<Vec<String>> {
            let of = csv.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
            of.filter(|row| row[0] == symbol.as_str()).collect()
        };
        let last = rows(&daily).pop().context("a daily bar")?;
        assert_eq!(reference.prev_close, last[5].parse()?, "{symbol}");
        assert_eq!(reference.daily_bars.last().map(|bar| bar.date.to_string()), Some(last[1].clone()), "{symbol}");
        let volumes: BTreeMap<String, u64> = rows(&opening)
            .into_iter()
            .map(|row| Ok((row[1].clone(), row[2].parse()?)))
            .collect::<anyhow::Result<_>>()?;
        assert!(reference.opening_volumes.len() >= 14, "{symbol}: {}", reference.opening_volumes.len());
        for volume in &reference.opening_volumes {
            assert_eq!(volumes.get(&volume.date.to_string()), Some(&volume.volume), "{symbol} {}", volume.date);
        }
    }
    gateway.stop().await?;
    sim.shutdown().await
}

async fn text(url: &str) -> anyhow::Result<String> {
    chassis::tls::install_provider();
    Ok(reqwest::get(url).await?.error_for_status()?.text().await?)
}

/// The first `prints` rows of the tape, as batches tell them.
fn tape(csv: &str, prints: usize) -> anyhow::Result<Vec<Told>> {
    csv.lines()
        .skip(1)
        .take(prints)
        .map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            let [ts, symbol, price, size, conditions] = fields.as_slice() else { anyhow::bail!("row `{line}`") };
            Ok(Told {
                // Finnhub writes milliseconds.
                ts: ts.parse::<i64>()? / 1_000_000 * 1_000_000,
                symbol: (*symbol).to_owned(),
                price: price.parse::<domain::Price>()?.nanos(),
                size: size.parse()?,
                conditions: conditions.replace(' ', ","),
            })
        })
        .collect()
}
