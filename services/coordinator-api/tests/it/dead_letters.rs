//! An operator looks at dead letters and deals with them.

use bus::Consumer;
use bus::topology::EXECUTOR_RISK;
use domain::Event;
use serde_json::Value;
use testkit::build;

use crate::shapes::check;
use crate::support::{Suite, problem};

/// Approvals of these tickers, given up by the executor's durable.
async fn give_up(suite: &Suite, consumer: &mut Consumer, tickers: &[&str]) {
    for ticker in tickers {
        let event = Event::from(build::plan_approved(ticker));
        suite.bus.publisher().publish(&event, &build::meta(&["approved", ticker], "risk-engine")).await.unwrap();
        let delivery = consumer.next().await.unwrap();
        consumer.give_up(delivery, "the broker is on fire").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_letter_is_listed_shown_sent_again_and_discarded() {
    let suite = Suite::start_on("127.0.0.1").await;
    // The market's time: before the entry deadline of the approvals.
    let batch = build::trade_batch(0, 1, &[("GME", 2_540)]).into();
    suite.publish(0, &[batch]).await;
    suite.wait_for("/api/v1/status", |s| s["clock"]["market"].is_string()).await;
    let mut consumer = Consumer::open(&suite.bus, &EXECUTOR_RISK);
    give_up(&suite, &mut consumer, &["GME", "AMC", "TSLA"]).await;

    let page = suite.json("/api/v1/dead-letters?limit=2").await;
    let ids: Vec<&str> = page["items"].as_array().unwrap().iter().map(|l| l["id"].as_str().unwrap()).collect();
    let rest = suite.json(&format!("/api/v1/dead-letters?limit=2&after={}", page["next"].as_str().unwrap())).await;
    assert_eq!((ids.len(), rest["items"].as_array().unwrap().len(), &rest["next"]), (2, 1, &Value::Null));
    let shown = suite.json(&format!("/api/v1/dead-letters/{}", ids[0])).await;
    assert_eq!((&shown["reader"], &shown["reason"]), (&"executor-risk".into(), &"the broker is on fire".into()));
    check(&shown, "WholeLetter", "dead-letters/{id}");
    check(&page["items"][0], "Letter", "dead-letters");
    assert!(shown["event"].as_str().unwrap().starts_with("PlanApproved"), "{shown}");

    let redrive = format!("dead-letters/{}/redrive", ids[0]);
    let sent = suite.command(&redrive, r#"{"reason":"the fire is out"}"#).send().await.unwrap();
    assert_eq!(sent.status(), 202);
    let sent: Value = sent.json().await.unwrap();
    assert_eq!((&sent["goes"], &sent["reader"]), (&"now_to_reader".into(), &"executor-risk".into()));
    let again = consumer.next().await.unwrap();
    assert_eq!(again.event, build::plan_approved("GME").into());
    again.double_ack().await.unwrap();
    let twice = suite.command(&redrive, r#"{"reason":"again"}"#).send().await.unwrap();
    assert!(problem(twice, 409).await.contains("was redriven by local already"));

    let discard = |id: &str| {
        let path = format!("dead-letters/{id}/discard");
        suite.command(&path, r#"{"reason":"too old"}"#).header("idempotency-key", "discard-1")
    };
    let gone = discard(ids[1]).send().await.unwrap();
    assert_eq!(gone.json::<Value>().await.unwrap()["goes"], "away");
    let other = rest["items"][0]["id"].as_str().unwrap();
    assert!(problem(discard(other).send().await.unwrap(), 409).await.contains("another command"));
    assert_eq!(suite.json("/api/v1/dead-letters").await["items"].as_array().unwrap().len(), 1);
    let audit = suite.wait_for("/api/v1/audit", |a| a["items"].as_array().unwrap().len() == 3).await;
    assert_eq!((&audit["items"][1]["type"], &audit["items"][1]["id"]), (&"DeadLetterHandled".into(), &sent["id"]));
    assert_eq!(audit["items"][0]["asked"]["action"], "discarded");

    for nowhere in ["9999", "0", "18446744073709551615", "x"] {
        let redrive = format!("dead-letters/{nowhere}/redrive");
        problem(suite.command(&redrive, r#"{"reason":"x"}"#).send().await.unwrap(), 404).await;
    }
    problem(suite.get("/api/v1/dead-letters/x").send().await.unwrap(), 404).await;
    problem(suite.get("/api/v1/dead-letters?symbol=GME").send().await.unwrap(), 400).await;
    suite.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approval_is_not_sent_again_after_its_entry_deadline() {
    let suite = Suite::start_on("127.0.0.1").await;
    let mut batch = build::trade_batch(0, 1, &[("GME", 2_540)]);
    batch.watermark = build::plan("GME").valid_until;
    suite.publish(0, &[batch.into()]).await;
    suite.wait_for("/api/v1/status", |s| s["clock"]["market"].is_string()).await;
    let mut consumer = Consumer::open(&suite.bus, &EXECUTOR_RISK);
    give_up(&suite, &mut consumer, &["GME"]).await;
    let id = suite.json("/api/v1/dead-letters").await["items"][0]["id"].as_str().unwrap().to_owned();
    let late = suite.command(&format!("dead-letters/{id}/redrive"), r#"{"reason":"x"}"#).send().await.unwrap();
    assert!(problem(late, 409).await.contains("whose entry was to be withdrawn at"));
    assert_eq!(suite.json("/api/v1/dead-letters").await["items"].as_array().unwrap().len(), 1);
    suite.stop().await;
}
