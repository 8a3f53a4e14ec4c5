//! The whole suite as separate processes on a real bus, against a simulated market.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use bus::topology::{self, Sizes};
use bus::{Bus, BusConfig, permissions, signature};
use serde_json::{Value, json};
use testkit::NatsServer;

use crate::http::{self, eventually};
use crate::process::{Process, program};
use crate::session::Outcome;

/// The services in the order in which data moves.
pub const SERVICES: [&str; 7] =
    ["recorder", "coordinator-api", "executor", "risk-engine", "planner", "gap-scanner", "ingest-gateway"];

/// The session that tests play.
pub const DATE: &str = "2026-11-24";

/// A service that is asked to end does so within this time.
const ENDS_WITHIN: Duration = Duration::from_secs(15);
/// A service that is started again is ready within this time.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// What was decided is in the store within this time.
const STORED_WITHIN: Duration = Duration::from_secs(10);

/// The risk engine's key; no other process is told where it lies.
const SEED: &str = "risk.seed";

/// How a suite is set up.
#[derive(Debug, Clone)]
pub struct Setup {
    /// vendor-sim's arguments.
    pub sim: Vec<String>,
    /// Goes into every service's environment.
    pub settings: Vec<(String, String)>,
    /// Folder of the services' programs; where cargo put them if not given. The simulator is always cargo's.
    pub programs: Option<PathBuf>,
    /// Servers of the bus.
    pub nodes: u16,
}

impl Setup {
    /// One server of the bus, programs as cargo built them.
    pub fn new(sim: &[&str], settings: &[(&str, &str)]) -> Self {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        Self {
            sim: sim.iter().map(ToString::to_string).collect(),
            settings: settings.iter().map(owned).collect(),
            programs: None,
            nodes: 1,
        }
    }

    /// A made session of [`DATE`] with 60 symbols that begins a minute before its trade round, at 600 times the speed, and
    /// stands still at each of `stops`.
    pub fn morning(seed: &str, stops: &str, settings: &[(&str, &str)]) -> Self {
        let market = ["--seed", seed, "--date", DATE, "--symbols", "60", "--speed", "600", "--start", "09:34:00"];
        Self::new(&[&market[..], &["--warmup-seconds", "5", "--pause-at", stops]].concat(), settings)
    }

    fn program(&self, name: &str) -> anyhow::Result<PathBuf> {
        self.programs.as_ref().map_or_else(|| program(name), |folder| Ok(folder.join(name)))
    }
}

/// A running suite. Everything ends, and every file goes, when it is dropped.
pub struct Suite {
    services: BTreeMap<String, Process>,
    own: BTreeMap<String, Vec<(String, String)>>,
    _sim_process: Process,
    sim: Value,
    nodes: Vec<NatsServer>,
    environment: Vec<(String, String)>,
    api: String,
    setup: Setup,
    folder: tempfile::TempDir,
}

impl Suite {
    /// Starts everything; `sim` are vendor-sim's arguments, `settings` go into every service's environment.
    pub async fn start(sim: &[&str], settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        Self::run(Setup::new(sim, settings)).await
    }

    /// Starts everything that `setup` says.
    pub async fn run(setup: Setup) -> anyhow::Result<Self> {
        let mut suite = Self::prepare(setup).await?;
        suite.start_services().await?;
        Ok(suite)
    }

    /// Starts the bus and the simulated market, but no service yet.
    pub async fn prepare(setup: Setup) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("fin-suite-").tempdir()?;
        let users = permissions::server_config(|user| format!("{user:?}"));
        let nodes = if setup.nodes == 1 {
            vec![NatsServer::start_with(&users).await.context("nats-server")?]
        } else {
            NatsServer::start_cluster(setup.nodes, &users).await.context("nats-server")?
        };
        let (seed, public_key) = signature::new_key()?;
        std::fs::write(folder.path().join(SEED), seed)?;
        let administrator = connect_to(&nodes, folder.path(), permissions::ADMIN).await?;
        let sizes = Sizes { replicas: nodes.len() as u8, ..administrator.config().sizes };
        eventually("the topology stands", Duration::from_secs(30), || async {
            Ok(Some(topology::ensure(&administrator, &sizes).await?))
        })
        .await?;
        let arguments: Vec<String> =
            ["--listen", "127.0.0.1:0"].iter().map(ToString::to_string).chain(setup.sim.iter().cloned()).collect();
        let (sim_process, line) = Process::start_and_read_line(&program("vendor-sim")?, &arguments, folder.path())?;
        let sim: Value = serde_json::from_str(&line).context("vendor-sim's first line")?;
        let port = testkit::free_port();
        let api = format!("http://127.0.0.1:{port}");
        let mut environment = vec![
            ("FIN__PROFILE".to_owned(), "dev".to_owned()),
            ("FIN__BUS__URL".to_owned(), urls(&nodes)),
            ("FIN__BUS__ENSURE_TOPOLOGY".to_owned(), "false".to_owned()),
            ("FIN__BUS__RISK_PUBLIC_KEY".to_owned(), public_key),
            ("FIN__DATA_DIR".to_owned(), folder.path().display().to_string()),
            ("FIN__HEALTH__LISTEN".to_owned(), "127.0.0.1:0".to_owned()),
            ("FIN__API__LISTEN".to_owned(), format!("127.0.0.1:{port}")),
        ];
        environment.extend(vendor_addresses(&sim));
        environment.extend(setup.settings.iter().cloned());
        Ok(Self {
            services: BTreeMap::new(),
            own: BTreeMap::new(),
            _sim_process: sim_process,
            sim,
            nodes,
            environment,
            api,
            setup,
            folder,
        })
    }

    /// Starts every service and waits until each says that it is ready.
    pub async fn start_services(&mut self) -> anyhow::Result<()> {
        for service in SERVICES {
            self.start_service(service)?;
        }
        eventually("every service is ready", Duration::from_secs(180), || self.everything_is_ready()).await
    }

    /// Sets `key` in the environment of one replica, from its next start on.
    pub fn set(&mut self, replica: &str, key: &str, value: impl Into<String>) {
        let own = self.own.entry(replica.to_owned()).or_default();
        own.retain(|(known, _)| known != key);
        own.push((key.to_owned(), value.into()));
    }

    /// Takes `key` out of it again.
    pub fn unset(&mut self, replica: &str, key: &str) {
        if let Some(own) = self.own.get_mut(replica) {
            own.retain(|(known, _)| known != key);
        }
    }

    /// Starts one service (again).
    pub fn start_service(&mut self, service: &'static str) -> anyhow::Result<()> {
        let program = self.program(service)?;
        self.start_replica(service, service, &program)
    }

    /// Where the program of `service` is.
    pub fn program(&self, service: &str) -> anyhow::Result<PathBuf> {
        self.setup.program(service)
    }

    /// Starts `program` as `replica` of `service`, in place of what ran under that name.
    pub fn start_replica(&mut self, service: &str, replica: &str, program: &Path) -> anyhow::Result<()> {
        let password = password_file(self.folder.path(), service)?;
        let mut environment = self.environment.clone();
        environment.push(("FIN__INSTANCE".to_owned(), replica.to_owned()));
        environment.push(("FIN__BUS__USER".to_owned(), service.to_owned()));
        environment.push(("FIN__BUS__PASSWORD_FILE".to_owned(), password.display().to_string()));
        if service == "risk-engine" {
            let seed = self.folder.path().join(SEED).display().to_string();
            environment.push(("FIN__BUS__SIGNING_SEED_FILE".to_owned(), seed));
        }
        environment.extend(self.own.get(replica).into_iter().flatten().cloned());
        self.kill9(replica);
        let process = Process::start(program, replica, &environment, self.folder.path())?;
        self.services.insert(replica.to_owned(), process);
        Ok(())
    }

    /// Kills one service as a power cut would.
    pub fn kill9(&mut self, service: &str) {
        if let Some(mut process) = self.services.remove(service) {
            process.kill9();
        }
    }

    /// Kills a service, starts it again and waits until it says by itself that it is ready.
    pub async fn kill_and_restart(&mut self, service: &'static str) -> anyhow::Result<()> {
        let before = self.seen_at(service).await?;
        self.kill9(service);
        self.start_service(service)?;
        self.ready_again(service, &before).await
    }

    /// Asks a service to end, which it has to do by itself and in time, starts `program` in its place and waits until that
    /// says that it is ready.
    pub async fn replace(&mut self, service: &'static str, program: &Path) -> anyhow::Result<()> {
        let before = self.seen_at(service).await?;
        let process = self.service(service).with_context(|| format!("{service} does not run"))?;
        let ended = process.terminate(ENDS_WITHIN);
        anyhow::ensure!(ended == Some(0), "{service} did not end by itself: {ended:?}");
        self.start_replica(service, service, program)?;
        self.ready_again(service, &before).await
    }

    /// When the API last heard from `service`. Of itself it only says that it answers.
    async fn seen_at(&self, service: &str) -> anyhow::Result<Value> {
        if service == "coordinator-api" {
            return Ok(Value::Null);
        }
        Ok(self.last_report(service).await?["seen_at"].clone())
    }

    async fn ready_again(&self, service: &str, before: &Value) -> anyhow::Result<()> {
        eventually(&format!("{service} is ready again"), READY_WITHIN, || async move {
            let now = self.last_report(service).await?;
            let ready = now["state"] == "ready" && (before.is_null() || now["seen_at"] != *before);
            anyhow::ensure!(ready, "{now}");
            self.everything_is_ready().await
        })
        .await
    }

    /// What the API last heard from a service.
    pub async fn last_report(&self, service: &str) -> anyhow::Result<Value> {
        let status = self.api("/api/v1/status").await?;
        let services = status["services"].as_array().cloned().unwrap_or_default();
        Ok(services.into_iter().find(|s| s["name"] == service).unwrap_or_default())
    }

    /// GETs a path of the simulated broker, with its key.
    pub async fn broker(&self, path: &str) -> anyhow::Result<Value> {
        http::get_with_keys(&format!("{}{path}", self.sim["alpaca"].as_str().unwrap_or_default())).await
    }

    /// Makes a changing call at the simulated broker, with its key, as a stranger would.
    pub async fn broker_call(&self, method: &str, path: &str, body: &Value) -> anyhow::Result<Value> {
        http::call_with_keys(method, &format!("{}{path}", self.sim["alpaca"].as_str().unwrap_or_default()), body).await
    }

    /// The running process of a service, by its replica's name.
    pub fn service(&mut self, service: &str) -> Option<&mut Process> {
        self.services.get_mut(service)
    }

    /// Every server of the bus.
    pub fn nodes(&mut self) -> &mut [NatsServer] {
        &mut self.nodes
    }

    /// The first server of the bus.
    pub fn nats(&mut self) -> &mut NatsServer {
        &mut self.nodes[0]
    }

    /// A connection to the bus that may do everything.
    pub async fn bus(&self) -> anyhow::Result<Bus> {
        connect_to(&self.nodes, self.folder.path(), permissions::ADMIN).await
    }

    /// The folder with every log and the store.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// GETs a path of the API.
    pub async fn api(&self, path: &str) -> anyhow::Result<Value> {
        http::get(&format!("{}{path}", self.api)).await
    }

    /// The items of a list of the API, all pages.
    pub async fn items(&self, path: &str) -> anyhow::Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut after = String::new();
        loop {
            let page = self.api(&format!("{path}?limit=500{after}")).await?;
            items.extend(page["items"].as_array().cloned().unwrap_or_default());
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return Ok(items),
            }
        }
    }

    /// Waits until the store, as REST shows it, has every plan, decision and fill of `outcome`, and no other.
    pub async fn has_stored(&self, outcome: &Outcome) -> anyhow::Result<()> {
        let lists = [("plans", &outcome.plans), ("decisions", &outcome.decisions), ("fills", &outcome.fills)];
        for (list, expected) in lists {
            let path = format!("/api/v1/{list}");
            eventually(&format!("{path} has {} rows", expected.len()), STORED_WITHIN, || async {
                let rows = self.items(&path).await?.len();
                anyhow::ensure!(rows == expected.len(), "{rows} rows");
                Ok(Some(()))
            })
            .await?;
        }
        Ok(())
    }

    /// POSTs to a path of the API.
    pub async fn command(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        http::post(&format!("{}{path}", self.api), body).await
    }

    /// The API's base address.
    pub fn api_url(&self) -> &str {
        &self.api
    }

    /// GETs a path below the simulator's control address.
    pub async fn sim(&self, path: &str) -> anyhow::Result<Value> {
        http::get(&self.sim_url(path)).await
    }

    /// GETs text (CSV) below the simulator's control address.
    pub async fn sim_text(&self, path: &str) -> anyhow::Result<String> {
        http::text(&self.sim_url(path)).await
    }

    /// POSTs below the simulator's control address.
    pub async fn sim_post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        http::post(&self.sim_url(path), body).await
    }

    /// Lets the market go on.
    pub async fn resume(&self) -> anyhow::Result<()> {
        self.sim_post("/clock", &json!({"paused": false})).await.map(|_| ())
    }

    /// True when every service says that it is ready.
    pub async fn everything_is_ready(&self) -> anyhow::Result<Option<()>> {
        let status = self.api("/api/v1/status").await?;
        let services = status["services"].as_array().cloned().unwrap_or_default();
        let ready = |name: &str| services.iter().any(|s| s["name"] == name && s["state"] == "ready");
        let missing: Vec<_> = SERVICES.iter().filter(|name| !ready(name)).collect();
        anyhow::ensure!(missing.is_empty(), "not ready: {missing:?}: {}", status["services"]);
        Ok(Some(()))
    }

    /// A path below the simulator's control address.
    pub fn sim_url(&self, path: &str) -> String {
        format!("{}{path}", self.sim["sim"].as_str().unwrap_or_default())
    }
}

/// Every user's password is its name.
fn password_file(folder: &Path, user: &str) -> anyhow::Result<PathBuf> {
    let path = folder.join(format!("{user}.password"));
    std::fs::write(&path, user)?;
    Ok(path)
}

fn urls(nodes: &[NatsServer]) -> String {
    nodes.iter().map(NatsServer::url).collect::<Vec<_>>().join(",")
}

async fn connect_to(nodes: &[NatsServer], folder: &Path, user: &str) -> anyhow::Result<Bus> {
    let password_file = Some(password_file(folder, user)?);
    let config = BusConfig { url: urls(nodes), user: Some(user.to_owned()), password_file, ..BusConfig::default() };
    Ok(Bus::connect(&config, "e2e").await?)
}

fn vendor_addresses(sim: &Value) -> Vec<(String, String)> {
    let of = |key: &str| sim[key].as_str().unwrap_or_default().to_owned();
    let ws = |url: &str| url.replacen("http://", "ws://", 1);
    vec![
        ("FIN__VENDORS__FINNHUB__WS_URL".to_owned(), format!("{}/", ws(&of("finnhub")))),
        ("FIN__VENDORS__FINNHUB__TOKEN".to_owned(), "sim".to_owned()),
        ("FIN__VENDORS__ALPACA__KEY".to_owned(), "sim".to_owned()),
        ("FIN__VENDORS__ALPACA__SECRET".to_owned(), "sim".to_owned()),
        ("FIN__VENDORS__FINNHUB__REST_URL".to_owned(), of("finnhub")),
        ("FIN__VENDORS__YAHOO__REST_URL".to_owned(), of("yahoo")),
        ("FIN__VENDORS__ALPHAVANTAGE__REST_URL".to_owned(), of("alphavantage")),
        ("FIN__VENDORS__ALPACA__REST_URL".to_owned(), of("alpaca")),
        ("FIN__VENDORS__ALPACA__STREAM_URL".to_owned(), format!("{}/stream", ws(&of("alpaca")))),
        ("FIN__VENDORS__ALPACA__DATA_STREAM_URL".to_owned(), format!("{}/v2", ws(&of("alpaca")))),
        ("FIN__VENDORS__SIM__REST_URL".to_owned(), of("sim")),
    ]
}
