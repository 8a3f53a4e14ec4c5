//! One batch of messages into the store, all or nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use domain::{Event, Meta, Micro, StreamName, Symbol, UnixNanos};

use crate::bars::BarBook;
use crate::metrics;
use crate::store::{Batch, NewEvent, Store};
use crate::view::{self, PlanStory, Recorded, Story, View};

/// A message as it was on the bus.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its stream.
    pub stream: StreamName,
    /// Its place in the stream.
    pub seq: u64,
    /// Its subject.
    pub subject: String,
    /// When the server stored it.
    pub published_at: UnixNanos,
    /// Full name of its protobuf message; empty when no header says.
    pub type_name: String,
    /// Its envelope, or what is wrong with it.
    pub meta: Result<Meta, String>,
    /// Its payload.
    pub payload: Bytes,
}

/// A message that could not be understood; it is kept in the store as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undecodable {
    /// Its stream.
    pub stream: StreamName,
    /// Its place in the stream.
    pub seq: u64,
    /// Its subject.
    pub subject: String,
    /// What is wrong.
    pub reason: String,
}

/// The store with what its folds remember between batches.
#[derive(Debug)]
pub struct Recorder {
    store: Store,
    daily_loss_pct: Option<Micro>,
    progress: BTreeMap<StreamName, u64>,
    memory: Option<Memory>,
}

/// Lost with the process, or after a failed transaction, and read from the store again.
#[derive(Debug, Default)]
struct Memory {
    bars: BarBook,
    held: BTreeMap<String, PlanStory>,
}

impl Recorder {
    /// A recorder that goes on where the store ends. `daily_loss_pct` is the loss of the day, in per cent of the start
    /// equity, at which everything is closed, until another strategy is activated; it is only shown.
    pub async fn new(mut store: Store, daily_loss_pct: Option<Micro>) -> Result<Self, sqlx::Error> {
        let progress = store.progress().await?;
        Ok(Self { store, daily_loss_pct, progress, memory: None })
    }

    /// The last sequence of each stream that is in the store.
    pub const fn progress(&self) -> &BTreeMap<StreamName, u64> {
        &self.progress
    }

    /// Stores a batch in one transaction and returns what it could not understand. An empty batch only says that the
    /// store is up to date at `now`. Messages that are in the store already change nothing.
    ///
    /// # Errors
    /// Nothing of the batch is stored then; the same batch may be tried again.
    pub async fn commit(&mut self, batch: &[Message], now: UnixNanos) -> Result<Vec<Undecodable>, sqlx::Error> {
        let mut tx = self.store.begin().await?;
        let mut memory = match self.memory.take() {
            Some(memory) => memory,
            None => Memory::restore(&mut tx).await?,
        };
        let mut progress = self.progress.clone();
        let mut work = Work {
            tx: &mut tx,
            memory: &mut memory,
            touched: BTreeSet::new(),
            undecodable: Vec::new(),
            daily_loss_pct: self.daily_loss_pct,
        };
        let mut unread = Vec::with_capacity(batch.len());
        for message in batch {
            let read = progress.entry(message.stream).or_default();
            if message.seq > *read {
                *read = message.seq;
                unread.push(Understood::of(message));
            }
        }
        work.take(unread).await?;
        for story in std::mem::take(&mut work.touched) {
            work.fold(&story).await?;
        }
        work.mark().await?;
        let (undecodable, daily_loss_pct) = (work.undecodable, work.daily_loss_pct);
        tx.commit(&progress, now).await?;
        for message in batch {
            metrics::stored(message.stream);
        }
        (self.progress, self.memory, self.daily_loss_pct) = (progress, Some(memory), daily_loss_pct);
        Ok(undecodable)
    }

    /// Reads a stream from its beginning again, because the server made it anew. What is stored stays.
    pub fn forget(&mut self, stream: StreamName, read: u64) {
        self.progress.insert(stream, read);
    }

    /// True while the database answers; false when the connection is lost for good.
    pub async fn is_up(&mut self) -> bool {
        self.store.is_up().await
    }

    /// How long a commit may take before the store counts as lost.
    pub const fn silence_max(&self) -> Duration {
        self.store.url().silence_max()
    }

    /// Closes the store.
    pub async fn close(self) -> Result<(), sqlx::Error> {
        self.store.close().await
    }
}

impl Memory {
    async fn restore(tx: &mut Batch<'_>) -> Result<Self, sqlx::Error> {
        let mut memory = Self::default();
        for id in tx.held_plans().await? {
            let story = PlanStory::fold(&tx.story(&Story::Plan(id.clone())).await?);
            memory.held.insert(id, story);
        }
        Ok(memory)
    }
}

/// One transaction's way through a batch.
struct Work<'w, 't> {
    tx: &'w mut Batch<'t>,
    memory: &'w mut Memory,
    touched: BTreeSet<Story>,
    undecodable: Vec<Undecodable>,
    daily_loss_pct: Option<Micro>,
}

impl Work<'_, '_> {
    async fn take(&mut self, messages: Vec<Understood<'_>>) -> Result<(), sqlx::Error> {
        let events: Vec<NewEvent<'_>> = messages.iter().filter(|m| !m.is_market()).map(Understood::stored).collect();
        let mut new = self.tx.insert(&events).await?.into_iter();
        drop(events);
        for message in messages {
            match message.content {
                Ok((Event::TradeBatch(trades), _)) => drop(self.memory.bars.fold(self.tx, &trades).await?),
                Ok((event, meta)) => {
                    if new.next() == Some(true) {
                        self.event(message.message, event, meta, message.story);
                    }
                }
                Err(reason) => {
                    new.next();
                    metrics::undecodable(message.message.stream);
                    let Message { stream, seq, subject, .. } = message.message;
                    let (stream, seq, subject) = (*stream, *seq, subject.clone());
                    self.undecodable.push(Undecodable { stream, seq, subject, reason });
                }
            }
        }
        Ok(())
    }

    /// What a new event changes at once.
    fn event(&mut self, message: &Message, event: Event, meta: &Meta, story: Option<Story>) {
        if let Event::AccountObserved(observed) = &event {
            self.tx.put_equity(observed);
        }
        if let Event::ConfigActivated(activated) = &event
            && let Ok(strategy) = chassis::read_strategy(&activated.strategy_yaml)
        {
            self.daily_loss_pct = Some(strategy.risk.daily_loss_hard_pct);
        }
        let recorded = Recorded { id: meta.id.to_string(), seq: message.seq, ts_init: meta.ts_init, event };
        for row in view::single(&recorded) {
            self.tx.put(row);
        }
        self.touched.extend(story);
    }

    async fn fold(&mut self, story: &Story) -> Result<(), sqlx::Error> {
        let rows = match story {
            Story::Plan(id) => self.plan(id, story).await?,
            Story::Round(_) => view::candidates(&self.tx.story(story).await?),
            Story::TradingState => view::trading_state(&self.tx.story(story).await?).into_iter().collect(),
            Story::Day(_) => {
                let opened = match self.tx.newest(story, "DayOpened").await?.map(|r| r.event) {
                    Some(Event::DayOpened(opened)) => Some(opened),
                    _ => None,
                };
                match self.tx.newest(story, "AccountObserved").await?.map(|r| r.event) {
                    Some(Event::AccountObserved(observed)) => {
                        let day_fees = self.tx.day_fees(observed.session_date).await?;
                        let day_r = self.tx.day_r(observed.session_date).await?;
                        vec![view::account(&observed, opened.as_ref(), day_fees, day_r, self.daily_loss_pct)]
                    }
                    _ => Vec::new(),
                }
            }
            Story::Error(_) => match self.tx.newest(story, "ErrorRaised").await?.map(|r| r.event) {
                Some(Event::ErrorRaised(newest)) => {
                    let repeated = self.tx.repetitions(story).await?;
                    vec![view::error(&newest, repeated.since, repeated.count)]
                }
                _ => Vec::new(),
            },
        };
        for row in rows {
            self.tx.put(row);
        }
        Ok(())
    }

    async fn plan(&mut self, id: &str, story: &Story) -> Result<Vec<view::Row>, sqlx::Error> {
        let plan = PlanStory::fold(&self.tx.story(story).await?);
        let mark = match plan.held_symbol() {
            Some(symbol) => self.memory.bars.mark(self.tx, symbol).await?,
            None => None,
        };
        let rows = plan.rows(mark);
        if plan.held_symbol().is_some() {
            self.memory.held.insert(id.to_owned(), plan);
        } else {
            self.memory.held.remove(id);
        }
        Ok(rows)
    }

    /// Writes the bars that changed and values what is held in them.
    async fn mark(&mut self) -> Result<(), sqlx::Error> {
        let changed: BTreeSet<Symbol> = self.memory.bars.flush(self.tx);
        for plan in self.memory.held.values() {
            let Some(symbol) = plan.held_symbol().filter(|s| changed.contains(*s)) else { continue };
            let mark = self.memory.bars.mark(self.tx, symbol).await?;
            for row in plan.rows(mark) {
                if matches!(row.view, View::Plans | View::Positions) {
                    self.tx.put(row);
                }
            }
        }
        Ok(())
    }
}

/// A message with what stands in it.
struct Understood<'m> {
    message: &'m Message,
    content: Result<(Event, &'m Meta), String>,
    story: Option<Story>,
    /// Its identity where its envelope tells none.
    place: String,
}

impl<'m> Understood<'m> {
    fn of(message: &'m Message) -> Self {
        let content = decode(message);
        let story = content.as_ref().ok().and_then(|(event, _)| Story::of(event));
        Self { message, content, story, place: format!("{}/{}", message.stream.as_str(), message.seq) }
    }

    /// Trades go into the bars alone.
    const fn is_market(&self) -> bool {
        matches!(self.content, Ok((Event::TradeBatch(_), _)))
    }

    /// The event as it is stored; one that nobody understands as it came, so that a later version may.
    fn stored(&self) -> NewEvent<'_> {
        let Self { message, content, story, place } = self;
        let meta = message.meta.as_ref().ok();
        let event = content.as_ref().ok().map(|(event, _)| event);
        NewEvent {
            id: meta.map_or(place, |m| m.id.as_str()),
            stream: message.stream,
            seq: message.seq,
            type_name: &message.type_name,
            story: story.as_ref(),
            day: event.map_or_else(|| domain::calendar::session_at(message.published_at).date, view::session_of),
            at: event.map_or(message.published_at, view::happened_at),
            source: meta.map_or("", |m| &m.source),
            ts_init: meta.map_or(message.published_at, |m| m.ts_init),
            payload: &message.payload,
            body: event.map_or_else(|| "null".to_owned(), |event| view::body(event).to_string()),
            summary: match content {
                Ok((event, _)) => view::summary(event),
                Err(reason) => format!("not understood: {reason}"),
            },
            headers: serde_json::to_string(&meta).unwrap_or_default(),
        }
    }
}

fn decode(message: &Message) -> Result<(Event, &Meta), String> {
    let meta = message.meta.as_ref().map_err(Clone::clone)?;
    let event = events::decode(&message.type_name, &message.payload).map_err(|e| e.to_string())?;
    let belongs = bus::subject::subject_of(&event);
    if belongs == message.subject { Ok((event, meta)) } else { Err(format!("the payload belongs on {belongs}")) }
}
