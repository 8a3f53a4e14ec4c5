//! From Alpaca's JSON to domain types and back. An error names the field and its value.

use std::str::FromStr;

use domain::execution::{
    BrokerAccount, BrokerClock, BrokerFill, BrokerOrder, BrokerPosition, Leg, NewOrder, OrderState, OrderType,
};
use domain::plan::Side;
use domain::{ClientOrderId, Price, Symbol, UnixNanos, Usd, VenueOrderId};
use ports::BrokerUpdate;

use super::wire::{self, Decimal};

/// A field that is not what Alpaca's contract says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} `{value}` {why}")]
pub(super) struct ParseError {
    field: &'static str,
    value: String,
    why: String,
}

pub(super) fn order(wire: &wire::Order) -> Result<BrokerOrder, ParseError> {
    let filled_qty = wire.filled_qty.as_ref().map_or(Ok(0), |qty| shares("filled_qty", qty))?;
    let changed = wire.updated_at.as_ref().or(wire.submitted_at.as_ref()).or(wire.created_at.as_ref());
    let state = state_of(&wire.status);
    Ok(BrokerOrder {
        venue_order_id: VenueOrderId::from_wire(&wire.id),
        client_order_id: ClientOrderId::from_wire(&wire.client_order_id),
        symbol: parsed::<Symbol>("symbol", &wire.symbol)?,
        side: side(&wire.side)?,
        order_type: order_type(&wire.order_type)?,
        state,
        quantity: wire.qty.as_ref().map_or(Ok(filled_qty), |qty| shares("qty", qty))?,
        filled_qty,
        avg_fill_price: optional_price("filled_avg_price", wire.filled_avg_price.as_ref())?,
        limit_price: optional_price("limit_price", wire.limit_price.as_ref())?,
        stop_price: optional_price("stop_price", wire.stop_price.as_ref())?,
        replaces: wire.replaces.as_ref().map(VenueOrderId::from_wire),
        legs: wire.legs.iter().flatten().map(order).collect::<Result<_, _>>()?,
        reason: (state == OrderState::Rejected).then(|| "rejected by the broker".to_owned()),
        ts_event: changed.map_or(Ok(UnixNanos::default()), |text| parsed("updated_at", text))?,
    })
}

pub(super) fn account(wire: &wire::Account) -> Result<BrokerAccount, ParseError> {
    let blocked = wire.trading_blocked || wire.account_blocked || wire.trade_suspended_by_user;
    Ok(BrokerAccount {
        account: wire.account_number.clone(),
        equity: parsed::<Usd>("equity", &wire.equity.0)?,
        last_equity: parsed("last_equity", &wire.last_equity.0)?,
        cash: parsed("cash", &wire.cash.0)?,
        buying_power: parsed("buying_power", &wire.buying_power.0)?,
        long_market_value: parsed("long_market_value", &wire.long_market_value.0)?,
        tradable: wire.status == "ACTIVE" && !blocked,
        day_trade_count: wire.daytrade_count,
        pattern_day_trader: wire.pattern_day_trader,
    })
}

pub(super) fn position(wire: &wire::Position) -> Result<BrokerPosition, ParseError> {
    let unsigned = Decimal(wire.qty.0.trim_start_matches('-').to_owned());
    let quantity = i64::try_from(shares("qty", &unsigned)?).map_err(|e| error("qty", &wire.qty.0, &e))?;
    let short = wire.side == "short" || wire.qty.0.starts_with('-');
    Ok(BrokerPosition {
        symbol: parsed("symbol", &wire.symbol)?,
        quantity: if short { -quantity } else { quantity },
        last: optional_price("current_price", wire.current_price.as_ref())?,
    })
}

pub(super) fn clock(wire: &wire::Clock) -> Result<BrokerClock, ParseError> {
    Ok(BrokerClock {
        now: parsed("timestamp", &wire.timestamp)?,
        is_open: wire.is_open,
        next_close: parsed("next_close", &wire.next_close)?,
    })
}

pub(super) fn fill(wire: &wire::FillActivity) -> Result<BrokerFill, ParseError> {
    Ok(BrokerFill {
        venue_order_id: VenueOrderId::from_wire(&wire.order_id),
        quantity: shares("qty", &wire.qty)?,
        price: parsed("price", &wire.price.0)?,
        cumulative_qty: shares("cum_qty", &wire.cum_qty)?,
        ts_event: parsed("transaction_time", &wire.transaction_time)?,
    })
}

/// The order as it is now, then the fill that the update speaks of, if any. The cumulative quantity is the order's:
/// the update's own `qty` is this execution's.
pub(super) fn trade_update(wire: &wire::TradeUpdate) -> Result<Vec<BrokerUpdate>, ParseError> {
    let order = order(&wire.order)?;
    let mut updates = Vec::with_capacity(2);
    if let ("fill" | "partial_fill", Some(qty), Some(price)) = (wire.event.as_str(), &wire.qty, &wire.price) {
        let at = wire.timestamp.as_ref().map_or(Ok(order.ts_event), |text| parsed("timestamp", text))?;
        updates.push(BrokerUpdate::Fill(BrokerFill {
            venue_order_id: order.venue_order_id.clone(),
            quantity: shares("qty", qty)?,
            price: parsed("price", &price.0)?,
            cumulative_qty: order.filled_qty,
            ts_event: at,
        }));
    }
    updates.insert(0, BrokerUpdate::Order(order));
    Ok(updates)
}

/// The request for `order`: one attached leg makes `oto`, two make `bracket`, and a target that has one is a pair of
/// which each cancels the other, `oco`.
pub(super) fn new_order(order: &NewOrder) -> wire::NewOrder<'_> {
    let intent = order.intent();
    let is_pair = intent.leg == Leg::Target && intent.stop_loss.is_some();
    let take_profit = intent.take_profit.or(intent.limit_price.filter(|_| is_pair));
    wire::NewOrder {
        symbol: intent.symbol.as_str(),
        qty: intent.quantity.to_string(),
        side: match intent.side {
            Side::Buy => "buy",
            Side::Sell => "sell",
        },
        order_type: match intent.order_type {
            OrderType::Market => "market",
            OrderType::Limit => "limit",
            OrderType::Stop => "stop",
            OrderType::StopLimit => "stop_limit",
        },
        time_in_force: "day",
        client_order_id: intent.client_order_id.as_str(),
        order_class: match (intent.stop_loss, take_profit) {
            (None, None) => "simple",
            (Some(_), Some(_)) if is_pair => "oco",
            (Some(_), Some(_)) => "bracket",
            (Some(_), None) | (None, Some(_)) => "oto",
        },
        limit_price: intent.limit_price.map(|price| price.to_string()),
        stop_price: intent.stop_price.map(|price| price.to_string()),
        take_profit: take_profit.map(|price| wire::TakeProfit { limit_price: price.to_string() }),
        stop_loss: intent.stop_loss.map(|price| wire::StopLoss { stop_price: price.to_string() }),
    }
}

/// A status that is not known counts as accepted: alive, so that nothing is sent beside it.
fn state_of(status: &str) -> OrderState {
    match status {
        "new" | "stopped" | "calculated" | "pending_replace" => OrderState::Working,
        "partially_filled" => OrderState::PartiallyFilled,
        "filled" => OrderState::Filled,
        "canceled" => OrderState::Canceled,
        "expired" | "done_for_day" => OrderState::Expired,
        "replaced" => OrderState::Replaced,
        "pending_cancel" => OrderState::PendingCancel,
        "rejected" => OrderState::Rejected,
        _ => OrderState::Accepted,
    }
}

fn side(text: &str) -> Result<Side, ParseError> {
    match text {
        "buy" => Ok(Side::Buy),
        "sell" | "sell_short" => Ok(Side::Sell),
        _ => Err(error("side", text, &"is not buy or sell")),
    }
}

fn order_type(text: &str) -> Result<OrderType, ParseError> {
    match text {
        "market" => Ok(OrderType::Market),
        "limit" => Ok(OrderType::Limit),
        "stop" | "trailing_stop" => Ok(OrderType::Stop),
        "stop_limit" => Ok(OrderType::StopLimit),
        _ => Err(error("type", text, &"is not an order type")),
    }
}

/// Whole shares; a fraction counts as one more, so that a foreign crumb is never taken for nothing.
fn shares(field: &'static str, decimal: &Decimal) -> Result<u64, ParseError> {
    let (whole, fraction) = decimal.0.split_once('.').unwrap_or((&decimal.0, ""));
    let count: u64 = whole.parse().map_err(|e| error(field, &decimal.0, &e))?;
    match fraction.trim_matches('0') {
        "" => Ok(count),
        rest if rest.bytes().all(|b| b.is_ascii_digit()) => Ok(count + 1),
        _ => Err(error(field, &decimal.0, &"is not a number of shares")),
    }
}

fn optional_price(field: &'static str, decimal: Option<&Decimal>) -> Result<Option<Price>, ParseError> {
    let price = decimal.map(|decimal| parsed::<Price>(field, &decimal.0)).transpose()?;
    Ok(price.filter(|price| *price > Price::ZERO))
}

fn parsed<T: FromStr<Err: ToString>>(field: &'static str, text: &str) -> Result<T, ParseError> {
    text.parse().map_err(|e: T::Err| error(field, text, &e))
}

fn error(field: &'static str, value: &str, why: &impl ToString) -> ParseError {
    ParseError { field, value: value.chars().take(40).collect(), why: why.to_string() }
}
