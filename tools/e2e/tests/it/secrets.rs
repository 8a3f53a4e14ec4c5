//! A suite that trades, and fails, with keys that can be recognised leaves none of them behind: not in logs, store,
//! spool, streams, metrics or answers.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use e2e::Suite;
use e2e::http::{self, eventually};
use e2e::suite::{SERVICES, Setup};
use serde_json::json;

/// Keys that the simulator takes, each of which stands nowhere else.
const SECRETS: [(&str, &str); 4] = [
    ("FIN__VENDORS__FINNHUB__TOKEN", "sim-kestrel-finnhub-token"),
    ("FIN__VENDORS__ALPACA__KEY", "sim-kestrel-alpaca-key-id"),
    ("FIN__VENDORS__ALPACA__SECRET", "sim-kestrel-alpaca-secret"),
    ("FIN__VENDORS__ALPHAVANTAGE__KEY", "sim-kestrel-alphavantage-key"),
];
/// As vendors refuse, with our own keys in what they say.
const FAULTS: [&str; 9] = [
    "{on: CONNECT /finnhub, status: 401, text: 'Invalid API key TOKEN'}",
    "{on: CONNECT /finnhub, cut: true}",
    "{on: GET /finnhub/api/v1/stock/profile2, status: 403, count: 3, body: {error: 'no access for token=TOKEN'}}",
    "{on: GET /finnhub/api/v1/company-news, cut: true, count: 2}",
    "{on: GET /alphavantage, count: 3, body: {Error Message: 'the parameter apikey=AV is invalid'}}",
    "{on: GET /alphavantage, count: 3, body: {Information: 'We have detected your API key as AV'}}",
    "{on: GET /v2/stocks, status: 403, count: 3, body: {code: 40310000, message: 'KEY and SECRET are not authorized'}}",
    "{on: GET /v2/account, cut: true, count: 2}",
    "{on: CONNECT /alpaca/stream, status: 401, text: 'KEY SECRET', count: 2}",
];

/// The forms in which a secret may be written.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    // Base64 without what depends on the bytes around it.
    let inner = |skip: usize| base64(&secret.as_bytes()[skip..][..(secret.len() - skip) / 3 * 3]);
    let hex = secret.bytes().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    let reversed = [secret.to_owned(), secret.to_lowercase(), secret.to_uppercase(), hex];
    reversed.into_iter().chain((0..3).map(inner)).map(String::into_bytes).collect()
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let letters = |three: &[u8]| {
        let bits = three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        [18, 12, 6, 0].map(|shift| char::from(LETTERS[(bits >> shift & 63) as usize]))
    };
    bytes.chunks_exact(3).flat_map(letters).collect()
}

/// Where `text` holds a secret.
fn search(place: &str, text: &[u8], found: &mut Vec<String>) {
    for (name, secret) in SECRETS {
        for form in forms(secret) {
            if let Some(at) = text.windows(form.len()).position(|window| window == form) {
                let around = &text[at.saturating_sub(80)..(at + form.len() + 20).min(text.len())];
                found.push(format!("{name} in {place}: …{}…", around.escape_ascii()));
            }
        }
    }
}

/// Searches every file below `folder`; gives how many there were and their bytes.
fn search_files(folder: &Path, found: &mut Vec<String>) -> anyhow::Result<(usize, usize)> {
    let (mut files, mut bytes) = (0, 0);
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            let below = search_files(&path, found)?;
            (files, bytes) = (files + below.0, bytes + below.1);
        } else if let Ok(content) = std::fs::read(&path) {
            search(&path.display().to_string(), &content, found);
            (files, bytes) = (files + 1, bytes + content.len());
        }
    }
    Ok((files, bytes))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_key_is_left_in_anything_that_a_run_leaves_behind() -> anyhow::Result<()> {
    let sim = ["--seed", "13", "--date", "2026-11-24", "--symbols", "60", "--speed", "120", "--start", "09:34:00"];
    let rest = ["--warmup-seconds", "5"];
    let levels = [("FIN__LOG__LEVEL", "debug")];
    let settings: Vec<_> = SECRETS.iter().copied().chain(levels).collect();
    let mut suite = Suite::prepare(Setup::new(&[sim.as_slice(), rest.as_slice()].concat(), &settings)).await?;
    for fault in FAULTS {
        let named = [("TOKEN", 0), ("KEY", 1), ("SECRET", 2), ("AV", 3)];
        let fault = named.iter().fold(fault.to_owned(), |text, (name, at)| text.replace(name, SECRETS[*at].1));
        http::text_of_post(&suite.sim_url("/faults"), fault).await?;
    }
    let mut doors = Vec::new();
    for service in SERVICES {
        let door = format!("127.0.0.1:{}", testkit::free_port());
        suite.set(service, "FIN__HEALTH__LISTEN", door.clone());
        doors.push(door);
    }
    suite.start_services().await?;
    eventually("something is filled", Duration::from_secs(120), || async {
        Ok((!suite.items("/api/v1/fills").await?.is_empty()).then_some(()))
    })
    .await?;
    suite.kill_and_restart("executor").await?;
    suite.sim_post("/clock", &json!({"paused": true})).await?;

    let mut found = Vec::new();
    let lists =
        ["candidates", "plans", "decisions", "orders", "fills", "positions", "errors", "news", "audit", "dead-letters"];
    let mut answers = 0;
    for path in lists.map(|list| format!("/api/v1/{list}?limit=500")) {
        let answer = suite.api(&path).await?.to_string();
        search(&path, answer.as_bytes(), &mut found);
        answers += answer.len();
    }
    for path in ["/api/v1/status", "/api/v1/account", "/api/v1/strategies", "/api/openapi.json"] {
        search(path, suite.api(path).await?.to_string().as_bytes(), &mut found);
    }
    for (service, door) in SERVICES.iter().zip(&doors) {
        for path in ["metrics", "readyz"] {
            let url = format!("http://{door}/{path}");
            search(&format!("{service} /{path}"), http::text(&url).await?.as_bytes(), &mut found);
        }
    }
    let errors = suite.items("/api/v1/errors").await?;
    ensure!(errors.iter().any(|error| error["code"] == "source_failed"), "no vendor has failed: {errors:?}");
    // Everything ends before its files are read, so that nothing is still to be written.
    SERVICES.iter().for_each(|service| suite.kill9(service));
    let logs = search_files(suite.folder(), &mut found)?;
    let nats = suite.nats().folder().to_owned();
    let streams = search_files(&nats, &mut found)?;
    println!("searched: {answers} bytes of lists, {logs:?} files and bytes of the suite, {streams:?} of the bus");
    ensure!(logs.0 > 8 && logs.1 > 100_000 && streams.1 > 100_000, "too little to search: {logs:?} {streams:?}");
    ensure!(found.is_empty(), "{found:#?}");
    Ok(())
}

#[test]
fn a_secret_is_found_in_each_of_its_forms() {
    let (_, secret) = SECRETS[2];
    for text in [
        format!("?token={secret}&"),
        secret.to_uppercase(),
        format!("x{}", base64(format!("ab:{secret}..").as_bytes())),
    ] {
        let mut found = Vec::new();
        search("a place", text.as_bytes(), &mut found);
        assert!(!found.is_empty(), "{text}");
    }
    let mut found = Vec::new();
    search("a place", b"Credentials(..)", &mut found);
    assert!(found.is_empty(), "{found:?}");
}
