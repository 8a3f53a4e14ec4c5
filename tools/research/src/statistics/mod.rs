//! How a strategy did: of daily returns and of trades. Statistics only; no order is computed from them.

mod ranks;
mod returns;
mod trades;

pub use ranks::spearman;
pub use returns::{Returns, SESSIONS_PER_YEAR, drawdowns};
pub use trades::{GapSize, Group, RDistribution, Trade, TradeStatistics};
