//! Which symbols gap, and how unusual that is.

mod decide;
mod event;
mod state;

pub use event::*;
pub use state::{BatchHead, BatchOrder, PartitionState, Profile, RoundResult};
