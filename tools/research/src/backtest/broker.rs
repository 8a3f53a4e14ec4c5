//! A broker in memory: takes orders, lets prints elect and fill them, keeps cash and positions.

use std::collections::{BTreeMap, HashMap};

use domain::execution::{
    Answer, BrokerAccount, BrokerBook, BrokerFill, BrokerOrder, BrokerPosition, Leg, NewOrder, OrderState, OrderType,
};
use domain::fees::{CostProfile, Traded};
use domain::plan::Side;
use domain::{ClientOrderId, Price, Symbol, UnixNanos, Usd, VenueOrderId};

use super::fills::{FillModel, Wish};

/// The account number of every backtest.
const ACCOUNT: &str = "BACKTEST";

struct Order {
    shown: BrokerOrder,
    /// The entry this is a leg of, or the target that it is the stop of.
    parent: Option<usize>,
    traded: Traded,
    elected: bool,
    marketable: bool,
    /// True for what takes shares out of a position: one of its group fills at the others' cost.
    closes: bool,
    works_from: UnixNanos,
}

/// A change that the broker tells its customer: the order and, where shares changed hands, the fill.
pub(super) type Update = (BrokerOrder, Option<BrokerFill>);

pub(super) struct Broker {
    model: FillModel,
    costs: CostProfile,
    buying_power: i64,
    cash: Usd,
    /// Fees of the session; booked when it is over, as brokers do.
    fees_due: Usd,
    last_equity: Usd,
    positions: BTreeMap<Symbol, i64>,
    marks: HashMap<Symbol, Price>,
    printed: HashMap<Symbol, UnixNanos>,
    orders: Vec<Order>,
    fills: Vec<BrokerFill>,
}

impl Broker {
    /// An account of `cash` dollars that may buy for `leverage` times its equity.
    pub(super) fn new(model: FillModel, costs: CostProfile, cash: Usd, leverage: i64) -> Self {
        Self {
            model,
            costs,
            buying_power: leverage,
            cash,
            fees_due: Usd::ZERO,
            last_equity: cash,
            positions: BTreeMap::new(),
            marks: HashMap::new(),
            printed: HashMap::new(),
            orders: Vec::new(),
            fills: Vec::new(),
        }
    }

    /// Books the fees of the session before, forgets its orders and marks its end's equity.
    pub(super) fn open_session(&mut self) -> anyhow::Result<()> {
        self.cash = self.cash.minus(self.fees_due, "cash")?;
        self.fees_due = Usd::ZERO;
        self.last_equity = self.equity()?;
        self.orders.clear();
        self.fills.clear();
        self.marks.clear();
        self.printed.clear();
        Ok(())
    }

    /// Cash and positions at their last prices, net of fees.
    pub(super) fn equity(&self) -> anyhow::Result<Usd> {
        Ok(self.shown_equity()?.minus(self.fees_due, "equity")?)
    }

    /// The same as the account shows it: without the fees that are booked after the session.
    fn shown_equity(&self) -> anyhow::Result<Usd> {
        self.positions.keys().try_fold(self.cash, |sum, symbol| Ok(sum.plus(self.market_value(symbol)?, "equity")?))
    }

    fn market_value(&self, symbol: &Symbol) -> anyhow::Result<Usd> {
        let held = self.positions.get(symbol).copied().unwrap_or(0);
        let mark = self.marks.get(symbol).copied().unwrap_or_default();
        Ok(Usd::from_nanos(mark.nanos()).scaled(held, 1, "market value")?)
    }

    pub(super) fn account(&self) -> anyhow::Result<BrokerAccount> {
        let equity = self.shown_equity()?;
        let long = self.positions.iter().filter(|(_, held)| **held > 0);
        let long_market_value =
            long.map(|(s, _)| self.market_value(s)).try_fold(Usd::ZERO, |sum, v| anyhow::Ok(sum.plus(v?, "long")?))?;
        Ok(BrokerAccount {
            account: ACCOUNT.to_owned(),
            equity,
            last_equity: self.last_equity,
            cash: self.cash,
            buying_power: equity.scaled(self.buying_power, 1, "buying power")?,
            long_market_value,
            tradable: true,
            day_trade_count: None,
            pattern_day_trader: None,
        })
    }

    pub(super) fn book(&self, as_of: UnixNanos) -> BrokerBook {
        let tops = (0..self.orders.len()).filter(|at| self.orders[*at].parent.is_none());
        let positions = self.positions.iter().filter(|(_, held)| **held != 0);
        BrokerBook {
            orders: tops.map(|at| self.view(at)).collect(),
            fills: self.fills.clone(),
            positions: positions
                .map(|(symbol, held)| BrokerPosition {
                    symbol: symbol.clone(),
                    quantity: *held,
                    last: self.marks.get(symbol).copied(),
                })
                .collect(),
            as_of,
        }
    }

    pub(super) fn mark(&mut self, symbol: &Symbol, price: Price) {
        if let Some(mark) = self.marks.get_mut(symbol) {
            *mark = price;
        } else {
            self.marks.insert(symbol.clone(), price);
        }
    }

    /// The last print of a symbol that was played here, and when.
    pub(super) fn last_print(&self, symbol: &Symbol) -> Option<(Price, UnixNanos)> {
        self.marks.get(symbol).copied().zip(self.printed.get(symbol).copied())
    }

    /// True while an order or a position is left.
    pub(super) fn is_busy(&self) -> bool {
        self.orders.iter().any(|o| !o.shown.state.is_terminal()) || self.positions.values().any(|held| *held != 0)
    }

    pub(super) fn submit(&mut self, new: &NewOrder, now: UnixNanos) -> Answer {
        let intent = new.intent();
        if self.find_client(&intent.client_order_id).is_some() {
            return Answer::Duplicate;
        }
        let at = self.orders.len();
        let works_from = now.plus_nanos(self.model.latency);
        let mut order = BrokerOrder {
            venue_order_id: self.venue_id(),
            client_order_id: intent.client_order_id.clone(),
            symbol: intent.symbol.clone(),
            side: intent.side,
            order_type: intent.order_type,
            state: OrderState::Working,
            quantity: intent.quantity,
            filled_qty: 0,
            avg_fill_price: None,
            limit_price: intent.limit_price,
            stop_price: intent.stop_price,
            replaces: None,
            legs: Vec::new(),
            reason: None,
            ts_event: now,
        };
        self.push(order.clone(), None, intent.leg != Leg::Entry, works_from);
        let is_pair = intent.leg == Leg::Target;
        let legs = [(OrderType::Stop, intent.stop_loss), (OrderType::Limit, intent.take_profit)];
        for (order_type, level) in legs.into_iter().filter(|(_, level)| level.is_some()) {
            order.venue_order_id = self.venue_id();
            order.client_order_id = ClientOrderId::from_wire(format!("leg-{}", self.orders.len()));
            (order.side, order.state) = if is_pair {
                (intent.side, OrderState::Working)
            } else {
                (intent.side.opposite(), OrderState::Accepted)
            };
            order.order_type = order_type;
            let is_stop = order_type == OrderType::Stop;
            (order.stop_price, order.limit_price) = if is_stop { (level, None) } else { (None, level) };
            self.push(order.clone(), Some(at), true, works_from);
        }
        Answer::Found(self.view(at))
    }

    pub(super) fn query(&self, id: &ClientOrderId) -> Answer {
        self.find_client(id).map_or(Answer::NotFound, |at| Answer::Found(self.view(at)))
    }

    /// Cancels an order: an entry with its legs, a leg with its sibling, a pair with its other order.
    pub(super) fn cancel(&mut self, venue: &VenueOrderId, now: UnixNanos) -> Answer {
        let Some(at) = self.find_venue(venue) else { return Answer::NotFound };
        if self.orders[at].shown.state.is_terminal() {
            return Answer::Refused("the order is not open".to_owned());
        }
        self.end(at, OrderState::Canceled, now);
        for other in self.others(at) {
            self.end(other, OrderState::Canceled, now);
        }
        Answer::Taken
    }

    pub(super) fn replace(
        &mut self,
        venue: &VenueOrderId,
        id: &ClientOrderId,
        stop: Option<Price>,
        limit: Option<Price>,
        now: UnixNanos,
    ) -> Answer {
        let Some(at) = self.find_venue(venue) else { return Answer::NotFound };
        if self.orders[at].shown.state != OrderState::Working {
            return Answer::Refused("the order is not open".to_owned());
        }
        self.end(at, OrderState::Replaced, now);
        let mut new = self.orders[at].shown.clone();
        new.replaces = Some(new.venue_order_id);
        new.venue_order_id = self.venue_id();
        (new.client_order_id, new.state, new.ts_event) = (id.clone(), OrderState::Working, now);
        (new.stop_price, new.limit_price) = (stop.or(new.stop_price), limit.or(new.limit_price));
        let (parent, place) = (self.orders[at].parent, self.orders.len());
        self.orders.iter_mut().filter(|o| o.parent == Some(at)).for_each(|leg| leg.parent = Some(place));
        let closes = self.orders[at].closes;
        self.push(new, parent, closes, now.plus_nanos(self.model.latency));
        Answer::Found(self.view(place))
    }

    /// Lets one print elect and fill the working orders of its symbol, in the order of their acceptance.
    pub(super) fn print(
        &mut self,
        symbol: &Symbol,
        price: Price,
        size: u32,
        at: UnixNanos,
    ) -> anyhow::Result<Vec<Update>> {
        self.mark(symbol, price);
        if let Some(printed) = self.printed.get_mut(symbol) {
            *printed = at;
        } else {
            self.printed.insert(symbol.clone(), at);
        }
        let mut updates = Vec::new();
        let mut capacity = self.model.capacity(size);
        for place in 0..self.orders.len() {
            let order = &mut self.orders[place];
            let works = matches!(order.shown.state, OrderState::Working | OrderState::PartiallyFilled);
            if !works || order.shown.symbol != *symbol || at < order.works_from || capacity == 0 {
                continue;
            }
            if let Some(stop) = order.shown.stop_price.filter(|_| !order.elected) {
                order.elected = FillModel::elects(order.shown.side, stop, price);
                if !order.elected {
                    continue;
                }
            }
            let wish = Wish {
                order_type: order.shown.order_type,
                side: order.shown.side,
                limit: order.shown.limit_price,
                marketable: order.marketable,
            };
            let quantity = (order.shown.quantity - order.shown.filled_qty).min(capacity);
            if let Some(fill_price) = self.model.price(&wish, price).filter(|_| quantity > 0) {
                capacity -= quantity;
                self.fill(place, quantity, fill_price, at, &mut updates)?;
            }
        }
        Ok(updates)
    }

    /// The closing auction: market orders that no print has filled trade at the last price.
    pub(super) fn auction(&mut self, at: UnixNanos) -> anyhow::Result<Vec<Update>> {
        let mut updates = Vec::new();
        for place in 0..self.orders.len() {
            let order = &self.orders[place].shown;
            let open = matches!(order.state, OrderState::Working | OrderState::PartiallyFilled);
            let mark = self.marks.get(&order.symbol).copied();
            if let (true, OrderType::Market, Some(mark)) = (open, order.order_type, mark) {
                let (quantity, price) = (order.quantity - order.filled_qty, self.model.taken_at(order.side, mark));
                self.fill(place, quantity, price, at, &mut updates)?;
            }
        }
        Ok(updates)
    }

    fn fill(
        &mut self,
        at: usize,
        quantity: u64,
        price: Price,
        now: UnixNanos,
        updates: &mut Vec<Update>,
    ) -> anyhow::Result<()> {
        let order = &mut self.orders[at];
        let shown = &mut order.shown;
        shown.filled_qty += quantity;
        let fees = self.costs.of_fill(shown.side, &order.traded, quantity, price, now.session_date())?.total()?;
        order.traded = order.traded.and(quantity, price)?;
        let average = order.traded.notional.nanos() / i64::try_from(shown.filled_qty)?;
        let complete = shown.filled_qty == shown.quantity;
        shown.avg_fill_price = Some(Price::from_nanos(average));
        shown.state = if complete { OrderState::Filled } else { OrderState::PartiallyFilled };
        shown.ts_event = now;
        let fill = BrokerFill {
            venue_order_id: shown.venue_order_id.clone(),
            quantity,
            price,
            cumulative_qty: shown.filled_qty,
            ts_event: now,
        };
        let (side, symbol) = (shown.side, shown.symbol.clone());
        let value = price.notional(quantity)?;
        self.fees_due = self.fees_due.plus(fees, "fees")?;
        let paid = if side == Side::Buy { value } else { Usd::ZERO.minus(value, "cash")? };
        self.cash = self.cash.minus(paid, "cash")?;
        *self.positions.entry(symbol).or_default() += side.sign() * i64::try_from(quantity)?;
        self.fills.push(fill.clone());
        if complete {
            self.arm_legs(at, now);
        }
        if self.orders[at].closes {
            self.shrink_others(at, quantity, now, updates);
        }
        updates.push((self.view(at), Some(fill)));
        Ok(())
    }

    fn arm_legs(&mut self, entry: usize, now: UnixNanos) {
        for leg in self.orders.iter_mut().filter(|o| o.parent == Some(entry) && o.shown.state == OrderState::Accepted) {
            (leg.shown.state, leg.shown.ts_event) = (OrderState::Working, now);
            leg.works_from = now.plus_nanos(1);
        }
    }

    /// The other order of a pair covers only what is left; nothing left cancels it.
    fn shrink_others(&mut self, at: usize, quantity: u64, now: UnixNanos, updates: &mut Vec<Update>) {
        for other in self.others(at) {
            let order = &mut self.orders[other];
            if order.shown.state.is_terminal() {
                continue;
            }
            if order.shown.quantity - order.shown.filled_qty <= quantity {
                self.end(other, OrderState::Canceled, now);
            } else {
                order.shown.quantity -= quantity;
                order.shown.ts_event = now;
            }
            updates.push((self.view(other), None));
        }
    }

    /// The orders that go with the one at `at`: the legs of an entry, the other of a pair.
    fn others(&self, at: usize) -> Vec<usize> {
        let head = self.orders[at].parent.unwrap_or(at);
        let mut group: Vec<usize> = (0..self.orders.len()).filter(|o| self.orders[*o].parent == Some(head)).collect();
        if self.orders[head].closes {
            group.push(head);
        }
        group.retain(|other| *other != at);
        group
    }

    fn push(&mut self, shown: BrokerOrder, parent: Option<usize>, closes: bool, works_from: UnixNanos) {
        let mark = self.marks.get(&shown.symbol).copied();
        let marketable = match (shown.order_type, shown.limit_price, mark) {
            (OrderType::Limit, Some(limit), Some(mark)) => match shown.side {
                Side::Buy => limit >= self.model.taken_at(Side::Buy, mark),
                Side::Sell => limit <= self.model.taken_at(Side::Sell, mark),
            },
            _ => false,
        };
        let traded = Traded::default();
        self.orders.push(Order { shown, parent, traded, elected: false, marketable, closes, works_from });
    }

    fn end(&mut self, at: usize, state: OrderState, now: UnixNanos) {
        let shown = &mut self.orders[at].shown;
        if !shown.state.is_terminal() {
            (shown.state, shown.ts_event) = (state, now);
        }
    }

    /// The order as it is shown, an entry with its legs.
    fn view(&self, at: usize) -> BrokerOrder {
        let legs = self.orders.iter().filter(|o| o.parent == Some(at)).map(|o| o.shown.clone());
        BrokerOrder { legs: legs.collect(), ..self.orders[at].shown.clone() }
    }

    fn venue_id(&self) -> VenueOrderId {
        VenueOrderId::from_wire(format!("v-{}", self.orders.len() + 1))
    }

    fn find_client(&self, id: &ClientOrderId) -> Option<usize> {
        self.orders.iter().position(|o| o.shown.client_order_id == *id)
    }

    fn find_venue(&self, id: &VenueOrderId) -> Option<usize> {
        self.orders.iter().position(|o| o.shown.venue_order_id == *id)
    }
}
