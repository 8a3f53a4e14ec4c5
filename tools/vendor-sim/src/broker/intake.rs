//! Calls that change something: each is answered, and logged with its market time.

use domain::Price;
use serde::Deserialize;
use serde_json::{Value, json};

use super::checks::{check_legs, check_price, check_shape, not_found, parse_qty, refuse};
use super::order::{Class, Kind, Order, Side, Status, TimeInForce, rfc3339};
use super::{Answer, Broker, Call, Logged, Moment};
use crate::{calendar, rng};

/// Body of `POST /v2/orders`.
#[derive(Debug, Deserialize)]
struct NewOrder {
    symbol: String,
    qty: Option<Value>,
    side: Side,
    #[serde(rename = "type")]
    kind: Kind,
    time_in_force: TimeInForce,
    limit_price: Option<Price>,
    stop_price: Option<Price>,
    extended_hours: Option<bool>,
    client_order_id: Option<String>,
    order_class: Option<Class>,
    take_profit: Option<TakeProfit>,
    stop_loss: Option<StopLoss>,
}

#[derive(Debug, Deserialize)]
struct TakeProfit {
    limit_price: Price,
}

#[derive(Debug, Deserialize)]
struct StopLoss {
    stop_price: Price,
    limit_price: Option<Price>,
}

/// Body of `PATCH /v2/orders/{id}`.
#[derive(Debug, Deserialize)]
struct Change {
    qty: Option<Value>,
    limit_price: Option<Price>,
    stop_price: Option<Price>,
    client_order_id: Option<String>,
}

/// Body of `PATCH /v2/account/configurations`.
#[derive(Debug, Deserialize)]
struct Configuration {
    suspend_trade: Option<bool>,
    no_shorting: Option<bool>,
    max_margin_multiplier: Option<String>,
}

/// What one order is made of.
struct Draft<'a> {
    symbol: &'a str,
    index: u16,
    side: Side,
    kind: Kind,
    time_in_force: TimeInForce,
    class: Class,
    qty: u64,
    limit: Option<i64>,
    stop: Option<i64>,
    client_order_id: Option<String>,
}

impl Broker {
    /// Performs one changing call at `moment` and logs it with its answer.
    pub(crate) fn call(&mut self, call: &Call, moment: &Moment) -> Answer {
        if call.method == "RULE" {
            self.rule(&call.body);
            return Answer { status: 204, body: Value::Null };
        }
        let answer = self.dispatch(call, moment).unwrap_or_else(|refusal| refusal);
        if call.reject
            && let Some(at) = answer.body["id"].as_str().and_then(|id| self.find(id))
        {
            self.end_group(at, Status::Rejected, moment);
        }
        let body = serde_json::from_str(&call.body).unwrap_or_else(|_| Value::String(call.body.clone()));
        let named = |value: &Value| value["client_order_id"].as_str().map(str::to_owned);
        let id = call.path.strip_prefix("/v2/orders/").and_then(|id| self.find(id));
        self.ledger.log.push(Logged {
            seq: self.ledger.log.len(),
            session_date: moment.hours.date,
            sim_time: rfc3339(moment.now),
            prints: moment.prints,
            method: call.method.clone(),
            path: call.path.clone(),
            client_order_id: named(&body)
                .or_else(|| named(&answer.body))
                .or_else(|| id.map(|at| self.ledger.orders[at].client_order_id.clone())),
            body,
            status: answer.status,
            answer: answer.body.clone(),
        });
        answer
    }

    fn dispatch(&mut self, call: &Call, moment: &Moment) -> Result<Answer, Answer> {
        let (path, query) = call.path.split_once('?').unwrap_or((&call.path, ""));
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        match (call.method.as_str(), parts.as_slice()) {
            ("POST", ["v2", "orders"]) => self.submit(&call.body, moment),
            ("PATCH", ["v2", "orders", id]) => self.replace(id, &call.body, moment),
            ("DELETE", ["v2", "orders", id]) => self.cancel(id, moment),
            ("DELETE", ["v2", "orders"]) => Ok(self.cancel_all(moment)),
            ("DELETE", ["v2", "positions", symbol]) => {
                let qty = query.split('&').find_map(|pair| pair.strip_prefix("qty=")).map(|q| json!(q));
                self.close(symbol, qty.as_ref(), moment)
            }
            ("DELETE", ["v2", "positions"]) => Ok(self.close_all(query.contains("cancel_orders=true"), moment)),
            ("PATCH", ["v2", "account", "configurations"]) => self.configure(&call.body),
            _ => Err(refuse(404, 40_410_000, "endpoint not found")),
        }
    }

    fn submit(&mut self, body: &str, moment: &Moment) -> Result<Answer, Answer> {
        let new: NewOrder = serde_json::from_str(body)
            .map_err(|e| refuse(400, 40_010_000, format!("request body format is invalid: {e}")))?;
        if self.ledger.suspended {
            return Err(refuse(403, 40_310_000, "new orders are rejected by user request"));
        }
        let index = self.world.index_of(&new.symbol);
        let index = index.ok_or_else(|| refuse(422, 42_210_000, format!("asset \"{}\" not found", new.symbol)))?;
        let qty = parse_qty(new.qty.as_ref())?;
        if new.extended_hours == Some(true) {
            return Err(refuse(422, 42_210_000, "extended hours orders are not simulated"));
        }
        if let Some(id) = &new.client_order_id {
            if id.is_empty() || id.len() > 128 {
                return Err(refuse(422, 40_010_001, "client_order_id must be 1 to 128 characters"));
            }
            if self.find_client(id).is_some() {
                return Err(refuse(422, 40_010_001, "client_order_id must be unique"));
            }
        }
        let class = new.order_class.unwrap_or(Class::Simple);
        let target = new.take_profit.as_ref().map(|t| t.limit_price.nanos());
        let stop_loss = new.stop_loss.as_ref().map(|s| (s.stop_price.nanos(), s.limit_price.map(Price::nanos)));
        let legs = usize::from(target.is_some()) + usize::from(stop_loss.is_some());
        let wanted = match class {
            Class::Simple => 0,
            Class::Oto => 1,
            Class::Bracket | Class::Oco => 2,
        };
        if legs != wanted {
            let message =
                format!("{class:?} orders take {wanted} of take_profit and stop_loss, not {legs}").to_lowercase();
            return Err(refuse(422, 40_010_001, message));
        }
        check_price("take_profit.limit_price", target)?;
        check_price("stop_loss.stop_price", stop_loss.map(|s| s.0))?;
        check_price("stop_loss.limit_price", stop_loss.and_then(|s| s.1))?;

        let mut limit = new.limit_price.map(Price::nanos);
        let stop = new.stop_price.map(Price::nanos);
        if class == Class::Oco {
            limit = limit.or(target);
        }
        check_shape(new.kind, limit, stop)?;
        if class == Class::Oco {
            if new.kind != Kind::Limit || self.opens(new.side, &new.symbol) {
                return Err(refuse(422, 42_210_000, "oco orders must be limit orders that close a position"));
            }
            // The stop of a closing sell lies below its limit, as it would for an entry on the other side.
            check_legs(new.side.opposite(), limit.unwrap_or_default(), None, stop_loss.map(|s| s.0))?;
        } else {
            let base = limit.or(stop).unwrap_or_else(|| self.mark(&new.symbol));
            check_legs(new.side, base, target, stop_loss.map(|s| s.0))?;
        }
        self.check_wash(new.side, new.kind, limit, usize::from(index))?;
        let reference = self.reference_price(new.side, new.kind, limit, stop, &new.symbol);
        self.check_means(new.side, &new.symbol, qty, reference)?;

        let parent = self.enter(
            &Draft {
                symbol: &new.symbol,
                index,
                side: new.side,
                kind: new.kind,
                time_in_force: new.time_in_force,
                class,
                qty,
                limit,
                stop,
                client_order_id: new.client_order_id,
            },
            moment,
        );
        self.enter_legs(parent, class, target, stop_loss, moment);
        Ok(self.accept(parent, moment))
    }

    /// Legs are orders of their own: the target first, then the stop. Those of an entry are held.
    fn enter_legs(
        &mut self,
        parent: usize,
        class: Class,
        target: Option<i64>,
        stop_loss: Option<(i64, Option<i64>)>,
        moment: &Moment,
    ) {
        let entry = self.ledger.orders[parent].clone();
        let pair = class == Class::Oco;
        let side = if pair { entry.side } else { entry.side.opposite() };
        let draft = |kind, limit, stop| Draft {
            symbol: &entry.symbol,
            index: entry.index,
            side,
            kind,
            time_in_force: entry.time_in_force,
            class,
            qty: entry.qty,
            limit,
            stop,
            client_order_id: None,
        };
        let mut legs = Vec::new();
        if let Some(limit) = target.filter(|_| !pair) {
            legs.push(self.enter(&draft(Kind::Limit, Some(limit), None), moment));
        }
        if let Some((stop, limit)) = stop_loss {
            let kind = if limit.is_some() { Kind::StopLimit } else { Kind::Stop };
            legs.push(self.enter(&draft(kind, limit, Some(stop)), moment));
        }
        for leg in &legs {
            self.ledger.orders[*leg].status = Status::Held;
            self.ledger.orders[*leg].parent = Some(parent);
        }
        match legs.as_slice() {
            [one, other] => self.pair(*one, *other),
            [stop] if pair => self.pair(parent, *stop),
            _ => {}
        }
        self.ledger.orders[parent].legs = legs;
    }

    fn pair(&mut self, one: usize, other: usize) {
        self.ledger.orders[one].sibling = Some(other);
        self.ledger.orders[other].sibling = Some(one);
    }

    /// Answers with `pending_new` and lets the order work from the next print on; outside the session it is `accepted`.
    fn accept(&mut self, at: usize, moment: &Moment) -> Answer {
        self.taken += 1;
        let answer = Answer { status: 200, body: self.order_view(at, true) };
        let regular = (moment.hours.open..moment.hours.close).contains(&moment.now);
        let (status, event) = if regular { (Status::New, "new") } else { (Status::Accepted, "accepted") };
        self.push_update("pending_new", at, moment.now, None);
        self.activate(at, status, moment.now);
        self.push_update(event, at, moment.now, None);
        if self.ledger.orders[at].class == Class::Oco {
            for leg in self.ledger.orders[at].legs.clone() {
                self.activate(leg, status, moment.now);
                self.push_update(event, leg, moment.now, None);
            }
        }
        answer
    }

    fn enter(&mut self, draft: &Draft, moment: &Moment) -> usize {
        let at = self.ledger.orders.len();
        let expires_at = if moment.now < moment.hours.close {
            moment.hours.close
        } else {
            calendar::hours(calendar::next_session(moment.hours.date)).map_or(moment.hours.close, |h| h.close)
        };
        self.ledger.orders.push(Order {
            id: rng::uuid(&[self.seed, 11, at as u64]),
            client_order_id: draft.client_order_id.clone().unwrap_or_else(|| rng::uuid(&[self.seed, 12, at as u64])),
            symbol: draft.symbol.to_owned(),
            index: draft.index,
            side: draft.side,
            kind: draft.kind,
            time_in_force: draft.time_in_force,
            class: draft.class,
            qty: draft.qty,
            filled: 0,
            filled_value: 0,
            limit: draft.limit,
            stop: draft.stop,
            status: Status::PendingNew,
            elected: false,
            marketable: false,
            parent: None,
            legs: Vec::new(),
            sibling: None,
            created_at: moment.now,
            updated_at: moment.now,
            filled_at: None,
            expired_at: None,
            canceled_at: None,
            replaced_at: None,
            failed_at: None,
            expires_at,
            replaces: None,
            replaced_by: None,
        });
        self.open[usize::from(draft.index)].push(at);
        at
    }

    /// The successor takes the rest of the quantity unless told otherwise, the legs and the place in its group, but
    /// not the place in the queue.
    fn replace(&mut self, id: &str, body: &str, moment: &Moment) -> Result<Answer, Answer> {
        let change: Change = serde_json::from_str(body)
            .map_err(|e| refuse(400, 40_010_000, format!("request body format is invalid: {e}")))?;
        let old_at = self.find(id).ok_or_else(|| not_found(id))?;
        let old = self.ledger.orders[old_at].clone();
        if !old.status.is_open() {
            return Err(refuse(422, 42_210_000, format!("cannot replace order in {} status", text(&old))));
        }
        let qty = if change.qty.is_some() { parse_qty(change.qty.as_ref())? } else { old.leaves() };
        let limit = change.limit_price.map(Price::nanos).or(old.limit);
        let stop = change.stop_price.map(Price::nanos).or(old.stop);
        check_shape(old.kind, limit, stop)?;
        if change.client_order_id.as_ref().is_some_and(|id| self.find_client(id).is_some()) {
            return Err(refuse(422, 40_010_001, "client_order_id must be unique"));
        }
        if old.parent.is_none() && self.opens(old.side, &old.symbol) {
            let reference = self.reference_price(old.side, old.kind, limit, stop, &old.symbol);
            let more = reference * qty as i64 - self.reserve(&old);
            if more > self.buying_power() {
                self.check_means(old.side, &old.symbol, qty, reference)?;
            }
        }
        let draft = Draft {
            symbol: &old.symbol,
            index: old.index,
            side: old.side,
            kind: old.kind,
            time_in_force: old.time_in_force,
            class: old.class,
            qty,
            limit,
            stop,
            client_order_id: change.client_order_id,
        };
        let at = self.enter(&draft, moment);
        let new_id = self.ledger.orders[at].id.clone();
        let new = &mut self.ledger.orders[at];
        new.replaces = Some(old.id.clone());
        new.parent = old.parent;
        new.legs.clone_from(&old.legs);
        new.expires_at = old.expires_at;
        for leg in &old.legs {
            self.ledger.orders[*leg].parent = Some(at);
            if old.filled == 0 {
                self.ledger.orders[*leg].qty = qty;
            }
        }
        if let Some(parent) = old.parent {
            let legs = &mut self.ledger.orders[parent].legs;
            legs.iter_mut().filter(|leg| **leg == old_at).for_each(|leg| *leg = at);
        }
        if let Some(sibling) = old.sibling {
            self.pair(at, sibling);
        }
        self.ledger.orders[old_at].replaced_by = Some(new_id);
        self.finish(old_at, Status::Replaced, moment.now);
        let answer = Answer { status: 200, body: self.order_view(at, true) };
        if old.status == Status::Held {
            self.ledger.orders[at].status = Status::Held;
        } else {
            let regular = (moment.hours.open..moment.hours.close).contains(&moment.now);
            self.activate(at, if regular { Status::New } else { Status::Accepted }, moment.now);
            self.push_update("new", at, moment.now, None);
        }
        self.forget_closed(usize::from(old.index));
        Ok(answer)
    }

    fn cancel(&mut self, id: &str, moment: &Moment) -> Result<Answer, Answer> {
        let at = self.find(id).ok_or_else(|| not_found(id))?;
        let order = &self.ledger.orders[at];
        if !order.status.is_open() {
            return Err(refuse(422, 42_210_000, format!("order is already in \"{}\" state", text(order))));
        }
        self.end_group(at, Status::Canceled, moment);
        Ok(Answer { status: 204, body: Value::Null })
    }

    /// Ends an order, its legs and the other of its pair; a leg of an open entry takes the entry with it.
    fn end_group(&mut self, at: usize, status: Status, moment: &Moment) {
        let open_entry = self.ledger.orders[at].parent.filter(|p| self.ledger.orders[*p].status.is_open());
        let at = open_entry.unwrap_or(at);
        let order = &self.ledger.orders[at];
        let symbol = usize::from(order.index);
        let group: Vec<usize> = [at].into_iter().chain(order.legs.clone()).chain(order.sibling).collect();
        for member in group {
            if self.ledger.orders[member].status.is_open() {
                self.finish(member, status, moment.now);
            }
        }
        self.forget_closed(symbol);
    }

    fn cancel_all(&mut self, moment: &Moment) -> Answer {
        let open: Vec<usize> = self.open.iter().flatten().copied().collect();
        let mut items = Vec::new();
        for at in open {
            if self.ledger.orders[at].status.is_open() {
                self.end_group(at, Status::Canceled, moment);
            }
            items.push(json!({"id": self.ledger.orders[at].id, "status": 200}));
        }
        Answer { status: 207, body: Value::Array(items) }
    }

    fn close(&mut self, symbol: &str, qty: Option<&Value>, moment: &Moment) -> Result<Answer, Answer> {
        let held = self.position_qty(symbol);
        let index = self.world.index_of(symbol).filter(|_| held != 0);
        let index = index.ok_or_else(|| refuse(404, 40_410_000, format!("position not found: {symbol}")))?;
        let qty = if qty.is_some() { parse_qty(qty)? } else { held.unsigned_abs() };
        let side = if held > 0 { Side::Sell } else { Side::Buy };
        self.check_means(side, symbol, qty, 0)?;
        self.check_wash(side, Kind::Market, None, usize::from(index))?;
        let draft = Draft {
            symbol,
            index,
            side,
            kind: Kind::Market,
            time_in_force: TimeInForce::Day,
            class: Class::Simple,
            qty,
            limit: None,
            stop: None,
            client_order_id: None,
        };
        let at = self.enter(&draft, moment);
        Ok(self.accept(at, moment))
    }

    fn close_all(&mut self, cancel_orders: bool, moment: &Moment) -> Answer {
        if cancel_orders {
            self.cancel_all(moment);
        }
        let symbols: Vec<String> = self.ledger.positions.keys().cloned().collect();
        let close = |symbol: &String| {
            let answer = self.close(symbol, None, moment).unwrap_or_else(|refusal| refusal);
            json!({"symbol": symbol, "status": answer.status, "body": answer.body})
        };
        Answer { status: 207, body: symbols.iter().map(close).collect() }
    }

    fn configure(&mut self, body: &str) -> Result<Answer, Answer> {
        let change: Configuration = serde_json::from_str(body)
            .map_err(|e| refuse(400, 40_010_000, format!("request body format is invalid: {e}")))?;
        if let Some(text) = &change.max_margin_multiplier {
            let multiplier = text.parse().ok().filter(|m| (1..=4).contains(m));
            self.ledger.multiplier =
                multiplier.ok_or_else(|| refuse(422, 40_010_001, "max_margin_multiplier must be 1 to 4"))?;
        }
        self.ledger.suspended = change.suspend_trade.unwrap_or(self.ledger.suspended);
        self.ledger.no_shorting = change.no_shorting.unwrap_or(self.ledger.no_shorting);
        Ok(Answer { status: 200, body: self.configuration_view() })
    }
}

fn text(order: &Order) -> String {
    json!(order.status).as_str().unwrap_or_default().to_owned()
}
