//! One connection to the bus, which comes back by itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::{self, context::ContextBuilder};
use async_nats::{ClientError, ConnectErrorKind, ConnectOptions, Event as ClientEvent, ServerAddr, ServerError};
use domain::StreamName;
use futures_util::TryStreamExt as _;
use serde::{Deserialize, Serialize};
use tokio::sync::{broadcast, watch};
use tokio::time::timeout;

use crate::consume::DeadLettered;
use crate::dead_letter::{self, Replaces};
use crate::error::BusError;
use crate::fold::Poison;
use crate::metrics::{self, Instruments};
use crate::publish::Publisher;
use crate::signature::{Signer, Verifier};
use crate::topology::Sizes;
use crate::world::World;

/// Where the bus is and how to log in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct BusConfig {
    /// Server address, or several separated by commas: `nats://127.0.0.1:4222`.
    pub url: String,
    /// NATS credentials file (JWT and seed).
    pub creds_file: Option<PathBuf>,
    /// User name, with `password_file`.
    pub user: Option<String>,
    /// File that holds the user's password.
    pub password_file: Option<PathBuf>,
    /// Certificate authority of the server; makes TLS required. Empty: none.
    pub ca_file: Option<PathBuf>,
    /// How long a start waits for the first connection, ms.
    pub connect_timeout_ms: u64,
    /// How long one attempt waits for its acknowledgement or answer, ms.
    pub request_timeout_ms: u64,
    /// How long a publish is tried in all, ms.
    pub publish_deadline_ms: u64,
    /// Most publishes waiting for their acknowledgement on this connection; more wait their turn.
    pub in_flight_max: usize,
    /// File that holds the risk engine's signing seed (nkeys form); only the risk engine is given it.
    pub signing_seed_file: Option<PathBuf>,
    /// Public key of the risk engine (nkeys form); what RISK holds without its signature counts as undecodable.
    pub risk_public_key: Option<String>,
    /// File that holds the public key, where it is given as one.
    pub risk_public_key_file: Option<PathBuf>,
    /// True when a starting service makes the server agree with the topology.
    pub ensure_topology: bool,
    /// How large the streams may grow.
    pub sizes: Sizes,
}

impl Default for BusConfig {
    fn default() -> Self {
        Self {
            url: "nats://127.0.0.1:4222".to_owned(),
            creds_file: None,
            user: None,
            password_file: None,
            ca_file: None,
            connect_timeout_ms: 10_000,
            request_timeout_ms: 2_000,
            publish_deadline_ms: 30_000,
            in_flight_max: 4_096,
            signing_seed_file: None,
            risk_public_key: None,
            risk_public_key_file: None,
            ensure_topology: true,
            sizes: Sizes::default(),
        }
    }
}

impl BusConfig {
    /// Whether a connection could be tried: addresses, keys and files are usable.
    ///
    /// # Errors
    /// Class Fatal: names the key.
    pub fn check(&self) -> Result<(), BusError> {
        Prepared::new(self).map(drop)
    }
}

/// State of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Link {
    /// True while connected.
    pub up: bool,
    /// Counts the connections made; readers start again when it rises.
    pub epoch: u64,
}

/// A connection to the bus. Cheap to clone; all clones share the connection.
#[derive(Clone)]
pub struct Bus {
    inner: Arc<Inner>,
    world: World,
}

struct Inner {
    client: async_nats::Client,
    context: jetstream::Context,
    config: BusConfig,
    link: watch::Receiver<Link>,
    dead_letters: broadcast::Sender<DeadLettered>,
    instruments: Arc<Instruments>,
    signer: Option<Signer>,
    verifier: Option<Arc<Verifier>>,
}

impl Bus {
    /// Connects as `name` (a service's name: client name on the server and label of the metrics).
    ///
    /// # Errors
    /// Class Fatal: unusable address, unreadable file, login refused. Class Transient: nobody there in time.
    pub async fn connect(config: &BusConfig, name: &str) -> Result<Self, BusError> {
        let Prepared { addresses, login, signer, verifier } = Prepared::new(config)?;
        let (link_tx, link) = watch::channel(Link::default());
        let instruments = Arc::new(Instruments::new(name));
        let events = ConnectionEvents { link: Arc::new(link_tx), last: Arc::default(), service: name.to_owned() };
        let seen = events.clone();
        let options = login
            .name(name)
            .custom_inbox_prefix(format!("_INBOX_{}", config.user.as_deref().unwrap_or(name)))
            .retry_on_initial_connect()
            .max_reconnects(None)
            .ping_interval(Duration::from_secs(5))
            .connection_timeout(Duration::from_millis(config.request_timeout_ms))
            .request_timeout(Some(Duration::from_millis(config.request_timeout_ms)))
            .reconnect_delay_callback(|attempts| Duration::from_millis((attempts as u64 * 10).min(100)))
            .subscription_capacity(64 * 1024)
            .event_callback(move |event| {
                let seen = seen.clone();
                async move { seen.handle(&event) }
            });
        let client = options.connect(addresses).await.map_err(|e| refused_at_once(config, e))?;
        let request_timeout = Duration::from_millis(config.request_timeout_ms);
        let context = ContextBuilder::new()
            .timeout(request_timeout)
            .ack_timeout(request_timeout)
            .max_ack_inflight(config.in_flight_max)
            .backpressure_on_inflight(true)
            .build(client.clone());
        let (dead_letters, _) = broadcast::channel(64);
        let bus = Self {
            world: World::Live,
            inner: Arc::new(Inner {
                client,
                context,
                config: config.clone(),
                link,
                dead_letters,
                instruments,
                signer,
                verifier: verifier.map(Arc::new),
            }),
        };
        bus.first_connection(&events).await?;
        Ok(bus)
    }

    /// The same connection for a strategy on trial: what it reads and writes of SCAN, PLAN, RISK and OPS lies in SHADOW, it
    /// writes no other stream, and signs nothing. [`FoldSpec::and_live_kinds`](crate::FoldSpec::and_live_kinds) reads the
    /// suite's own beside it.
    pub fn on_trial(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), world: World::Shadow }
    }

    /// The subjects that match `filter` and hold messages in the stream called `stream`, as its leader has them.
    ///
    /// # Errors
    /// Class Transient: the server does not answer.
    pub async fn subjects(&self, stream: &str, filter: &str) -> Result<Vec<String>, BusError> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| {
            BusError::request(format!("listing {filter} of {stream}"), source)
        };
        let handle = self.context().get_stream_no_info(stream).await.map_err(|e| failed(e.into()))?;
        let listed = handle.info_with_subjects(filter).await.map_err(|e| failed(e.into()))?;
        let subjects: Vec<(String, usize)> = listed.try_collect().await.map_err(|e| failed(e.into()))?;
        Ok(subjects.into_iter().map(|(subject, _)| subject).collect())
    }

    /// True while connected.
    pub fn is_up(&self) -> bool {
        self.inner.link.borrow().up
    }

    /// Follows the connection's state.
    pub fn link(&self) -> watch::Receiver<Link> {
        self.inner.link.clone()
    }

    /// Publishes on this connection.
    pub fn publisher(&self) -> Publisher {
        Publisher::new(self.clone())
    }

    /// The settings it was connected with.
    pub fn config(&self) -> &BusConfig {
        &self.inner.config
    }

    /// Hears of every message that a consumer on this connection puts into DEAD.
    pub fn dead_letters(&self) -> broadcast::Receiver<DeadLettered> {
        self.inner.dead_letters.subscribe()
    }

    /// Keeps a copy of what `reader` could not read in DEAD, once, however often it is met again; not any more once a
    /// person discarded it.
    ///
    /// Units: `reader` is `<service>-<stream>`, as durables are named.
    ///
    /// # Errors
    /// Class Transient if the server does not answer; the message stays in its stream either way.
    pub async fn bury(&self, reader: &str, poison: &Poison) -> Result<(), BusError> {
        let letter = DeadLettered {
            reader: reader.to_owned(),
            stream: poison.stream,
            seq: poison.seq,
            subject: poison.subject.clone(),
            reason: poison.reason.clone(),
        };
        if dead_letter::keep(self, &letter, 1, &poison.message, Replaces::Redriven).await? {
            self.announce_dead_letter(letter);
        }
        Ok(())
    }

    /// Sends what is buffered and closes the connection.
    pub async fn drain(&self) {
        let limit = Duration::from_millis(self.inner.config.request_timeout_ms);
        if !matches!(timeout(limit, self.inner.client.flush()).await, Ok(Ok(()))) {
            tracing::warn!("the bus was away at the end: buffered publishes are lost");
        }
        if let Err(error) = self.inner.client.drain().await {
            tracing::debug!(%error, "bus connection was already closed");
        }
    }

    pub(crate) fn client(&self) -> &async_nats::Client {
        &self.inner.client
    }

    pub(crate) fn context(&self) -> &jetstream::Context {
        &self.inner.context
    }

    pub(crate) const fn world(&self) -> World {
        self.world
    }

    /// Signs what goes on RISK, where this process holds the key.
    pub(crate) fn signer(&self, stream: StreamName) -> Option<&Signer> {
        self.inner.signer.as_ref().filter(|_| stream == StreamName::Risk && !self.world.moves(stream))
    }

    /// Checks what comes from RISK of `world`, where the key is known; nobody signs on trial.
    pub(crate) fn verifier(&self, world: World, stream: StreamName) -> Option<Arc<Verifier>> {
        self.inner.verifier.clone().filter(|_| stream == StreamName::Risk && !world.moves(stream))
    }

    pub(crate) fn instruments(&self) -> &Arc<Instruments> {
        &self.inner.instruments
    }

    pub(crate) fn announce_dead_letter(&self, letter: DeadLettered) {
        let DeadLettered { reader, seq, subject, reason, .. } = &letter;
        tracing::error!(reader, seq, subject, reason, "message put into DEAD");
        self.inner.instruments.dead_letter(reader);
        // No receiver: nobody wants to hear of it; the message is in DEAD either way.
        let _ = self.inner.dead_letters.send(letter);
    }

    async fn first_connection(&self, events: &ConnectionEvents) -> Result<(), BusError> {
        let config = &self.inner.config;
        let limit = Duration::from_millis(config.connect_timeout_ms);
        let mut link = self.inner.link.clone();
        let refused = async {
            loop {
                if events.last().contains("authorization violation") {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let outcome = tokio::select! {
            up = timeout(limit, link.wait_for(|l| l.up)) => match up {
                Ok(_) => return Ok(()),
                Err(_) => BusError::Unreachable {
                    url: config.url.clone(),
                    waited_ms: limit.as_millis(),
                    last: events.last(),
                },
            },
            () = refused => login_refused(config),
        };
        // Ends the client's own attempts; it has sent nothing that could be lost.
        let _ = self.inner.client.drain().await;
        Err(outcome)
    }
}

#[derive(Clone)]
struct ConnectionEvents {
    link: Arc<watch::Sender<Link>>,
    last: Arc<std::sync::Mutex<String>>,
    service: String,
}

impl ConnectionEvents {
    fn handle(&self, event: &ClientEvent) {
        match event {
            ClientEvent::Connected => {
                self.link.send_modify(|link| *link = Link { up: true, epoch: link.epoch + 1 });
                metrics::connected(&self.service, self.link.borrow().epoch);
                tracing::info!("connected to the bus");
            }
            ClientEvent::Disconnected => {
                self.link.send_modify(|link| link.up = false);
                metrics::disconnected(&self.service);
                tracing::warn!("lost the bus; connecting again");
            }
            ClientEvent::SlowConsumer(subscription) => {
                metrics::slow_consumer(&self.service);
                tracing::warn!(subscription, "too slow for the bus: messages were dropped and will be read again");
            }
            ClientEvent::ServerError(error) => self.server_error(error),
            ClientEvent::ClientError(ClientError::Other(text)) => self.remember(text.clone()),
            ClientEvent::ClientError(error) => self.remember(error.to_string()),
            ClientEvent::LameDuckMode => tracing::info!("the bus server is about to stop"),
            ClientEvent::Draining | ClientEvent::Closed => tracing::debug!(%event, "bus connection ends"),
        }
    }

    fn server_error(&self, error: &ServerError) {
        // Includes permission violations, which a publisher sees only as a missing acknowledgement.
        tracing::error!(%error, "the bus server refuses");
        metrics::server_error(&self.service);
        self.remember(error.to_string());
    }

    fn remember(&self, text: String) {
        *self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = text;
    }

    fn last(&self) -> String {
        let last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if last.is_empty() { "nothing heard".to_owned() } else { last.clone() }
    }
}

fn addresses(urls: &str) -> Result<Vec<ServerAddr>, BusError> {
    let parse = |url: &str| {
        url.trim().parse::<ServerAddr>().map_err(|e| BusError::Config {
            key: "url",
            value: url.to_owned(),
            source: e.into(),
        })
    };
    urls.split(',').map(parse).collect()
}

/// What a connection is made with.
struct Prepared {
    addresses: Vec<ServerAddr>,
    login: ConnectOptions,
    signer: Option<Signer>,
    verifier: Option<Verifier>,
}

impl Prepared {
    fn new(config: &BusConfig) -> Result<Self, BusError> {
        Ok(Self {
            addresses: addresses(&config.url)?,
            signer: config.signing_seed_file.as_deref().map(Signer::read).transpose()?,
            verifier: risk_public_key(config)?.as_deref().map(Verifier::new).transpose()?,
            login: login(config)?,
        })
    }
}

fn login(config: &BusConfig) -> Result<ConnectOptions, BusError> {
    let read = |key, path: &Path| {
        std::fs::read_to_string(path).map_err(|source| BusError::File { key, path: path.to_owned(), source })
    };
    let mut options = ConnectOptions::new();
    if let Some(path) = &config.creds_file {
        let unreadable = |source| BusError::File { key: "creds_file", path: path.clone(), source };
        options = options.credentials(&read("creds_file", path)?).map_err(unreadable)?;
    }
    match (&config.user, &config.password_file) {
        (Some(user), Some(path)) => {
            let password = read("password_file", path)?;
            options = options.user_and_password(user.clone(), password.trim_end().to_owned());
        }
        (Some(user), None) => {
            return Err(BusError::Config {
                key: "user",
                value: user.clone(),
                source: "password_file is not set".into(),
            });
        }
        (None, _) => {}
    }
    if let Some(path) = config.ca_file.as_ref().filter(|path| !path.as_os_str().is_empty()) {
        read("ca_file", path)?;
        options = options.add_root_certificates(path.clone()).require_tls(true);
    }
    Ok(options)
}

fn risk_public_key(config: &BusConfig) -> Result<Option<String>, BusError> {
    let Some(path) = &config.risk_public_key_file else { return Ok(config.risk_public_key.clone()) };
    let unreadable = |source| BusError::File { key: "risk_public_key_file", path: path.clone(), source };
    Ok(Some(std::fs::read_to_string(path).map_err(unreadable)?.trim_end().to_owned()))
}

fn refused_at_once(config: &BusConfig, error: async_nats::ConnectError) -> BusError {
    match error.kind() {
        ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => login_refused(config),
        _ => BusError::Config { key: "url", value: config.url.clone(), source: error.into() },
    }
}

fn login_refused(config: &BusConfig) -> BusError {
    let user = config.user.clone().unwrap_or_else(|| "anonymous".to_owned());
    BusError::LoginRefused { url: config.url.clone(), user }
}
