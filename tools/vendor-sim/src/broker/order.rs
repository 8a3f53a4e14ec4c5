//! An order and how Alpaca shows it.

use chrono::{DateTime, SecondsFormat};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::rng;

/// Buy or sell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Side {
    Buy,
    Sell,
}

impl Side {
    pub(crate) fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }

    pub(crate) fn sign(self) -> i64 {
        match self {
            Self::Buy => 1,
            Self::Sell => -1,
        }
    }
}

/// Order type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Market,
    Limit,
    Stop,
    StopLimit,
}

/// How long it works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TimeInForce {
    Day,
    Gtc,
}

/// What it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Class {
    #[serde(alias = "")]
    Simple,
    Bracket,
    Oco,
    Oto,
}

/// Where it is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    PendingNew,
    Accepted,
    New,
    Held,
    PartiallyFilled,
    Filled,
    Canceled,
    Expired,
    Replaced,
    Rejected,
}

impl Status {
    /// Not in a final state; held legs are open too.
    pub(crate) fn is_open(self) -> bool {
        match self {
            Self::PendingNew | Self::Accepted | Self::New | Self::Held | Self::PartiallyFilled => true,
            Self::Filled | Self::Canceled | Self::Expired | Self::Replaced | Self::Rejected => false,
        }
    }

    /// Open and able to fill.
    pub(crate) fn is_working(self) -> bool {
        self.is_open() && self != Self::Held
    }
}

/// One order; prices in 1e-9 dollars, times in UTC nanoseconds of the market clock.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) client_order_id: String,
    pub(crate) symbol: String,
    /// Index of the symbol in the world's listings.
    pub(crate) index: u16,
    pub(crate) side: Side,
    pub(crate) kind: Kind,
    pub(crate) time_in_force: TimeInForce,
    pub(crate) class: Class,
    pub(crate) qty: u64,
    pub(crate) filled: u64,
    /// Sum of price × shares over its fills.
    pub(crate) filled_value: i64,
    pub(crate) limit: Option<i64>,
    pub(crate) stop: Option<i64>,
    pub(crate) status: Status,
    /// A stop or stop-limit order whose trigger has been touched.
    pub(crate) elected: bool,
    /// A limit order that could have traded when it became active: it fills at the print, not at its limit.
    pub(crate) marketable: bool,
    /// Position in the book of the entry that this leg protects.
    pub(crate) parent: Option<usize>,
    pub(crate) legs: Vec<usize>,
    /// The other order of a one-cancels-other pair.
    pub(crate) sibling: Option<usize>,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) filled_at: Option<i64>,
    pub(crate) expired_at: Option<i64>,
    pub(crate) canceled_at: Option<i64>,
    pub(crate) replaced_at: Option<i64>,
    #[serde(default)]
    pub(crate) failed_at: Option<i64>,
    pub(crate) expires_at: i64,
    pub(crate) replaces: Option<String>,
    pub(crate) replaced_by: Option<String>,
}

impl Order {
    pub(crate) fn leaves(&self) -> u64 {
        self.qty.saturating_sub(self.filled)
    }

    /// Average price of its fills, rounded to 1e-9 toward zero.
    pub(crate) fn average(&self) -> Option<i64> {
        (self.filled > 0).then(|| self.filled_value / self.filled as i64)
    }

    /// Market and stop orders trade at any price once they are live.
    pub(crate) fn is_market_like(&self) -> bool {
        matches!(self.kind, Kind::Market | Kind::Stop)
    }

    /// Alpaca's order entity; `legs` is what stands under that key.
    pub(crate) fn view(&self, legs: &Value) -> Value {
        json!({
            "id": self.id,
            "client_order_id": self.client_order_id,
            "created_at": rfc3339(self.created_at),
            "updated_at": rfc3339(self.updated_at),
            "submitted_at": rfc3339(self.created_at),
            "filled_at": self.filled_at.map(rfc3339),
            "expired_at": self.expired_at.map(rfc3339),
            "expires_at": rfc3339(self.expires_at),
            "canceled_at": self.canceled_at.map(rfc3339),
            "cancel_requested_at": self.canceled_at.map(rfc3339),
            "failed_at": self.failed_at.map(rfc3339),
            "replaced_at": self.replaced_at.map(rfc3339),
            "replaced_by": self.replaced_by,
            "replaces": self.replaces,
            "asset_id": asset_id(&self.symbol),
            "symbol": self.symbol,
            "asset_class": "us_equity",
            "notional": null,
            "qty": self.qty.to_string(),
            "filled_qty": self.filled.to_string(),
            "filled_avg_price": self.average().map(money),
            "order_class": self.class,
            "order_type": self.kind,
            "type": self.kind,
            "side": self.side,
            "time_in_force": self.time_in_force,
            "limit_price": self.limit.map(money),
            "stop_price": self.stop.map(money),
            "status": self.status,
            "extended_hours": false,
            "legs": legs,
            "trail_percent": null,
            "trail_price": null,
            "hwm": null,
        })
    }
}

/// Exact decimal text of 1e-9 dollars, at least two decimals.
pub(crate) fn money(nanos: i64) -> String {
    domain::Price::from_nanos(nanos).to_string()
}

/// UTC nanoseconds as RFC 3339 with nine decimals.
pub(crate) fn rfc3339(nanos: i64) -> String {
    DateTime::from_timestamp_nanos(nanos).to_rfc3339_opts(SecondsFormat::Nanos, true)
}

/// The asset's id, made from its ticker.
pub(crate) fn asset_id(ticker: &str) -> String {
    rng::uuid(&[13, rng::hash(ticker)])
}
