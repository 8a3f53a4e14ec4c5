//! How large, and whether at all.

mod event;

pub use event::*;
