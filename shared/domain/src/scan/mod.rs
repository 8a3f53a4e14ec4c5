//! Which symbols gap, and how unusual that is.

mod event;

pub use event::*;
