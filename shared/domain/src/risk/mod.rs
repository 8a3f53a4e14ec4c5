//! How large, and whether at all.

mod decision;
mod event;
mod sizing;
mod state;
mod trading_state;

pub use decision::Decision;
pub use event::*;
pub use sizing::{Means, Size, r_multiple, risk_of, size};
pub use state::RiskState;
pub use trading_state::TradingStateBook;
