//! The worst day, from before the open to the close, on the whole suite: `tools/vendor-sim/scenarios/fault-day.yaml`,
//! and the executor killed in the middle of it.
//!
//! The market runs at `FIN_FAULT_DAY_SPEED` market seconds a second, and at one while anything held is not under a
//! stop, so that what the suite may take for it is measured in real seconds.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use domain::{SessionDate, UnixNanos};
use e2e::Suite;
use e2e::http::eventually;
use serde_json::{Value, json};

const DATE: &str = "2026-11-24";
const SCENARIO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../vendor-sim/scenarios/fault-day.yaml");
const WITHIN: Duration = Duration::from_secs(840);

/// Market seconds that an entry may stay partly filled, which at this broker means without its stop; those until an
/// uncovered share is repaired; those after which a cancel that failed is asked for again, which the day makes happen
/// twice; and what it takes to send, to be refused and to send again.
const PARTIAL_FILL_WAIT_S: f64 = 5.0;
const COVER_GRACE_S: f64 = 10.0;
const ASK_AGAIN_S: f64 = 10.0;
const SENDING_S: f64 = 5.0;

/// Since when each symbol has been without cover, and the longest that one was.
#[derive(Default)]
struct Cover {
    bare_since: BTreeMap<String, UnixNanos>,
    longest_s: f64,
    symbols: BTreeSet<String>,
    /// Each time that one was, when it was over.
    spans: Vec<String>,
}

impl Cover {
    /// Takes the broker's books at one instant.
    fn observe(&mut self, book: &Value) -> anyhow::Result<()> {
        let now: UnixNanos = book["now"].as_str().context("now")?.parse()?;
        let mut bare = BTreeMap::new();
        for position in book["positions"].as_array().context("positions")? {
            let symbol = position["symbol"].as_str().context("symbol")?;
            self.symbols.insert(symbol.to_owned());
            let side = if position["side"] == "long" { "sell" } else { "buy" };
            let protects = |order: &&Value| {
                let exits = order["client_order_id"].as_str().is_some_and(|id| id.contains("-X"));
                let stops = order["type"] == "stop" || order["type"] == "stop_limit";
                order["symbol"] == symbol && order["side"] == side && order["status"] != "held" && (stops || exits)
            };
            let orders = book["orders"].as_array().context("orders")?;
            let covered: i64 =
                orders.iter().filter(protects).map(|o| number(&o["qty"]) - number(&o["filled_qty"])).sum();
            if covered < number(&position["qty"]) {
                let since = self.bare_since.get(symbol).copied().unwrap_or(now);
                self.longest_s = self.longest_s.max(now.since(since) as f64 / 1e9);
                bare.insert(symbol.to_owned(), since);
            }
        }
        for (symbol, since) in self.bare_since.iter().filter(|(symbol, _)| !bare.contains_key(*symbol)) {
            self.spans.push(format!("{symbol} {:.1} s from {since}", now.since(*since) as f64 / 1e9));
        }
        self.bare_since = bare;
        Ok(())
    }
}

fn number(value: &Value) -> i64 {
    value.as_str().unwrap_or_default().trim_start_matches('-').parse().unwrap_or_default()
}

/// Plays the day; what was held was covered as `Cover` says.
async fn play(suite: &mut Suite, speed: f64) -> anyhow::Result<Cover> {
    let date: SessionDate = DATE.parse()?;
    let (since, mut cover, mut killed) = (Instant::now(), Cover::default(), false);
    let mut hurries = None;
    loop {
        let book = suite.sim("/book").await?;
        cover.observe(&book)?;
        let now: UnixNanos = book["now"].as_str().context("now")?.parse()?;
        let is_flat = ["positions", "orders"].iter().all(|list| book[list].as_array().is_some_and(Vec::is_empty));
        if now >= date.at_hm(16, 3) && is_flat {
            return Ok(cover);
        }
        ensure!(now < date.at_hm(16, 30), "at {now} the account is not flat: {book}");
        ensure!(since.elapsed() < WITHIN, "the day takes too long; it is {now}: {book}");
        if !killed && now >= date.at_hm(13, 30) {
            let holds = book["positions"].as_array().is_some_and(|positions| !positions.is_empty());
            ensure!(holds, "nothing is held at {now}: the kill would show nothing");
            suite.sim_post("/clock", &json!({"paused": true})).await?;
            suite.kill_and_restart("executor").await?;
            (killed, hurries) = (true, None);
        }
        let may_hurry = cover.bare_since.is_empty();
        if hurries != Some(may_hurry) {
            let wanted = if may_hurry { speed } else { 1.0 };
            suite.sim_post("/clock", &json!({"paused": false, "speed": wanted})).await?;
            hurries = Some(may_hurry);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_day_on_which_everything_goes_wrong_the_account_is_covered_and_flat_by_the_close() -> anyhow::Result<()> {
    let speed = std::env::var("FIN_FAULT_DAY_SPEED").map_or(Ok(90.0), |text| text.parse())?;
    let seed = std::env::var("FIN_FAULT_DAY_SEED").unwrap_or_else(|_| "13".to_owned());
    let sim = ["--seed", &seed, "--date", DATE, "--symbols", "60", "--speed", "60", "--start", "09:30:00"];
    let rest = ["--warmup-seconds", "5", "--pause-at", "09:30:00", "--scenario", SCENARIO];
    let wait = PARTIAL_FILL_WAIT_S.to_string();
    let settings = [
        ("FIN__EXECUTOR__PARTIAL_FILL_WAIT_S", wait.as_str()),
        ("FIN__EXECUTOR__CALL_TIMEOUT_MS", "2000"),
        ("FIN__EXECUTOR__BACKFILL_POLL_MS", "1000"),
    ];
    let mut suite = Suite::start(&[sim.as_slice(), rest.as_slice()].concat(), &settings).await?;
    let cover = play(&mut suite, speed).await?;
    println!("held {:?}; the longest without a stop: {:.1} s of market time", cover.symbols, cover.longest_s);
    println!("without a stop: {:#?}", cover.spans);
    ensure!(cover.symbols.len() > 1, "a day without positions proves nothing");
    let allowed_s = PARTIAL_FILL_WAIT_S + COVER_GRACE_S + 2.0 * ASK_AGAIN_S + SENDING_S;
    ensure!(cover.longest_s <= allowed_s, "{:?} were longer without a stop than {allowed_s} s", cover.spans);
    nothing_is_doubled(&suite).await?;
    fills_are_told(&suite).await?;
    errors_tell_the_story(&suite).await
}

/// The broker has taken each client order id once.
async fn nothing_is_doubled(suite: &Suite) -> anyhow::Result<()> {
    let mut taken = BTreeMap::<String, usize>::new();
    let log = suite.sim("/orders").await?;
    for call in log["items"].as_array().into_iter().flatten() {
        if let ("POST", 200, Some(id)) = (
            call["method"].as_str().unwrap_or_default(),
            call["status"].as_u64().unwrap_or_default(),
            call["client_order_id"].as_str(),
        ) {
            *taken.entry(id.to_owned()).or_default() += 1;
        }
    }
    ensure!(!taken.is_empty() && taken.values().all(|times| *times == 1), "{taken:?}");
    Ok(())
}

/// Every fill of the broker is in the store once.
async fn fills_are_told(suite: &Suite) -> anyhow::Result<()> {
    let broker = suite.sim("/fills").await?;
    let expected = broker["items"].as_array().map_or(0, Vec::len);
    eventually("every fill is stored", Duration::from_secs(20), || async {
        let found = suite.items("/api/v1/fills").await?.len();
        ensure!(found == expected, "{found} of {expected}");
        Ok(Some(()))
    })
    .await
}

/// What went wrong is on the page that people look at, under its name.
async fn errors_tell_the_story(suite: &Suite) -> anyhow::Result<()> {
    let expected = ["updates_lost", "broker_unreachable", "feed_disconnected", "source_failed"];
    let errors = suite.items("/api/v1/errors").await?;
    let codes: BTreeSet<&str> = errors.iter().filter_map(|error| error["code"].as_str()).collect();
    let missing: Vec<_> = expected.iter().filter(|code| !codes.contains(**code)).collect();
    ensure!(missing.is_empty(), "not told: {missing:?}; told: {codes:?}");
    Ok(())
}
