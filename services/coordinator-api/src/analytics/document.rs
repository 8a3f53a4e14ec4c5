//! The answers, and what a report reads of them: numbers as decimal strings.

use domain::execution::CloseReason;
use domain::plan::Side;
use domain::{Micro, PlanId, Price, SessionDate, Symbol, UnixNanos, Usd};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What the trades and sessions of a range amount to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Analytics {
    /// First session.
    #[schema(value_type = String)]
    pub from: SessionDate,
    /// Last session.
    #[schema(value_type = String)]
    pub to: SessionDate,
    /// Only trades of this strategy.
    pub strategy: Option<String>,
    /// Only trades of this symbol.
    #[schema(value_type = Option<String>)]
    pub symbol: Option<Symbol>,
    /// What the sessions' results are.
    pub basis: Basis,
    /// True when the last session is not over, so that its numbers may change.
    pub running: bool,
    /// Trades that hold shares still; they count nowhere else.
    pub open_trades: i64,
    /// Sessions between the first and the last below of which the store knows no result.
    #[schema(value_type = Vec<String>)]
    pub missing_sessions: Vec<SessionDate>,
    /// Of the sessions' results.
    pub returns: Returns,
    /// Of the closed trades.
    pub trades: Trades,
    /// Each session with its result, oldest first.
    pub sessions: Vec<SessionPoint>,
    /// The account over the session, a point a minute; only for one session and all of its trades.
    pub minutes: Vec<MinutePoint>,
}

/// What a session's result is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The account's, what is open included.
    Account,
    /// That of the trades asked for, over the account's equity at the start.
    Trades,
}

/// Statistics of daily returns; null where a number is not defined.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Returns {
    /// Sessions with a result.
    pub sessions: usize,
    /// Sum of the results, USD.
    #[schema(value_type = String)]
    pub pnl: Usd,
    /// Compounded, per cent; null without a session.
    #[schema(value_type = Option<String>)]
    pub total_return_pct: Option<Micro>,
    /// Compounded annual growth, per cent.
    #[schema(value_type = Option<String>)]
    pub cagr_pct: Option<Micro>,
    /// Deviation of a sample, times the root of 252, per cent; null below two sessions.
    #[schema(value_type = Option<String>)]
    pub annual_volatility_pct: Option<Micro>,
    /// Mean over deviation of a sample, annualised; null below two sessions or without deviation.
    #[schema(value_type = Option<String>)]
    pub sharpe: Option<Micro>,
    /// Mean over the root of the mean squared loss, annualised; null without a loss.
    #[schema(value_type = Option<String>)]
    pub sortino: Option<Micro>,
    /// Annual growth over the largest drawdown; null without a drawdown.
    #[schema(value_type = Option<String>)]
    pub calmar: Option<Micro>,
    /// Deepest fall from a peak by the sessions' ends, per cent, never positive.
    #[schema(value_type = Option<String>)]
    pub max_drawdown_pct: Option<Micro>,
}

/// Statistics of closed trades; null where a number is not defined.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Trades {
    /// How many.
    pub count: usize,
    /// How many with a profit after fees.
    pub wins: usize,
    /// Share of them, per cent.
    #[schema(value_type = Option<String>)]
    pub win_rate_pct: Option<Micro>,
    /// After fees, USD.
    #[schema(value_type = String)]
    pub net_pnl: Usd,
    /// USD.
    #[schema(value_type = String)]
    pub fees: Usd,
    /// Profits over losses; null without a loss.
    #[schema(value_type = Option<String>)]
    pub profit_factor: Option<Micro>,
    /// Mean profit or loss, USD.
    #[schema(value_type = Option<String>)]
    pub expectancy: Option<Usd>,
    /// Mean R.
    #[schema(value_type = Option<String>)]
    pub expectancy_r: Option<Micro>,
    /// Mean R of those with a profit.
    #[schema(value_type = Option<String>)]
    pub win_r: Option<Micro>,
    /// Mean R of the others.
    #[schema(value_type = Option<String>)]
    pub loss_r: Option<Micro>,
    /// How R is spread; null without a trade.
    pub r: Option<RSpread>,
    /// How many came to how much, in steps of half an R, without gaps.
    pub histogram: Vec<Bin>,
    /// What worse prices than planned cost.
    pub slippage: Slippage,
    /// By symbol.
    pub by_symbol: Vec<Group>,
    /// By New York hour of the entry.
    pub by_hour: Vec<Group>,
    /// By size of the gap, either way.
    pub by_gap: Vec<Group>,
    /// By points of the headlines.
    pub by_catalyst: Vec<Group>,
}

/// How R is spread over trades.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RSpread {
    /// Standard deviation of a sample; null for one trade.
    #[schema(value_type = Option<String>)]
    pub deviation: Option<Micro>,
    /// Lowest.
    #[schema(value_type = String)]
    pub min: Micro,
    /// A quarter of the trades did worse.
    #[schema(value_type = String)]
    pub p25: Micro,
    /// Half of the trades did worse.
    #[schema(value_type = String)]
    pub median: Micro,
    /// Three quarters of the trades did worse.
    #[schema(value_type = String)]
    pub p75: Micro,
    /// Highest.
    #[schema(value_type = String)]
    pub max: Micro,
}

/// Trades from one R, it included, to another, it left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Bin {
    /// Null where everything below is meant.
    #[schema(value_type = Option<String>)]
    pub from: Option<Micro>,
    /// Null where everything above is meant.
    #[schema(value_type = Option<String>)]
    pub to: Option<Micro>,
    /// How many.
    pub trades: usize,
}

/// What worse prices than planned cost; above zero is worse.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Slippage {
    /// Mean of the trades, R.
    #[schema(value_type = Option<String>)]
    pub mean_r: Option<Micro>,
    /// Worst trade, R.
    #[schema(value_type = Option<String>)]
    pub worst_r: Option<Micro>,
    /// Sum, R.
    #[schema(value_type = String)]
    pub total_r: Micro,
    /// Sum, USD.
    #[schema(value_type = String)]
    pub total: Usd,
    /// Of entries and stops; other legs have no planned price.
    pub by_leg: Vec<LegSlippage>,
}

/// Slippage of one leg, in R of the whole trade.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LegSlippage {
    /// `entry` or `stop`.
    pub leg: String,
    /// Trades in which it filled.
    pub trades: usize,
    /// Mean of them, R.
    #[schema(value_type = Option<String>)]
    pub mean_r: Option<Micro>,
    /// Worst of them, R.
    #[schema(value_type = Option<String>)]
    pub worst_r: Option<Micro>,
    /// Sum, R.
    #[schema(value_type = String)]
    pub total_r: Micro,
}

/// Trades of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Group {
    /// Which kind.
    pub key: String,
    /// How many.
    pub trades: usize,
    /// How many with a profit after fees.
    pub wins: usize,
    /// Share of them, per cent.
    #[schema(value_type = String)]
    pub win_rate_pct: Micro,
    /// After fees, USD.
    #[schema(value_type = String)]
    pub pnl: Usd,
    /// Profits over losses; null without a loss.
    #[schema(value_type = Option<String>)]
    pub profit_factor: Option<Micro>,
    /// Mean R.
    #[schema(value_type = String)]
    pub expectancy_r: Micro,
    /// Sum of R.
    #[schema(value_type = String)]
    pub total_r: Micro,
    /// Mean slippage, R.
    #[schema(value_type = String)]
    pub slippage_r: Micro,
}

/// A session with its result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SessionPoint {
    /// New York session.
    #[schema(value_type = String)]
    pub session_date: SessionDate,
    /// USD.
    #[schema(value_type = String)]
    pub start_equity: Usd,
    /// Net of the session's fees, USD.
    #[schema(value_type = String)]
    pub end_equity: Usd,
    /// USD.
    #[schema(value_type = String)]
    pub pnl: Usd,
    /// Sum of the results so far, USD.
    #[schema(value_type = String)]
    pub cumulative_pnl: Usd,
    /// Of the equity at the start, per cent.
    #[schema(value_type = Option<String>)]
    pub return_pct: Option<Micro>,
    /// Below the highest so far, compounded, per cent, never positive.
    #[schema(value_type = Option<String>)]
    pub drawdown_pct: Option<Micro>,
    /// Trades that closed.
    pub trades: usize,
}

/// The account at a time of the session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MinutePoint {
    /// When.
    #[schema(value_type = String)]
    pub at: UnixNanos,
    /// USD, before the session's fees.
    #[schema(value_type = String)]
    pub equity: Usd,
    /// Below the highest of the session so far, per cent, never positive.
    #[schema(value_type = Option<String>)]
    pub drawdown_pct: Option<Micro>,
}

/// A trade that is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Trade {
    /// Its plan.
    #[schema(value_type = String)]
    pub plan_id: PlanId,
    /// Ticker.
    #[schema(value_type = String)]
    pub symbol: Symbol,
    /// `buy` or `sell`.
    #[schema(value_type = String)]
    pub side: Side,
    /// New York session.
    #[schema(value_type = String)]
    pub session_date: SessionDate,
    /// The strategy's name.
    pub strategy: String,
    /// Hash of the strategy's numbers.
    pub strategy_version: String,
    /// Shares.
    pub quantity: u64,
    /// First fill.
    #[schema(value_type = String)]
    pub entry_at: UnixNanos,
    /// USD.
    #[schema(value_type = String)]
    pub avg_entry_price: Price,
    /// Last fill.
    #[schema(value_type = String)]
    pub exit_at: UnixNanos,
    /// USD.
    #[schema(value_type = String)]
    pub avg_exit_price: Price,
    /// One R of a share, USD.
    #[schema(value_type = String)]
    pub stop_distance: Price,
    /// After fees, USD.
    #[schema(value_type = String)]
    pub pnl: Usd,
    /// USD.
    #[schema(value_type = String)]
    pub fees: Usd,
    /// After fees, in R.
    #[schema(value_type = String)]
    pub r_multiple: Micro,
    /// How it ended.
    #[schema(value_type = String)]
    pub closed_reason: CloseReason,
    /// Gap of the open, per cent.
    #[schema(value_type = Option<String>)]
    pub gap_pct: Option<Micro>,
    /// Points of the headlines, 0 to 100.
    #[schema(value_type = Option<String>)]
    pub catalyst: Option<Micro>,
    /// Entry and stop against their planned prices, R; above zero is worse.
    #[schema(value_type = String)]
    pub slippage_r: Micro,
    /// The entry's part.
    #[schema(value_type = Option<String>)]
    pub entry_slippage_r: Option<Micro>,
    /// The stop's part; null when no stop filled.
    #[schema(value_type = Option<String>)]
    pub stop_slippage_r: Option<Micro>,
    /// The same as `slippage_r` in USD.
    #[schema(value_type = String)]
    pub slippage: Usd,
}
