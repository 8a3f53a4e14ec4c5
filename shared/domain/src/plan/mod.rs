//! Ranking a round and planning one trade per selected signal.

mod decide;
mod event;
mod exits;
mod levels;
mod slice;
mod state;

pub use decide::rank;
pub use event::*;
pub use exits::{ExitRules, TimeStop, Trail};
pub use slice::Slice;
pub use state::{Effect, PlannerState};

#[cfg(test)]
pub(crate) mod fixture;
