//! Ranking a round and planning one trade per selected signal.

mod event;

pub use event::*;
