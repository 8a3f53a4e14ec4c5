//! Pure trading types and rules.
//!
//! Decisions are folds: `State::apply(&Event)` and `decide(&State, …) -> Vec<Effect>`. Nothing in this crate reads
//! a clock, the environment, a file or a socket, draws a random number, or logs; time arrives inside the events.
//! Backtest, replay, paper and live trading run exactly these functions.

pub mod calendar;
pub mod control;
pub mod decision_log;
pub mod event;
pub mod execution;
pub mod fees;
pub mod id;
pub mod market;
pub mod money;
mod names;
pub mod ops;
pub mod plan;
pub mod risk;
pub mod scan;
pub mod schedule;
#[cfg(feature = "schema")]
mod schema;
pub mod strategy;
pub mod symbol;
pub mod time;

pub use event::{Event, Meta, StreamName};
pub use id::{ClientOrderId, EventId, PlanId, RoundId, SignalId, VenueOrderId};
pub use money::{Micro, Price, Usd};
pub use symbol::Symbol;
pub use time::{SessionDate, UnixNanos};
