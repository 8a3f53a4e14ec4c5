//! Beyond the dev profile on a loopback address nothing is told or done without a token.

use std::time::Duration;

use bus::tokens::Scope;
use reqwest::RequestBuilder;
use serde_json::Value;

use crate::support::{Suite, problem};

/// A request for every operation that the API describes as needing a token, with the scope that it names.
fn guarded(suite: &Suite) -> Vec<(String, Scope, RequestBuilder)> {
    let document = coordinator_api::openapi::document();
    let mut requests = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let Some(name) = operation["security"][0]["bearer"][0].as_str() else { continue };
            let scope = Scope::ALL.into_iter().find(|scope| scope.as_str() == name).unwrap();
            let path = path.replace("{id}", "1").replace("{name}", "x").replace("{symbol}", "GME");
            let request = match method.as_str() {
                "get" => suite.get(&path),
                "post" => suite.command(path.strip_prefix("/api/v1/commands/").unwrap(), r#"{"reason":"x"}"#),
                other => panic!("{other} {path}"),
            };
            requests.push((format!("{method} {path}"), scope, request));
        }
    }
    assert!(Scope::ALL.into_iter().all(|scope| requests.iter().any(|(_, needed, _)| *needed == scope)));
    requests
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_token_or_with_a_wrong_or_a_lesser_one_nothing_is_told_or_done() {
    let suite = Suite::without_recorder("0.0.0.0").await;
    let lesser = [suite.token("ann", Scope::Read).await, suite.token("bob", Scope::Operate).await];
    for (what, needed, request) in guarded(&suite) {
        let bare = request.try_clone().unwrap().send().await.unwrap();
        assert_eq!(bare.headers()["www-authenticate"], "Bearer", "{what}");
        assert!(problem(bare, 401).await.contains("token"));
        let wrong = request.try_clone().unwrap().bearer_auth("fin_wrong").send().await.unwrap();
        assert_eq!(wrong.headers()["www-authenticate"], "Bearer error=\"invalid_token\"", "{what}");
        assert!(problem(wrong, 401).await.contains("token"));
        for (token, _) in lesser.iter().zip(Scope::ALL).filter(|(_, scope)| *scope < needed) {
            let refused = request.try_clone().unwrap().bearer_auth(token).send().await.unwrap();
            assert_eq!(refused.headers()["www-authenticate"], "Bearer error=\"insufficient_scope\"", "{what}");
            assert!(problem(refused, 403).await.contains(&format!("needs {}", needed.as_str())));
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
    assert!(problem(refused, 403).await.contains("`reader` has scope read, this needs operate"));
    let taken = suite.command("trading-state", body).bearer_auth(&operator).send().await.unwrap();
    assert_eq!(taken.status(), 202);
    let id = taken.json::<Value>().await.unwrap()["id"].clone();
    let mut audit = Value::Null;
    for _ in 0..100 {
        audit = suite.get("/api/v1/audit").bearer_auth(&admin).send().await.unwrap().json().await.unwrap();
        if audit["items"][0]["id"] == id {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!((&audit["items"][0]["author"], &audit["items"][0]["id"]), (&"operator".into(), &id));

    let mut stream = suite.get("/api/v1/stream").bearer_auth(&reader).send().await.unwrap();
    let mut kept = suite.get("/api/v1/stream").bearer_auth(&operator).send().await.unwrap();
    assert!(bus::tokens::revoke(&suite.bus, "reader").await.unwrap());
    let ended = async { while stream.chunk().await.unwrap().is_some() {} };
    tokio::time::timeout(Duration::from_secs(5), ended).await.expect("the stream of a revoked token goes on");
    assert!(kept.chunk().await.unwrap().is_some());
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
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(suite.get("/api/v1/news").send().await.unwrap().status(), 200);
    suite.stop().await;
}
