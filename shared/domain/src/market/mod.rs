//! The market as the suite sees it: events of the gateway, trade conditions, per-symbol state, indicators.

mod bars;
mod conditions;
mod event;
pub mod indicators;
mod state;

pub use bars::*;
pub use conditions::*;
pub use event::*;
pub use state::*;
