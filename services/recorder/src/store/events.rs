//! Events in and out of the store.

use std::collections::HashSet;

use domain::{SessionDate, StreamName, UnixNanos};
use store::tables::EVENTS;
use store::{Value, query, write_numbered};

use super::Batch;
use crate::view::{Recorded, Story};

/// An event to be stored.
#[derive(Debug)]
pub struct NewEvent<'a> {
    /// Its identity.
    pub id: &'a str,
    /// Its stream.
    pub stream: StreamName,
    /// Its place in the stream.
    pub seq: u64,
    /// Full name of its protobuf message.
    pub type_name: &'a str,
    /// What it is folded into.
    pub story: Option<&'a Story>,
    /// Its session.
    pub day: SessionDate,
    /// When it happened.
    pub at: UnixNanos,
    /// Who made it.
    pub source: &'a str,
    /// When, on the maker's wall clock.
    pub ts_init: UnixNanos,
    /// The bytes that were on the bus.
    pub payload: &'a [u8],
    /// Its fields as JSON.
    pub body: String,
    /// It in one sentence.
    pub summary: String,
    /// Its envelope as JSON.
    pub headers: String,
}

/// How often a fault was raised.
#[derive(Debug, Clone, Copy)]
pub struct Repetitions {
    /// How many times.
    pub count: u64,
    /// When for the first time.
    pub since: UnixNanos,
}

impl NewEvent<'_> {
    /// Its row in the table.
    fn row(&self, store_seq: i64) -> Vec<Value<'_>> {
        vec![
            self.id.into(),
            self.stream.as_str().into(),
            Value::Int(self.seq as i64),
            self.type_name.into(),
            self.story.map(Story::key).into(),
            self.day.to_string().into(),
            Value::Int(self.at.nanos()),
            self.source.into(),
            Value::Int(self.ts_init.nanos()),
            self.payload.into(),
            self.body.as_str().into(),
            self.summary.as_str().into(),
            self.headers.as_str().into(),
            Value::Int(store_seq),
        ]
    }
}

impl Batch<'_> {
    /// Stores events and tells of each whether it is new: false when its id is known already.
    pub async fn insert(&mut self, events: &[NewEvent<'_>]) -> Result<Vec<bool>, sqlx::Error> {
        let first = self.store_seq + 1;
        let mut seen = HashSet::new();
        let rows = events.iter().zip(first..).filter(|(event, _)| seen.insert(event.id)).map(|(e, seq)| e.row(seq));
        let written = write_numbered(&mut self.tx, &EVENTS, rows.collect(), "ON CONFLICT (id) DO NOTHING").await?;
        self.advance(&written);
        Ok((first..).take(events.len()).map(|seq| written.contains(&seq)).collect())
    }

    /// The events of a story, each stream in its own order.
    pub async fn story(&mut self, story: &Story) -> Result<Vec<Recorded>, sqlx::Error> {
        let rows = query("SELECT id, seq, ts_init, type, payload FROM events WHERE story = $1 ORDER BY stream, seq")
            .bind(story.key())
            .fetch_all(&mut self.tx)
            .await?;
        Ok(rows.iter().filter_map(recorded).collect())
    }

    /// The newest event of a story whose message is named `name`.
    pub async fn newest(&mut self, story: &Story, name: &str) -> Result<Option<Recorded>, sqlx::Error> {
        let row = query(
            "SELECT id, seq, ts_init, type, payload FROM events WHERE story = $1 AND type LIKE '%.' || $2
             ORDER BY stream DESC, seq DESC LIMIT 1",
        )
        .bind(story.key())
        .bind(name)
        .fetch_optional(&mut self.tx)
        .await?;
        Ok(row.as_ref().and_then(recorded))
    }

    /// How often the events of a story came.
    pub async fn repetitions(&mut self, story: &Story) -> Result<Repetitions, sqlx::Error> {
        let row = query("SELECT COUNT(*), COALESCE(MIN(at), 0) FROM events WHERE story = $1")
            .bind(story.key())
            .fetch_one(&mut self.tx)
            .await?;
        Ok(Repetitions { count: row.get::<i64>(0) as u64, since: UnixNanos::new(row.get(1)) })
    }
}

/// An event as a fold reads it; one that an older version could decode and this one cannot is left out.
fn recorded(row: &store::Row) -> Option<Recorded> {
    let event = events::decode(row.get(3), row.get(4)).ok()?;
    Some(Recorded { id: row.get(0), seq: row.get::<i64>(1) as u64, ts_init: UnixNanos::new(row.get(2)), event })
}
