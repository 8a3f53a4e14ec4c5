//! `fin doctor` against a real bus, simulated vendors and a store.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::{ConnectOptions as _, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use testkit::NatsServer;

const SECRET: &str = "sim-secret-7f3a91";

/// A site where everything is well.
struct Site {
    nats: NatsServer,
    sim: vendor_sim::Running,
    folder: TempDir,
    environment: Vec<(String, String)>,
}

impl Site {
    async fn new() -> Self {
        chassis::tls::install_provider();
        let nats = NatsServer::start().await.unwrap();
        let options = vendor_sim::Options { symbols: 40, ..vendor_sim::Options::new() };
        let sim = vendor_sim::start(options).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        std::fs::write(&secret, SECRET).unwrap();
        let base = format!("http://{}", sim.addr);
        let secret = secret.display().to_string();
        let pairs = [
            ("DATA_DIR", folder.path().display().to_string()),
            ("BUS__URL", nats.url()),
            ("BUS__ENSURE_TOPOLOGY", "false".to_owned()),
            ("VENDORS__FINNHUB__REST_URL", format!("{base}/finnhub")),
            ("VENDORS__FINNHUB__TOKEN_FILE", secret.clone()),
            ("VENDORS__YAHOO__REST_URL", format!("{base}/yahoo")),
            ("VENDORS__ALPHAVANTAGE__REST_URL", format!("{base}/alphavantage")),
            ("VENDORS__ALPHAVANTAGE__KEY_FILE", secret.clone()),
            ("VENDORS__ALPACA__REST_URL", format!("{base}/alpaca")),
            ("VENDORS__ALPACA__DATA_URL", format!("{base}/alpaca")),
            ("VENDORS__ALPACA__KEY_FILE", secret.clone()),
            ("VENDORS__ALPACA__SECRET_FILE", secret),
        ];
        let environment = pairs.into_iter().map(|(key, value)| (format!("FIN__{key}"), value)).collect();
        let site = Self { nats, sim, folder, environment };
        // The simulator's own is market time.
        site.fault(json!({ "on": "GET /v2/clock", "body": {}, "count": 1_000 })).await;
        let applied = site.fin(&["topology", "apply"]).await;
        assert_eq!(applied.status.code(), Some(0));
        site
    }

    fn set(&mut self, key: &str, value: impl Into<String>) {
        self.environment.push((format!("FIN__{key}"), value.into()));
    }

    fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The broker's clock shows what the machine's will show in so many seconds, at the next look.
    async fn broker_shows(&self, ahead_s: i64) {
        let faults = format!("http://{}/sim/v1/faults", self.sim.addr);
        reqwest::Client::new().delete(faults).send().await.unwrap();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let shown = chrono::DateTime::from_timestamp(now as i64 + ahead_s, 0).unwrap();
        self.fault(json!({ "on": "GET /v2/clock", "body": { "timestamp": shown.to_rfc3339() } })).await;
    }

    async fn fault(&self, fault: Value) {
        let url = format!("http://{}/sim/v1/faults", self.sim.addr);
        assert!(reqwest::Client::new().post(url).json(&fault).send().await.unwrap().status().is_success());
    }

    async fn fin(&self, arguments: &[&str]) -> std::process::Output {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_fin"));
        command.args(arguments).envs(self.environment.iter().cloned()).stdin(Stdio::null());
        command.output().await.unwrap()
    }

    /// The exit code and the report, which never holds the secret.
    async fn doctor(&self) -> (i32, Value) {
        let output = self.fin(&["doctor", "--profile", "paper", "--json"]).await;
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(!text.contains(SECRET), "{text}");
        assert!(!String::from_utf8_lossy(&output.stderr).contains(SECRET));
        let report: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        (output.status.code().unwrap(), report)
    }

    /// Expects the check `name` to end in `status` with these words, and the exit code that belongs to it.
    async fn expect(&self, name: &str, status: &str, detail: &str, fix: &str) {
        let (code, report) = self.doctor().await;
        let found = report["checks"].as_array().unwrap().iter().find(|check| check["name"] == name);
        let found = found.unwrap_or_else(|| panic!("no {name}: {report:#}"));
        assert_eq!(found["status"], status, "{report:#}");
        assert!(found["detail"].as_str().unwrap().contains(detail), "{found:#}");
        assert!(found["fix"].as_str().unwrap().contains(fix), "{found:#}");
        let fails = report["checks"].as_array().unwrap().iter().any(|check| check["status"] == "fail");
        assert_eq!((code, &report["ok"]), (if fails { 7 } else { 0 }, &json!(!fails)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_without_faults_passes_every_check() {
    let site = Site::new().await;
    let (code, report) = site.doctor().await;
    assert_eq!((code, &report["ok"]), (0, &json!(true)), "{report:#}");
    let checks: Vec<_> = report["checks"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
    let expected = [
        "configuration",
        "finnhub",
        "alpaca",
        "account",
        "alpaca_data",
        "yahoo",
        "alphavantage",
        "calendar",
        "clock",
        "limits",
        "disk",
        "bus",
        "streams",
        "store",
    ];
    assert_eq!(checks, expected);
    for check in report["checks"].as_array().unwrap().iter().filter(|check| check["name"] != "disk") {
        assert_eq!((&check["status"], &check["fix"]), (&json!("ok"), &json!("")), "{check:#}");
    }
    let text = site.fin(&["doctor", "--profile", "paper"]).await.stdout;
    assert!(String::from_utf8(text).unwrap().starts_with("ok    configuration"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_missing_or_repeated_key_is_told_without_showing_it() {
    let mut site = Site::new().await;
    let words = format!("We have detected your API key as {SECRET}: 25 requests per day");
    site.fault(json!({ "on": "GET /alphavantage", "body": { "Information": words } })).await;
    site.expect("alphavantage", "warn", "API key as ***", "wait until tomorrow").await;
    let wrong = site.file("wrong", "not-one-of-theirs").display().to_string();
    site.set("VENDORS__ALPACA__SECRET_FILE", &wrong);
    site.expect("alpaca", "fail", "HTTP 401", "vendors.alpaca.key_file").await;
    site.expect("account", "fail", "not looked at", "make the broker answer").await;
    site.set("VENDORS__FINNHUB__TOKEN_FILE", wrong);
    site.expect("finnhub", "fail", "the key is refused", "vendors.finnhub.token_file").await;
    site.set("VENDORS__FINNHUB__TOKEN_FILE", "/nowhere/token");
    site.expect("finnhub", "fail", "/nowhere/token, which cannot be read", "a file of its own").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_vendor_does_not_hold_up_the_others() {
    let site = Site::new().await;
    site.fault(json!({ "on": "GET /finnhub/api", "delay_ms": 30_000 })).await;
    let begun = Instant::now();
    site.expect("finnhub", "fail", "no answer within 5 s", "let this machine reach 127.0.0.1").await;
    assert!(begun.elapsed() < Duration::from_secs(12), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn account_clock_and_calendar_are_held_against_the_broker() {
    let mut site = Site::new().await;
    site.set("EXECUTOR__ACCOUNT_NUMBER", "PA123");
    site.expect("account", "fail", "opens account SIM000007, configured is PA123", "executor.account_number").await;
    site.broker_shows(3_600).await;
    site.expect("clock", "fail", "disagree", "run it again").await;
    site.fault(json!({ "on": "GET /v2/calendar", "body": [] })).await;
    site.expect("calendar", "fail", "broker closed", "exchange's own page").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bus_that_is_away_or_bare_is_told() {
    let mut site = Site::new().await;
    let bare = NatsServer::start().await.unwrap();
    site.set("BUS__URL", bare.url());
    site.expect("streams", "fail", "missing: MARKET, SCAN", "fin topology apply").await;
    site.set("BUS__ENSURE_TOPOLOGY", "true");
    site.expect("streams", "warn", "a starting service mends it", "fin topology apply").await;
    drop(bare);
    site.expect("bus", "fail", "no bus at nats://", "docker compose up nats").await;
    let guarded = NatsServer::start_with("authorization { users = [ { user: a, password: b } ] }").await.unwrap();
    site.set("BUS__URL", guarded.url());
    site.expect("bus", "fail", "refused the login", "bus.password_file").await;
    assert!(site.nats.pid().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_monitor_of_the_bus_tells_how_it_syncs() {
    let mut site = Site::new().await;
    let port = testkit::free_port();
    let lazy = NatsServer::start_with(&format!("http: \"127.0.0.1:{port}\"")).await.unwrap();
    site.set("BUS__URL", lazy.url());
    let monitor = format!("http://127.0.0.1:{port}");
    let output = site.fin(&["doctor", "--profile", "paper", "--bus-monitor", &monitor]).await;
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("every write is synced"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_locked_foreign_or_newer_is_told() {
    let site = Site::new().await;
    let path = site.folder.path().join("store.db");
    let url = recorder::store::StoreUrl::sqlite(&path);
    recorder::store::Store::open(&url).await.unwrap().close().await.unwrap();
    site.expect("store", "ok", "tables of version 1", "").await;
    let mut other = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    site.expect("store", "fail", "locked for 3 s", "a second recorder").await;
    sqlx::raw_sql("INSERT INTO _sqlx_migrations VALUES (99, 'later', CURRENT_TIMESTAMP, TRUE, x'00', 0); COMMIT")
        .execute(&mut other)
        .await
        .unwrap();
    site.expect("store", "fail", "version 99", "the newer program").await;
    drop(other);
    std::fs::write(&path, "no database at all, but long enough to be taken for the header of one: ".repeat(20))
        .unwrap();
    site.expect("store", "fail", "cannot be read as a store", "move the file away").await;
}
