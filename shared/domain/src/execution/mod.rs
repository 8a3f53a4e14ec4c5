//! Orders, fills, positions and the way to a flat book.

mod approved;
mod book;
mod broker;
mod closing;
mod cover;
mod decide;
mod effect;
mod event;
mod fills;
mod ladder;
mod order;
mod place;
mod plan_book;
mod record;
mod tape;
#[cfg(test)]
mod tests;
mod wind_down;

pub use approved::{ApprovedPlan, BadApproval, NewOrder};
pub use book::ExecutionState;
pub use broker::*;
pub use decide::{ExecutionPolicy, decide};
pub use effect::{Alert, Effect};
pub use event::*;
pub use ladder::{BROKER_CLOCK_GRACE_S, MarketInstants};
pub use order::{Call, Order, Snapshot};
pub use place::{FIRST_SLICE, OrderPlace};
pub use plan_book::PlanBook;
pub use wind_down::{Extent, WindDown, wind_down};
