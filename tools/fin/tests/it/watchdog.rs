//! `fin watchdog` beside a real bus, a simulated broker and the executor.

use std::process::Stdio;
use std::time::Duration;

use bus::{Bus, BusConfig, Fold, FoldSpec, Item, Kind};
use chassis::{CancellationToken, Sources};
use domain::event::Event;
use domain::execution::Leg;
use domain::risk::PlanApproved;
use domain::{ClientOrderId, PlanId, Price, StreamName, UnixNanos};
use executor::Executor;
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{NatsServer, build};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(50);

struct World {
    nats: NatsServer,
    bus: Bus,
    broker: Broker,
    folder: TempDir,
    executor: Option<tokio::task::JoinHandle<()>>,
}

/// The simulated broker, by its own books.
struct Broker {
    sim: vendor_sim::Running,
    http: reqwest::Client,
}

impl Broker {
    /// Its market stands still at `start`, New York time on 2026-11-24.
    async fn at(start: &str) -> Self {
        chassis::tls::install_provider();
        let start = start.parse().unwrap();
        let options = vendor_sim::Options {
            seed: 11,
            symbols: 40,
            date: Some(build::session().date()),
            start,
            warmup_seconds: 0.5,
            pause_at: vec![start],
            no_wait: true,
            ..vendor_sim::Options::new()
        };
        let broker = Self { sim: vendor_sim::start(options).await.unwrap(), http: reqwest::Client::new() };
        broker.until("the pause", async || broker.sim("clock").await["paused"] == true).await;
        broker
    }

    async fn run_market(&self, speed: f64) {
        let url = format!("http://{}/sim/v1/clock", self.sim.addr);
        self.http.post(url).json(&json!({"paused": false, "speed": speed})).send().await.unwrap();
    }

    async fn sim(&self, path: &str) -> Value {
        self.http.get(format!("http://{}/sim/v1/{path}", self.sim.addr)).send().await.unwrap().json().await.unwrap()
    }

    async fn get(&self, path: &str) -> Value {
        let request = self.http.get(format!("http://{}/alpaca/v2/{path}", self.sim.addr));
        let request = request.header("apca-api-key-id", "sim").header("apca-api-secret-key", "sim");
        request.send().await.unwrap().json().await.unwrap()
    }

    async fn order(&self, body: Value) {
        let request = self.http.post(format!("http://{}/alpaca/v2/orders", self.sim.addr)).json(&body);
        let request = request.header("apca-api-key-id", "sim").header("apca-api-secret-key", "sim");
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }

    /// Calls of `method` that it has taken, by the client order id or path.
    async fn calls(&self, method: &str) -> Vec<String> {
        let log = self.sim("orders").await;
        let taken = log["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|call| call["method"] == method && call["status"].as_u64().is_some_and(|status| status < 300));
        let name = |call: &Value| call["client_order_id"].as_str().or(call["path"].as_str()).unwrap().to_owned();
        taken.map(name).collect()
    }

    /// Accepted orders whose client order id has `leg` in it.
    async fn accepted(&self, leg: &str) -> usize {
        self.calls("POST").await.iter().filter(|id| id.contains(leg)).count()
    }

    /// Shares held of each symbol, short negative.
    async fn held(&self) -> Vec<(String, i64)> {
        let positions = self.get("positions").await;
        let shares = |p: &Value| p["qty"].as_str().unwrap().parse().unwrap();
        positions.as_array().unwrap().iter().map(|p| (p["symbol"].as_str().unwrap().to_owned(), shares(p))).collect()
    }

    /// Orders that are alive, attached ones counted one by one.
    async fn open_orders(&self) -> usize {
        self.get("orders?status=open").await.as_array().unwrap().len()
    }

    /// The symbols that trade most after now, most first, with their last prices.
    async fn busiest(&self) -> Vec<(String, Price)> {
        let now = self.sim("clock").await["now"].as_str().unwrap().parse::<UnixNanos>().unwrap().nanos();
        let url = format!("http://{}/sim/v1/session/trades.csv", self.sim.addr);
        let trades = self.http.get(url).send().await.unwrap().text().await.unwrap();
        let mut symbols = std::collections::HashMap::<&str, (u64, Option<Price>)>::new();
        for row in trades.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>()) {
            let entry = symbols.entry(row[1]).or_default();
            if row[0].parse::<i64>().unwrap() > now {
                entry.0 += row[3].parse::<u64>().unwrap().min(200);
            } else {
                entry.1 = Some(row[2].parse().unwrap());
            }
        }
        let mut list: Vec<_> =
            symbols.into_iter().filter_map(|(s, (n, last))| Some((n, s.to_owned(), last?))).collect();
        list.sort_by_key(|(shares, _, _)| std::cmp::Reverse(*shares));
        list.into_iter().map(|(_, symbol, last)| (symbol, last)).collect()
    }

    async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let waited = timeout(PATIENCE, async {
            while !holds().await {
                sleep(LOOK).await;
            }
        });
        assert!(waited.await.is_ok(), "no {what}; calls: {:#}", self.sim("orders").await);
    }
}

impl World {
    async fn at(start: &str) -> Self {
        let broker = Broker::at(start).await;
        let nats = NatsServer::start().await.unwrap();
        let bus = Bus::connect(&BusConfig { url: nats.url(), ..BusConfig::default() }, "test").await.unwrap();
        bus::topology::ensure(&bus, &bus::topology::Sizes::default()).await.unwrap();
        Self { nats, bus, broker, folder: tempfile::tempdir().unwrap(), executor: None }
    }

    fn start_executor(&mut self) {
        self.start_executor_at(0);
    }

    /// The same with its health listener on `port`.
    fn start_executor_at(&mut self, port: u16) {
        let at = self.broker.sim.addr;
        let sources = Sources::built_in()
            .set("health.listen", format!("127.0.0.1:{port}"))
            .set("bus.url", self.nats.url())
            .set("instance", "first")
            .set("vendors.alpaca.rest_url", format!("http://{at}/alpaca"))
            .set("vendors.alpaca.stream_url", format!("ws://{at}/alpaca/stream"))
            .set("executor.clock_poll_ms", 100)
            .set("executor.routine_calls_max", 0)
            .set("executor.call_timeout_ms", 1_000)
            .set("executor.backfill_poll_ms", 1_000);
        let loaded = sources.load().unwrap();
        self.executor = Some(tokio::spawn(async move {
            chassis::start::<Executor>(&loaded, CancellationToken::new()).await.unwrap();
        }));
    }

    /// Ends the executor without a word.
    async fn kill_executor(&mut self) {
        let executor = self.executor.take().unwrap();
        executor.abort();
        let _ = executor.await;
    }

    fn watchdog(&self, silence_ms: u64, grace_ms: u64) -> Child {
        watchdog(&self.broker, (&self.nats.url(), ""), &self.folder, (silence_ms, grace_ms))
    }

    /// Approves `quantity` shares of `symbol`, with a trigger so many basis points of `last` away.
    async fn approve(&self, (symbol, last): &(String, Price), quantity: u64, trigger_bps: i64) -> PlanId {
        let part = |bps: i64| last.scaled(bps, 10_000, "test").unwrap().ceil_to_tick();
        let session = domain::calendar::session(build::session()).unwrap();
        let mut approval: PlanApproved = build::plan_approved(symbol);
        let plan = &mut approval.plan;
        (plan.entry.trigger, plan.entry.limit) = (part(10_000 + trigger_bps), part(10_300 + trigger_bps));
        plan.stop_distance = part(2_000);
        plan.valid_until = session.close.plus_seconds(-900);
        plan.exit_by = session.close.plus_seconds(-120);
        plan.targets = Vec::new();
        approval.quantity = quantity;
        let id = plan.plan_id.clone();
        let meta = build::meta(&["test", id.as_str()], "risk-engine");
        self.bus.publisher().create(&approval.into(), &meta).await.unwrap();
        id
    }

    /// The first event that `wanted` picks of those that `spec` reads.
    async fn event<T>(&self, spec: FoldSpec, what: &str, wanted: impl Fn(&Event) -> Option<T>) -> T {
        let mut fold = Fold::open(&self.bus, spec).unwrap();
        let found = timeout(PATIENCE, async {
            loop {
                if let Item::Event(folded) = fold.next().await.unwrap()
                    && let Some(found) = wanted(&folded.event)
                {
                    return found;
                }
            }
        });
        found.await.unwrap_or_else(|_| panic!("no {what}; the watchdog said: {}", said(&self.folder)))
    }

    async fn raised(&self, code: &str) {
        let wanted = |event: &Event| match event {
            Event::ErrorRaised(error) => (error.code == code && error.service == "watchdog").then_some(()),
            _ => None,
        };
        self.event(FoldSpec::kinds(&[Kind::ErrorRaised]), code, wanted).await;
    }

    async fn closed(&self, plan: &PlanId) {
        let wanted = |event: &Event| match event {
            Event::PlanClosed(closed) => (closed.plan_id == *plan).then_some(()),
            _ => None,
        };
        self.event(FoldSpec::stream(StreamName::Order), "PlanClosed", wanted).await;
    }
}

/// The watchdog as a process with keys of its own; its log goes to a file.
fn watchdog(
    broker: &Broker,
    (bus, executor): (&str, &str),
    folder: &TempDir,
    (silence_ms, grace_ms): (u64, u64),
) -> Child {
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("key"), "sim-watchdog").unwrap();
    let log = std::fs::OpenOptions::new().create(true).append(true).open(path("log")).unwrap();
    let at = broker.sim.addr;
    let pairs = [
        ("DATA_DIR", path("data")),
        ("BUS__URL", bus.to_owned()),
        ("WATCHDOG__EXECUTOR_URL", executor.to_owned()),
        ("VENDORS__ALPACA__REST_URL", format!("http://{at}/alpaca")),
        ("WATCHDOG__KEY_FILE", path("key")),
        ("WATCHDOG__SECRET_FILE", path("key")),
        ("WATCHDOG__SILENCE_MS", silence_ms.to_string()),
        ("WATCHDOG__GRACE_MS", grace_ms.to_string()),
        ("WATCHDOG__POLL_MS", "200".to_owned()),
    ];
    let environment = pairs.into_iter().map(|(key, value)| (format!("FIN__{key}"), value));
    let mut command = Command::new(env!("CARGO_BIN_EXE_fin"));
    command.arg("watchdog").envs(environment).stdin(Stdio::null()).stderr(log).kill_on_drop(true);
    command.spawn().unwrap()
}

fn said(folder: &TempDir) -> String {
    std::fs::read_to_string(folder.path().join("log")).unwrap_or_default()
}

/// Bought and sold shares of `symbol` by the broker's fills.
async fn turned_over(broker: &Broker, symbol: &str) -> (i64, i64) {
    let fills = broker.sim("fills").await;
    let of = |side: &str| {
        let mine = fills["items"].as_array().unwrap().iter().filter(|f| f["symbol"] == symbol && f["side"] == side);
        mine.map(|f| f["qty"].as_i64().unwrap_or_else(|| f["qty"].as_str().unwrap().parse().unwrap())).sum()
    };
    (of("buy"), of("sell"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_executor_leaves_no_entries_and_then_no_position_and_nothing_is_doubled_when_it_returns() {
    let mut world = World::at("09:36:00").await;
    let symbols = world.broker.busiest().await;
    world.start_executor();
    let begun = world.approve(&symbols[0], 40, -50).await;
    let waiting = world.approve(&symbols[1], 10, 4_000).await;
    let broker = &world.broker;
    broker
        .order(json!({
            "symbol": symbols[2].0, "qty": "5", "side": "buy", "type": "market", "time_in_force": "day",
            "client_order_id": "by-hand",
        }))
        .await;
    broker.run_market(10.0).await;
    broker.until("position", async || broker.held().await.contains(&(symbols[0].0.clone(), 40))).await;
    broker
        .until("stop, and entry with its own", async || {
            broker.open_orders().await == 3 && broker.held().await.len() == 2
        })
        .await;
    let mut watchdog = world.watchdog(3_000, 5_000);
    sleep(Duration::from_secs(4)).await;
    assert_eq!(broker.calls("DELETE").await, [""; 0], "the executor is at work");

    world.kill_executor().await;
    let broker = &world.broker;
    broker.until("cancelled entry", async || broker.calls("DELETE").await.len() == 1).await;
    assert_eq!(broker.held().await.len(), 2, "the stop protects the position meanwhile");
    assert_eq!(broker.open_orders().await, 1);
    let flat = async || broker.held().await == [(symbols[2].0.clone(), 5)] && broker.open_orders().await == 0;
    broker.until("flat account", flat).await;
    for code in ["executor_silent", "closing_everything", "account_flat", "foreign_position"] {
        world.raised(code).await;
    }

    world.start_executor();
    world.closed(&begun).await;
    world.closed(&waiting).await;
    world.raised("executor_back").await;
    sleep(Duration::from_secs(2)).await;
    let broker = &world.broker;
    assert_eq!(broker.held().await, [(symbols[2].0.clone(), 5)]);
    assert_eq!((broker.accepted("-E").await, broker.accepted("-X").await), (2, 1));
    assert_eq!(turned_over(broker, &symbols[0].0).await, (40, 40));
    assert!(watchdog.try_wait().unwrap().is_none(), "{}", said(&world.folder));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_executor_that_comes_back_in_time_is_left_alone() {
    let mut world = World::at("09:36:00").await;
    let symbols = world.broker.busiest().await;
    world.start_executor();
    world.approve(&symbols[0], 10, 4_000).await;
    let broker = &world.broker;
    broker.run_market(1.0).await;
    broker.until("entry with its stop", async || broker.open_orders().await == 2).await;
    let mut watchdog = world.watchdog(9_000, 5_000);
    for _ in 0..2 {
        sleep(Duration::from_secs(2)).await;
        world.kill_executor().await;
        world.start_executor();
        // The lease of the killed one lapses, and its calls are waited for.
        sleep(Duration::from_secs(6)).await;
    }
    sleep(Duration::from_secs(4)).await;
    let broker = &world.broker;
    assert_eq!((broker.calls("DELETE").await.len(), broker.open_orders().await), (0, 2), "{}", said(&world.folder));
    assert!(watchdog.try_wait().unwrap().is_none());
    assert!(!said(&world.folder).contains("silent for"), "{}", said(&world.folder));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bus_that_only_the_watchdog_has_lost_is_bridged_by_asking_directly() {
    let mut world = World::at("09:36:00").await;
    let symbols = world.broker.busiest().await;
    let port = testkit::free_port();
    world.start_executor_at(port);
    world.approve(&symbols[0], 10, 4_000).await;
    let broker = &world.broker;
    broker.run_market(1.0).await;
    broker.until("entry with its stop", async || broker.open_orders().await == 2).await;
    let nowhere = format!("nats://127.0.0.1:{}", testkit::free_port());
    let direct = format!("http://127.0.0.1:{port}");
    let _watchdog = watchdog(broker, (&nowhere, &direct), &world.folder, (4_000, 5_000));
    sleep(Duration::from_secs(8)).await;
    assert_eq!(broker.calls("DELETE").await, [""; 0], "{}", said(&world.folder));
    world.kill_executor().await;
    let broker = &world.broker;
    broker.until("cancelled entry", async || broker.open_orders().await == 0).await;
}

/// An order of the agent's: a market buy with its stop.
fn entry(symbol: &str, last: Price) -> Value {
    let id = ClientOrderId::new(&build::plan(symbol).plan_id, Leg::Entry, 1);
    let stop = last.scaled(8_000, 10_000, "test").unwrap().floor_to_tick();
    json!({
        "symbol": symbol, "qty": "30", "side": "buy", "type": "market", "time_in_force": "day", "order_class": "oto",
        "client_order_id": id.as_str(), "stop_loss": { "stop_price": stop.to_string() },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_bus_and_killed_half_way_it_still_ends_flat() {
    let broker = Broker::at("09:36:00").await;
    let (symbol, last) = broker.busiest().await.swap_remove(0);
    broker.order(entry(&symbol, last)).await;
    broker.run_market(10.0).await;
    broker.until("position", async || broker.held().await == [(symbol.clone(), 30)]).await;
    let folder = tempfile::tempdir().unwrap();
    let nowhere = format!("nats://127.0.0.1:{}", testkit::free_port());
    let mut first = watchdog(&broker, (&nowhere, ""), &folder, (3_000, 1_000));
    broker.until("cancelled stop", async || !broker.calls("DELETE").await.is_empty()).await;
    first.kill().await.unwrap();
    let _second = watchdog(&broker, (&nowhere, ""), &folder, (3_000, 1_000));
    broker.until("flat account", async || broker.held().await.is_empty() && broker.open_orders().await == 0).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(turned_over(&broker, &symbol).await, (30, 30), "{}", said(&folder));
    assert_eq!(broker.accepted("-X").await, 1);
    assert!(said(&folder).contains("closing_everything"));
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_market_hours_it_only_waits() {
    let broker = Broker::at("08:00:00").await;
    let (symbol, last) = broker.busiest().await.swap_remove(0);
    broker.order(entry(&symbol, last)).await;
    let folder = tempfile::tempdir().unwrap();
    let nowhere = format!("nats://127.0.0.1:{}", testkit::free_port());
    let _watchdog = watchdog(&broker, (&nowhere, ""), &folder, (3_000, 1_000));
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(8) {
        assert_eq!(broker.calls("DELETE").await, [""; 0]);
        sleep(LOOK).await;
    }
    assert!(!said(&folder).contains("silent for"), "{}", said(&folder));
}
