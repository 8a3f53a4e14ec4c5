//! Orders, fills, positions and the way to a flat book.

mod book;
mod broker;
mod closing;
mod decide;
mod effect;
mod event;
mod ladder;
mod order;
mod record;
mod shortfall;
#[cfg(test)]
mod tests;

pub use book::{ExecutionState, PlanBook};
pub use broker::*;
pub use decide::{ExecutionPolicy, decide};
pub use effect::{Alert, Effect};
pub use event::*;
pub use ladder::{BROKER_CLOCK_GRACE_S, MarketInstants};
pub use order::{ApprovedPlan, BadApproval, Call, NewOrder, Order, Snapshot};
pub use shortfall::shortfalls;
