//! Orders, fills, positions and the way to a flat book.

mod event;

pub use event::*;
