//! Alerts to where people are: hooks, chats and mail.
//!
//! Data moves: the durables `alerts-*` hand out what people may want to know → [`notice`] says it in words → each target's
//! [`worker`] gathers what is alike, keeps to the target's rate and sends it by its [`endpoint`] → the event is acknowledged
//! once every target has taken it or was given up. Of several replicas the holder of a lease sends. Nothing else waits for
//! any of this, and a target waits for no other.

mod board;
pub mod config;
mod desk;
mod endpoint;
mod gather;
mod hook;
mod mail;
mod metrics;
mod notice;
mod runbook;
mod summary;
mod text;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use bus::{BusError, Lease};
use chassis::logs::chain;
use chassis::{Context, Fault};
use domain::UnixNanos;
use domain::ops::Severity;
use tokio::time::sleep;

use crate::store::Reader;
use desk::endpoints;
use text::Message;
use worker::Common;

pub use board::{AlertState, Board, Delivery, TargetState};
pub use config::Alerts;

/// Pause after the bus refused to be read.
const RETRY: Duration = Duration::from_secs(15);

/// A table of alerts that was checked, with the ways to its targets.
pub struct Sender {
    common: Common,
    endpoints: Vec<Arc<endpoint::Endpoint>>,
}

impl Sender {
    /// Makes the ways to the targets of `alerts`.
    ///
    /// # Errors
    /// Names the key whose file or address cannot be used.
    pub fn new<C>(alerts: Alerts, ctx: &Context<C>) -> Result<Self, Fault> {
        let endpoints = endpoints(&alerts)?;
        let common = Common {
            board: Board::new(&alerts),
            alerts: Arc::new(alerts),
            mode: ctx.settings.profile.mode(),
            errors: ctx.errors.clone(),
            clock: Arc::clone(&ctx.clock),
        };
        Ok(Self { common, endpoints })
    }

    /// Where one sees how they do.
    pub fn board(&self) -> Board {
        self.common.board.clone()
    }

    /// Sends alerts until `shutdown` is cancelled, while no other replica does. What keeps it from reading the bus is raised
    /// and tried again: the rest of the service goes on without alerts.
    pub async fn run(self, handles: Handles) {
        while !handles.shutdown.is_cancelled() {
            if let Err(error) = self.send(&handles).await {
                let message = "alerts cannot be read from the bus: nobody is told anything".to_owned();
                self.common.errors.raise(Severity::Warning, "alerts_stopped", message, chain(&error), None);
                tokio::select! {
                    () = sleep(RETRY) => {}
                    () = handles.shutdown.cancelled() => {}
                }
            }
        }
    }

    /// Sends until the lease is lost or the end has come.
    async fn send(&self, handles: &Handles) -> Result<(), BusError> {
        let Handles { bus, holder, reader, shutdown } = handles;
        let lease = tokio::select! {
            lease = Lease::acquire(bus, "coordinator-api.alerts", holder) => lease?,
            () = shutdown.cancelled() => return Ok(()),
        };
        self.common.board.sending(true);
        let outcome = desk::work(bus, &self.common, &self.endpoints, reader, &lease, shutdown).await;
        self.common.board.sending(false);
        if lease.is_held() {
            lease.release().await;
        }
        outcome
    }
}

/// What alerts are read with.
pub struct Handles {
    /// The bus.
    pub bus: bus::Bus,
    /// As whom the lease is held.
    pub holder: bus::Holder,
    /// The store, for a session's summary.
    pub reader: Reader,
    /// Cancelled when the process is asked to stop.
    pub shutdown: chassis::CancellationToken,
}

/// What came back from a test message.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Tested {
    /// The target's name.
    pub target: String,
    /// Its kind.
    pub kind: &'static str,
    /// True when it took the message.
    pub delivered: bool,
    /// What came back.
    pub answer: String,
}

/// Sends a test message to every target, or the one called `only`, once each and all at the same time.
///
/// # Errors
/// Names the key whose file or address cannot be used.
pub async fn test(alerts: &Alerts, only: Option<&str>, mode: &str, now: UnixNanos) -> Result<Vec<Tested>, Fault> {
    let chosen = alerts.targets.iter().enumerate().filter(|(_, target)| only.is_none_or(|name| name == target.name));
    let mut attempts = Vec::new();
    for (i, target) in chosen {
        let endpoint = endpoint::Endpoint::of(target, &format!("alerts.targets.{i}"), alerts.timeout())?;
        let message = Message::single(notice::test(&target.name, now), mode, &alerts.public_url);
        attempts.push(async move {
            let outcome = endpoint.send(&message).await;
            let delivered = outcome.is_ok();
            let answer = outcome.unwrap_or_else(|failure| failure.detail);
            Tested { target: target.name.clone(), kind: target.kind.as_str(), delivered, answer }
        });
    }
    Ok(futures_util::future::join_all(attempts).await)
}
