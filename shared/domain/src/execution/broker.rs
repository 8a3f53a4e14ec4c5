//! What a broker says, in domain types: the executor's inputs besides the bus.

use crate::execution::{OrderState, OrderType};
use crate::id::{ClientOrderId, VenueOrderId};
use crate::money::{Price, Usd};
use crate::plan::Side;
use crate::symbol::Symbol;
use crate::time::UnixNanos;

/// An order as the broker shows it. Quantities are whole shares; a foreign order's fraction is rounded up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerOrder {
    /// The broker's id.
    pub venue_order_id: VenueOrderId,
    /// Whoever's id; ours when [`ClientOrderId::parts`] says so.
    pub client_order_id: ClientOrderId,
    /// The symbol.
    pub symbol: Symbol,
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
    /// The order it took the place of.
    pub replaces: Option<VenueOrderId>,
    /// Its attached orders, when read nested.
    pub legs: Vec<BrokerOrder>,
    /// The broker's words on a refusal.
    pub reason: Option<String>,
    /// The broker's time of the last change.
    pub ts_event: UnixNanos,
}

/// One execution as the broker shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerFill {
    /// The broker's id of the order.
    pub venue_order_id: VenueOrderId,
    /// Shares of this fill.
    pub quantity: u64,
    /// Price of this fill.
    pub price: Price,
    /// Shares of the order filled so far, this fill included.
    pub cumulative_qty: u64,
    /// The broker's time.
    pub ts_event: UnixNanos,
}

/// A position as the broker shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerPosition {
    /// The symbol.
    pub symbol: Symbol,
    /// Shares, short negative.
    pub quantity: i64,
    /// The broker's last price.
    pub last: Option<Price>,
}

/// The account as the broker shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerAccount {
    /// The account number.
    pub account: String,
    /// Cash and positions.
    pub equity: Usd,
    /// Equity at the close before.
    pub last_equity: Usd,
    /// Cash.
    pub cash: Usd,
    /// What may still be bought.
    pub buying_power: Usd,
    /// Market value of the long positions.
    pub long_market_value: Usd,
    /// True when the broker lets the account trade.
    pub tradable: bool,
    /// Day trades of the last five sessions by the broker's count, where it counts them.
    pub day_trade_count: Option<u32>,
    /// The broker's flag of a pattern day trader, where it has one.
    pub pattern_day_trader: Option<bool>,
}

/// The broker's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrokerClock {
    /// What it shows.
    pub now: UnixNanos,
    /// True in regular hours.
    pub is_open: bool,
    /// The next end of regular hours.
    pub next_close: UnixNanos,
}

/// Everything the broker has of a session, read in one go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BrokerBook {
    /// Orders of the session in any state, attached ones nested.
    pub orders: Vec<BrokerOrder>,
    /// Fills of the session.
    pub fills: Vec<BrokerFill>,
    /// Open positions.
    pub positions: Vec<BrokerPosition>,
    /// Market time when reading began.
    pub as_of: UnixNanos,
}

/// How a call about one order ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The broker shows the order.
    Found(BrokerOrder),
    /// The broker took the request; the order itself comes later.
    Taken,
    /// The broker has no such order.
    NotFound,
    /// The broker has this client order id already.
    Duplicate,
    /// The broker refused, with its words.
    Refused(String),
    /// The broker may have acted: timeout, lost connection, server error.
    Unknown(String),
}
