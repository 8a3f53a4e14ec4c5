//! Saved payloads of the vendor, where `FIN_TEST_DATA` says they are, and a few of our own.

use std::path::PathBuf;

use domain::execution::{ApprovedPlan, NewOrder, OrderState};
use domain::plan::Target;
use domain::{Price, UnixNanos};
use ports::BrokerUpdate;

use super::stream::{Heard, read};
use super::{parse, wire};

fn saved(name: &str) -> Option<String> {
    let folder = std::env::var_os("FIN_TEST_DATA").map(PathBuf::from)?;
    let path = folder.join("payloads/alpaca").join(name);
    Some(std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())))
}

fn object<T: serde::de::DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).unwrap()
}

#[test]
fn saved_account_positions_and_clocks_are_understood() {
    if let Some(text) = saved("account.json") {
        let account = parse::account(&object(&text)).unwrap();
        assert_eq!((account.equity.to_string().as_str(), account.tradable), ("103820.56", true));
        assert_eq!(account.cash.to_string(), "-23140.20");
    }
    if let Some(text) = saved("positions.json") {
        let positions: Vec<wire::Position> = object(&text);
        let position = parse::position(&positions[0]).unwrap();
        assert_eq!((position.symbol.as_str(), position.quantity), ("AAPL", 5));
    }
    for name in ["clock.json", "clock-recorded.json"] {
        if let Some(text) = saved(name) {
            parse::clock(&object(&text)).unwrap();
        }
    }
}

#[test]
fn saved_orders_are_understood_or_refused_by_field_and_value() {
    if let Some(text) = saved("orders-list.json") {
        let orders: Vec<wire::Order> = object(&text);
        let order = parse::order(&orders[0]).unwrap();
        assert_eq!((order.state, order.quantity, order.avg_fill_price), (OrderState::Working, 1, None));
        assert!(order.replaces.is_some());
    }
    if let Some(text) = saved("order-market.json") {
        let error = parse::order(&object(&text)).unwrap_err().to_string();
        assert!(error.contains("symbol") && error.contains("AAPL`"), "{error}");
    }
}

#[test]
fn saved_stream_messages_are_understood() {
    let Some(text) = saved("trade-updates-2026.txt") else { return };
    let heard: Vec<Heard> = text.lines().map(|line| read(line.as_bytes())).collect();
    assert_eq!(heard[..2], [Heard::Authorized, Heard::Listening]);
    let Some(Heard::Updates(updates)) = heard.last() else { panic!("{heard:?}") };
    let [BrokerUpdate::Order(order), BrokerUpdate::Fill(fill)] = updates.as_slice() else { panic!("{updates:?}") };
    assert_eq!((order.state, order.filled_qty), (OrderState::Filled, 130), "129.7 coins count as 130");
    assert_eq!(fill.price.to_string(), "0.0851119");
    if let Some(text) = saved("trade-update-fill-docs.json") {
        assert!(matches!(read(text.as_bytes()), Heard::Updates(updates) if updates.len() == 2));
    }
}

#[test]
fn a_bad_message_is_reported_and_not_fatal() {
    for payload in ["", "[]", "{\"stream\":\"trade_updates\",\"data\":{\"event\":\"fill\"}}"] {
        let Heard::Updates(updates) = read(payload.as_bytes()) else { panic!("{payload}") };
        assert!(matches!(updates.as_slice(), [BrokerUpdate::Malformed(_)]), "{payload}");
    }
    assert_eq!(read(br#"{"stream":"other","data":{}}"#), Heard::Nothing);
    let refused = br#"{"stream":"authorization","data":{"status":"unauthorized"}}"#;
    assert!(matches!(read(refused), Heard::Refused(_)));
}

#[test]
fn an_entry_with_both_legs_is_a_bracket_and_a_target_with_its_stop_a_pair() {
    let mut approval = testkit::build::plan_approved("GME");
    approval.plan.targets = vec![Target { distance: Price::from_cents(40), fraction_bps: 5_000 }];
    let plan = ApprovedPlan::new(approval).unwrap();
    let now = UnixNanos::default();
    let body = |order: &NewOrder| serde_json::to_value(parse::new_order(order)).unwrap();
    let sent: Vec<_> = plan.slices().iter().map(|slice| body(&plan.entry_order(slice, now))).collect();
    let classes: Vec<_> = sent.iter().map(|order| order["order_class"].as_str().unwrap()).collect();
    assert_eq!(classes, ["bracket", "oto"]);
    let pair = body(&plan.pair_order(1, 2, 30, (Price::from_cents(2_600), Price::from_cents(2_500)), now));
    for (field, expected) in [("order_class", "oco"), ("type", "limit"), ("side", "sell"), ("qty", "30")] {
        assert_eq!(pair[field], expected, "{pair}");
    }
    let prices = (&pair["limit_price"], &pair["take_profit"]["limit_price"], &pair["stop_loss"]["stop_price"]);
    assert_eq!(prices, (&"26.00".into(), &"26.00".into(), &"25.00".into()));
    assert!(pair["client_order_id"].as_str().unwrap().ends_with("-T2"), "{pair}");
}
