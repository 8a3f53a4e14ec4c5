//! How prints fill orders. The README states these rules in words; keep the two together.

use super::account::collar;
use super::order::{Kind, Order, Side, Status, TimeInForce};
use super::{Broker, Fill, Moment};
use crate::rng;
use crate::session::Trade;

impl Broker {
    /// Lets one print elect and fill the open orders of its symbol, in the order of their acceptance.
    ///
    /// Only for prints inside regular hours whose conditions all allow the last price. `moment.prints` is the
    /// print's own number.
    pub(crate) fn on_print(&mut self, print: &Trade, moment: &Moment) {
        let symbol = usize::from(print.symbol);
        self.marks[symbol] = print.price;
        if self.open[symbol].is_empty() {
            return;
        }
        let mut capacity = (u64::from(print.size) * self.participation / 100).max(1);
        capacity = capacity.min(self.fills_max(print.symbol, moment.hours.date, moment.now));
        for at in self.open[symbol].clone() {
            let order = &mut self.ledger.orders[at];
            if !order.status.is_working() {
                continue;
            }
            elect(order, print.price);
            let Some(price) = fill_price(order, print.price) else { continue };
            let qty = order.leaves().min(capacity);
            if qty > 0 {
                capacity -= qty;
                self.fill(at, qty, price, moment);
            }
        }
        self.arm_legs(symbol, moment);
        self.forget_closed(symbol);
    }

    /// Ends day orders whose session is over.
    pub(crate) fn expire(&mut self, moment: &Moment) {
        for symbol in 0..self.open.len() {
            for at in self.open[symbol].clone() {
                let order = &self.ledger.orders[at];
                let due = order.time_in_force == TimeInForce::Day && order.expires_at <= moment.hours.close;
                if due && order.status.is_open() {
                    self.finish(at, Status::Expired, moment.hours.close);
                }
            }
            self.forget_closed(symbol);
        }
    }

    fn fill(&mut self, at: usize, qty: u64, price: i64, moment: &Moment) {
        let seq = self.ledger.fills.len();
        let order = &mut self.ledger.orders[at];
        order.filled += qty;
        order.filled_value += price * qty as i64;
        order.updated_at = moment.now;
        let complete = order.leaves() == 0;
        order.status = if complete { Status::Filled } else { Status::PartiallyFilled };
        order.filled_at = complete.then_some(moment.now);
        let mut fill = Fill {
            seq,
            execution_id: rng::uuid(&[self.seed, 15, seq as u64]),
            order_id: order.id.clone(),
            client_order_id: order.client_order_id.clone(),
            symbol: order.symbol.clone(),
            side: order.side,
            qty,
            price,
            cum_qty: order.filled,
            leaves_qty: order.leaves(),
            position_qty: 0,
            at: moment.now,
            print: moment.prints,
            session_date: moment.hours.date,
        };
        let sibling = order.sibling;
        self.book(&fill);
        fill.position_qty = self.position_qty(&fill.symbol);
        let event = if complete { "fill" } else { "partial_fill" };
        self.push_update(event, at, moment.now, Some(&fill));
        self.ledger.fills.push(fill);
        self.filled = (true, self.filled.1 || !complete);
        if let Some(other) = sibling {
            self.shrink(other, qty, moment.now);
        }
    }

    /// The other order of a pair covers only what is left; nothing left cancels it.
    fn shrink(&mut self, at: usize, qty: u64, now: i64) {
        let order = &mut self.ledger.orders[at];
        if !order.status.is_open() {
            return;
        }
        if order.leaves() <= qty {
            self.finish(at, Status::Canceled, now);
        } else {
            order.qty -= qty;
            order.updated_at = now;
        }
    }

    fn arm_legs(&mut self, symbol: usize, moment: &Moment) {
        for at in self.open[symbol].clone() {
            let order = &self.ledger.orders[at];
            let entry_filled = order.parent.is_some_and(|p| self.ledger.orders[p].status == Status::Filled);
            if order.status == Status::Held && entry_filled {
                self.activate(at, Status::New, moment.now);
                self.push_update("new", at, moment.now, None);
            }
        }
    }

    /// Makes an order live and settles whether it is marketable against the last price.
    pub(super) fn activate(&mut self, at: usize, status: Status, now: i64) {
        let order = &mut self.ledger.orders[at];
        let mark = self.marks[usize::from(order.index)];
        order.status = status;
        order.updated_at = now;
        order.marketable = match (order.kind, order.limit) {
            (Kind::Limit, Some(limit)) if mark > 0 => match order.side {
                Side::Buy => limit >= mark,
                Side::Sell => limit <= mark,
            },
            _ => false,
        };
    }

    /// Puts an open order into a final state and says so.
    pub(super) fn finish(&mut self, at: usize, status: Status, now: i64) {
        let order = &mut self.ledger.orders[at];
        order.status = status;
        order.updated_at = now;
        let event = match status {
            Status::Expired => {
                order.expired_at = Some(now);
                "expired"
            }
            Status::Replaced => {
                order.replaced_at = Some(now);
                "replaced"
            }
            Status::Rejected => {
                order.failed_at = Some(now);
                "rejected"
            }
            _ => {
                order.canceled_at = Some(now);
                "canceled"
            }
        };
        self.push_update(event, at, now, None);
    }

    pub(super) fn forget_closed(&mut self, symbol: usize) {
        let orders = &self.ledger.orders;
        self.open[symbol].retain(|at| orders[*at].status.is_open());
    }
}

fn elect(order: &mut Order, price: i64) {
    let Some(stop) = order.stop else { return };
    order.elected |= match order.side {
        Side::Buy => price >= stop,
        Side::Sell => price <= stop,
    };
}

/// What one share of `order` trades at against a print of `price`, or `None` when it does not.
fn fill_price(order: &Order, price: i64) -> Option<i64> {
    let within = |price: i64, limit: i64| match order.side {
        Side::Buy => price <= limit,
        Side::Sell => price >= limit,
    };
    match order.kind {
        Kind::Market => Some(price),
        Kind::Limit => {
            let limit = order.limit?;
            within(price, limit).then_some(if order.marketable { price } else { limit })
        }
        Kind::Stop | Kind::StopLimit if !order.elected => None,
        Kind::Stop => match (order.side, order.stop) {
            (Side::Buy, Some(stop)) => within(price, collar(stop)).then_some(price),
            _ => Some(price),
        },
        Kind::StopLimit => {
            let (stop, limit) = (order.stop?, order.limit?);
            let worse = match order.side {
                Side::Buy => price.max(stop),
                Side::Sell => price.min(stop),
            };
            within(worse, limit).then_some(worse)
        }
    }
}
