//! REST, live events and the dashboard; commands to CONTROL.
//!
//! Reads: the recorder's store, read-only; the strategy's file, and its versions from CONTROL; what people are told of, from
//! OPS, CONTROL, RISK and ORDER; SHADOW, and the decisions of SCAN, PLAN and RISK beside it. Writes: CONTROL, for a person
//! and under that person's name, or as the strategy's file says; never an order.
//! Remembers: nothing that matters; a restart only interrupts the live streams, which resume where they were.
//!
//! Data moves: [`store`] and [`changes`] read what the recorder committed → [`live`] follows the commit number once for
//! all → [`routes`] answer and stream → [`dashboard`] is the page that shows it. [`status`] puts the suite's state into
//! one document, [`strategy`] activates what the strategy's file says, [`analytics`] tells what trading amounts to,
//! [`shadow`] holds a strategy on trial against the suite, [`alerts`] sends to people what they should know, [`guard`] and
//! [`problem`] stand around every request, [`auth`] and
//! [`limit`] before whatever tells or does something.

pub mod alerts;
pub mod analytics;
pub mod app;
pub mod auth;
mod bucket;
pub mod changes;
pub mod config;
pub mod dashboard;
pub mod guard;
pub mod limit;
pub mod live;
pub mod metrics;
pub mod openapi;
pub mod problem;
pub mod query;
pub mod routes;
pub mod shadow;
pub mod state;
pub mod status;
pub mod store;
pub mod strategy;

pub use app::CoordinatorApi;
pub use config::Config;
