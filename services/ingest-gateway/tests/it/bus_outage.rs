//! The bus dies in the middle of the flow and comes back.

use std::time::Duration;

use bus::Kind;
use domain::SessionDate;
use testkit::NatsServer;
use tokio::time::sleep;

use crate::harness::{Gateway, Ledger, Reader};
use crate::peer::{Peer, frame};

const FRAMES: i64 = 2_000;

#[tokio::test]
async fn a_killed_bus_leaves_no_hole_and_no_double() -> anyhow::Result<()> {
    let day: SessionDate = "2026-11-24".parse()?;
    let open = day.at_hm(9, 30);
    let mut nats = NatsServer::start().await?;
    let mut reader = Reader::open(&nats, &[Kind::TradeBatch]).await?;
    let peer = Peer::start(open).await?;
    let gateway = Gateway::start(&nats, &peer.base, &[])?;
    peer.connected().await;

    let sender = peer.clone();
    let sending = tokio::spawn(async move {
        for n in 0..FRAMES {
            let at = open.plus_nanos(n * 10_000_000);
            let price = (n + 1).to_string();
            let trades: Vec<_> = ["AAA", "BBB", "CCC", "DDD"].map(|s| (s, price.as_str(), at)).to_vec();
            sender.send(frame(&trades));
            sleep(Duration::from_millis(1)).await;
        }
    });
    for _ in 0..3 {
        sleep(Duration::from_millis(500)).await;
        nats.kill9();
        sleep(Duration::from_millis(150)).await;
        nats.restart().await?;
    }
    sending.await?;

    let mut ledger = Ledger::new(4);
    reader
        .until(|event| {
            ledger.take(event);
            ledger.trades() >= 4 * FRAMES as usize
        })
        .await?;
    for symbol in ["AAA", "BBB", "CCC", "DDD"] {
        let trades = ledger.partitions.iter().flat_map(|p| &p.trades).filter(|trade| trade.symbol == symbol);
        let prices: Vec<i64> = trades.map(|trade| trade.price / 1_000_000_000).collect();
        assert_eq!(prices, (1..=FRAMES).collect::<Vec<_>>(), "{symbol}");
    }
    let epochs: Vec<u64> = ledger.partitions.iter().filter(|p| p.batch_no > 0).map(|p| p.epoch).collect();
    assert!(epochs.iter().all(|epoch| *epoch == 1), "one run, one epoch: {epochs:?}");
    gateway.stop().await
}
