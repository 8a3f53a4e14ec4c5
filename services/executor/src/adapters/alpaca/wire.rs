//! Alpaca's JSON as it is sent. Numbers come as text or as numbers, and fields come and go: what is not used is not
//! listed, what may be missing is optional.

#![allow(clippy::struct_field_names)] // the names are the vendor's

use serde::{Deserialize, Deserializer, Serialize};

/// A decimal number, kept as its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decimal(pub String);

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Text(String),
            Number(serde_json::Number),
        }
        Ok(match Form::deserialize(deserializer)? {
            Form::Text(text) => Self(text),
            Form::Number(number) => Self(number.to_string()),
        })
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Order {
    pub id: String,
    pub client_order_id: String,
    pub symbol: String,
    pub qty: Option<Decimal>,
    pub filled_qty: Option<Decimal>,
    pub filled_avg_price: Option<Decimal>,
    #[serde(rename = "type")]
    pub order_type: String,
    pub side: String,
    pub limit_price: Option<Decimal>,
    pub stop_price: Option<Decimal>,
    pub status: String,
    pub replaces: Option<String>,
    pub submitted_at: Option<String>,
    pub updated_at: Option<String>,
    pub created_at: Option<String>,
    pub legs: Option<Vec<Order>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Account {
    pub account_number: String,
    pub status: String,
    pub equity: Decimal,
    pub last_equity: Decimal,
    pub cash: Decimal,
    pub buying_power: Decimal,
    pub long_market_value: Decimal,
    #[serde(default)]
    pub trading_blocked: bool,
    #[serde(default)]
    pub account_blocked: bool,
    #[serde(default)]
    pub trade_suspended_by_user: bool,
    pub daytrade_count: Option<u32>,
    pub pattern_day_trader: Option<bool>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Position {
    pub symbol: String,
    pub qty: Decimal,
    pub side: String,
    pub current_price: Option<Decimal>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Clock {
    pub timestamp: String,
    pub is_open: bool,
    pub next_close: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct FillActivity {
    pub id: String,
    pub order_id: String,
    pub qty: Decimal,
    pub cum_qty: Decimal,
    pub price: Decimal,
    pub transaction_time: String,
}

/// An error's body; `code` decides, not the HTTP status.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Refusal {
    #[serde(default)]
    pub code: u32,
    #[serde(default)]
    pub message: String,
}

/// A message of the account's stream.
#[derive(Debug, Deserialize)]
pub(super) struct Message {
    pub stream: String,
    pub data: serde_json::Value,
}

/// One element of `/v2/calendar`; times as `HH:MM`, New York.
#[derive(Debug, Deserialize)]
pub(super) struct TradingDay {
    pub date: String,
    pub open: String,
    pub close: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct TradeUpdate {
    pub event: String,
    pub order: Order,
    pub timestamp: Option<String>,
    pub price: Option<Decimal>,
    pub qty: Option<Decimal>,
}

#[derive(Debug, Serialize)]
pub(super) struct NewOrder<'a> {
    pub symbol: &'a str,
    pub qty: String,
    pub side: &'static str,
    #[serde(rename = "type")]
    pub order_type: &'static str,
    pub time_in_force: &'static str,
    pub client_order_id: &'a str,
    pub order_class: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_price: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_price: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub take_profit: Option<TakeProfit>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_loss: Option<StopLoss>,
}

#[derive(Debug, Serialize)]
pub(super) struct TakeProfit {
    pub limit_price: String,
}

#[derive(Debug, Serialize)]
pub(super) struct StopLoss {
    pub stop_price: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Repricing<'a> {
    pub client_order_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_price: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_price: Option<String>,
}
