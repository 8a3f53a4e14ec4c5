//! Commands reach CONTROL with their author, and only from our own page.

use chassis::CancellationToken;
use coordinator_api::CoordinatorApi;

use crate::support::{Suite, problem};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_is_recorded_with_its_author_and_a_repeated_key_changes_nothing() {
    let suite = Suite::start_on("127.0.0.1").await;
    let body = r#"{"state":"reduce","reason":"lunch"}"#;
    let send = || async {
        let answer = suite.command("trading-state", body).header("idempotency-key", "key-1").send().await.unwrap();
        assert_eq!(answer.status(), 202);
        answer.json::<serde_json::Value>().await.unwrap()["id"].as_str().unwrap().to_owned()
    };
    let (first, again) = (send().await, send().await);
    assert_eq!(first, again);
    let other = suite.command("trading-state", r#"{"state":"halt","reason":"lunch"}"#);
    let other = other.header("idempotency-key", "key-1").send().await.unwrap();
    assert!(problem(other, 409).await.contains("another command"));
    suite.wait_for("/api/v1/status", |s| s["trading_state"] == "reduce").await;
    let flatten = suite.command("flatten", r#"{"reason":"storm"}"#).send().await.unwrap();
    assert_eq!(flatten.status(), 202);
    suite.wait_for("/api/v1/status", |s| s["trading_state"] == "flatten").await;
    let audit = suite.json("/api/v1/audit").await;
    let seen: Vec<_> = audit["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| (a["type"].as_str().unwrap(), a["reason"].as_str().unwrap(), a["author"].as_str().unwrap()))
        .collect();
    let expected = [
        ("FlattenRequested", "storm", "local"),
        ("TradingStateChanged", "lunch", "local"),
        ("ConfigActivated", "the first one", "file"),
    ];
    assert_eq!(seen, expected);
    assert_eq!(audit["items"][1]["id"], first.as_str());
    suite.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_pages_names_and_bodies_are_refused() {
    let suite = Suite::without_recorder("127.0.0.1").await;
    let body = r#"{"state":"halt","reason":"x"}"#;
    let refused = suite.command("trading-state", body).header("origin", "https://evil.example").send().await.unwrap();
    assert!(problem(refused, 403).await.contains("Origin"));
    let renamed = suite.get("/api/v1/status").header("host", "evil.example").send().await.unwrap();
    assert!(problem(renamed, 403).await.contains("Host"));
    let typed = suite.client.post(format!("{}/api/v1/commands/flatten", suite.base)).body("{}").send().await.unwrap();
    problem(typed, 415).await;
    for (body, part) in [
        (r#"{"state":"up","reason":"x"}"#, "up"),
        (r#"{"state":"halt"}"#, "reason"),
        (r#"{"state":"halt","reason":"x","force":true}"#, "force"),
        (r#"{"state":"halt","reason":" "}"#, "reason"),
        ("{", "body"),
    ] {
        let detail = problem(suite.command("trading-state", body).send().await.unwrap(), 400).await;
        assert!(detail.contains(part), "{body}: {detail}");
    }
    let huge = format!(r#"{{"state":"halt","reason":"{}"}}"#, "x".repeat(20_000));
    problem(suite.command("trading-state", &huge).send().await.unwrap(), 413).await;
    suite.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_key_every_request_is_a_command_of_its_own() {
    let suite = Suite::without_recorder("127.0.0.1").await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let flatten = suite.command("flatten", r#"{"reason":"storm"}"#).header("x-request-id", "mine");
        let answer = flatten.send().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.headers()["x-request-id"].as_bytes()), (202, &b"mine"[..]));
        ids.push(answer.json::<serde_json::Value>().await.unwrap()["id"].clone());
    }
    assert_ne!(ids[0], ids[1]);
    suite.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_in_use_is_named() {
    let suite = Suite::without_recorder("127.0.0.1").await;
    let error = chassis::start::<CoordinatorApi>(&suite.loaded, CancellationToken::new()).await.unwrap_err();
    let text = chassis::logs::chain(&error);
    assert!(text.contains(suite.base.trim_start_matches("http://")), "{text}");
    suite.stop().await;
}
