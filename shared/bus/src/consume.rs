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
use crate::dead_letter::{self, Replaces};
use crate::envelope;
use crate::error::BusError;
use crate::reader::{Pulled, Reader, Source, Step};
use crate::subject;
use crate::topology::{Durable, Origin};
use crate::world::World;

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
    place: Place,
    failures: Failures,
}

/// Where a durable read a message: its sequence there.
type Place = (Origin, u64);

impl Delivery {
    /// The effect is stored: never hand this out again. A lost acknowledgement means one more delivery.
    pub async fn ack(&self) -> Result<(), BusError> {
        self.failures.settle(self.place);
        self.answer(self.acker.ack()).await
    }

    /// Like [`Self::ack`], and waits until the server has noted it.
    ///
    /// A server that is killed may still forget it: acknowledgements reach its disk later than messages do. Whoever
    /// acts on an event recognises by its id that it was acted on.
    pub async fn double_ack(&self) -> Result<(), BusError> {
        self.failures.settle(self.place);
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
        self.failures.settle(self.place);
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
    // What is sent to this durable again; looked at first.
    redriven: Reader,
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
        let reader = Reader::new(bus, Source::Durable(durable, Origin::Stream), batch, durable.name);
        let label = format!("{}-redriven", durable.name);
        let redriven = Reader::new(bus, Source::Durable(durable, Origin::Redrive), batch, &label);
        Self { bus: bus.clone(), durable, reader, redriven, failures: Failures::default(), burying: None }
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
        let failures = self.failures.count(delivery.place);
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
        self.failures.settle(delivery.place);
        let grave = Grave {
            bus: self.bus.clone(),
            letter: self.letter(delivery.subject, delivery.seq, reason),
            origin: delivery.place.0,
            delivered: delivery.delivered,
            message: delivery.message,
            reply: delivery.reply,
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
            let (origin, pulled) = match self.poll_readers(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(outcome) => outcome?,
            };
            match self.decode(origin, pulled) {
                Ok(delivery) => return Poll::Ready(Ok(*delivery)),
                Err(grave) => self.burying = Some(Box::pin(grave.bury())),
            }
        }
    }

    fn poll_readers(&mut self, cx: &mut Context<'_>) -> Poll<Result<(Origin, Pulled), BusError>> {
        for (origin, reader) in [(Origin::Redrive, &mut self.redriven), (Origin::Stream, &mut self.reader)] {
            while let Poll::Ready(step) = reader.poll_next(cx) {
                if let Step::Message(pulled) = step? {
                    return Poll::Ready(Ok((origin, pulled)));
                }
            }
        }
        Poll::Pending
    }

    fn decode(&self, origin: Origin, pulled: Pulled) -> Result<Box<Delivery>, Box<Grave>> {
        let Pulled { message, seq: place_seq, delivered, published_nanos } = pulled;
        let reply = message.reply.clone();
        let (message, acker) = message.split();
        let (subject, seq) = match origin {
            Origin::Stream => (message.subject.to_string(), place_seq),
            Origin::Redrive => dead_letter::first_place(&message),
        };
        let verifier = self.bus.verifier(World::Live, self.durable.stream);
        let opened = if self.durable.reads(&subject) {
            envelope::open(&subject, message.headers.as_ref(), &message.payload, verifier.as_deref())
        } else {
            let reason = format!("{} does not read this subject", self.durable.name);
            Err(BusError::Undecodable { subject: subject.clone(), reason })
        };
        match opened {
            Ok((event, meta)) => Ok(Box::new(Delivery {
                event,
                meta,
                subject,
                stream: self.durable.stream,
                seq,
                delivered,
                published_at: UnixNanos::new(published_nanos),
                message,
                acker,
                client: self.bus.client().clone(),
                reply,
                place: (origin, place_seq),
                failures: self.failures.clone(),
            })),
            Err(error) => {
                let letter = self.letter(subject, seq, &error.to_string());
                Err(Box::new(Grave { bus: self.bus.clone(), letter, origin, delivered, message, reply }))
            }
        }
    }

    fn letter(&self, subject: String, seq: u64, reason: &str) -> DeadLettered {
        let (reader, stream) = (self.durable.name.to_owned(), self.durable.stream);
        DeadLettered { reader, stream, seq, subject, reason: reason.to_owned() }
    }
}

/// Failures of the handler by place; an entry goes when its message does.
#[derive(Clone, Default)]
struct Failures(Arc<Mutex<HashMap<Place, u32>>>);

impl Failures {
    fn count(&self, place: Place) -> u32 {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(place).or_default();
        *count += 1;
        *count
    }

    fn settle(&self, place: Place) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&place);
    }
}

struct Grave {
    bus: Bus,
    letter: DeadLettered,
    origin: Origin,
    delivered: u64,
    message: async_nats::Message,
    reply: Option<async_nats::Subject>,
}

impl Grave {
    /// Stores the message in DEAD, then takes it off the durable; both may safely happen twice.
    async fn bury(self) -> Result<DeadLettered, BusError> {
        // An acknowledgement that the server forgot must not bring back what a person dealt with.
        let replaces = match self.origin {
            Origin::Stream => Replaces::Nothing,
            Origin::Redrive => subject::redriven(&self.message.subject).map_or(Replaces::Nothing, Replaces::SentAgain),
        };
        dead_letter::keep(&self.bus, &self.letter, self.delivered, &self.message, replaces).await?;
        terminate(self.bus.client(), self.reply, &self.letter.reason).await?;
        Ok(self.letter)
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
