//! Commands about the strategy that runs.

use serde_json::json;

use crate::support::{Suite, problem};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strategy_is_paused_and_resumed_by_its_name() {
    let suite = Suite::start_on("127.0.0.1").await;
    let name = suite.loaded.strategy().unwrap().name;
    for (command, paused) in [("pause", true), ("resume", false)] {
        let answer =
            suite.command(&format!("strategies/{name}/{command}"), r#"{"reason":"news"}"#).send().await.unwrap();
        assert_eq!(answer.status(), 202);
        suite.wait_for("/api/v1/strategies", |s| s["items"][0]["paused"] == paused).await;
    }
    let audit = suite.json("/api/v1/audit").await;
    assert_eq!(audit["items"][0]["asked"], json!({ "strategy": name, "paused": false }));
    let other = suite.command("strategies/other/pause", r#"{"reason":"x"}"#).send().await.unwrap();
    assert!(problem(other, 404).await.contains(&name));
    suite.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strategy_is_checked_and_never_said_to_be_active_when_it_is_not() {
    let suite = Suite::without_recorder("127.0.0.1").await;
    let text = suite.loaded.strategy_file.text().to_owned();
    let running = suite.loaded.strategy().unwrap();
    let changed = text.replacen("risk_pct_total: ", "risk_pct_total: 0.5 # was ", 1);
    assert_ne!(changed, text);
    for (name, yaml, status, part) in [
        (running.name.as_str(), text.clone(), 409, running.version()),
        (running.name.as_str(), changed, 409, "is valid".to_owned()),
        (
            running.name.as_str(),
            text.replacen("risk_pct_total: ", "risk_pct_total: 400 # was ", 1),
            400,
            "risk_pct_total".to_owned(),
        ),
        (running.name.as_str(), "name: [".to_owned(), 400, "strategy.yaml".to_owned()),
        ("other", text, 400, "other".to_owned()),
    ] {
        let body = json!({ "strategy_yaml": yaml, "reason": "better" }).to_string();
        let answer = suite.command(&format!("strategies/{name}/activate"), &body).send().await.unwrap();
        let detail = problem(answer, status).await;
        assert!(detail.contains(&part), "{detail}");
    }
    suite.stop().await;
}
