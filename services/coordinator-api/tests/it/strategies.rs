//! The strategy in force: commands about it, and its file.

use std::path::Path;
use std::sync::Arc;

use chassis::{CancellationToken, Sources};
use coordinator_api::CoordinatorApi;
use serde_json::{Value, json};
use testkit::NatsServer;

use crate::support::{Suite, problem};

const STRATEGY: &str = include_str!("../../../../config/strategy.yaml");

/// The shipped strategy with another gap.
fn gap(pct: &str) -> String {
    let text = STRATEGY.replacen("gap_pct_min: 4.0 ", &format!("gap_pct_min: {pct} "), 1);
    assert!(text.contains(&format!("gap_pct_min: {pct} ")));
    text
}

fn version(text: &str) -> String {
    chassis::read_strategy(text).unwrap().version()
}

/// As an editor does it: written beside and renamed over.
fn write(folder: &Path, text: &str) {
    std::fs::write(folder.join(".strategy.new"), text).unwrap();
    std::fs::rename(folder.join(".strategy.new"), folder.join("strategy.yaml")).unwrap();
}

async fn in_force(suite: &Suite, version: &str) -> Value {
    suite.wait_for("/api/v1/strategies", |s| s["items"][0]["version"] == version).await["items"][0].clone()
}

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
async fn a_text_is_activated_once_with_its_author_and_what_it_changes() {
    let suite = Suite::without_recorder("127.0.0.1").await;
    let name = suite.loaded.strategy().unwrap().name;
    let first = in_force(&suite, &version(STRATEGY)).await;
    suite.wait_for("/api/v1/strategies", |s| s["items"][0]["activation"]["author"] == "file").await;
    assert_eq!(first["refused"], Value::Null);
    let path = format!("strategies/{name}/activate");
    for (named, yaml, status, part) in [
        (name.as_str(), STRATEGY.to_owned(), 409, version(STRATEGY)),
        (name.as_str(), gap("4000"), 400, "scan.gap_pct_min".to_owned()),
        (name.as_str(), "name: [".to_owned(), 400, "strategy.yaml".to_owned()),
        ("other", gap("5.0"), 400, "other".to_owned()),
    ] {
        let body = json!({ "strategy_yaml": yaml, "reason": "better" }).to_string();
        let answer = suite.command(&format!("strategies/{named}/activate"), &body).send().await.unwrap();
        let detail = problem(answer, status).await;
        assert!(detail.contains(&part), "{detail}");
    }
    let body = json!({ "strategy_yaml": gap("5.0"), "reason": "better" }).to_string();
    let mut ids = Vec::new();
    for _ in 0..2 {
        let answer = suite.command(&path, &body).header("idempotency-key", "once").send().await.unwrap();
        assert_eq!(answer.status(), 202);
        ids.push(answer.json::<Value>().await.unwrap()["id"].clone());
        in_force(&suite, &version(&gap("5.0"))).await;
    }
    assert_eq!(ids[0], ids[1]);
    let other = json!({ "strategy_yaml": gap("6.0"), "reason": "better" }).to_string();
    let reused = suite.command(&path, &other).header("idempotency-key", "once").send().await.unwrap();
    problem(reused, 409).await;
    let versions = suite.json("/api/v1/strategies/versions").await;
    let newest = &versions["items"][0];
    assert_eq!(versions["items"].as_array().unwrap().len(), 2);
    assert_eq!((&newest["id"], &newest["author"], &newest["file"]), (&ids[0], &json!("local"), &Value::Null));
    assert_eq!(
        (&newest["previous"], &newest["changes"][0]["key"]),
        (&json!(version(STRATEGY)), &json!("scan.gap_pct_min"))
    );
    let whole = suite.json(&format!("/api/v1/strategies/versions/{}", version(STRATEGY))).await;
    assert_eq!(whole["strategy_yaml"], STRATEGY);
    suite.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_into_the_file_is_activated_and_what_is_wrong_there_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path();
    write(config, STRATEGY);
    let suite = Suite::with_folder(config).await;
    in_force(&suite, &version(STRATEGY)).await;
    // A word more is no other version.
    write(config, &format!("# tried on paper\n{STRATEGY}"));
    write(config, &gap("5.0"));
    let edited = in_force(&suite, &version(&gap("5.0"))).await;
    assert_eq!(edited["activation"]["author"], "file");
    assert_eq!(edited["activation"]["previous"], version(STRATEGY));

    write(config, &gap("4000"));
    let refused =
        suite.wait_for("/api/v1/strategies", |s| s["items"][0]["refused"].is_string()).await["items"][0].clone();
    let line = STRATEGY.lines().position(|line| line.contains("gap_pct_min: 4.0 ")).unwrap() + 1;
    let why = refused["refused"].as_str().unwrap();
    assert!(why.contains(&format!("strategy.yaml:{line}: `scan.gap_pct_min` is 4000")), "{why}");
    assert_eq!(refused["version"], version(&gap("5.0")));

    // As Kubernetes does it: the name leads through a link, which is exchanged.
    for (number, text) in [gap("6.0"), gap("7.0")].iter().enumerate() {
        let data = config.join(format!("..data_{number}"));
        std::fs::create_dir(&data).unwrap();
        std::fs::write(data.join("strategy.yaml"), text).unwrap();
        std::os::unix::fs::symlink(&data, config.join("..data_tmp")).unwrap();
        std::fs::rename(config.join("..data_tmp"), config.join("..data")).unwrap();
        if number == 0 {
            std::fs::remove_file(config.join("strategy.yaml")).unwrap();
            std::os::unix::fs::symlink("..data/strategy.yaml", config.join("strategy.yaml")).unwrap();
        }
        assert_eq!(in_force(&suite, &version(text)).await["refused"], Value::Null);
    }
    let versions = suite.json("/api/v1/strategies/versions").await;
    assert_eq!(versions["items"].as_array().unwrap().len(), 4, "{versions:#}");
    suite.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restart_what_was_activated_stays_unless_the_file_was_edited_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path();
    write(config, STRATEGY);
    let suite = Suite::with_folder(config).await;
    in_force(&suite, &version(STRATEGY)).await;
    suite.wait_for("/api/v1/strategies", |s| s["items"][0]["activation"].is_object()).await;
    let name = suite.loaded.strategy().unwrap().name;
    let body = json!({ "strategy_yaml": gap("5.0"), "reason": "urgent" }).to_string();
    let answer = suite.command(&format!("strategies/{name}/activate"), &body).send().await.unwrap();
    assert_eq!(answer.status(), 202);
    in_force(&suite, &version(&gap("5.0"))).await;

    // The file is as it was: the command's version holds.
    let server = Arc::clone(&suite.server);
    suite.stop().await;
    let again = Suite::on(Arc::clone(&server), config).await;
    in_force(&again, &version(&gap("5.0"))).await;
    tokio::time::sleep(std::time::Duration::from_millis(900)).await;
    in_force(&again, &version(&gap("5.0"))).await;
    again.stop().await;
    // One that is refused does not keep it from starting.
    write(config, &gap("4000"));
    let again = Suite::on(Arc::clone(&server), config).await;
    again.wait_for("/api/v1/strategies", |s| s["items"][0]["refused"].is_string()).await;
    in_force(&again, &version(&gap("5.0"))).await;
    again.stop().await;
    write(config, &gap("6.0"));
    let again = Suite::on(server, config).await;
    let edited = in_force(&again, &version(&gap("6.0"))).await;
    assert_eq!(edited["activation"]["reason"], "the file was edited while the suite was down");
    again.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_refused_stops_the_first_start() {
    let server = NatsServer::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &gap("4000"));
    let sources = Sources::built_in().folder(folder.path()).set("bus.url", server.url());
    let sources = sources.set("data_dir", folder.path().to_str().unwrap()).set("api.listen", "127.0.0.1:0");
    let loaded = sources.load().unwrap();
    let error = chassis::start::<CoordinatorApi>(&loaded, CancellationToken::new()).await.unwrap_err();
    assert!(chassis::logs::chain(&error).contains("scan.gap_pct_min"), "{}", chassis::logs::chain(&error));
}
