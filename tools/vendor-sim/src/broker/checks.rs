//! What the broker refuses, with Alpaca's statuses, codes and words.

use serde_json::{Value, json};

use super::order::{Kind, Order, Side, money};
use super::{Answer, Broker};

const CENT: i64 = 10_000_000;
const DOLLAR: i64 = 1_000_000_000;

/// An answer that refuses.
pub(super) fn refuse(status: u16, code: u32, message: impl Into<String>) -> Answer {
    Answer { status, body: json!({"code": code, "message": message.into()}) }
}

pub(super) fn not_found(id: &str) -> Answer {
    refuse(404, 40_410_000, format!("order not found for {id}"))
}

/// Positive, on the cent from one dollar up and on 1e-4 dollars below.
pub(super) fn check_price(name: &str, price: Option<i64>) -> Result<(), Answer> {
    let Some(price) = price else { return Ok(()) };
    if price <= 0 {
        return Err(refuse(422, 40_010_001, format!("{name} must be > 0")));
    }
    let step = if price >= DOLLAR { CENT } else { CENT / 100 };
    if price % step == 0 {
        return Ok(());
    }
    let text = money(price);
    Err(refuse(
        422,
        42_210_000,
        format!("invalid {name} {text}. sub-penny increment does not fulfill minimum pricing criteria"),
    ))
}

/// The prices that an order type needs, and no others.
pub(super) fn check_shape(kind: Kind, limit: Option<i64>, stop: Option<i64>) -> Result<(), Answer> {
    let (needs_limit, needs_stop) = match kind {
        Kind::Market => (false, false),
        Kind::Limit => (true, false),
        Kind::Stop => (false, true),
        Kind::StopLimit => (true, true),
    };
    let check = |name: &str, needed: bool, given: bool| match (needed, given) {
        (true, false) => Err(refuse(422, 40_010_001, format!("this order type requires {name}"))),
        (false, true) => Err(refuse(422, 40_010_001, format!("this order type does not take {name}"))),
        _ => Ok(()),
    };
    check("limit_price", needs_limit, limit.is_some())?;
    check("stop_price", needs_stop, stop.is_some())?;
    check_price("limit_price", limit)?;
    check_price("stop_price", stop)
}

/// A cent at least between an entry's base price and its legs.
pub(super) fn check_legs(side: Side, base: i64, target: Option<i64>, stop: Option<i64>) -> Result<(), Answer> {
    let beyond = |leg: i64, sign: i64| (leg - base) * sign >= CENT;
    let (target_sign, stop_sign) = (side.sign(), -side.sign());
    let words = |sign: i64| if sign > 0 { ">= base_price + 0.01" } else { "<= base_price - 0.01" };
    if target.is_some_and(|t| !beyond(t, target_sign)) {
        return Err(refuse(422, 42_210_000, format!("take_profit.limit_price must be {}", words(target_sign))));
    }
    if stop.is_some_and(|s| !beyond(s, stop_sign)) {
        return Err(refuse(422, 42_210_000, format!("stop_loss.stop_price must be {}", words(stop_sign))));
    }
    Ok(())
}

impl Broker {
    /// An order against one's own: refused if either trades at any price, or if their limits cross.
    pub(super) fn check_wash(&self, side: Side, kind: Kind, limit: Option<i64>, symbol: usize) -> Result<(), Answer> {
        let market_like = matches!(kind, Kind::Market | Kind::Stop);
        let crosses = |other: &Order| match (limit, other.limit, side) {
            (Some(ours), Some(theirs), Side::Buy) => ours >= theirs,
            (Some(ours), Some(theirs), Side::Sell) => ours <= theirs,
            _ => true,
        };
        let orders = self.open[symbol].iter().map(|at| &self.ledger.orders[*at]);
        let mut opposite = orders.filter(|o| o.status.is_working() && o.side == side.opposite());
        let Some(other) = opposite.find(|o| market_like || o.is_market_like() || crosses(o)) else { return Ok(()) };
        let mut refused = refuse(403, 40_310_000, "potential wash trade detected. use complex orders");
        refused.body["existing_order_id"] = json!(other.id);
        refused.body["reject_reason"] = json!("opposite side order exists");
        Err(refused)
    }

    /// Shares for an exit, buying power for an entry.
    pub(super) fn check_means(&self, side: Side, symbol: &str, qty: u64, reference_price: i64) -> Result<(), Answer> {
        if self.opens(side, symbol) {
            if side == Side::Sell && self.ledger.no_shorting {
                return Err(refuse(403, 40_310_000, "account is not allowed to short"));
            }
            let (cost, power) = (reference_price * qty as i64, self.buying_power());
            return if cost <= power { Ok(()) } else { Err(insufficient_power(cost, power)) };
        }
        let existing = self.position_qty(symbol).unsigned_abs();
        let held = self.held_for_orders(symbol);
        let available = existing.saturating_sub(held);
        if qty <= available {
            return Ok(());
        }
        let message = format!("insufficient qty available for order (requested: {qty}, available: {available})");
        let mut refused = refuse(403, 40_310_000, message);
        refused.body["available"] = json!(available.to_string());
        refused.body["existing_qty"] = json!(existing.to_string());
        refused.body["held_for_orders"] = json!(held.to_string());
        refused.body["symbol"] = json!(symbol);
        Err(refused)
    }
}

fn insufficient_power(cost: i64, power: i64) -> Answer {
    let body = json!({
        "code": 40_310_000, "message": "insufficient buying power", "buying_power": money(power),
        "cost_basis": money(cost),
    });
    Answer { status: 403, body }
}

/// A whole positive number of shares, as text or number; zeros may follow a point.
pub(super) fn parse_qty(value: Option<&Value>) -> Result<u64, Answer> {
    let text = match value {
        None | Some(Value::Null) => return Err(refuse(422, 40_010_001, "qty or notional is required")),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let whole = match text.split_once('.') {
        Some((whole, zeros)) if zeros.bytes().all(|b| b == b'0') => whole,
        _ => &text,
    };
    match whole.parse::<u64>() {
        Ok(qty) if (1..=10_000_000).contains(&qty) => Ok(qty),
        Ok(_) => Err(refuse(422, 40_010_001, "qty must be > 0 and at most 10000000")),
        Err(_) => Err(refuse(422, 40_010_001, "qty must be integer")),
    }
}
