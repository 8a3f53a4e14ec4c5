//! Reads streams in order from a given place, for state that is rebuilt from them.
//!
//! Within a stream the order is exact and nothing is missing or doubled, also across a kill of the server. Several
//! streams have no common order: up to the tails that existed at the start they come merged by the server's time,
//! afterwards as they arrive.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use domain::{Event, Meta, StreamName, UnixNanos};

use crate::connect::Bus;
use crate::envelope;
use crate::error::BusError;
use crate::reader::{Pulled, Reader, Source, Step};
use crate::signature::Verifier;
use crate::subject::{Kind, reader_name, stream_filter};
use crate::world::World;

/// What to fold, and from where.
#[derive(Debug, Clone, Default)]
pub struct FoldSpec {
    parts: Vec<Part>,
}

#[derive(Debug, Clone)]
struct Part {
    stream: StreamName,
    // The suite's own also on trial.
    live: bool,
    filters: Vec<String>,
    after: u64,
    latest: bool,
    name: Option<String>,
}

impl FoldSpec {
    /// All of `stream`.
    pub fn stream(stream: StreamName) -> Self {
        Self::default().and(stream)
    }

    /// Events of these kinds; one reader for each stream concerned.
    pub fn kinds(kinds: &[Kind]) -> Self {
        Self::default().and_kinds(kinds)
    }

    /// One subject (or wildcard) of `stream`, for example a lane of trade batches.
    pub fn subject(stream: StreamName, subject: impl Into<String>) -> Self {
        let mut spec = Self::default();
        spec.part(stream).filters.push(subject.into());
        spec
    }

    /// Also all of `stream`.
    pub fn and(mut self, stream: StreamName) -> Self {
        let filter = stream_filter(stream);
        self.part(stream).filters.push(filter);
        self
    }

    /// Also events of these kinds.
    pub fn and_kinds(mut self, kinds: &[Kind]) -> Self {
        for kind in kinds {
            self.part(kind.stream()).filters.push(kind.filter());
        }
        self
    }

    /// Also events of these kinds that the suite itself has decided, for a reader on trial; elsewhere the same as
    /// [`Self::and_kinds`]. [`Folded::on_trial`] tells them apart.
    pub fn and_live_kinds(mut self, kinds: &[Kind]) -> Self {
        for kind in kinds {
            self.part_of(kind.stream(), true).filters.push(kind.filter());
        }
        self
    }

    /// Also this subject (or wildcard) of `stream`.
    pub fn and_subject(mut self, stream: StreamName, subject: impl Into<String>) -> Self {
        self.part(stream).filters.push(subject.into());
        self
    }

    /// Leaves out what `stream` holds up to and including sequence `seq`.
    pub fn after(mut self, stream: StreamName, seq: u64) -> Self {
        self.part(stream).after = seq;
        self
    }

    /// Begins `stream` at the newest message of each subject asked for: for a reader that needs where things stand and
    /// not how they got there. Name kinds or subjects of the stream, not the whole of it.
    pub fn latest(mut self, stream: StreamName) -> Self {
        self.part(stream).latest = true;
        self
    }

    /// Gives the readers names on the server, `<service>-<stream>` and then `-<part>` if there is one, so that monitoring
    /// and autoscaling see how far behind they are. Only for a reader that a lease makes the only one of its name: each
    /// start of it ends the one before.
    pub fn known_as(mut self, service: &str, part: Option<&str>) -> Self {
        for read in &mut self.parts {
            read.name = Some(reader_name(service, read.stream, part));
        }
        self
    }

    fn part(&mut self, stream: StreamName) -> &mut Part {
        self.part_of(stream, false)
    }

    fn part_of(&mut self, stream: StreamName, live: bool) -> &mut Part {
        let at = self.parts.iter().position(|p| p.stream == stream && p.live == live).unwrap_or_else(|| {
            self.parts.push(Part { stream, live, filters: Vec::new(), after: 0, latest: false, name: None });
            self.parts.len() - 1
        });
        &mut self.parts[at]
    }
}

/// An event in its place.
#[derive(Debug, Clone)]
pub struct Folded {
    /// The event.
    pub event: Event,
    /// Who made it and from what.
    pub meta: Meta,
    /// Its stream.
    pub stream: StreamName,
    /// Its sequence in that stream.
    pub seq: u64,
    /// Its subject.
    pub subject: String,
    /// When the server stored it.
    pub published_at: UnixNanos,
    /// True for what a strategy on trial decided or said.
    pub on_trial: bool,
}

/// A message that is no event; [`Bus::bury`] keeps it for a person to look at.
#[derive(Debug)]
pub struct Poison {
    /// Its stream.
    pub stream: StreamName,
    /// Its sequence in that stream.
    pub seq: u64,
    /// Its subject.
    pub subject: String,
    /// What is wrong with it.
    pub reason: String,
    pub(crate) message: async_nats::Message,
}

/// What a fold yields.
#[derive(Debug)]
pub enum Item {
    /// The next event.
    Event(Box<Folded>),
    /// Everything that was stored when the fold was opened has been yielded. Comes once.
    CaughtUp,
    /// A message that cannot be read; the service decides what that means for its state.
    Poison(Poison),
}

/// Yields decoded events.
pub struct Fold {
    raw: RawFold,
}

impl Fold {
    /// Starts to read; the connection may still be down.
    ///
    /// # Errors
    /// `BusError::Missing` if `spec` names no stream.
    pub fn open(bus: &Bus, spec: FoldSpec) -> Result<Self, BusError> {
        Ok(Self { raw: RawFold::open(bus, spec)? })
    }

    /// The next item; waits for ever if nothing more is published. Safe to drop and call again.
    ///
    /// # Errors
    /// Class Fatal: the stream was truncated, made anew or is gone, so that the state folded so far is void.
    pub async fn next(&mut self) -> Result<Item, BusError> {
        Ok(match self.raw.next().await? {
            RawItem::CaughtUp => Item::CaughtUp,
            RawItem::Message(raw) => raw.decode(),
        })
    }

    /// Sequence of the last item of `stream` that was yielded; where it starts if there was none.
    pub fn last_seq(&self, stream: StreamName) -> u64 {
        self.raw.last_seq(stream)
    }
}

/// A message in its place, not decoded.
#[derive(Debug)]
pub struct RawMessage {
    /// Its stream.
    pub stream: StreamName,
    /// Its sequence in that stream.
    pub seq: u64,
    /// When the server stored it.
    pub published_at: UnixNanos,
    /// The protobuf bytes.
    pub payload: Bytes,
    world: World,
    inner: async_nats::Message,
    verifier: Option<Arc<Verifier>>,
}

impl RawMessage {
    /// Its subject.
    pub fn subject(&self) -> &str {
        &self.inner.subject
    }

    /// Its full protobuf name, if it has one.
    pub fn type_name(&self) -> Option<&str> {
        envelope::type_name(self.inner.headers.as_ref())
    }

    /// Who made it and from what; with its signature checked, if it must have one.
    ///
    /// # Errors
    /// `BusError::Undecodable` (class Invalid) names the header.
    pub fn meta(&self) -> Result<Meta, BusError> {
        let headers = self.inner.headers.as_ref();
        if let Some(verifier) = &self.verifier {
            verifier.check(self.subject(), headers, &self.payload)?;
        }
        envelope::meta(self.subject(), headers)
    }

    /// Decodes headers and payload and checks that they belong on the subject.
    pub fn decode(self) -> Item {
        let verifier = self.verifier.as_deref();
        let Some(subject) = self.world.plain(self.stream, self.subject()) else {
            return Item::Poison(self.into_poison("no subject of a strategy on trial".to_owned()));
        };
        match envelope::open(subject, self.inner.headers.as_ref(), &self.payload, verifier) {
            Ok((event, meta)) => {
                let Self { stream, seq, published_at, world, .. } = self;
                let (subject, on_trial) = (self.inner.subject.to_string(), world.moves(stream));
                Item::Event(Box::new(Folded { event, meta, stream, seq, subject, published_at, on_trial }))
            }
            Err(error) => Item::Poison(self.into_poison(error.to_string())),
        }
    }

    /// For a reader that decodes by itself and could not, for `reason`.
    pub fn into_poison(self, reason: String) -> Poison {
        let Self { stream, seq, inner, .. } = self;
        Poison { stream, seq, subject: inner.subject.to_string(), reason, message: inner }
    }
}

/// What a raw fold yields.
#[derive(Debug)]
pub enum RawItem {
    /// The next message.
    Message(RawMessage),
    /// Everything that was stored when the fold was opened has been yielded. Comes once.
    CaughtUp,
}

/// Yields messages without decoding them, for the busiest streams.
pub struct RawFold {
    lanes: Vec<FoldLane>,
    caught_up: bool,
    // Where the round over the lanes goes on, so that a busy one does not starve the others.
    turn: usize,
}

struct FoldLane {
    reader: Reader,
    world: World,
    last_seq: u64,
    // Messages still to come before the tail of the start is reached; unknown until the reader stands.
    backlog: Option<u64>,
    head: Option<RawMessage>,
    verifier: Option<Arc<Verifier>>,
}

const BATCH: usize = 512;

impl RawFold {
    /// Starts to read; the connection may still be down.
    ///
    /// # Errors
    /// `BusError::Missing` if `spec` names no stream.
    pub fn open(bus: &Bus, spec: FoldSpec) -> Result<Self, BusError> {
        if spec.parts.is_empty() {
            return Err(BusError::Missing { what: "a stream to fold".to_owned() });
        }
        let open = |part: Part| {
            let world = if part.live { World::Live } else { bus.world() };
            let whole = part.filters.is_empty() || part.filters.contains(&stream_filter(part.stream));
            let Part { stream, after, latest, name, .. } = part;
            let filters = match (whole, world.moves(stream)) {
                (true, false) => Vec::new(),
                (true, true) => vec![world.subject(stream, &stream_filter(stream))],
                (false, _) => part.filters.iter().map(|filter| world.subject(stream, filter)).collect(),
            };
            let source = Source::Ordered { stream, server: world.server_stream(stream), filters, after, latest, name };
            let reader = Reader::new(bus, source, BATCH, stream.as_str());
            let verifier = bus.verifier(world, stream);
            FoldLane { reader, world, last_seq: after, backlog: None, head: None, verifier }
        };
        Ok(Self { lanes: spec.parts.into_iter().map(open).collect(), caught_up: false, turn: 0 })
    }

    /// The next item; waits for ever if nothing more is published. Safe to drop and call again.
    ///
    /// # Errors
    /// Those of [`Fold::next`].
    pub async fn next(&mut self) -> Result<RawItem, BusError> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Sequence of the last message of `stream` that was yielded; where it starts if there was none.
    pub fn last_seq(&self, stream: StreamName) -> u64 {
        self.lanes.iter().find(|l| l.reader.stream() == stream).map_or(0, |l| l.last_seq)
    }

    /// Messages of `stream` still to come of those that were stored at the start; `None` until that is known.
    pub fn backlog(&self, stream: StreamName) -> Option<u64> {
        self.lanes.iter().find(|l| l.reader.stream() == stream)?.backlog
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<RawItem, BusError>> {
        if self.caught_up { self.poll_live(cx) } else { self.poll_history(cx) }
    }

    fn poll_live(&mut self, cx: &mut Context<'_>) -> Poll<Result<RawItem, BusError>> {
        for _ in 0..self.lanes.len() {
            self.turn = (self.turn + 1) % self.lanes.len();
            let lane = &mut self.lanes[self.turn];
            if let Poll::Ready(outcome) = lane.poll_head(cx) {
                outcome?;
                if let Some(message) = lane.take() {
                    return Poll::Ready(Ok(RawItem::Message(message)));
                }
            }
        }
        Poll::Pending
    }

    /// Merges by time: yields the oldest head once every lane that is behind its tail shows one.
    fn poll_history(&mut self, cx: &mut Context<'_>) -> Poll<Result<RawItem, BusError>> {
        let mut waiting = false;
        for lane in self.lanes.iter_mut().filter(|l| l.is_behind()) {
            match lane.poll_history(cx) {
                Poll::Ready(outcome) => outcome?,
                Poll::Pending => waiting = true,
            }
        }
        if waiting {
            return Poll::Pending;
        }
        let heads = self.lanes.iter_mut().filter(|l| l.head.is_some());
        let oldest = heads.min_by_key(|l| l.head.as_ref().map(|m| m.published_at));
        if let Some(message) = oldest.and_then(FoldLane::take) {
            return Poll::Ready(Ok(RawItem::Message(message)));
        }
        self.caught_up = true;
        Poll::Ready(Ok(RawItem::CaughtUp))
    }
}

impl FoldLane {
    fn is_behind(&self) -> bool {
        self.backlog != Some(0)
    }

    /// Ready when the next message is at hand, or when there is none before the tail.
    fn poll_history(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BusError>> {
        while self.head.is_none() && self.is_behind() {
            match ready!(self.reader.poll_next(cx))? {
                Step::Message(pulled) => self.head = Some(self.raw(pulled)),
                Step::Built { pending } => self.backlog = Some(pending),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Ready when the next message is at hand.
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BusError>> {
        while self.head.is_none() {
            if let Step::Message(pulled) = ready!(self.reader.poll_next(cx))? {
                self.head = Some(self.raw(pulled));
            }
        }
        Poll::Ready(Ok(()))
    }

    fn raw(&self, pulled: Pulled) -> RawMessage {
        let message = pulled.message.message;
        RawMessage {
            stream: self.reader.stream(),
            seq: pulled.seq,
            published_at: UnixNanos::new(pulled.published_nanos),
            payload: message.payload.clone(),
            world: self.world,
            inner: message,
            verifier: self.verifier.clone(),
        }
    }

    fn take(&mut self) -> Option<RawMessage> {
        let message = self.head.take()?;
        self.last_seq = message.seq;
        self.backlog = self.backlog.map(|b| b.saturating_sub(1));
        Some(message)
    }
}
