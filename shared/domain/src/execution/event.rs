//! What happened at the broker, and what was about to.

use serde::{Deserialize, Serialize};

use crate::id::{ClientOrderId, PlanId, VenueOrderId};
use crate::money::{Micro, Price, Usd};
use crate::plan::Side;
use crate::symbol::Symbol;
use crate::time::{SessionDate, UnixNanos};

/// The part an order plays in its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leg {
    /// Opens the position.
    Entry,
    /// Protective stop.
    Stop,
    /// Takes profit.
    Target,
    /// Closes the position on our own initiative.
    Exit,
}

impl Leg {
    /// The name in documents, metrics and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Entry => "entry",
            Self::Stop => "stop",
            Self::Target => "target",
            Self::Exit => "exit",
        }
    }

    /// The letter in a client order id.
    pub const fn letter(self) -> char {
        match self {
            Self::Entry => 'E',
            Self::Stop => 'S',
            Self::Target => 'T',
            Self::Exit => 'X',
        }
    }

    /// The leg of a letter in a client order id.
    pub const fn from_letter(letter: char) -> Option<Self> {
        match letter {
            'E' => Some(Self::Entry),
            'S' => Some(Self::Stop),
            'T' => Some(Self::Target),
            'X' => Some(Self::Exit),
            _ => None,
        }
    }
}

/// How an order is priced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderType {
    /// At any price.
    Market,
    /// At a price or better.
    Limit,
    /// At any price once the stop price trades.
    Stop,
    /// At a price or better once the stop price trades.
    StopLimit,
}

/// The life of an order. Terminal states are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// Written down, not known to be sent.
    Intended,
    /// The broker may or may not have it.
    Unknown,
    /// The broker has it; it is not working yet (`held` legs too).
    Accepted,
    /// Working.
    Working,
    /// Working and partly filled.
    PartiallyFilled,
    /// A cancel is on its way.
    PendingCancel,
    /// Terminal: completely filled.
    Filled,
    /// Terminal: cancelled.
    Canceled,
    /// Terminal: its time was over.
    Expired,
    /// Terminal: replaced by another order.
    Replaced,
    /// Terminal: the broker refused it.
    Rejected,
}

impl OrderState {
    /// True when nothing more can happen to the order.
    pub const fn is_terminal(self) -> bool {
        match self {
            Self::Filled | Self::Canceled | Self::Expired | Self::Replaced | Self::Rejected => true,
            Self::Intended
            | Self::Unknown
            | Self::Accepted
            | Self::Working
            | Self::PartiallyFilled
            | Self::PendingCancel => false,
        }
    }
}

/// An order that is about to be sent; written before it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrderIntended {
    /// Our id.
    pub client_order_id: ClientOrderId,
    /// The plan it serves.
    pub plan_id: PlanId,
    /// The broker's account number.
    pub account: String,
    /// The session.
    pub session_date: SessionDate,
    /// The symbol.
    pub symbol: Symbol,
    /// Its part in the plan.
    pub leg: Leg,
    /// Counts the orders of this leg and slice from 1; rises only after the one before is terminal.
    pub attempt: u32,
    /// Buy or sell.
    pub side: Side,
    /// How it is priced.
    pub order_type: OrderType,
    /// Shares.
    pub quantity: u64,
    /// Worst acceptable price of limit and stop-limit orders.
    pub limit_price: Option<Price>,
    /// Price that elects stop and stop-limit orders.
    pub stop_price: Option<Price>,
    /// Stop price of the attached protective stop.
    pub stop_loss: Option<Price>,
    /// Limit price of the attached profit target.
    pub take_profit: Option<Price>,
    /// Why the position is closed; only of exits.
    pub reason: Option<CloseReason>,
    /// Market time of the intent.
    pub ts_event: UnixNanos,
}

/// The broker's word on an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrderUpdated {
    /// Our id; made up from plan and leg for legs that the broker named.
    pub client_order_id: ClientOrderId,
    /// The broker's id; `None` while the outcome of sending is unknown.
    pub venue_order_id: Option<VenueOrderId>,
    /// The plan it serves.
    pub plan_id: PlanId,
    /// The symbol.
    pub symbol: Symbol,
    /// Its part in the plan.
    pub leg: Leg,
    /// Buy or sell.
    pub side: Side,
    /// How it is priced.
    pub order_type: OrderType,
    /// Where its life stands.
    pub state: OrderState,
    /// Shares ordered.
    pub quantity: u64,
    /// Shares filled so far.
    pub filled_qty: u64,
    /// Average price of the fills.
    pub avg_fill_price: Option<Price>,
    /// Its limit price.
    pub limit_price: Option<Price>,
    /// Its stop price.
    pub stop_price: Option<Price>,
    /// The broker's words, when it refused or cancelled.
    pub reason: Option<String>,
    /// The broker's time.
    pub ts_event: UnixNanos,
}

/// Shares changed hands. Its identity is `(venue order, cumulative quantity)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FillRecorded {
    /// Our id of the order.
    pub client_order_id: ClientOrderId,
    /// The broker's id of the order.
    pub venue_order_id: VenueOrderId,
    /// The plan it serves.
    pub plan_id: PlanId,
    /// The symbol.
    pub symbol: Symbol,
    /// The order's part in the plan.
    pub leg: Leg,
    /// Buy or sell.
    pub side: Side,
    /// Shares of this fill.
    pub quantity: u64,
    /// Price of this fill.
    pub price: Price,
    /// Shares of the order filled so far, this fill included.
    pub cumulative_qty: u64,
    /// Commission and regulatory fees of this fill by the strategy's `costs`; the fills of an order add up to its fees.
    pub fees: Usd,
    /// How much worse than the planned price, in units of the plan's stop distance; entries and stops only.
    pub slippage_r: Option<Micro>,
    /// The broker's time.
    pub ts_event: UnixNanos,
}

/// The entry is done: completely filled, or cut short and its remainder cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanExecuted {
    /// The plan.
    pub plan_id: PlanId,
    /// The symbol.
    pub symbol: Symbol,
    /// Side of the entry.
    pub side: Side,
    /// Shares held.
    pub quantity: u64,
    /// Average entry price.
    pub avg_entry_price: Price,
    /// Stop price that protects them.
    pub stop_price: Price,
    /// The broker's time of the last entry fill.
    pub ts_event: UnixNanos,
}

/// Why a plan is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseReason {
    /// The protective stop filled.
    StopLoss,
    /// The target filled.
    TakeProfit,
    /// Closed because the session ends.
    FlatByClose,
    /// Closed because the trading state says so.
    Flattened,
    /// The entry was not filled in time.
    EntryExpired,
    /// The entry was withdrawn because the trading state says so.
    EntryWithdrawn,
    /// The broker refused the entry.
    EntryRejected,
    /// Not known to be sent, and too late to send.
    Abandoned,
    /// Closed by an order that is not ours.
    ClosedElsewhere,
    /// Closed because it had gained too little after the plan's time.
    TimeStop,
}

/// A plan is over; what it had reserved is free again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanClosed {
    /// The plan.
    pub plan_id: PlanId,
    /// The symbol.
    pub symbol: Symbol,
    /// The session.
    pub session_date: SessionDate,
    /// Why.
    pub reason: CloseReason,
    /// Shares that were held.
    pub quantity: u64,
    /// Average entry price; `None` when nothing was filled.
    pub avg_entry_price: Option<Price>,
    /// Average exit price; `None` when nothing was filled.
    pub avg_exit_price: Option<Price>,
    /// Profit or loss after fees.
    pub realized_pnl: Usd,
    /// Commissions and fees.
    pub fees: Usd,
    /// Profit or loss after fees, in units of `quantity × stop_distance`.
    pub r_multiple: Micro,
    /// The broker's time.
    pub ts_event: UnixNanos,
}

/// The account as the broker sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountObserved {
    /// The broker's account number.
    pub account: String,
    /// The session it was observed in.
    pub session_date: SessionDate,
    /// Cash and positions.
    pub equity: Usd,
    /// Equity at the close before, as the broker has it.
    pub last_equity: Usd,
    /// Cash.
    pub cash: Usd,
    /// What may still be bought.
    pub buying_power: Usd,
    /// Market value of the long positions.
    pub long_market_value: Usd,
    /// True when the broker lets the account trade.
    pub tradable: bool,
    /// Day trades that the broker counts in the last five sessions; `None` when it counts none.
    pub day_trade_count: Option<u32>,
    /// True when the broker flags a pattern day trader; `None` when it has no such flag.
    pub pattern_day_trader: Option<bool>,
    /// Where the broker's calendar and the built-in table disagree on this session or the one before; nothing may be
    /// entered then.
    pub calendar_conflicts: Vec<String>,
    /// Our orders that these numbers include.
    pub client_order_ids: Vec<ClientOrderId>,
    /// The broker's time.
    pub ts_event: UnixNanos,
}

/// Our book and the broker's were held against each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PositionReconciled {
    /// The symbol.
    pub symbol: Symbol,
    /// The session.
    pub session_date: SessionDate,
    /// Shares by our fills, short negative.
    pub expected_qty: i64,
    /// Shares by the broker, short negative.
    pub broker_qty: i64,
    /// Shares under working protective orders.
    pub covered_qty: u64,
    /// What it means, in words.
    pub detail: String,
    /// The broker's time.
    pub ts_event: UnixNanos,
}

/// A step on the way to being flat by the close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadlineStep {
    /// T−15 min: no new entry is sent.
    NoEntry,
    /// T−10 min: entries are cancelled.
    CancelEntries,
    /// T−6 min: exits at a passive limit.
    PassiveExit,
    /// T−4 min: exits at a marketable limit.
    MarketableExit,
    /// T−2 min: exits at the market.
    MarketExit,
    /// T+1 min: no position and no order may be left.
    Verify,
}

/// Which clock a deadline was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadlineClock {
    /// The market's watermark.
    Watermark,
    /// The broker's clock.
    Broker,
}

/// A deadline was reached and is being acted on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeadlineReached {
    /// The session.
    pub session_date: SessionDate,
    /// The step.
    pub step: DeadlineStep,
    /// Which clock said so.
    pub by: DeadlineClock,
    /// What that clock showed.
    pub at: UnixNanos,
}

/// An executor took over a broker account; no order that another one intends afterwards is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OwnerChanged {
    /// The account, as the lease names it.
    pub account: String,
    /// Rises with every owner.
    pub epoch: u64,
    /// The replica.
    pub instance: String,
    /// When, by the replica's clock.
    pub at: UnixNanos,
}
