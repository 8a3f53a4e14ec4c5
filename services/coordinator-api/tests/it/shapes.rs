//! Every route answers in the shape that docs/rest-api.md gives.

use serde_json::Value;

use crate::support::{Suite, problem};

const CANDIDATE: &str = "id round_id schedule symbol session_date evaluated_at passed refused_by score score_parts rank \
    not_selected signal_id last prev_close open gap_pct rvol atr_14 premarket_high premarket_low premarket_volume or_high \
    or_low or_volume adv_14 vwap sector news_ids criteria";
const CRITERION: &str = "name value threshold comparison outcome unit source";
const PLAN: &str = "id signal_id round_id symbol side session_date rank score entry entry_limit stop_distance stop targets \
    exits valid_until exit_by state quantity binding_cap denied_reason closed_reason avg_entry_price pnl r_multiple proposed_at";
const DECISION: &str = "id plan_id symbol outcome quantity reason detail binding_cap terms equity decided_at";
const ORDER: &str = "client_order_id venue_order_id plan_id symbol leg side order_type quantity filled_qty limit_price \
    stop_price avg_fill_price state reason attempt intended_at updated_at";
const FILL: &str = "id client_order_id plan_id symbol side leg quantity price cumulative_qty fees slippage_r ts_event";
const POSITION: &str = "symbol plan_id quantity avg_entry_price last unrealized_pnl r_multiple stop covered opened_at";
const ACCOUNT: &str = "account session_date equity start_equity cash buying_power day_pnl day_pnl_pct day_r \
    gross_exposure daily_loss_limit daily_stop_used_pct tradable observe_only observed_at curve";
const ERROR: &str = "id severity service code message detail subject since at count";
const BAR: &str = "symbol start open high low close volume";
const NEWS: &str = "id symbol headline source url published_at";
const AUDIT: &str = "id type author reason request_id asked at";
const STATUS: &str = "profile mode version session_date clock trading_state verdict next_step flat_by early_close \
    readiness bus vendors services banners counts store_seq";
const STORY: &str = "plan candidate decision orders fills events";
const STORY_EVENT: &str = "at stream seq type id summary source causation traceparent";

fn check(value: &Value, fields: &str, what: &str) {
    let mut expected: Vec<&str> = fields.split_whitespace().collect();
    expected.sort_unstable();
    let found: Vec<&str> =
        value.as_object().unwrap_or_else(|| panic!("{what}: {value}")).keys().map(|k| &**k).collect();
    assert_eq!(found, expected, "{what}");
}

fn first<'a>(list: &'a Value, what: &str) -> &'a Value {
    assert!(list["next"].is_null() || list["next"].is_string(), "{what}");
    list["items"].as_array().and_then(|i| i.first()).unwrap_or_else(|| panic!("{what} has no item: {list}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_has_its_documented_shape() {
    let suite = Suite::start_on("127.0.0.1").await;
    suite.publish(0, &crate::day::events()[..crate::day::until_held()]).await;
    let positions = suite.wait_for("/api/v1/positions", |p| p["items"][0]["last"] == "25.62").await;
    check(first(&positions, "positions"), POSITION, "positions");
    assert_eq!(suite.json("/api/v1/status").await["counts"]["open_positions"], 1);
    suite.play_day().await;
    for (path, fields) in [
        ("candidates", CANDIDATE),
        ("plans", PLAN),
        ("decisions", DECISION),
        ("orders", ORDER),
        ("fills", FILL),
        ("errors", ERROR),
        ("bars/GME?interval=1m", BAR),
        ("news?symbol=GME", NEWS),
        ("audit", AUDIT),
    ] {
        check(first(&suite.json(&format!("/api/v1/{path}")).await, path), fields, path);
    }
    assert_eq!(suite.json("/api/v1/positions").await["items"], Value::Array(vec![]), "closed ones are left out");
    let candidates = suite.json("/api/v1/candidates").await;
    check(&first(&candidates, "criteria")["criteria"][0], CRITERION, "criterion");
    let account = suite.json("/api/v1/account").await;
    check(&account, ACCOUNT, "account");
    let curve: Vec<&str> = account["curve"].as_array().unwrap().iter().map(|p| p["equity"].as_str().unwrap()).collect();
    assert_eq!(curve, ["100000.00", "99989.00"]);
    let status = suite.json("/api/v1/status").await;
    check(&status, STATUS, "status");
    assert_eq!((&status["session_date"], &status["mode"]), (&"2026-11-24".into(), &"SIM".into()));
    assert_eq!((&status["trading_state"], &status["clock"]["phase"]), (&"no_entry".into(), &"regular".into()));
    assert_eq!(
        status["counts"],
        serde_json::json!({ "candidates": 2, "passed": 1, "plans": 1, "open_positions": 0, "open_orders": 0, "fills": 3 })
    );
    let plan = first(&suite.json("/api/v1/plans").await, "plans")["id"].as_str().unwrap().to_owned();
    let story = suite.json(&format!("/api/v1/plans/{plan}/explain")).await;
    check(&story, STORY, "story");
    check(&story["candidate"], CANDIDATE, "the story's candidate");
    let events = story["events"].as_array().unwrap();
    check(&events[0], STORY_EVENT, "the story's event");
    let types: Vec<&str> = events.iter().map(|e| e["type"].as_str().unwrap()).collect();
    for expected in [
        "SignalGenerated",
        "RoundClosed",
        "PlanProposed",
        "PlanApproved",
        "OrderIntended",
        "FillRecorded",
        "PlanClosed",
    ] {
        assert!(types.contains(&expected), "{types:?}");
    }
    assert_eq!(types.last(), Some(&"PlanClosed"));
    for path in ["/healthz", "/metrics", "/"] {
        assert_eq!(suite.get(path).send().await.unwrap().status(), 200, "{path}");
    }
    suite.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_store_lists_are_empty_and_the_status_says_why() {
    let suite = Suite::without_recorder("127.0.0.1").await;
    for path in
        ["candidates", "plans", "decisions", "orders", "fills", "positions", "errors", "news", "audit", "bars/GME"]
    {
        let list = suite.json(&format!("/api/v1/{path}")).await;
        assert_eq!(list, serde_json::json!({ "items": [], "next": null }), "{path}");
    }
    assert!(suite.json("/api/v1/account").await["equity"].is_null());
    let status = suite.json("/api/v1/status").await;
    let store =
        status["readiness"]["checks"].as_array().unwrap().iter().find(|c| c["name"] == "store").unwrap().clone();
    assert_eq!(store["ok"], false);
    assert!(store["detail"].as_str().unwrap().contains("recorder has not started"), "{store}");
    assert!(status["verdict"].as_str().unwrap().starts_with("NOT READY"), "{}", status["verdict"]);
    suite.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_follow_each_other_without_gap_or_repetition() {
    let suite = Suite::start_on("127.0.0.1").await;
    suite.play_day().await;
    let whole = suite.json("/api/v1/fills").await["items"].clone();
    let mut paged = Vec::new();
    let mut after = String::new();
    loop {
        let page = suite.json(&format!("/api/v1/fills?limit=1{after}")).await;
        paged.extend(page["items"].as_array().unwrap().clone());
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(Value::Array(paged), whole);
    assert_eq!(suite.json("/api/v1/fills?day=2026-11-23").await["items"], Value::Array(vec![]));
    suite.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_requests_get_a_problem_that_names_what_is_wrong() {
    let suite = Suite::without_recorder("127.0.0.1").await;
    for (path, status, part) in [
        ("/api/v1/plans?limit=0", 400, "limit is `0`"),
        ("/api/v1/plans?after=zzz", 400, "after is `zzz`"),
        ("/api/v1/plans?day=yesterday", 400, "day is `yesterday`"),
        ("/api/v1/plans?colour=red", 400, "`colour`"),
        ("/api/v1/bars/gme", 400, "symbol is `gme`"),
        ("/api/v1/bars/GME?interval=5m", 400, "interval is `5m`"),
        ("/api/v1/stream?after=x", 400, "after is `x`"),
        ("/api/v1/plans/none/explain", 404, "`none`"),
        ("/api/v1/nothing", 404, "/api/v1/nothing"),
        ("/api/v1/commands/flatten", 405, "/commands/flatten"),
    ] {
        let detail = problem(suite.get(path).send().await.unwrap(), status).await;
        assert!(detail.contains(part), "{path}: {detail}");
    }
    let named = suite.get("/api/v1/status").header("x-request-id", "mine-1").send().await.unwrap();
    assert_eq!(named.headers()["x-request-id"], "mine-1");
    suite.stop().await;
}
