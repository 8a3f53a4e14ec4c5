//! Orders, their legs and the account.

use serde_json::{Value, json};

use crate::client::{Client, binary, cents, counts, dollars, options};

const AT_0940: &str = "2026-11-24T14:40:00Z";
const AT_0940_NS: i64 = 1_795_531_200_000_000_000;

/// Prints that count of the busiest symbol after 09:40: its ticker, and rows of (cents, size).
async fn busiest(client: &Client) -> (String, Vec<(i64, u64)>) {
    let rows = client.csv("trades.csv").await;
    let later: Vec<&Vec<String>> =
        rows.iter().filter(|r| counts(r) && r[0].parse::<i64>().unwrap() > AT_0940_NS).collect();
    let mut tickers: Vec<&str> = later.iter().map(|r| r[1].as_str()).collect();
    tickers.sort_unstable();
    let busiest = tickers.chunk_by(|a, b| a == b).max_by_key(|run| run.len()).unwrap()[0].to_owned();
    let prints = later.iter().filter(|r| r[1] == busiest).map(|r| (cents(&r[2]), r[3].parse().unwrap())).collect();
    (busiest, prints)
}

fn market_buy(symbol: &str, qty: u64, id: &str) -> Value {
    json!({"symbol": symbol, "qty": qty.to_string(), "side": "buy", "type": "market", "time_in_force": "day", "client_order_id": id})
}

async fn started() -> (Client, String, Vec<(i64, u64)>) {
    let client = Client::start(options()).await;
    client.play_to(AT_0940).await;
    let (symbol, prints) = busiest(&client).await;
    (client, symbol, prints)
}

async fn wait_for(client: &Client, id: &str, status: &str) -> Value {
    client.clock(json!({"paused": false})).await;
    for _ in 0..2_000 {
        let order = client.get(&format!("/alpaca/v2/orders:by_client_order_id?client_order_id={id}&nested=true")).await;
        if order["status"] == status {
            client.clock(json!({"paused": true})).await;
            return order;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("{id} did not become {status}");
}

#[tokio::test]
async fn market_order_fills_half_of_each_next_print_at_its_price() {
    let (client, symbol, prints) = started().await;
    let mut updates = client.trade_updates().await;
    assert_eq!(client.order(market_buy(&symbol, 180, "m-1")).await.0, 200);
    let filled = wait_for(&client, "m-1", "filled").await;
    let mut left = 180;
    let mut expected = Vec::new();
    for (price, size) in prints {
        let qty = left.min((size / 2).max(1));
        left -= qty;
        expected.push((qty.to_string(), dollars(price)));
        if left == 0 {
            break;
        }
    }
    let fills = client.get("/sim/v1/fills").await;
    let got: Vec<(String, String)> =
        fills["items"].as_array().unwrap().iter().map(|f| (text(f, "qty"), text(f, "price"))).collect();
    assert_eq!(got, expected);
    assert_eq!(filled["filled_qty"], "180");

    let mut events = Vec::new();
    while events.last().is_none_or(|e| e != "fill") {
        let update = binary(&mut updates).await;
        events.push(text(&update["data"], "event"));
    }
    assert_eq!(events[..2], ["pending_new", "new"]);
    assert_eq!(events.len(), 2 + expected.len());

    let position = client.get(&format!("/alpaca/v2/positions/{symbol}")).await;
    assert_eq!((text(&position, "qty"), text(&position, "side")), ("180".into(), "long".into()));
    let cost: i64 = expected.iter().map(|(q, p)| q.parse::<i64>().unwrap() * cents(p)).sum();
    assert_eq!(cents(&text(&client.get("/alpaca/v2/account").await, "cash")), 10_000_000 - cost);
    let activities = client.get("/alpaca/v2/account/activities/FILL?direction=asc").await;
    assert_eq!(activities.as_array().unwrap().len(), expected.len());
}

#[tokio::test]
async fn bracket_legs_are_held_until_the_entry_is_complete_and_one_fill_ends_the_pair() {
    let (client, symbol, prints) = started().await;
    let price = prints[0].0;
    let bracket = json!({
        "symbol": symbol, "qty": "150", "side": "buy", "type": "limit", "limit_price": dollars(price + 200),
        "time_in_force": "day", "order_class": "bracket", "client_order_id": "b-1",
        "take_profit": {"limit_price": dollars(price + 100_000)}, "stop_loss": {"stop_price": dollars(price + 190)},
    });
    let (status, entry) = client.order(bracket).await;
    assert_eq!((status, text(&entry, "status")), (200, "pending_new".into()), "{entry}");
    let legs = |order: &Value| -> Vec<(String, String)> {
        order["legs"].as_array().unwrap().iter().map(|l| (text(l, "type"), text(l, "status"))).collect()
    };
    assert_eq!(legs(&entry), [("limit".into(), "held".into()), ("stop".into(), "held".into())]);

    client.clock(json!({"pause_on": "partial_fill"})).await;
    client.clock(json!({"paused": false})).await;
    client.until_paused().await;
    let partial = client.get(&format!("/alpaca/v2/orders/{}?nested=true", text(&entry, "id"))).await;
    assert_eq!(text(&partial, "status"), "partially_filled");
    assert_eq!(legs(&partial)[1].1, "held");

    wait_for(&client, "b-1", "filled").await;
    client.clock(json!({"paused": false})).await;
    let mut done = partial;
    for _ in 0..1_000 {
        done = client.get(&format!("/alpaca/v2/orders/{}?nested=true", text(&entry, "id"))).await;
        if legs(&done)[1].1 == "filled" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    // The stop lies above the market, so it is elected at once; nothing is left for the target.
    assert_eq!(legs(&done), [("limit".into(), "canceled".into()), ("stop".into(), "filled".into())]);
    assert_eq!(client.get("/alpaca/v2/positions").await, json!([]));
}

#[tokio::test]
async fn oto_cancel_takes_the_held_stop_along_and_replace_gives_a_new_id() {
    let (client, symbol, prints) = started().await;
    let far = prints[0].0 + 50_000;
    let oto = json!({
        "symbol": symbol, "qty": "10", "side": "buy", "type": "stop_limit", "stop_price": dollars(far),
        "limit_price": dollars(far + 5), "time_in_force": "day", "order_class": "oto", "client_order_id": "o-1",
        "stop_loss": {"stop_price": dollars(far - 100)},
    });
    let (_, entry) = client.order(oto).await;
    let leg = text(&entry["legs"][0], "id");
    let change = json!({"stop_price": dollars(far - 80)});
    let (status, changed) = client.request("PATCH", &format!("/alpaca/v2/orders/{leg}"), Some(change)).await;
    assert_eq!((status, &changed["replaces"]), (200, &json!(leg)));
    assert_ne!(text(&changed, "id"), leg);
    let old = client.get(&format!("/alpaca/v2/orders/{leg}")).await;
    assert_eq!((text(&old, "status"), &old["replaced_by"]), ("replaced".into(), &changed["id"]));

    let path = format!("/alpaca/v2/orders/{}", text(&entry, "id"));
    assert_eq!(client.request("DELETE", &path, None).await.0, 204);
    let gone = client.get(&format!("{path}?nested=true")).await;
    assert_eq!((text(&gone, "status"), text(&gone["legs"][0], "status")), ("canceled".into(), "canceled".into()));
    assert_eq!(client.request("DELETE", &path, None).await.0, 422);
}

#[tokio::test]
async fn refusals_have_the_vendors_codes() {
    let (client, symbol, prints) = started().await;
    let price = prints[0].0;
    let limit = |cents: i64, id: &str| json!({"symbol": symbol, "qty": "1", "side": "buy", "type": "limit", "limit_price": dollars(cents), "time_in_force": "day", "client_order_id": id});
    assert_eq!(client.order(limit(price / 2, "r-1")).await.0, 200);
    let with = |mut order: Value, key: &str, value: Value| {
        order[key] = value;
        order
    };
    let sell = json!({"symbol": symbol, "qty": "1", "side": "sell", "type": "market", "time_in_force": "day"});
    for (name, order, status, code) in [
        ("duplicate client id", limit(price / 2, "r-1"), 422, 40_010_001),
        ("sub-penny", with(limit(price, "r-2"), "limit_price", json!("20.001")), 422, 42_210_000),
        ("buying power", with(limit(price, "r-3"), "qty", json!("1000000")), 403, 40_310_000),
        ("wash trade", sell, 403, 40_310_000),
        ("fractional", with(limit(price, "r-4"), "qty", json!("1.5")), 422, 40_010_001),
        ("unknown symbol", with(limit(price, "r-5"), "symbol", json!("NOSUCH")), 422, 42_210_000),
        ("bad body", json!({"symbol": symbol}), 400, 40_010_000),
    ] {
        let (got, body) = client.order(order).await;
        assert_eq!((got, &body["code"]), (status, &json!(code)), "{name}: {body}");
    }
    let log = client.get("/sim/v1/orders").await;
    let statuses: Vec<&Value> = log["items"].as_array().unwrap().iter().map(|l| &l["status"]).collect();
    assert_eq!(statuses, [200, 422, 422, 403, 403, 422, 422, 400]);
}

#[tokio::test]
async fn keys_that_are_not_the_simulators_are_refused() {
    let client = Client::start(options()).await;
    let plain = reqwest::Client::new();
    for (path, status) in [
        ("/alpaca/v2/account", 401),
        ("/finnhub/api/v1/quote?symbol=X&token=real", 401),
        ("/finnhub/api/v1/quote?symbol=X&token=sim1", 200),
    ] {
        let got = plain.get(format!("http://{}{path}", client.sim.addr)).send().await.unwrap();
        assert_eq!(got.status().as_u16(), status, "{path}");
    }
    let refused = tokio_tungstenite::connect_async(format!("ws://{}/finnhub/?token=real", client.sim.addr)).await;
    assert!(refused.is_err());
}

#[tokio::test]
async fn day_orders_expire_at_the_close() {
    let (client, symbol, prints) = started().await;
    let order = json!({"symbol": symbol, "qty": "5", "side": "buy", "type": "limit", "limit_price": dollars(prints[0].0 / 2), "time_in_force": "day", "client_order_id": "x-1"});
    client.order(order).await;
    client.clock(json!({"speed": 50_000.0})).await;
    client.play_to("2026-11-24T21:00:00Z").await;
    let order = client.get("/alpaca/v2/orders:by_client_order_id?client_order_id=x-1").await;
    assert_eq!(
        (text(&order, "status"), text(&order, "expired_at")),
        ("expired".into(), "2026-11-24T21:00:00.000000000Z".into())
    );
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_else(|| panic!("{key} in {value}")).to_owned()
}
