//! One error for each wrong thing, and the rest goes on.

use bus::Kind;
use domain::{Event, SessionDate};
use testkit::NatsServer;

use crate::harness::{Gateway, Ledger, Reader};
use crate::peer::Peer;

#[tokio::test]
async fn each_wrong_frame_or_trade_raises_one_error_and_the_rest_goes_on() -> anyhow::Result<()> {
    let day: SessionDate = "2026-11-24".parse()?;
    let at = |seconds| day.at_hm(9, 35).plus_seconds(seconds);
    let nats = NatsServer::start().await?;
    let mut trades = Reader::open(&nats, &[Kind::TradeBatch]).await?;
    let mut errors = Reader::open(&nats, &[Kind::ErrorRaised]).await?;
    let peer = Peer::start(at(0)).await?;
    let gateway = Gateway::start(&nats, &peer.base, &[])?;
    peer.connected().await;

    peer.trade("AAA", "10.01", at(1));
    peer.send("{\"data\":[{\"p\":1,\"s\":\"AAA\"");
    peer.trade("ZZZ", "10", at(2));
    peer.trade("BBB", "-3.5", at(3));
    peer.trade("CCC", "10.0000000001", at(4));
    peer.trade("DDD", "10", day.at_hm(9, 35).plus_seconds(86_400 * 30));
    peer.send("{\"type\":\"ping\"}");
    peer.send("{\"type\":\"error\",\"msg\":\"Invalid symbol\"}");
    peer.trade("AAA", "10.02", at(6));

    let mut ledger = Ledger::new(4);
    trades
        .until(|event| {
            ledger.take(event);
            ledger.trades() == 2
        })
        .await?;
    let told: Vec<(i64, i64)> =
        ledger.partitions.iter().flat_map(|p| &p.trades).map(|trade| (trade.ts, trade.price)).collect();
    assert_eq!(told, [(at(1).nanos(), 10_010_000_000), (at(6).nanos(), 10_020_000_000)]);

    // The history that the peer does not have is the only other cause of errors, and comes from another task.
    let mut found = Vec::new();
    let wanted = ["malformed_frame", "unknown_symbol", "bad_price", "bad_price", "bad_time", "vendor_error"];
    errors
        .until(|event| {
            if let Event::ErrorRaised(error) = event
                && !["reference_missing", "source_failed"].contains(&error.code.as_str())
            {
                found.push((error.code.clone(), error.subject.clone().unwrap_or_default(), error.detail.clone()));
            }
            found.len() == wanted.len()
        })
        .await?;
    let expected = [
        ("malformed_frame", "", "EOF while parsing"),
        ("unknown_symbol", "ZZZ", "`ZZZ`"),
        ("bad_price", "BBB", "`-3.5`"),
        ("bad_price", "CCC", "`10.0000000001` has more than 9 decimals"),
        ("bad_time", "DDD", "2026-12-24"),
        ("vendor_error", "", "Invalid symbol"),
    ];
    for (code, subject, detail) in expected {
        let same =
            |error: &&(String, String, String)| error.0 == code && error.1 == subject && error.2.contains(detail);
        assert_eq!(found.iter().filter(same).count(), 1, "{code} {subject} {detail} in {found:?}");
    }
    gateway.stop().await
}
