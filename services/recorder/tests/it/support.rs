//! A store at a place of its own, and what is in it.

use std::collections::BTreeMap;
use std::time::Duration;

use bus::subject;
use chassis::Secret;
use domain::{Event, Meta, StreamName};
use recorder::recorder::{Message, Recorder};
use recorder::store::{Store, StoreUrl};
use serde_json::Value;
use store::{AssertSqlSafe, Connection, Row, query};
use testkit::{Place, Stores};

/// Every table with what identifies a row and what it says, but not its `store_seq`.
const TABLES: [(&str, &str); 21] = [
    ("events", "id || ' ' || stream || seq || coalesce(story, '') || summary || body"),
    ("progress", "stream || ' ' || seq"),
    ("watermarks", "source || partition_no || ' ' || epoch || '.' || batch_no || ' ' || watermark"),
    ("bars", "symbol || start || ' ' || open || high || low || close || ' ' || volume"),
    ("account_curve", "minute || ' ' || equity"),
    ("candidates", DOC),
    ("signals", DOC),
    ("rounds", DOC),
    ("plans", DOC),
    ("decisions", DOC),
    ("orders", DOC),
    ("fills", DOC),
    ("positions", DOC),
    ("account", DOC),
    ("news", DOC),
    ("reference", DOC),
    ("feed_gaps", DOC),
    ("errors", DOC),
    ("readiness", DOC),
    ("trading_state", DOC),
    ("audit", DOC),
];
const DOC: &str = "id || ' ' || day || ' ' || live || ' ' || doc";

/// Rows of every table, as text.
pub(crate) type Dump = BTreeMap<&'static str, Vec<String>>;

pub(crate) struct Fixture {
    pub(crate) place: Place,
    pub(crate) url: StoreUrl,
}

impl Fixture {
    pub(crate) fn new(stores: &Stores) -> Self {
        let place = stores.fresh();
        let url: StoreUrl = place.url.parse().unwrap();
        Self { url: url.with_password(place.password().map(Secret::new)), place }
    }

    pub(crate) async fn recorder(&self) -> Recorder {
        let store = Store::open(&self.url).await.unwrap();
        Recorder::new(store, Some(domain::Micro::from_int(3))).await.unwrap()
    }

    /// Everything in the store; `skip` names tables to leave out.
    pub(crate) async fn dump(&self, skip: &[&str]) -> Dump {
        self.try_dump(skip).await.unwrap()
    }

    /// The same for a store that may not have its tables yet.
    pub(crate) async fn try_dump(&self, skip: &[&str]) -> Result<Dump, store::Error> {
        let mut connection = Connection::reader(&self.url, Duration::from_secs(5)).await?;
        let mut all = Dump::new();
        for (table, columns) in TABLES.iter().filter(|(t, _)| !skip.contains(t)) {
            let sql = AssertSqlSafe(format!("SELECT {columns} FROM {table} ORDER BY 1"));
            let rows = query(sql).fetch_all(&mut connection).await?;
            all.insert(*table, rows.iter().map(|r| r.get(0)).collect());
        }
        Ok(all)
    }

    /// The documents of one table.
    pub(crate) async fn docs(&self, table: &str) -> Vec<Value> {
        let rows = self.ask(format!("SELECT doc FROM {table} ORDER BY id")).await;
        rows.iter().map(|r| serde_json::from_str(r.get(0)).unwrap()).collect()
    }

    /// The number of the store's last change.
    pub(crate) async fn store_seq(&self) -> i64 {
        self.ask("SELECT store_seq FROM store".to_owned()).await[0].get(0)
    }

    /// Whatever the store answers.
    pub(crate) async fn ask(&self, sql: String) -> Vec<Row> {
        let mut connection = Connection::reader(&self.url, Duration::from_secs(5)).await.unwrap();
        query(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap()
    }
}

/// Events as they would lie in their streams.
pub(crate) fn messages(events: &[Event], meta: impl Fn(usize, &Event) -> Meta) -> Vec<Message> {
    let mut last: BTreeMap<StreamName, u64> = BTreeMap::new();
    events
        .iter()
        .enumerate()
        .map(|(n, event)| {
            let seq = last.entry(event.stream()).or_default();
            *seq += 1;
            let meta = meta(n, event);
            Message {
                stream: event.stream(),
                seq: *seq,
                subject: subject::subject_of(event),
                published_at: meta.ts_init,
                type_name: events::type_name(event).to_owned(),
                meta: Ok(meta),
                payload: events::encode(event),
            }
        })
        .collect()
}
