//! The market as the suite sees it: events of the gateway, trade conditions, per-symbol state.

mod event;

pub use event::*;
