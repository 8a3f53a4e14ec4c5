//! Where the store is, its tables, and how one asks it, SQLite or Postgres.
//!
//! Statements are written once, for both databases: `$1` for a value, `doc ->> 'field'` for a field of a document (in
//! Postgres an operator that `services/recorder/migrations/postgres` makes), `ON CONFLICT` for what is there already. The
//! recorder writes, everybody else opens the store so that it cannot be written. Knows no event and decides nothing.
//!
//! [`url`](StoreUrl) says where → [`Connection`], [`Tx`] and [`Pool`] lead there → [`query`] asks, [`write_rows`] writes
//! many rows at once, in the columns that [`tables`] names, and [`Scan`] reads a whole table.

mod connection;
mod query;
mod rows;
mod scan;
pub mod tables;
mod url;

pub use connection::{Connection, Patience, Pool, Tx};
pub use query::{Column, On, Query, Row, Value, query};
pub use rows::{write_numbered, write_rows};
pub use scan::{Scan, Values};
pub use sqlx::{AssertSqlSafe, Error};
pub use url::{Postgres, StoreSection, StoreUrl, UrlError};
