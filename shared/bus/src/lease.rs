//! A lease: one holder of a name at a time, for as long as it keeps saying so.
//!
//! A lease tells who should work, it does not stop a holder that was frozen and wakes up late: whatever must not happen
//! twice is guarded where it is written, by ids, by expected sequences or by a [`Fence`](crate::Fence).

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::jetstream::message::PublishMessage;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::connect::Bus;
use crate::error::BusError;
use crate::key::{self, Written};

/// How long a lease lasts without being renewed.
pub const TTL: Duration = Duration::from_secs(3);

/// The holder stops this long before the server would let another one in.
const MARGIN: Duration = Duration::from_millis(500);
const RENEW_EVERY: Duration = Duration::from_millis(800);
const LOOK_EVERY: Duration = Duration::from_millis(200);
const STREAM: &str = "KV_leases";
/// Header of a marker that a client wrote; those of the server's clock have none.
const OPERATION: &str = "KV-Operation";

/// Who asks for leases: one process of one replica.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Holder {
    instance: String,
    process: String,
    /// Subjects of the leases that this process has held.
    #[serde(skip)]
    held: Arc<Mutex<HashSet<String>>>,
}

impl Holder {
    /// This process as replica `instance`. A replica that starts again takes over at once what its earlier process
    /// held; that process, should it still run, does not take it back. So no two of one name should run.
    pub fn new(instance: &str) -> Self {
        let key = nkeys::KeyPair::new_user().public_key();
        let process = key.chars().skip(1).take(16).collect();
        Self { instance: instance.to_owned(), process, held: Arc::default() }
    }

    /// The replica.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    fn is_of_this_process(&self, other: &Self) -> bool {
        self.process == other.process
    }

    /// True for a lease of an earlier process of the same replica.
    fn inherits(&self, other: &Self, subject: &str) -> bool {
        self.instance == other.instance && !self.held().contains(subject)
    }

    fn held(&self) -> MutexGuard<'_, HashSet<String>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A name held by this process. Dropped without [`Lease::release`], it lapses after [`TTL`].
pub struct Lease {
    bus: Bus,
    shared: Arc<Shared>,
    lost: watch::Receiver<bool>,
    renewal: JoinHandle<()>,
    epoch: u64,
    lapsed: bool,
}

struct Shared {
    subject: String,
    value: Bytes,
    state: Mutex<State>,
}

#[derive(Clone, Copy)]
struct State {
    revision: u64,
    until: Instant,
}

impl Lease {
    /// Waits until `key` (`<service>.<name>`) is free or was `holder`'s before, and holds it from then on.
    ///
    /// # Errors
    /// Class Fatal only; while the bus is away it goes on waiting.
    pub async fn acquire(bus: &Bus, key: &str, holder: &Holder) -> Result<Self, BusError> {
        loop {
            match Self::try_acquire(bus, key, holder).await {
                Ok(Some(lease)) => return Ok(lease),
                Ok(None) => {}
                Err(error) if error.class() == crate::Class::Transient => {
                    tracing::debug!(key, %error, "lease cannot be asked for yet");
                }
                Err(error) => return Err(error),
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Takes `key` if it is free, or was an earlier process's of the same replica.
    ///
    /// # Errors
    /// Class Transient: the bus does not answer.
    pub async fn try_acquire(bus: &Bus, key: &str, holder: &Holder) -> Result<Option<Self>, BusError> {
        let subject = subject(key);
        let (expected, lapsed) = match bus.publisher().last_on(STREAM, &subject).await? {
            None => (0, false),
            Some(found) => match serde_json::from_slice::<Holder>(&found.payload) {
                Ok(other) if holder.is_of_this_process(&other) => (found.sequence, true),
                Ok(other) if holder.inherits(&other, &subject) => (found.sequence, false),
                Ok(_) => return Ok(None),
                // The marker of a lease that was given back, or of one that lapsed.
                Err(_) => (found.sequence, found.headers.get(OPERATION).is_none()),
            },
        };
        let value = Bytes::from(serde_json::to_vec(holder).map_err(|e| BusError::request("writing a lease", e))?);
        let shared = Shared { subject, value, state: Mutex::new(State { revision: 0, until: Instant::now() }) };
        let sent = Instant::now();
        let Written::Stored(epoch) = shared.write(bus, expected).await? else { return Ok(None) };
        shared.renewed(epoch, sent);
        holder.held().insert(shared.subject.clone());
        tracing::info!(key, epoch, "lease taken");
        let (shared, (tell, lost)) = (Arc::new(shared), watch::channel(false));
        let renewal = tokio::spawn(renew(bus.clone(), Arc::clone(&shared), tell));
        Ok(Some(Self { bus: bus.clone(), shared, lost, renewal, epoch, lapsed }))
    }

    /// Rises with every holder of this name.
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// True where the holder before did not give it back: it may be frozen rather than dead, with work under way.
    pub const fn lapsed(&self) -> bool {
        self.lapsed
    }

    /// True while nobody else can hold it, by this process's own clock.
    pub fn is_held(&self) -> bool {
        !*self.lost.borrow() && Instant::now() < self.shared.state().until
    }

    /// Waits until it is lost.
    pub async fn lost(&self) {
        let mut lost = self.lost.clone();
        // The renewal only ends after it has said so.
        let _ = lost.wait_for(|lost| *lost).await;
    }

    /// Gives it back, so that the next holder need not wait.
    pub async fn release(&self) {
        self.renewal.abort();
        let marker = PublishMessage::build()
            .header(OPERATION, "DEL")
            .expected_last_subject_sequence(self.shared.state().revision)
            .ttl(TTL);
        let sending = self.bus.context().send_publish(self.shared.subject.clone(), marker);
        let answered = timeout(Duration::from_secs(1), async { sending.await?.await }).await;
        if !matches!(answered, Ok(Ok(_))) {
            tracing::debug!(subject = self.shared.subject, "lease lapses by itself");
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

/// The replicas of `service` that hold a lease named `<service>.member.<instance>`, by name.
///
/// # Errors
/// Class Transient: the bus does not answer.
pub async fn members(bus: &Bus, service: &str) -> Result<Vec<String>, BusError> {
    let subjects = bus.subjects(STREAM, &subject(&member_key(service, "*"))).await?;
    let mut members = Vec::new();
    for subject in subjects {
        let found = bus.publisher().last_on(STREAM, &subject).await?;
        members.extend(found.and_then(|m| serde_json::from_slice::<Holder>(&m.payload).ok()).map(|h| h.instance));
    }
    members.sort();
    Ok(members)
}

/// The replica that holds `key`, if one does.
///
/// # Errors
/// Class Transient: the bus does not answer.
pub async fn holder_of(bus: &Bus, key: &str) -> Result<Option<String>, BusError> {
    let found = bus.publisher().last_on(STREAM, &subject(key)).await?;
    Ok(found.and_then(|m| serde_json::from_slice::<Holder>(&m.payload).ok()).map(|holder| holder.instance))
}

/// The key under which replica `instance` says that it is there.
pub fn member_key(service: &str, instance: &str) -> String {
    let token: String = instance
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '*') { c } else { '_' })
        .collect();
    format!("{service}.member.{token}")
}

fn subject(key: &str) -> String {
    format!("$KV.leases.{key}")
}

impl Shared {
    fn state(&self) -> State {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn renewed(&self, revision: u64, sent: Instant) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = State { revision, until: sent + TTL - MARGIN };
    }

    async fn write(&self, bus: &Bus, expected: u64) -> Result<Written, BusError> {
        let message =
            PublishMessage::build().payload(self.value.clone()).expected_last_subject_sequence(expected).ttl(TTL);
        key::write(bus, &self.subject, message).await
    }
}

async fn renew(bus: Bus, shared: Arc<Shared>, lost: watch::Sender<bool>) {
    let mut pause = RENEW_EVERY;
    loop {
        let until = shared.state().until;
        tokio::select! {
            () = sleep_until(until) => break,
            () = sleep(pause) => {}
        }
        let sent = Instant::now();
        pause = RENEW_EVERY;
        match shared.write(&bus, shared.state().revision).await {
            Ok(Written::Stored(revision)) => shared.renewed(revision, sent),
            Ok(Written::Refused) => match own_revision(&bus, &shared).await {
                Some(revision) => {
                    // An earlier renewal was stored although its answer was lost: go on from there at once.
                    shared.state.lock().unwrap_or_else(PoisonError::into_inner).revision = revision;
                    pause = Duration::ZERO;
                }
                None => break,
            },
            Err(error) => {
                tracing::debug!(subject = shared.subject, %error, "lease not renewed yet");
                pause = LOOK_EVERY;
            }
        }
    }
    tracing::warn!(subject = shared.subject, "lease lost");
    lost.send_replace(true);
}

/// The revision of the lease if it is still this process's.
async fn own_revision(bus: &Bus, shared: &Shared) -> Option<u64> {
    let found = timeout(RENEW_EVERY, bus.publisher().last_on(STREAM, &shared.subject)).await.ok()?.ok()??;
    (found.payload == shared.value).then_some(found.sequence)
}
