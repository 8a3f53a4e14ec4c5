//! A recorder and an API on a real nats-server.

use std::sync::Arc;
use std::time::Duration;

use bus::Bus;
use bus::tokens::Scope;
use chassis::{CancellationToken, Loaded, RunError, Sources};
use coordinator_api::CoordinatorApi;
use domain::{Event, UnixNanos};
use recorder::Recording;
use reqwest::{Client, RequestBuilder, Response};
use serde_json::Value;
use tempfile::TempDir;
use testkit::{NatsServer, Place};
use tokio::task::JoinHandle;

use crate::day;

pub(crate) struct Suite {
    pub(crate) base: String,
    pub(crate) client: Client,
    pub(crate) loaded: Loaded,
    pub(crate) bus: Bus,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<Result<(), RunError>>>,
    pub(crate) server: Arc<NatsServer>,
    _folder: TempDir,
}

impl Suite {
    /// An API at `ip` with a recorder beside it.
    pub(crate) async fn start_on(ip: &str) -> Self {
        let mut suite = Self::without_recorder(ip).await;
        suite.record();
        suite.wait_for("/api/v1/status", |s| s["clock"]["store"].is_string()).await;
        suite
    }

    /// Starts a recorder beside it.
    pub(crate) fn record(&mut self) {
        let (loaded, stop) = (self.loaded.clone(), self.stop.clone());
        self.tasks.push(tokio::spawn(async move { chassis::start::<Recording>(&loaded, stop).await }));
    }

    /// A token of this scope that the API knows.
    pub(crate) async fn token(&self, name: &str, scope: Scope) -> String {
        let token = bus::tokens::create(&self.bus, name, scope, UnixNanos::new(0)).await.unwrap();
        for _ in 0..100 {
            let answer = self.get("/api/v1/status").bearer_auth(&token).send().await.unwrap();
            if answer.status() == 200 {
                return token;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the API does not know a token after 5 s");
    }

    /// An API whose store does not exist.
    pub(crate) async fn without_recorder(ip: &str) -> Self {
        Self::with_setting(ip, "api.requests_per_second", "3000").await
    }

    /// An API with a recorder beside it whose store is at `place`.
    pub(crate) async fn stored_at(place: &Place) -> Self {
        let mut sources = Sources::built_in().set("recorder.store_url", place.url.clone());
        if let Some(file) = &place.password_file {
            sources = sources.set("recorder.store_password_file", file.to_str().unwrap());
        }
        let mut suite = Self::new("127.0.0.1", sources, None).await;
        suite.record();
        suite.wait_for("/api/v1/status", |s| s["clock"]["store"].is_string()).await;
        suite
    }

    /// The same with `key` set to `value`.
    pub(crate) async fn with_setting(ip: &str, key: &str, value: &str) -> Self {
        Self::new(ip, Sources::built_in().set(key, value), None).await
    }

    /// An API whose configuration lies in `folder`.
    pub(crate) async fn with_folder(folder: &std::path::Path) -> Self {
        Self::new("127.0.0.1", Sources::built_in().folder(folder), None).await
    }

    /// The same on a bus that is there already.
    pub(crate) async fn on(server: Arc<NatsServer>, folder: &std::path::Path) -> Self {
        Self::new("127.0.0.1", Sources::built_in().folder(folder), Some(server)).await
    }

    /// Another replica, called `instance`, on a bus that is there already.
    pub(crate) async fn replica(server: Arc<NatsServer>, folder: &std::path::Path, instance: &str) -> Self {
        Self::new("127.0.0.1", Sources::built_in().folder(folder).set("instance", instance), Some(server)).await
    }

    async fn new(ip: &str, sources: Sources, server: Option<Arc<NatsServer>>) -> Self {
        chassis::tls::install_provider();
        let server = match server {
            Some(server) => server,
            None => NatsServer::start().await.unwrap().into(),
        };
        let folder = TempDir::new().unwrap();
        let port = std::net::TcpListener::bind((ip, 0)).unwrap().local_addr().unwrap().port();
        let loaded = sources
            .set("bus.url", server.url())
            .set("data_dir", folder.path().to_str().unwrap())
            .set("api.listen", format!("{ip}:{port}"))
            .load()
            .unwrap();
        let bus = Bus::connect(&loaded.settings.bus, "test").await.unwrap();
        bus::topology::ensure(&bus, &loaded.settings.bus.sizes).await.unwrap();
        let stop = CancellationToken::new();
        let (config, token) = (loaded.clone(), stop.clone());
        let api = tokio::spawn(async move { chassis::start::<CoordinatorApi>(&config, token).await });
        let base = format!("http://127.0.0.1:{port}");
        let suite = Self { base, client: Client::new(), loaded, bus, stop, tasks: vec![api], server, _folder: folder };
        for _ in 0..200 {
            if suite.get("/healthz").send().await.is_ok() {
                return suite;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the API does not answer after 10 s");
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.base))
    }

    pub(crate) fn command(&self, name: &str, body: &str) -> RequestBuilder {
        let url = format!("{}/api/v1/commands/{name}", self.base);
        self.client.post(url).header("content-type", "application/json").body(body.to_owned())
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        let response = self.get(path).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.json().await.unwrap()
    }

    /// Asks until the answer is as wanted.
    pub(crate) async fn wait_for(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        for _ in 0..200 {
            last = self.json(path).await;
            if wanted(&last) {
                return last;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{path} after 10 s: {last}");
    }

    /// Waits until there is an answer again.
    pub(crate) async fn wait_for_answer(&self, path: &str) {
        for _ in 0..200 {
            if self.get(path).send().await.unwrap().status() == 200 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{path}: no answer after 10 s");
    }

    /// Asks until the answer is `wanted`; meanwhile it may be that there is none.
    pub(crate) async fn wait_until_answer_is(&self, path: &str, wanted: &Value) {
        let mut last = Value::Null;
        for _ in 0..200 {
            last = self.get(path).send().await.unwrap().json().await.unwrap();
            if last == *wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{path} after 10 s: {last}");
    }

    /// Publishes events of the scripted day, numbered from `first`.
    pub(crate) async fn publish(&self, first: usize, events: &[Event]) {
        for (n, event) in events.iter().enumerate() {
            self.bus.publisher().publish(event, &day::meta(first + n, event)).await.unwrap();
        }
    }

    /// The whole day, and its last rows stored.
    pub(crate) async fn play_day(&self) {
        self.publish(0, &day::events()).await;
        self.wait_for("/api/v1/account", |a| a["equity"] == "99989.00").await;
        self.wait_for("/api/v1/plans", |p| p["items"][0]["state"] == "closed").await;
        // The day's own, and the strategy's activation.
        self.wait_for("/api/v1/audit", |a| a["items"].as_array().unwrap().len() == 2).await;
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        for task in self.tasks {
            task.await.unwrap().unwrap();
        }
    }
}

/// A problem document, checked for its form; returns its detail.
pub(crate) async fn problem(response: Response, status: u16) -> String {
    assert_eq!(response.status().as_u16(), status);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let request_id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let body: Value = response.json().await.unwrap();
    assert_eq!((body["status"].as_u64(), body["request_id"].as_str()), (Some(u64::from(status)), Some(&*request_id)));
    assert!(body["type"].is_string() && body["title"].is_string(), "{body}");
    body["detail"].as_str().unwrap().to_owned()
}
