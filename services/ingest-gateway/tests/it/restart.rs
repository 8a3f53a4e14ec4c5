//! The gateway stops and starts again.

use bus::Kind;
use domain::market::{FeedGapDetected, FeedGapReason};
use domain::{Event, SessionDate};
use testkit::NatsServer;

use crate::harness::{Gateway, Ledger, Reader, ready};
use crate::peer::Peer;

#[tokio::test]
async fn a_restarted_gateway_goes_on_in_a_new_epoch_and_names_the_hole() -> anyhow::Result<()> {
    let day: SessionDate = "2026-11-24".parse()?;
    let at = |minute, seconds| day.at_hm(10, minute).plus_seconds(seconds);
    let nats = NatsServer::start().await?;
    let mut reader = Reader::open(&nats, &[Kind::TradeBatch, Kind::FeedGapDetected]).await?;
    let mut ledger = Ledger::new(4);
    let peer = Peer::start(at(0, 0)).await?;

    let gateway = Gateway::start(&nats, &peer.base, &[])?;
    peer.connected().await;
    peer.trade("AAA", "10", at(0, 1));
    reader
        .until(|event| {
            ledger.take(event);
            ledger.trades() == 1
        })
        .await?;
    gateway.stop().await?;
    let stored = ledger.partitions.iter().map(|p| p.watermark).max().unwrap();
    assert_eq!(stored, at(0, 1));

    let peer = Peer::start(at(7, 0)).await?;
    let gateway = Gateway::start(&nats, &peer.base, &[])?;
    peer.connected().await;
    peer.trade("AAA", "11", at(7, 3));
    let mut gap = None;
    reader
        .until(|event| {
            if let Event::FeedGapDetected(found) = event {
                gap = Some(found.clone());
            }
            ledger.take(event);
            ledger.trades() == 2 && gap.is_some()
        })
        .await?;
    let partition = ledger.partitions.iter().find(|p| p.trades.len() == 2).expect("AAA's partition");
    assert_eq!((partition.epoch, partition.batch_no), (2, 1));
    assert_eq!(partition.watermark, at(0, 1), "the gap stands before the watermark passes it");
    let gap = gap.expect("a gap");
    // From the last watermark to the first thing known again: the trade, or the clock if that was looked at before.
    assert!(gap.until == at(7, 3) || gap.until == at(7, 0), "{gap:?}");
    let expected = FeedGapDetected {
        source: "finnhub".into(),
        epoch: 2,
        from: at(0, 1),
        until: gap.until,
        dropped_trades: None,
        reason: FeedGapReason::GatewayDown,
    };
    assert_eq!(gap, expected);

    peer.set_clock(at(9, 0));
    reader
        .until(|event| {
            ledger.take(event);
            ledger.partitions.iter().all(|p| p.watermark == at(9, 0))
        })
        .await?;
    gateway.stop().await
}

#[tokio::test]
async fn a_hole_that_a_restart_leaves_is_told_however_short() -> anyhow::Result<()> {
    let day: SessionDate = "2026-11-24".parse()?;
    let at = |seconds| day.at_hm(10, 0).plus_seconds(seconds);
    let nats = NatsServer::start().await?;
    let mut reader = Reader::open(&nats, &[Kind::TradeBatch, Kind::FeedGapDetected]).await?;
    let peer = Peer::start(at(0)).await?;
    let gateway = Gateway::start(&nats, &peer.base, &[])?;
    peer.connected().await;
    peer.trade("AAA", "10", at(1));
    reader.until(|event| matches!(event, Event::TradeBatch(batch) if batch.watermark == at(1))).await?;
    gateway.stop().await?;

    peer.set_clock(at(3));
    let gateway = Gateway::start(&nats, &peer.base, &[])?;
    let events = reader.until(|event| matches!(event, Event::FeedGapDetected(_))).await?;
    let Some(Event::FeedGapDetected(gap)) = events.last() else { panic!("{events:?}") };
    assert_eq!((gap.from, gap.until, gap.reason), (at(1), at(3), FeedGapReason::GatewayDown));
    gateway.stop().await
}

#[tokio::test]
async fn a_restart_while_the_market_stands_still_leaves_no_hole() -> anyhow::Result<()> {
    let day: SessionDate = "2026-11-24".parse()?;
    let at = |seconds| day.at_hm(10, 0).plus_seconds(seconds);
    let nats = NatsServer::start().await?;
    let mut reader = Reader::open(&nats, &[Kind::TradeBatch, Kind::FeedGapDetected]).await?;
    let mut reports = Reader::open(&nats, &[Kind::ReadinessReported]).await?;
    let peer = Peer::start(at(0)).await?;
    let gateway = Gateway::start(&nats, &peer.base, &[])?;
    peer.connected().await;
    peer.trade("AAA", "10", at(1));
    reader.until(|event| matches!(event, Event::TradeBatch(batch) if batch.watermark == at(1))).await?;
    gateway.stop().await?;
    reports.until(|event| matches!(event, Event::ReadinessReported(report) if !report.running)).await?;

    peer.set_clock(at(1));
    let gateway = Gateway::start(&nats, &peer.base, &[])?;
    reports.until(|event| ready(event, "feed")).await?;
    peer.trade("AAA", "11", at(60));
    let is_newest = |event: &Event| matches!(event, Event::TradeBatch(batch) if batch.watermark == at(60));
    let events = reader.until(is_newest).await?;
    assert!(events.iter().all(|event| matches!(event, Event::TradeBatch(_))), "{events:?}");
    gateway.stop().await
}
