//! Signs of life: a service says that it is at work, whoever minds hears it, and nobody stores it.

use async_nats::Subscriber;
use futures_util::{FutureExt as _, StreamExt as _};

use crate::connect::Bus;
use crate::error::BusError;
use crate::subject;

impl Bus {
    /// Says that `instance` of `service` is at work. Waits for nothing: while the bus is away nothing is said.
    pub fn beat(&self, service: &str, instance: &str) {
        if self.is_up() {
            let publishing = self.client().publish(subject::heartbeat(service), instance.to_owned().into());
            // Not sent at once, it is not worth sending.
            let _ = publishing.now_or_never();
        }
    }

    /// Hears the heartbeats of `service` from now on, across reconnects.
    ///
    /// # Errors
    /// Class Transient: the connection is closed.
    pub async fn heartbeats(&self, service: &str) -> Result<Heartbeats, BusError> {
        let subscribing = self.client().subscribe(subject::heartbeat(service)).await;
        let failed = |error| BusError::request(format!("subscribing to the heartbeats of {service}"), error);
        Ok(Heartbeats(subscribing.map_err(failed)?))
    }
}

/// The heartbeats of a service.
#[derive(Debug)]
pub struct Heartbeats(Subscriber);

impl Heartbeats {
    /// The instance whose heart beats next; `None` when the connection is closed for good.
    pub async fn next(&mut self) -> Option<String> {
        let beat = self.0.next().await?;
        Some(String::from_utf8_lossy(&beat.payload).into_owned())
    }
}
