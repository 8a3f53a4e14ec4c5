//! A real nats-server, a real simulated broker, and the executor as `main` starts it.

use std::time::Duration;

use bus::{Bus, BusConfig, Fold, FoldSpec, Item, Kind, Publisher};
use chassis::{CancellationToken, Loaded, Sources};
use domain::event::Event;
use domain::ops::ErrorRaised;
use domain::plan::Target;
use domain::risk::PlanApproved;
use domain::{Price, StreamName, UnixNanos};
use executor::Executor;
use serde_json::{Value, json};
use testkit::{NatsServer, build};
use tokio::task::JoinHandle;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(40);

pub(crate) struct World {
    pub(crate) sim: vendor_sim::Running,
    nats: NatsServer,
    http: reqwest::Client,
    bus: Bus,
    publisher: Publisher,
    order: Fold,
    seen: Vec<Event>,
    running: Option<Replica>,
    standing_by: Option<Replica>,
    settings: Vec<(&'static str, i64)>,
}

type Replica = (JoinHandle<Result<(), chassis::RunError>>, CancellationToken);

impl World {
    /// The market stands still at `start`, New York time on 2026-11-24; the executor is not running yet.
    pub(crate) async fn at(start: &str) -> Self {
        chassis::tls::install_provider();
        let nats = NatsServer::start().await.unwrap();
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
        let sim = vendor_sim::start(options).await.unwrap();
        let bus = Bus::connect(&BusConfig { url: nats.url(), ..BusConfig::default() }, "test").await.unwrap();
        bus::topology::ensure(&bus, &bus::topology::Sizes::default()).await.unwrap();
        let order = Fold::open(&bus, FoldSpec::stream(StreamName::Order)).unwrap();
        let world = Self {
            sim,
            nats,
            http: reqwest::Client::new(),
            publisher: bus.publisher(),
            bus,
            order,
            seen: Vec::new(),
            running: None,
            standing_by: None,
            settings: Vec::new(),
        };
        while world.clock().await["paused"] != true {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        world
    }

    pub(crate) fn start(&mut self) {
        self.running = Some(self.replica("first"));
    }

    /// Another executor of the same account; after [`Self::kill`] or [`Self::stop`] of the first it is the running one.
    pub(crate) fn start_another(&mut self) {
        self.standing_by = Some(self.replica("second"));
    }

    fn replica(&self, instance: &str) -> Replica {
        let loaded = self.loaded(instance);
        let stop = CancellationToken::new();
        let shutdown = stop.clone();
        (tokio::spawn(async move { chassis::start::<Executor>(&loaded, shutdown).await }), stop)
    }

    /// Ends the executor without a word, as a kill does.
    pub(crate) async fn kill(&mut self) {
        let (task, _) = self.running.take().unwrap();
        task.abort();
        let _ = task.await;
        self.running = self.standing_by.take();
    }

    pub(crate) async fn stop(&mut self) {
        let (task, stop) = self.running.take().unwrap();
        stop.cancel();
        task.await.unwrap().unwrap();
        self.running = self.standing_by.take();
    }

    /// Sets a number of the configuration, from the next start on.
    pub(crate) fn set(&mut self, key: &'static str, value: i64) {
        self.settings.push((key, value));
    }

    fn loaded(&self, instance: &str) -> Loaded {
        let at = self.sim.addr;
        let sources = Sources::built_in()
            .set("bus.url", self.nats.url())
            .set("instance", instance)
            .set("vendors.alpaca.rest_url", format!("http://{at}/alpaca"))
            .set("vendors.alpaca.stream_url", format!("ws://{at}/alpaca/stream"))
            .set("executor.clock_poll_ms", 100)
            .set("executor.routine_calls_max", 0)
            .set("executor.backfill_poll_ms", 1_000);
        self.settings.iter().fold(sources, |sources, (key, value)| sources.set(key, *value)).load().unwrap()
    }

    /// The symbol that trades most after now, and its last price.
    pub(crate) async fn busiest(&self) -> (String, Price) {
        let now = self.clock().await["now"].as_str().unwrap().parse::<domain::UnixNanos>().unwrap().nanos();
        let trades = self.http.get(self.sim_url("session/trades.csv")).send().await.unwrap().text().await.unwrap();
        let rows = trades.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
        let mut shares = std::collections::HashMap::<String, (u64, Option<Price>)>::new();
        for row in rows {
            let entry = shares.entry(row[1].to_owned()).or_default();
            if row[0].parse::<i64>().unwrap() > now {
                entry.0 += row[3].parse::<u64>().unwrap().min(200);
            } else if row[4].is_empty() {
                entry.1 = Some(row[2].parse().unwrap());
            }
        }
        let (symbol, (_, last)) = shares.into_iter().max_by_key(|(_, (count, _))| *count).unwrap();
        (symbol, last.unwrap())
    }

    /// An approval of `quantity` shares whose entry is marketable at once, with stop and target so many basis points
    /// of the price away.
    pub(crate) async fn approval(&self, quantity: u64, stop_bps: i64, target_bps: Option<i64>) -> PlanApproved {
        let (symbol, last) = self.busiest().await;
        let part = |bps: i64| last.scaled(bps, 10_000, "test").unwrap().ceil_to_tick();
        let mut approval = build::plan_approved(&symbol);
        let plan = &mut approval.plan;
        plan.entry.trigger = part(9_950);
        plan.entry.limit = part(10_300);
        plan.stop_distance = part(stop_bps);
        let session = domain::calendar::session(build::session()).unwrap();
        plan.valid_until = session.close.plus_seconds(-900);
        plan.exit_by = session.close.plus_seconds(-120);
        plan.targets = target_bps.map(|bps| Target { distance: part(bps), fraction_bps: 10_000 }).into_iter().collect();
        approval.quantity = quantity;
        approval
    }

    /// Shares held, and shares under working stops, by the broker.
    pub(crate) async fn cover(&self) -> (u64, u64) {
        let shares = |value: &Value| value.as_str().unwrap().trim_start_matches('-').parse::<u64>().unwrap();
        // Not by the calls that a scenario spoils.
        let book = self.get("book").await;
        let held = book["positions"].as_array().unwrap().iter().map(|p| shares(&p["qty"])).sum();
        let orders = book["orders"].as_array().unwrap();
        let stops = orders.iter().filter(|o| o["type"] == "stop" && o["status"] != "held");
        (held, stops.map(|o| shares(&o["qty"]) - shares(&o["filled_qty"])).sum())
    }

    /// Orders that the broker has accepted, by its own log, whose id has `leg` in it.
    pub(crate) async fn accepted(&self, leg: &str) -> Vec<String> {
        let log = self.get("orders").await;
        let calls =
            log["items"].as_array().unwrap().iter().filter(|call| call["method"] == "POST" && call["status"] == 200);
        let ids = calls.filter_map(|call| call["client_order_id"].as_str()).filter(|id| id.contains(leg));
        ids.map(str::to_owned).collect()
    }

    /// Puts batch `batch_no` with one print of `symbol` at `at` on MARKET, and market time with it.
    pub(crate) async fn print(&self, batch_no: u64, symbol: &str, price: Price, at: UnixNanos) {
        let mut batch = build::trade_batch(0, batch_no, &[(symbol, 1)]);
        (batch.trades.price[0], batch.trades.ts_event[0]) = (price.nanos(), at.nanos());
        (batch.watermark, batch.ts_recv) = (at, at);
        let meta = build::meta(&["test", &batch_no.to_string()], "ingest-gateway");
        self.publisher.publish(&batch.into(), &meta).await.unwrap();
    }

    pub(crate) async fn publish(&self, event: impl Into<Event>, id: &str) {
        self.publisher.create(&event.into(), &build::meta(&["test", id], "risk-engine")).await.unwrap();
    }

    /// Waits for an event on ORDER that `wanted` picks; what came before it is kept in [`Self::seen`].
    pub(crate) async fn until<T>(&mut self, what: &str, wanted: impl Fn(&Event) -> Option<T>) -> T {
        if let Some(found) = self.seen.iter().find_map(&wanted) {
            return found;
        }
        let waited = timeout(PATIENCE, async {
            loop {
                if let Item::Event(folded) = self.order.next().await.unwrap() {
                    let found = wanted(&folded.event);
                    self.seen.push(folded.event);
                    if let Some(found) = found {
                        return found;
                    }
                }
            }
        })
        .await;
        waited.unwrap_or_else(|_| {
            let seen: Vec<_> = self.seen.iter().filter(|e| e.name() != "AccountObserved").collect();
            panic!("no {what}; seen: {seen:#?}")
        })
    }

    /// The first error of this code.
    pub(crate) async fn raised(&self, code: &str) -> ErrorRaised {
        let mut errors = Fold::open(&self.bus, FoldSpec::kinds(&[Kind::ErrorRaised])).unwrap();
        let found = timeout(PATIENCE, async {
            loop {
                if let Item::Event(folded) = errors.next().await.unwrap()
                    && let Event::ErrorRaised(error) = folded.event
                    && error.code == code
                {
                    return error;
                }
            }
        });
        found.await.unwrap_or_else(|_| panic!("no {code}"))
    }

    /// Everything that is on ORDER by now, whatever of it has been waited for.
    pub(crate) async fn stored(&self) -> Vec<Event> {
        let mut order = Fold::open(&self.bus, FoldSpec::stream(StreamName::Order)).unwrap();
        let mut events = Vec::new();
        loop {
            match timeout(PATIENCE, order.next()).await.unwrap().unwrap() {
                Item::Event(folded) => events.push(folded.event),
                Item::CaughtUp => return events,
                Item::Poison(poison) => panic!("undecodable event: {}", poison.reason),
            }
        }
    }

    /// Host and port of the bus.
    pub(crate) fn bus_address(&self) -> String {
        self.nats.url().trim_start_matches("nats://").to_owned()
    }

    pub(crate) fn seen(&self) -> &[Event] {
        &self.seen
    }

    pub(crate) async fn run_market(&self, speed: f64) {
        self.post("clock", json!({"paused": false, "speed": speed})).await;
    }

    /// Lets go wrong what `scenario`, a file of vendor-sim's library, says.
    pub(crate) async fn scenario(&self, scenario: &str) {
        let answer = self.http.post(self.sim_url("faults")).body(scenario.to_owned()).send().await.unwrap();
        let status = answer.status();
        assert!(status.is_success(), "{status}: {}", answer.text().await.unwrap());
    }

    pub(crate) async fn fault(&self, fault: Value) {
        self.post("faults", fault).await;
    }

    /// Takes back the faults that have not happened yet.
    pub(crate) async fn clear_faults(&self) {
        let answer = self.http.delete(self.sim_url("faults")).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
    }

    pub(crate) async fn post(&self, path: &str, body: Value) {
        let answer = self.http.post(self.sim_url(path)).json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    }

    pub(crate) async fn clock(&self) -> Value {
        self.get("clock").await
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.http.get(self.sim_url(path)).send().await.unwrap().json().await.unwrap()
    }

    /// Entry orders that the broker has accepted, by its own log.
    pub(crate) async fn accepted_entries(&self) -> usize {
        self.accepted("-E").await.len()
    }

    pub(crate) async fn broker(&self, path: &str) -> Value {
        let url = format!("http://{}/alpaca/v2/{path}", self.sim.addr);
        let request = self.http.get(url).header("apca-api-key-id", "sim").header("apca-api-secret-key", "sim");
        request.send().await.unwrap().json().await.unwrap()
    }

    fn sim_url(&self, path: &str) -> String {
        format!("http://{}/sim/v1/{path}", self.sim.addr)
    }
}
