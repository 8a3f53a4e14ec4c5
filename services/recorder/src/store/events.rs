//! Events in and out of the store.

use domain::{SessionDate, StreamName, UnixNanos};
use sqlx::Row as _;

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

impl Batch<'_> {
    /// Stores an event; false when its id is known already.
    pub async fn insert(&mut self, event: &NewEvent<'_>) -> Result<bool, sqlx::Error> {
        let done = sqlx::query(
            "INSERT INTO events (id, stream, seq, type, story, day, at, source, ts_init, payload, body, summary, headers,
                                 store_seq)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT (id) DO NOTHING",
        )
        .bind(event.id)
        .bind(event.stream.as_str())
        .bind(event.seq as i64)
        .bind(event.type_name)
        .bind(event.story.map(Story::key))
        .bind(event.day.to_string())
        .bind(event.at.nanos())
        .bind(event.source)
        .bind(event.ts_init.nanos())
        .bind(event.payload)
        .bind(&event.body)
        .bind(&event.summary)
        .bind(&event.headers)
        .bind(self.store_seq + 1)
        .execute(&mut *self.tx)
        .await?;
        let new = done.rows_affected() > 0;
        self.store_seq += i64::from(new);
        Ok(new)
    }

    /// The events of a story, each stream in its own order.
    pub async fn story(&mut self, story: &Story) -> Result<Vec<Recorded>, sqlx::Error> {
        let rows =
            sqlx::query("SELECT id, seq, ts_init, type, payload FROM events WHERE story = $1 ORDER BY stream, seq")
                .bind(story.key())
                .fetch_all(&mut *self.tx)
                .await?;
        Ok(rows.iter().filter_map(recorded).collect())
    }

    /// The newest event of a story whose message is named `name`.
    pub async fn newest(&mut self, story: &Story, name: &str) -> Result<Option<Recorded>, sqlx::Error> {
        let row = sqlx::query(
            "SELECT id, seq, ts_init, type, payload FROM events WHERE story = $1 AND type LIKE '%.' || $2
             ORDER BY stream DESC, seq DESC LIMIT 1",
        )
        .bind(story.key())
        .bind(name)
        .fetch_optional(&mut *self.tx)
        .await?;
        Ok(row.as_ref().and_then(recorded))
    }

    /// How often the events of a story came.
    pub async fn repetitions(&mut self, story: &Story) -> Result<Repetitions, sqlx::Error> {
        let row = sqlx::query("SELECT COUNT(*), COALESCE(MIN(at), 0) FROM events WHERE story = $1")
            .bind(story.key())
            .fetch_one(&mut *self.tx)
            .await?;
        Ok(Repetitions { count: row.get::<i64, _>(0) as u64, since: UnixNanos::new(row.get(1)) })
    }
}

/// An event as a fold reads it; one that an older version could decode and this one cannot is left out.
fn recorded(row: &sqlx::sqlite::SqliteRow) -> Option<Recorded> {
    let event = events::decode(row.get(3), row.get(4)).ok()?;
    Some(Recorded { id: row.get(0), seq: row.get::<i64, _>(1) as u64, ts_init: UnixNanos::new(row.get(2)), event })
}
