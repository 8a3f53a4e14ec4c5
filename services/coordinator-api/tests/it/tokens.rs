//! Beyond the dev profile on a loopback address nothing is told or done without a token.

use bus::tokens::Scope;
use serde_json::Value;

use crate::support::{Suite, problem};

const READS: [&str; 8] =
    ["status", "plans", "audit", "account", "bars/GME", "stream", "dead-letters", "plans/x/explain"];
const COMMANDS: [&str; 7] = [
    "trading-state",
    "flatten",
    "strategies/x/pause",
    "strategies/x/resume",
    "strategies/x/activate",
    "dead-letters/1/redrive",
    "dead-letters/1/discard",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_token_or_with_a_wrong_one_nothing_is_told_or_done() {
    let suite = Suite::without_recorder("0.0.0.0").await;
    suite.token("ann", Scope::Read).await;
    for (token, challenge) in [(None, "Bearer"), (Some("fin_wrong"), "Bearer error=\"invalid_token\"")] {
        let reads = READS.map(|path| suite.get(&format!("/api/v1/{path}")));
        let commands = COMMANDS.map(|path| suite.command(path, r#"{"reason":"x"}"#));
        for request in reads.into_iter().chain(commands) {
            let request = token.into_iter().fold(request, |request, token: &str| request.bearer_auth(token));
            let refused = request.send().await.unwrap();
            assert_eq!(refused.headers()["www-authenticate"], challenge);
            assert!(problem(refused, 401).await.contains("token"));
        }
    }
    for path in ["/healthz", "/readyz", "/", "/api/openapi.json", "/api/docs"] {
        assert_ne!(suite.get(path).send().await.unwrap().status(), 401, "{path}");
    }
    suite.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scope_opens_what_it_names_and_the_audit_knows_whose_it_was() {
    let mut suite = Suite::without_recorder("0.0.0.0").await;
    suite.record();
    let reader = suite.token("reader", Scope::Read).await;
    let operator = suite.token("operator", Scope::Operate).await;
    let admin = suite.token("admin", Scope::Admin).await;
    let body = r#"{"state":"no_entry","reason":"storm"}"#;
    let refused = suite.command("trading-state", body).bearer_auth(&reader).send().await.unwrap();
    assert_eq!(refused.headers()["www-authenticate"], "Bearer error=\"insufficient_scope\"");
    assert!(problem(refused, 403).await.contains("`reader` has scope read, this needs operate"));
    let activate = "strategies/orb_stocks_in_play/activate";
    let refused = suite.command(activate, r#"{"strategy_yaml":"","reason":"x"}"#).bearer_auth(&operator).send().await;
    assert!(problem(refused.unwrap(), 403).await.contains("needs admin"));
    let taken = suite.command("trading-state", body).bearer_auth(&operator).send().await.unwrap();
    assert_eq!(taken.status(), 202);
    let id = taken.json::<Value>().await.unwrap()["id"].clone();
    let mut audit = Value::Null;
    for _ in 0..100 {
        audit = suite.get("/api/v1/audit").bearer_auth(&admin).send().await.unwrap().json().await.unwrap();
        if audit["items"][0]["id"] == id {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!((&audit["items"][0]["author"], &audit["items"][0]["id"]), (&"operator".into(), &id));

    assert!(bus::tokens::revoke(&suite.bus, "reader").await.unwrap());
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    problem(suite.get("/api/v1/status").bearer_auth(&reader).send().await.unwrap(), 401).await;
    suite.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_loopback_a_token_that_is_given_counts_all_the_same() {
    let suite = Suite::without_recorder("127.0.0.1").await;
    let reader = suite.token("reader", Scope::Read).await;
    let body = r#"{"reason":"x"}"#;
    problem(suite.command("flatten", body).bearer_auth(&reader).send().await.unwrap(), 403).await;
    problem(suite.command("flatten", body).bearer_auth("fin_wrong").send().await.unwrap(), 401).await;
    assert_eq!(suite.command("flatten", body).send().await.unwrap().status(), 202);
    suite.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_too_much_is_told_to_wait() {
    let suite = Suite::with_setting("127.0.0.1", "api.requests_per_second", "5").await;
    let mut limited = None;
    for _ in 0..50 {
        let answer = suite.get("/api/v1/news").send().await.unwrap();
        if answer.status() != 200 {
            limited = Some(answer);
            break;
        }
    }
    let limited = limited.expect("fifty requests were answered");
    assert_eq!(limited.headers()["retry-after"], "1");
    problem(limited, 429).await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(suite.get("/api/v1/news").send().await.unwrap().status(), 200);
    suite.stop().await;
}
