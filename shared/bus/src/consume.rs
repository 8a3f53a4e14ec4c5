//! Durable consumption: acknowledge after the effect; what cannot be read goes to DEAD and the next one follows.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use async_nats::jetstream::AckKind;
use async_nats::jetstream::message::Acker;
use bytes::Bytes;
use domain::{Event, Meta, StreamName, UnixNanos};

use crate::connect::Bus;
use crate::dead_letter;
use crate::envelope;
use crate::error::BusError;
use crate::reader::{Pulled, Reader, Source, Step};
use crate::topology::Durable;

/// An event handed out by a durable; handed out again until it is acknowledged or terminated.
pub struct Delivery {
    /// The event.
    pub event: Event,
    /// Who made it and from what.
    pub meta: Meta,
    /// Its subject.
    pub subject: String,
    /// Its stream.
    pub stream: StreamName,
    /// Its sequence in that stream.
    pub seq: u64,
    /// How often it was handed out, from 1. Kills raise it too, so it says nothing about the handler.
    pub delivered: u64,
    /// When the server stored it.
    pub published_at: UnixNanos,
    message: async_nats::Message,
    acker: Acker,
    client: async_nats::Client,
    reply: Option<async_nats::Subject>,
    failures: Failures,
}

impl Delivery {
    /// The effect is stored: never hand this out again. A lost acknowledgement means one more delivery.
    pub async fn ack(&self) -> Result<(), BusError> {
        self.failures.settle(self.seq);
        self.answer(self.acker.ack()).await
    }

    /// Like [`Self::ack`], and waits until the server has noted it.
    ///
    /// A server that is killed may still forget it: acknowledgements reach its disk later than messages do. Whoever
    /// acts on an event recognises by its id that it was acted on.
    pub async fn double_ack(&self) -> Result<(), BusError> {
        self.failures.settle(self.seq);
        self.answer(self.acker.double_ack()).await
    }

    /// Work goes on: wait another `ack_wait`.
    pub async fn in_progress(&self) -> Result<(), BusError> {
        self.answer(self.acker.ack_with(AckKind::Progress)).await
    }

    /// Hand it out again after `delay`; others may come before it.
    pub async fn nak(&self, delay: Duration) -> Result<(), BusError> {
        self.answer(self.acker.ack_with(AckKind::Nak(Some(delay)))).await
    }

    /// Never hand it out again although nothing was done; `reason` shows in the server's advisory.
    pub async fn term(&self, reason: &str) -> Result<(), BusError> {
        self.failures.settle(self.seq);
        terminate(&self.client, self.reply.clone(), reason).await
    }

    async fn answer(&self, answer: impl Future<Output = Result<(), async_nats::Error>>) -> Result<(), BusError> {
        answer.await.map_err(|e| BusError::Request {
            what: format!("answering {} {}", self.stream.as_str(), self.seq),
            source: e,
        })
    }
}

/// A message that was put into DEAD.
#[derive(Debug, Clone)]
pub struct DeadLettered {
    /// Who failed: a durable, or a fold by the same form of name, `<service>-<stream>`.
    pub reader: String,
    /// The stream it came from.
    pub stream: StreamName,
    /// Its sequence there.
    pub seq: u64,
    /// Its original subject.
    pub subject: String,
    /// Why.
    pub reason: String,
}

/// What became of a delivery whose handler failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failed {
    /// It comes again.
    Retry {
        /// After this long.
        delay: Duration,
    },
    /// It failed too often and is in DEAD now.
    DeadLettered,
}

/// Reads one durable of the topology.
pub struct Consumer {
    bus: Bus,
    durable: &'static Durable,
    reader: Reader,
    failures: Failures,
    // A message that is being put into DEAD; kept here so that dropping `next` does not forget it.
    burying: Option<Burial>,
}

type Burial = Pin<Box<dyn Future<Output = Result<DeadLettered, BusError>> + Send>>;

const RETRY_FIRST: Duration = Duration::from_millis(200);
const RETRY_MAX: Duration = Duration::from_secs(30);

impl Consumer {
    /// Opens `durable`, made if it is not there; the connection may still be down.
    pub fn open(bus: &Bus, durable: &'static Durable) -> Self {
        let batch = durable.ack_pending_max.clamp(1, 256) as usize;
        let reader = Reader::new(bus, Source::Durable(durable), batch, durable.name);
        Self { bus: bus.clone(), durable, reader, failures: Failures::default(), burying: None }
    }

    /// The next event; waits for ever if there is none. Safe to drop and call again.
    ///
    /// # Errors
    /// Class Fatal only.
    pub async fn next(&mut self) -> Result<Delivery, BusError> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// The handler failed on `delivery`: hands it out again with a growing delay, or gives it up as a dead letter.
    pub async fn fail(&mut self, delivery: Delivery, reason: &str) -> Result<Failed, BusError> {
        let failures = self.failures.count(delivery.seq);
        if failures < self.durable.failures_max {
            let delay = RETRY_FIRST.saturating_mul(1 << (failures - 1).min(16)).min(RETRY_MAX);
            delivery.nak(delay).await?;
            return Ok(Failed::Retry { delay });
        }
        let reason = format!("handler failed {failures} times: {reason}");
        self.give_up(delivery, &reason).await?;
        Ok(Failed::DeadLettered)
    }

    /// Puts `delivery` into DEAD at once.
    pub async fn give_up(&mut self, delivery: Delivery, reason: &str) -> Result<(), BusError> {
        self.failures.settle(delivery.seq);
        let grave = Grave {
            bus: self.bus.clone(),
            durable: self.durable,
            seq: delivery.seq,
            delivered: delivery.delivered,
            message: delivery.message,
            reply: delivery.reply,
            reason: reason.to_owned(),
        };
        let letter = grave.bury().await?;
        self.bus.announce_dead_letter(letter);
        Ok(())
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Delivery, BusError>> {
        loop {
            if let Some(burying) = &mut self.burying {
                let Poll::Ready(outcome) = burying.as_mut().poll(cx) else { return Poll::Pending };
                self.burying = None;
                match outcome {
                    Ok(letter) => self.bus.announce_dead_letter(letter),
                    // The server hands the message out again, and it is buried then.
                    Err(error) => tracing::warn!(durable = self.durable.name, %error, "dead letter not stored yet"),
                }
            }
            match self.reader.poll_next(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Ready(Ok(Step::Built { .. })) => {}
                Poll::Ready(Ok(Step::Message(pulled))) => match self.decode(pulled) {
                    Ok(delivery) => return Poll::Ready(Ok(*delivery)),
                    Err(grave) => self.burying = Some(Box::pin(grave.bury())),
                },
            }
        }
    }

    fn decode(&self, pulled: Pulled) -> Result<Box<Delivery>, Box<Grave>> {
        let Pulled { message, seq, delivered, published_nanos } = pulled;
        let reply = message.reply.clone();
        let (message, acker) = message.split();
        let verifier = self.bus.verifier(self.durable.stream);
        match envelope::open(&message.subject, message.headers.as_ref(), &message.payload, verifier.as_deref()) {
            Ok((event, meta)) => Ok(Box::new(Delivery {
                event,
                meta,
                subject: message.subject.to_string(),
                stream: self.durable.stream,
                seq,
                delivered,
                published_at: UnixNanos::new(published_nanos),
                message,
                acker,
                client: self.bus.client().clone(),
                reply,
                failures: self.failures.clone(),
            })),
            Err(error) => Err(Box::new(Grave {
                bus: self.bus.clone(),
                durable: self.durable,
                seq,
                delivered,
                message,
                reply,
                reason: error.to_string(),
            })),
        }
    }
}

/// Failures of the handler by sequence; an entry goes when its message does.
#[derive(Clone, Default)]
struct Failures(Arc<Mutex<HashMap<u64, u32>>>);

impl Failures {
    fn count(&self, seq: u64) -> u32 {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(seq).or_default();
        *count += 1;
        *count
    }

    fn settle(&self, seq: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&seq);
    }
}

struct Grave {
    bus: Bus,
    durable: &'static Durable,
    seq: u64,
    delivered: u64,
    message: async_nats::Message,
    reply: Option<async_nats::Subject>,
    reason: String,
}

impl Grave {
    /// Stores the message in DEAD, then takes it off the durable; both may safely happen twice.
    async fn bury(self) -> Result<DeadLettered, BusError> {
        let letter = DeadLettered {
            reader: self.durable.name.to_owned(),
            stream: self.durable.stream,
            seq: self.seq,
            subject: self.message.subject.to_string(),
            reason: self.reason,
        };
        let outgoing = dead_letter::outgoing(&letter, self.delivered, &self.message);
        self.bus.publisher().create_raw(outgoing, dead_letter::STREAM).await?;
        terminate(self.bus.client(), self.reply, &letter.reason).await?;
        Ok(letter)
    }
}

async fn terminate(
    client: &async_nats::Client,
    reply: Option<async_nats::Subject>,
    reason: &str,
) -> Result<(), BusError> {
    let Some(reply) = reply else { return Ok(()) };
    let first_line: String = reason.chars().filter(|c| !c.is_control()).take(200).collect();
    let text = Bytes::from(format!("+TERM {first_line}"));
    client.publish(reply, text).await.map_err(|e| BusError::request("terminating a message", e))
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { event, stream, seq, delivered, .. } = self;
        write!(f, "Delivery({} {} {seq}, delivered {delivered})", event.name(), stream.as_str())
    }
}
