//! Cash, positions and what they are worth.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::order::{Kind, Order, Side, asset_id, money};
use super::{Broker, Fill};
use crate::rng;

/// Shares of one symbol.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Position {
    /// Negative when short.
    pub(crate) qty: i64,
    /// Signed cost of the shares held, 1e-9 dollars.
    pub(crate) cost: i64,
}

impl Broker {
    /// Books one fill: cash moves by its value; a reduction releases cost at the average.
    pub(super) fn book(&mut self, fill: &Fill) {
        let value = fill.price * fill.qty as i64 * fill.side.sign();
        self.ledger.cash -= value;
        let position = self.ledger.positions.entry(fill.symbol.clone()).or_default();
        let change = fill.qty as i64 * fill.side.sign();
        let after = position.qty + change;
        if position.qty == 0 || position.qty.signum() == change.signum() {
            position.cost += value;
        } else if after.signum() == position.qty.signum() {
            position.cost = scaled(position.cost, after, position.qty);
        } else {
            position.cost = fill.price * after;
        }
        position.qty = after;
        if after == 0 {
            self.ledger.positions.remove(&fill.symbol);
        }
    }

    pub(crate) fn position_qty(&self, symbol: &str) -> i64 {
        self.ledger.positions.get(symbol).map_or(0, |p| p.qty)
    }

    pub(super) fn mark(&self, symbol: &str) -> i64 {
        self.world.index_of(symbol).map_or(0, |i| self.marks[usize::from(i)])
    }

    fn market_value(&self, sign: i64) -> i64 {
        let of_sign = self.ledger.positions.iter().filter(|(_, p)| p.qty.signum() == sign);
        of_sign.map(|(symbol, p)| self.mark(symbol) * p.qty).sum()
    }

    pub(crate) fn equity(&self) -> i64 {
        self.ledger.cash + self.market_value(1) + self.market_value(-1)
    }

    /// Multiplier × equity less gross positions and what open opening orders may still cost; never negative.
    pub(super) fn buying_power(&self) -> i64 {
        let gross = self.market_value(1) - self.market_value(-1);
        let reserved: i64 = self.open_orders().filter(|o| self.opens(o.side, &o.symbol)).map(|o| self.reserve(o)).sum();
        (self.ledger.multiplier * self.equity() - gross - reserved).max(0)
    }

    /// What the rest of an order may cost at most, by Alpaca's reference prices.
    pub(super) fn reserve(&self, order: &Order) -> i64 {
        self.reference_price(order.side, order.kind, order.limit, order.stop, &order.symbol) * order.leaves() as i64
    }

    /// Limit price; else stop or last with a collar of 4 % below 50 dollars and 2.5 % from there; shorts at least 3 % over last.
    pub(super) fn reference_price(
        &self,
        side: Side,
        kind: Kind,
        limit: Option<i64>,
        stop: Option<i64>,
        symbol: &str,
    ) -> i64 {
        let mark = self.mark(symbol);
        match (side, kind) {
            (Side::Sell, _) => limit.unwrap_or(0).max(mark + mark / 100 * 3),
            (Side::Buy, Kind::Limit | Kind::StopLimit) => limit.unwrap_or(mark),
            (Side::Buy, Kind::Stop) => collar(stop.unwrap_or(mark)),
            (Side::Buy, Kind::Market) => collar(mark),
        }
    }

    /// Whether an order of this side would open or add to a position.
    pub(super) fn opens(&self, side: Side, symbol: &str) -> bool {
        self.position_qty(symbol) * side.sign() >= 0
    }

    /// Shares of a position that working exits already claim; of a pair that cancels each other only one counts.
    pub(super) fn held_for_orders(&self, symbol: &str) -> u64 {
        let qty = self.position_qty(symbol);
        let claims = |(at, order): (usize, &Order)| {
            let pair_counted = order.sibling.is_some_and(|s| s < at && self.ledger.orders[s].status.is_working());
            let exits = order.symbol == symbol && order.side.sign() * qty < 0;
            (order.status.is_working() && exits && !pair_counted).then(|| order.leaves())
        };
        self.ledger.orders.iter().enumerate().filter_map(claims).sum()
    }

    /// Open orders that can fill.
    pub(super) fn open_orders(&self) -> impl Iterator<Item = &Order> {
        self.open.iter().flatten().map(|at| &self.ledger.orders[*at]).filter(|o| o.status.is_working())
    }

    /// `GET /v2/account`.
    pub(crate) fn account_view(&self) -> Value {
        let (long, short) = (self.market_value(1), self.market_value(-1));
        let (equity, gross) = (self.equity(), long - short);
        let power = self.buying_power();
        json!({
            "id": rng::uuid(&[self.seed, 14]),
            "account_number": format!("SIM{:06}", self.seed % 1_000_000),
            "status": "ACTIVE",
            "currency": "USD",
            "cash": money(self.ledger.cash),
            "equity": money(equity),
            "last_equity": money(self.ledger.last_equity),
            "portfolio_value": money(equity),
            "buying_power": money(power),
            "regt_buying_power": money((2 * equity - gross).max(0)),
            "non_marginable_buying_power": money(self.ledger.cash.max(0)),
            "multiplier": self.ledger.multiplier.to_string(),
            "initial_margin": money(gross / 2),
            "maintenance_margin": money(gross / 10 * 3),
            "last_maintenance_margin": "0.00",
            "long_market_value": money(long),
            "short_market_value": money(short),
            "sma": "0.00",
            "accrued_fees": "0.00",
            "shorting_enabled": !self.ledger.no_shorting,
            "trading_blocked": false,
            "transfers_blocked": false,
            "account_blocked": false,
            "trade_suspended_by_user": self.ledger.suspended,
            "created_at": "2026-01-02T14:30:00Z",
        })
    }

    /// `GET /v2/account/configurations`.
    pub(crate) fn configuration_view(&self) -> Value {
        json!({
            "max_margin_multiplier": self.ledger.multiplier.to_string(),
            "no_shorting": self.ledger.no_shorting,
            "suspend_trade": self.ledger.suspended,
            "fractional_trading": false,
            "trade_confirm_email": "none",
            "ptp_no_exception_entry": false,
        })
    }

    /// Alpaca's entity of one position.
    pub(crate) fn position_view(&self, symbol: &str, position: Position) -> Value {
        let index = self.world.index_of(symbol).map(usize::from);
        let last_day = index.map_or(0, |i| self.previous_close[i]);
        let mark = self.mark(symbol);
        let value = mark * position.qty;
        let gain = value - position.cost;
        let free = position.qty.unsigned_abs().saturating_sub(self.held_for_orders(symbol)) as i64;
        json!({
            "asset_id": asset_id(symbol),
            "symbol": symbol,
            "exchange": index.map(|i| self.world.listings()[i].exchange),
            "asset_class": "us_equity",
            "asset_marginable": true,
            "avg_entry_price": money(position.cost.checked_div(position.qty).unwrap_or_default()),
            "qty": position.qty.to_string(),
            "qty_available": (free * position.qty.signum()).to_string(),
            "side": if position.qty > 0 { "long" } else { "short" },
            "market_value": money(value),
            "cost_basis": money(position.cost),
            "unrealized_pl": money(gain),
            "unrealized_plpc": part(gain, position.cost.abs()),
            "unrealized_intraday_pl": money(gain),
            "unrealized_intraday_plpc": part(gain, position.cost.abs()),
            "current_price": money(mark),
            "lastday_price": money(last_day),
            "change_today": part(mark - last_day, last_day),
        })
    }

    /// Every position's entity, in symbol order.
    pub(crate) fn positions_view(&self) -> Vec<Value> {
        self.ledger.positions.iter().map(|(symbol, p)| self.position_view(symbol, *p)).collect()
    }
}

/// A price with the collar that Alpaca puts on buys without a limit.
pub(super) fn collar(price: i64) -> i64 {
    let collared = if price < 50_000_000_000 { price + price / 100 * 4 } else { price + price / 1000 * 25 };
    domain::Price::from_nanos(collared).floor_to_tick().nanos()
}

fn scaled(value: i64, numerator: i64, denominator: i64) -> i64 {
    (i128::from(value) * i128::from(numerator)).checked_div(i128::from(denominator)).unwrap_or_default() as i64
}

fn part(numerator: i64, denominator: i64) -> String {
    if denominator == 0 { "0".to_owned() } else { format!("{:.6}", numerator as f64 / denominator as f64) }
}
