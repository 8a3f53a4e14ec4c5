//! Another gateway writes the feed's lanes.

use bus::{Bus, BusConfig, Kind, Lane, Outgoing, subject};
use domain::market::{FeedGapReason, TradeBatch, TradeColumns};
use domain::{Event, EventId, Meta, SessionDate, UnixNanos};
use testkit::NatsServer;

use crate::harness::{Gateway, Ledger, Reader};
use crate::peer::Peer;

fn at(seconds: i64) -> UnixNanos {
    "2026-11-24".parse::<SessionDate>().unwrap().at_hm(10, 0).plus_seconds(seconds)
}

/// Reads AAA's first batch, and writes the one that another gateway would write behind it.
async fn overtake(nats: &NatsServer, reader: &mut Reader) -> anyhow::Result<TradeBatch> {
    let is_first = |event: &Event| matches!(event, Event::TradeBatch(batch) if !batch.trades.price.is_empty());
    let Some(Event::TradeBatch(first)) = reader.until(is_first).await?.pop() else { anyhow::bail!("no batch") };
    let (epoch, trades) = (first.epoch + 1, TradeColumns::default());
    let other = TradeBatch { epoch, batch_no: 1, trades, ..first.clone() };
    let meta = Meta {
        id: EventId::from_parts(&["another"]),
        source: "ingest-gateway".into(),
        ts_init: at(1),
        causation: None,
        correlation: None,
        traceparent: None,
    };
    let bus = Bus::connect(&BusConfig { url: nats.url(), ..BusConfig::default() }, "test").await?;
    let (subject, payload) = (subject::trade_batch(first.partition), events::encode(&Event::TradeBatch(other)));
    let lane = Lane::open(&bus, domain::StreamName::Market, subject.clone(), 1).await?;
    let message = Outgoing::raw(&subject, "finagent.market.v1.TradeBatch", payload, meta);
    lane.try_push(message).map_err(|_| anyhow::anyhow!("no room"))?;
    while lane.acked() == 0 {
        anyhow::ensure!(lane.failure().is_none(), "{:?}", lane.failure());
        lane.changed().await;
    }
    Ok(first)
}

#[tokio::test]
async fn a_gateway_that_another_one_has_overtaken_begins_again_behind_it() -> anyhow::Result<()> {
    let nats = NatsServer::start().await?;
    let mut reader = Reader::open(&nats, &[Kind::TradeBatch, Kind::FeedGapDetected]).await?;
    let peer = Peer::start(at(0)).await?;
    let gateway = Gateway::start(&nats, &peer.base, &[])?;
    peer.connected().await;
    peer.trade("AAA", "10", at(1));
    let first = overtake(&nats, &mut reader).await?;
    peer.set_clock(at(30));
    peer.trade("AAA", "11", at(30));

    let (mut ledger, mut gap) = (Ledger::new(4), None);
    let mut reader = Reader::open(&nats, &[Kind::TradeBatch, Kind::FeedGapDetected]).await?;
    let index = first.partition as usize;
    reader
        .until(|event| {
            ledger.take(event);
            if let Event::FeedGapDetected(found) = event {
                gap = Some(found.clone());
            }
            ledger.partitions[index].epoch == first.epoch + 2
        })
        .await?;
    let gap = gap.expect("what the gateway held when it gave up is told");
    assert_eq!((gap.reason, gap.epoch), (FeedGapReason::GatewayDown, first.epoch + 2));
    assert!(gap.from <= at(1) && gap.until == at(30), "{gap:?}");
    gateway.stop().await
}

#[tokio::test]
async fn a_budget_is_not_renewed_by_beginning_again() -> anyhow::Result<()> {
    let nats = NatsServer::start().await?;
    let mut reader = Reader::open(&nats, &[Kind::TradeBatch]).await?;
    let mut errors = Reader::open(&nats, &[Kind::ErrorRaised]).await?;
    let peer = Peer::start(at(0)).await?;
    let settings = [("gateway.budgets.finnhub.per_day", 1), ("gateway.news.interval_ms", 0)];
    let gateway = Gateway::start(&nats, &peer.base, &settings)?;
    peer.connected().await;
    peer.trade("AAA", "10", at(1));
    overtake(&nats, &mut reader).await?;
    peer.trade("AAA", "11", at(2));
    let raised = errors.until(|e| matches!(e, Event::ErrorRaised(e) if e.code == "universe_unknown")).await?;
    let Some(Event::ErrorRaised(error)) = raised.last() else { panic!("{raised:?}") };
    assert!(error.detail.contains("stock/symbol"), "{error:?}");
    gateway.stop().await
}
