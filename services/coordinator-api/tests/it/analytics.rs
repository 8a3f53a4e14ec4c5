//! What trading amounts to, over a store that a real recorder filled.

use reqwest::header::{ETAG, IF_NONE_MATCH};
use serde_json::{Value, json};

use crate::day;
use crate::shapes::check;
use crate::support::{Suite, problem};

const DAY: &str = "from=2026-11-24&to=2026-11-24";

async fn numbers(suite: &Suite, query: &str) -> Value {
    suite.json(&format!("/api/v1/analytics?{query}")).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_trade_counts_once_it_is_closed() {
    let suite = Suite::start_on("127.0.0.1").await;
    let events = day::events();
    suite.publish(0, &events[..day::until_held()]).await;
    suite.wait_for("/api/v1/positions", |p| p["items"][0]["quantity"] == 100).await;
    let held = numbers(&suite, DAY).await;
    check(&held, "Analytics", "analytics");
    assert_eq!((&held["open_trades"], &held["trades"]["count"]), (&json!(1), &json!(0)), "{held:#}");
    assert_eq!((&held["trades"]["r"], &held["trades"]["histogram"]), (&Value::Null, &json!([])));
    assert_eq!(suite.json("/api/v1/analytics/trades").await, json!({ "items": [], "next": null }));

    suite.play_day().await;
    let told = numbers(&suite, DAY).await;
    check(&told, "Analytics", "analytics");
    assert_eq!((&told["open_trades"], &told["running"], &told["basis"]), (&json!(0), &json!(true), &json!("account")));
    let trades = &told["trades"];
    assert_eq!((&trades["count"], &trades["wins"], &trades["net_pnl"]), (&json!(1), &json!(0), &json!("-11.00")));
    assert_eq!((&trades["expectancy_r"], &trades["profit_factor"]), (&json!("-1.1"), &json!("0")));
    assert_eq!((&trades["r"]["median"], &trades["r"]["deviation"]), (&json!("-1.1"), &Value::Null));
    assert_eq!(trades["histogram"], json!([{ "from": "-1.5", "to": "-1", "trades": 1 }]));
    let group = &trades["by_symbol"][0];
    assert_eq!((&group["key"], &group["pnl"], &group["win_rate_pct"]), (&json!("GME"), &json!("-11.00"), &json!("0")));
    let keys = ["by_hour", "by_gap", "by_catalyst"].map(|by| trades[by][0]["key"].as_str().unwrap());
    assert_eq!(keys, ["09:00", "6 to 10 %", "unknown"]);
    // 100 shares at 0.1 R each on the way in, and as many on the way out.
    assert_eq!((&trades["slippage"]["mean_r"], &trades["slippage"]["total"]), (&json!("0.2"), &json!("2.00")));
    assert_eq!(trades["slippage"]["by_leg"][1]["leg"], "stop");
    let returns = &told["returns"];
    assert_eq!((&returns["sessions"], &returns["pnl"]), (&json!(1), &json!("-11.00")));
    assert_eq!((&returns["total_return_pct"], &returns["max_drawdown_pct"]), (&json!("-0.011"), &json!("-0.011")));
    assert_eq!((&returns["sharpe"], &returns["annual_volatility_pct"]), (&Value::Null, &Value::Null));
    assert_eq!(told["sessions"][0]["end_equity"], "99989.00");
    let minutes: Vec<_> =
        told["minutes"].as_array().unwrap().iter().map(|m| (&m["equity"], &m["drawdown_pct"])).collect();
    assert_eq!(minutes, [(&json!("100000.00"), &json!("0")), (&json!("99989.00"), &json!("-0.011"))]);

    let listed = suite.json(&format!("/api/v1/analytics/trades?{DAY}")).await;
    let trade = &listed["items"][0];
    check(trade, "Trade", "analytics/trades");
    assert_eq!((&trade["r_multiple"], &trade["closed_reason"]), (&json!("-1.1"), &json!("stop_loss")));
    let plan = suite.json("/api/v1/plans").await["items"][0].clone();
    for (ours, theirs) in [("plan_id", "id"), ("pnl", "pnl"), ("avg_entry_price", "avg_entry_price")] {
        assert_eq!(trade[ours], plan[theirs], "{ours}");
    }
    suite.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trades_are_chosen_by_session_symbol_and_strategy() {
    let suite = Suite::start_on("127.0.0.1").await;
    suite.play_day().await;
    for (query, trades, sessions, basis) in [
        ("", 1, 1, "account"),
        ("from=2026-11-23&to=2026-11-23", 0, 0, "account"),
        ("symbol=GME", 1, 1, "trades"),
        ("symbol=AMC", 0, 1, "trades"),
        ("strategy=orb_stocks_in_play", 1, 1, "trades"),
        ("strategy=another", 0, 1, "trades"),
    ] {
        let told = numbers(&suite, query).await;
        check(&told, "Analytics", query);
        assert_eq!(
            (&told["trades"]["count"], &told["returns"]["sessions"], &told["basis"]),
            (&json!(trades), &json!(sessions), &json!(basis)),
            "{query}"
        );
    }
    let other = numbers(&suite, "symbol=AMC").await;
    assert_eq!((&other["returns"]["pnl"], &other["sessions"][0]["end_equity"]), (&json!("0.00"), &json!("100000.00")));
    let empty = numbers(&suite, "from=2026-11-23&to=2026-11-23").await;
    assert_eq!((&empty["returns"]["total_return_pct"], &empty["sessions"]), (&Value::Null, &json!([])));
    suite.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_without_a_store_is_empty_and_bad_requests_are_named() {
    let suite = Suite::without_recorder("127.0.0.1").await;
    let told = numbers(&suite, DAY).await;
    check(&told, "Analytics", "analytics");
    assert_eq!((&told["trades"]["count"], &told["trades"]["net_pnl"]), (&json!(0), &json!("0.00")));
    for (path, part) in [
        ("analytics?from=yesterday", "from is `yesterday`"),
        ("analytics?from=2026-11-25&to=2026-11-24", "from is `2026-11-25`"),
        ("analytics?from=1990-01-02&to=2026-11-24", "from is `1990-01-02`"),
        ("analytics?to=2026-13-01", "to is `2026-13-01`"),
        ("analytics?symbol=gme", "symbol is `gme`"),
        ("analytics?strategy=", "strategy is ``"),
        ("analytics?limit=5", "`limit`"),
        ("analytics/trades?limit=0", "limit is `0`"),
        ("analytics/trades?after=zzz", "after is `zzz`"),
        ("analytics/trades?day=2026-11-24", "`day`"),
    ] {
        let detail = problem(suite.get(&format!("/api/v1/{path}")).send().await.unwrap(), 400).await;
        assert!(detail.contains(part), "{path}: {detail}");
    }
    suite.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_the_newest_numbers_is_told_so() {
    let suite = Suite::start_on("127.0.0.1").await;
    suite.play_day().await;
    let path = format!("/api/v1/analytics?{DAY}");
    // Readiness reports go on being stored; two of them are seconds apart.
    for _ in 0..10 {
        let tag = suite.get(&path).send().await.unwrap().headers()[ETAG].clone();
        if suite.get(&path).header(IF_NONE_MATCH, &tag).send().await.unwrap().status() == 304 {
            return suite.stop().await;
        }
    }
    panic!("ten answers in a row had changed");
}
