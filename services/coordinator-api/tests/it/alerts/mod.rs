//! Alerts reach their targets once, whatever the targets do.

mod mail;
mod receiver;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use coordinator_api::alerts::{self, Alerts};
use domain::Event;
use domain::control::{Authorship, TradingStateChanged};
use domain::execution::{DeadlineClock, DeadlineReached, DeadlineStep};
use domain::ops::Severity;
use domain::risk::TradingState;
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{NatsServer, build};

use crate::day;
use crate::support::Suite;
use mail::{MailServer, Protection, certificate};
use receiver::{Answer, Receiver};

const SECRET: &str = "T0K-secret-4711";

/// A folder of configuration with these targets; files with a secret lie beside it.
fn folder(alerts: &Value) -> TempDir {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("default.yaml"), json!({ "alerts": alerts }).to_string()).unwrap();
    folder
}

fn file(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn webhook(receiver: &Receiver, name: &str) -> Value {
    json!({ "name": name, "kind": "webhook", "url": format!("{}/{name}", receiver.base) })
}

fn error(code: &str, severity: Severity) -> Event {
    let mut error = build::error_raised("executor", code);
    error.severity = severity;
    error.into()
}

async fn publish(suite: &Suite, id: &str, event: &Event) {
    suite.bus.publisher().publish(event, &build::meta(&["alert", id], "executor")).await.unwrap();
}

fn target<'a>(status: &'a Value, name: &str) -> &'a Value {
    status["alerts"]["targets"].as_array().unwrap().iter().find(|t| t["name"] == name).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_kind_gets_what_it_asked_for_and_a_restart_sends_nothing_again() {
    let (receiver, mails) = (Receiver::start().await, MailServer::start(Protection::None).await);
    let secrets = TempDir::new().unwrap();
    let hook = |name: &str| file(secrets.path(), name, &format!("{}/{name}/{SECRET}\n", receiver.base));
    let key = file(secrets.path(), "key", "Jefe");
    let token = file(secrets.path(), "token", SECRET);
    let url = format!("{}/web", receiver.base);
    let folder = folder(&json!({ "public_url": "https://desk.example", "targets": [
        { "name": "web", "kind": "webhook", "url": url, "secret_file": key },
        { "name": "slack", "kind": "slack", "url_file": hook("slack"), "events": ["errors"] },
        { "name": "discord", "kind": "discord", "url_file": hook("discord"), "events": ["trading_state"] },
        { "name": "phone", "kind": "telegram", "token_file": token, "chat_id": "42", "api_url": receiver.base,
          "events": ["fills"] },
        { "name": "mail", "kind": "email", "host": "127.0.0.1", "port": mails.port, "security": "none",
          "from": "fin <fin@desk.example>", "to": ["ann@desk.example"], "events": ["errors"] },
    ] }));
    let server = Arc::new(NatsServer::start().await.unwrap());
    let suite = Suite::on(Arc::clone(&server), folder.path()).await;
    publish(&suite, "warn", &error("slow", Severity::Warning)).await;
    publish(&suite, "crit", &error("uncovered", Severity::Critical)).await;
    publish(&suite, "fill", &build::fill("GME").into()).await;
    let by = Authorship {
        author: "ann".into(),
        reason: "lunch <b>".into(),
        requested_at: build::session().at_hm(12, 0),
        request_id: "r1".into(),
    };
    publish(&suite, "state", &TradingStateChanged { state: TradingState::Halt, by }.into()).await;

    let web = receiver.wait("/web", 3).await;
    let titles: Vec<_> = web.iter().map(|t| t.json()["title"].as_str().unwrap().to_owned()).collect();
    for wanted in [
        "executor: something a person should see",
        "GME: bought 40 at $25.52 (entry)",
        "trading state set to halt by ann",
    ] {
        assert!(titles.iter().any(|title| title == wanted), "{wanted} is not in {titles:?}");
    }
    for taken in &web {
        let signed = taken.headers["x-fin-signature-256"].to_str().unwrap();
        assert!(signed.len() == 71 && signed.starts_with("sha256="), "{signed}");
        assert_eq!(taken.headers["x-fin-id"].to_str().unwrap(), taken.json()["id"]);
    }
    let fill = web.iter().map(receiver::Taken::json).find(|body| body["topic"] == "fills").unwrap();
    assert_eq!((&fill["symbol"], &fill["mode"]), (&json!("GME"), &json!("SIM")));
    assert_eq!(fill["at_exchange"], "2026-11-24 09:36:00 ET");
    assert!(fill["link"].as_str().unwrap().starts_with("https://desk.example/#/plans/"), "{fill}");
    let slack = receiver.wait(&format!("/slack/{SECRET}"), 1).await[0].json()["text"].as_str().unwrap().to_owned();
    assert!(
        slack.starts_with("CRITICAL executor: something") && slack.contains("\nDo: Look at the position"),
        "{slack}"
    );
    let discord = receiver.wait(&format!("/discord/{SECRET}"), 1).await[0].json();
    assert!(discord["content"].as_str().unwrap().contains("Reason: lunch <b>"), "{discord}");
    let telegram = receiver.wait(&format!("/bot{SECRET}/sendMessage"), 1).await[0].json();
    assert_eq!(telegram["chat_id"], "42");
    let mail = mails.wait(1).await[0].clone();
    assert!(mail.contains("Subject: [SIM] CRITICAL: executor: something"), "{mail}");
    assert!(mail.contains("To: ann@desk.example") && mail.contains("Do: Look at the position"), "{mail}");

    let status = suite
        .wait_for("/api/v1/status", |s| target(s, "web")["delivered"] == 3 && target(s, "mail")["delivered"] == 1)
        .await;
    assert_eq!((&target(&status, "web")["state"], &status["alerts"]["sending"]), (&json!("delivered"), &json!(true)));
    suite.stop().await;

    let again = Suite::on(server, folder.path()).await;
    publish(&again, "later", &error("oversold", Severity::Critical)).await;
    let web = receiver.wait("/web", 4).await;
    assert_eq!((web.len(), &web[3].json()["code"]), (4, &json!("oversold")));
    assert_eq!(receiver.wait(&format!("/slack/{SECRET}"), 2).await.len(), 2);
    assert_eq!(receiver.at(&format!("/discord/{SECRET}")).len(), 1);
    again.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_fails_is_asked_again_as_it_says_and_holds_nobody_up() {
    let receiver = Receiver::start().await;
    receiver.answer("/web", &[Answer::Status(500, None, "x"), Answer::Status(429, Some("2"), "slow down")]);
    let gone = format!("/gone/{SECRET}");
    // Many servers repeat the path that they do not know.
    receiver.answer(&gone, &[Answer::Status(404, None, "Cannot POST /gone/T0K-secret-4711")]);
    receiver.answer("/mute", &vec![Answer::Late(Duration::from_secs(30)); 9]);
    let secrets = TempDir::new().unwrap();
    let dead = file(secrets.path(), "dead", &format!("http://127.0.0.1:{}/{SECRET}", testkit::free_port()));
    let gone_file = file(secrets.path(), "gone", &format!("{}{gone}", receiver.base));
    let mut well = webhook(&receiver, "well");
    well["severity_min"] = json!("warning");
    let folder = folder(&json!({ "give_up_s": 6, "timeout_ms": 500, "targets": [
        { "name": "dead", "kind": "slack", "url_file": dead }, { "name": "gone", "kind": "slack", "url_file": gone_file },
        webhook(&receiver, "mute"), webhook(&receiver, "web"), well,
    ] }));
    let mut suite = Suite::with_folder(folder.path()).await;
    suite.record();
    let begun = Instant::now();
    publish(&suite, "1", &error("uncovered", Severity::Critical)).await;
    receiver.wait("/well", 1).await;
    assert!(begun.elapsed() < Duration::from_secs(3), "held up for {:?}", begun.elapsed());
    receiver.wait("/web", 1).await;
    assert!(begun.elapsed() > Duration::from_secs(3), "Retry-After was not kept: {:?}", begun.elapsed());
    let over = |s: &Value| ["dead", "mute", "gone"].iter().all(|name| target(s, name)["state"] == "given_up");
    let status = suite.wait_for("/api/v1/status", over).await;
    assert_eq!(target(&status, "gone")["detail"], "HTTP 404 Not Found: Cannot POST ***");
    let errors = suite.wait_for("/api/v1/errors", |e| e["items"].as_array().unwrap().len() == 4).await;
    let undelivered: Vec<_> =
        errors["items"].as_array().unwrap().iter().filter(|e| e["code"] == "alert_undelivered").collect();
    assert_eq!(undelivered.len(), 3);
    assert!(undelivered.iter().all(|e| e["severity"] == "warning"), "{errors}");
    for text in [status.to_string(), errors.to_string()] {
        assert!(!text.contains(SECRET), "the secret is told: {text}");
    }
    // Those errors are no alerts, and what was given up does not come again.
    publish(&suite, "2", &error("oversold", Severity::Critical)).await;
    assert_eq!(receiver.wait("/well", 2).await.len(), 2);
    suite.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_delivered_before_a_restart_comes_after_it_and_one_of_two_replicas_sends() {
    let receiver = Receiver::start().await;
    receiver.answer("/web", &vec![Answer::Status(503, None, ""); 2]);
    let folder = folder(&json!({ "targets": [webhook(&receiver, "web")] }));
    let server = Arc::new(NatsServer::start().await.unwrap());
    let first = Suite::on(Arc::clone(&server), folder.path()).await;
    publish(&first, "1", &error("uncovered", Severity::Critical)).await;
    first.wait_for("/api/v1/status", |s| target(s, "web")["state"] == "retrying").await;
    first.stop().await;
    assert!(receiver.at("/web").is_empty());

    let one = Suite::on(Arc::clone(&server), folder.path()).await;
    let other = Suite::replica(server, folder.path(), "other").await;
    one.wait_for("/api/v1/status", |s| s["alerts"]["sending"] == true).await;
    receiver.wait("/web", 1).await;
    publish(&one, "2", &error("oversold", Severity::Critical)).await;
    receiver.wait("/web", 2).await;
    assert_eq!(other.json("/api/v1/status").await["alerts"]["sending"], false);
    one.stop().await;
    // The other one goes on where it was.
    publish(&other, "3", &error("late_fill", Severity::Critical)).await;
    let codes: Vec<_> = receiver.wait("/web", 3).await.iter().map(|t| t.json()["code"].clone()).collect();
    assert_eq!(codes, ["uncovered", "oversold", "late_fill"]);
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_the_close_people_are_told_what_the_day_came_to() {
    let receiver = Receiver::start().await;
    let mut web = webhook(&receiver, "web");
    web["events"] = json!(["day_summary"]);
    let folder = folder(&json!({ "targets": [web] }));
    let mut suite = Suite::with_folder(folder.path()).await;
    suite.record();
    suite.play_day().await;
    let verified = DeadlineReached {
        session_date: build::session(),
        step: DeadlineStep::Verify,
        by: DeadlineClock::Broker,
        at: build::session().at_hm(16, 1),
    };
    suite.publish(day::events().len(), &[verified.into()]).await;
    let body = receiver.wait("/web", 1).await[0].json();
    assert_eq!(body["title"], "2026-11-24: -11.00 USD (-0.01%)");
    let text = body["text"].as_str().unwrap();
    assert!(text.contains("1 trades closed, 0 won: -1.10 R, -11.00 USD after 0.00 USD of fees."), "{text}");
    assert!(text.contains("GME -1.10 R (stop loss)"), "{text}");
    suite.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_and_password_travel_over_tls_or_not_at_all() {
    let (folder, acceptor) = certificate();
    let (_, stranger) = certificate();
    let protections = [
        Protection::Starttls(acceptor.clone()),
        Protection::Tls(acceptor.clone()),
        Protection::None,
        Protection::Tls(stranger),
        Protection::Starttls(acceptor),
    ];
    let names = ["starttls", "tls", "plain", "stranger", "refused"];
    let ca = folder.path().join("ca.crt");
    let mut servers = Vec::new();
    let mut targets = Vec::new();
    for (name, protection) in names.into_iter().zip(protections) {
        let server = MailServer::start(protection).await;
        let password = file(folder.path(), name, if name == "refused" { "wrong" } else { SECRET });
        targets.push(json!({
            "name": name, "kind": "email", "host": "localhost", "port": server.port, "ca_file": ca, "user": "ann",
            "security": if matches!(name, "tls" | "stranger") { "tls" } else { "starttls" },
            "password_file": password, "from": "fin@desk.example", "to": ["ann@desk.example", "bob@desk.example"],
        }));
        servers.push(server);
    }
    let alerts: Alerts = serde_json::from_value(json!({ "timeout_ms": 3_000, "targets": targets })).unwrap();
    assert_eq!(alerts.check(), []);
    let tested = alerts::test(&alerts, None, "PAPER", build::session().at_hm(8, 0)).await.unwrap();
    let delivered: Vec<_> = tested.iter().map(|t| (t.target.as_str(), t.delivered)).collect();
    assert_eq!(
        delivered,
        [("starttls", true), ("tls", true), ("plain", false), ("stranger", false), ("refused", false)],
        "{tested:?}"
    );
    assert!(tested[4].answer.contains("who are you"), "{tested:?}");
    for server in &servers[..2] {
        assert_eq!(server.logins(), [format!("\0ann\0{SECRET}")]);
        assert!(server.mails()[0].contains("Subject: [PAPER] INFO: test message to "), "{:?}", server.mails());
    }
    for server in &servers[2..4] {
        assert_eq!((server.logins().len(), server.mails().len()), (0, 0));
    }
}
