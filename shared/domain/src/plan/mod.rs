//! Ranking a round and planning one trade per selected signal.

mod decide;
mod event;
mod state;

pub use decide::rank;
pub use event::*;
pub use state::{Effect, PlannerState};
