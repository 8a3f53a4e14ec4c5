//! How large, and whether at all.

mod burst;
mod day_trades;
mod decision;
mod denial;
mod event;
mod guard;
pub mod kill;
mod ledger;
pub mod margin;
mod profile;
mod sizing;
mod state;
mod trading_state;

pub use decision::Decision;
pub use denial::{DenialReason, MissingInput, RiskLimit};
pub use event::*;
pub use ledger::Ledger;
pub use profile::{DayTradeRule, RiskBasis, RiskProfile};
pub use sizing::{Means, Size, risk_cash, risk_of, size};
pub use state::RiskState;
pub use trading_state::TradingStateBook;
