//! Every route answers in the shape that the API describes.

use serde_json::{Value, json};

use crate::support::{Suite, problem};

/// Panics unless `value` has the form that the API's own description gives to `schema`: all its fields and no other.
pub(crate) fn check(value: &Value, schema: &str, what: &str) {
    let document = coordinator_api::openapi::document();
    let schema = json!({ "$ref": format!("#/components/schemas/{schema}") });
    conforms(value, &schema, &document, what).unwrap_or_else(|why| panic!("{why}\n{value:#}"));
}

fn conforms(value: &Value, schema: &Value, document: &Value, at: &str) -> Result<(), String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = document.pointer(reference.trim_start_matches('#')).ok_or_else(|| format!("no {reference}"))?;
        return conforms(value, target, document, at);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let tried: Vec<_> = choices.iter().map(|choice| conforms(value, choice, document, at)).collect();
        return if tried.iter().any(Result::is_ok) { Ok(()) } else { Err(format!("{tried:?}")) };
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let kinds = &schema["type"];
    if kinds != kind && !kinds.as_array().is_some_and(|several| several.iter().any(|one| one == kind)) {
        return Err(format!("{at} is {kind}, described as {kinds}"));
    }
    if let (Value::Object(fields), Value::Object(described)) = (value, &schema["properties"]) {
        let missing = described.keys().find(|name| !fields.contains_key(*name));
        let unknown = fields.keys().find(|name| !described.contains_key(*name));
        if let Some(name) = missing.or(unknown) {
            return Err(format!("{at}.{name} is in one of answer and description only"));
        }
        for (name, field) in fields {
            conforms(field, &described[name], document, &format!("{at}.{name}"))?;
        }
    }
    for item in value.as_array().into_iter().flatten() {
        conforms(item, &schema["items"], document, &format!("{at}[]"))?;
    }
    Ok(())
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
    check(first(&positions, "positions"), "Position", "positions");
    assert_eq!(suite.json("/api/v1/status").await["counts"]["open_positions"], 1);
    suite.play_day().await;
    for (path, schema) in [
        ("candidates", "Candidate"),
        ("plans", "Plan"),
        ("decisions", "Decision"),
        ("orders", "Order"),
        ("fills", "Fill"),
        ("errors", "Fault"),
        ("bars/GME?interval=1m", "Bar"),
        ("news?symbol=GME", "Headline"),
        ("audit", "Audited"),
        ("strategies", "Running"),
    ] {
        check(first(&suite.json(&format!("/api/v1/{path}")).await, path), schema, path);
    }
    assert_eq!(suite.json("/api/v1/positions").await["items"], Value::Array(vec![]), "closed ones are left out");
    let account = suite.json("/api/v1/account").await;
    check(&account, "Account", "account");
    let curve: Vec<&str> = account["curve"].as_array().unwrap().iter().map(|p| p["equity"].as_str().unwrap()).collect();
    assert_eq!(curve, ["100000.00", "99989.00"]);
    let status = suite.json("/api/v1/status").await;
    check(&status, "Status", "status");
    assert_eq!((&status["session_date"], &status["mode"]), (&"2026-11-24".into(), &"SIM".into()));
    assert_eq!((&status["trading_state"], &status["clock"]["phase"]), (&"no_entry".into(), &"regular".into()));
    assert_eq!(
        status["counts"],
        json!({ "candidates": 2, "passed": 1, "plans": 1, "open_positions": 0, "open_orders": 0, "fills": 3 })
    );
    let plan = first(&suite.json("/api/v1/plans").await, "plans")["id"].as_str().unwrap().to_owned();
    let story = suite.json(&format!("/api/v1/plans/{plan}/explain")).await;
    check(&story, "Story", "story");
    let events = story["events"].as_array().unwrap();
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
    for path in ["/healthz", "/metrics", "/", "/api/docs", "/api/openapi.json"] {
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
        assert_eq!(list, json!({ "items": [], "next": null }), "{path}");
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
