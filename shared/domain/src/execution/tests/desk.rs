//! A log, a broker and a decider in memory, which can be killed after any step and come back from the log alone.

use std::collections::BTreeMap;

use crate::event::Event;
use crate::execution::{
    Answer, BrokerAccount, BrokerBook, BrokerFill, BrokerOrder, BrokerPosition, Effect, ExecutionPolicy,
    ExecutionState, Leg, MarketInstants, NewOrder, OrderState, OrderType, decide,
};
use crate::fees::CostProfile;
use crate::plan::{Entry, ExitRules, Side, Target, TradePlan};
use crate::risk::{Cap, PlanApproved};
use crate::scan::Round;
use crate::{
    ClientOrderId, Micro, PlanId, Price, RoundId, SessionDate, SignalId, Symbol, UnixNanos, Usd, VenueOrderId,
};

const POLICY: ExecutionPolicy = ExecutionPolicy {
    partial_fill_wait_s: 60,
    cover_grace_s: 10,
    repairs_max: 3,
    marketable_bps: 50,
    costs: CostProfile::FREE,
};

pub(super) fn day() -> SessionDate {
    SessionDate::from_ymd(2026, 11, 24).unwrap()
}

pub(super) fn price(text: &str) -> Price {
    text.parse().unwrap()
}

/// 100 shares, entry at 50.00 to 50.05, stop 0.20 away, valid until 10:30.
pub(super) fn approval(targets: Vec<Target>) -> PlanApproved {
    let round_id = RoundId::new(day(), "trade", 9, 35);
    let symbol: Symbol = "GME".parse().unwrap();
    let signal_id = SignalId::new(&round_id, "orb", &symbol);
    let plan = TradePlan {
        plan_id: PlanId::new(&signal_id),
        signal_id,
        round: Round {
            round_id,
            session_date: day(),
            schedule: "trade".to_owned(),
            due: day().at_hm(9, 35),
            config_version: "v".to_owned(),
            strategy: "orb".to_owned(),
        },
        symbol,
        side: Side::Buy,
        rank: 1,
        score: Micro::from_int(1),
        entry: Entry { trigger: price("50.00"), limit: price("50.05") },
        stop_distance: price("0.20"),
        targets,
        valid_until: day().at_hm(10, 30),
        exit_by: day().at_hm(15, 58),
        atr_14: price("2.00"),
        adv_14: 2_000_000,
        or_volume: 500_000,
        sector: None,
        exits: ExitRules::default(),
    };
    PlanApproved {
        plan,
        account: "PA1".to_owned(),
        quantity: 100,
        binding_cap: Cap::Risk,
        terms: Vec::new(),
        risk: "20".parse().unwrap(),
        notional: "5005".parse().unwrap(),
        equity: "100000".parse().unwrap(),
        decided_at: day().at_hm(9, 35),
        inputs: Vec::new(),
    }
}

/// What becomes of the next order sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Accepted,
    Rejected,
    TimeoutAccepted,
    TimeoutLost,
}

/// A broker that arms the legs of an entry when it is filled, and refuses exits while a leg works. Of a pair, what one
/// fills the other loses.
#[derive(Default)]
pub(super) struct Broker {
    pub orders: BTreeMap<String, BrokerOrder>,
    /// The order that each leg is attached to.
    parents: BTreeMap<String, String>,
    pub fills: Vec<BrokerFill>,
    /// Every request that reached it: `POST id`, `DELETE id`, `PATCH id`.
    pub requests: Vec<String>,
    pub position: i64,
    /// Its book does not list legs that were replaced.
    pub forgets_replaced: bool,
    /// Orders that it has shown and knows nothing of any more.
    pub forgotten: Vec<String>,
}

impl Broker {
    fn submit(&mut self, new: &NewOrder, now: UnixNanos) -> Answer {
        let intent = new.intent();
        let id = intent.client_order_id.as_str().to_owned();
        if self.orders.contains_key(&id) {
            return Answer::Duplicate;
        }
        self.requests.push(format!("POST {id}"));
        let opposite = self.orders.values().any(|o| !o.state.is_terminal() && o.side != intent.side);
        if intent.leg == Leg::Exit && opposite {
            return Answer::Refused("40310000 wash trade".to_owned());
        }
        let make = |id: &str, side, order_type, limit_price, stop_price, state| BrokerOrder {
            venue_order_id: VenueOrderId::from_wire(format!("v-{id}")),
            client_order_id: ClientOrderId::from_wire(id),
            symbol: intent.symbol.clone(),
            side,
            order_type,
            state,
            quantity: intent.quantity,
            filled_qty: 0,
            avg_fill_price: None,
            limit_price,
            stop_price,
            replaces: None,
            legs: Vec::new(),
            reason: None,
            ts_event: now,
        };
        let pair = intent.leg == Leg::Target;
        let (exit, state) =
            if pair { (intent.side, OrderState::Working) } else { (intent.side.opposite(), OrderState::Accepted) };
        let slice = intent.client_order_id.parts().map_or(1, |(_, place)| place.slice);
        let legs = [(intent.stop_loss, OrderType::Stop), (intent.take_profit, OrderType::Limit)];
        for (level, kind) in legs.into_iter().filter(|(level, _)| level.is_some()) {
            let (limit, stop) = if kind == OrderType::Limit { (level, None) } else { (None, level) };
            let leg = match (pair, slice) {
                (true, _) => format!("leg-{kind:?}-of-{id}"),
                (false, 1) => format!("leg-{kind:?}"),
                (false, slice) => format!("leg-{kind:?}-{slice}"),
            };
            self.orders.insert(leg.clone(), make(&leg, exit, kind, limit, stop, state));
            self.parents.insert(leg, id.clone());
        }
        let order =
            make(&id, intent.side, intent.order_type, intent.limit_price, intent.stop_price, OrderState::Working);
        self.orders.insert(id.clone(), order);
        Answer::Found(self.view(&id))
    }

    /// The order with its legs.
    pub(super) fn view(&self, id: &str) -> BrokerOrder {
        let mut order = self.orders[id].clone();
        order.legs = self.legs(id).into_iter().map(|leg| self.orders[&leg].clone()).collect();
        order
    }

    fn legs(&self, id: &str) -> Vec<String> {
        self.parents.iter().filter(|(_, parent)| *parent == id).map(|(leg, _)| leg.clone()).collect()
    }

    /// The other orders of the group of `id`: of an entry its legs, of a leg or a pair the other one.
    fn others(&self, id: &str) -> Vec<String> {
        let parent = self.parents.get(id).map_or(id, String::as_str);
        let mut group = self.legs(parent);
        if !parent.contains("-E") {
            group.push(parent.to_owned());
        }
        group.retain(|other| other != id);
        group
    }

    pub(super) fn fill(&mut self, id: &str, quantity: u64, at: &str, now: UnixNanos) {
        let order = self.orders.get_mut(id).unwrap();
        let before = order.avg_fill_price.map_or(0, Price::nanos) * order.filled_qty as i64;
        order.filled_qty += quantity;
        let total = before + price(at).nanos() * quantity as i64;
        order.avg_fill_price = Some(Price::from_nanos(total / order.filled_qty as i64));
        let complete = order.filled_qty == order.quantity;
        order.state = if complete { OrderState::Filled } else { OrderState::PartiallyFilled };
        order.ts_event = now;
        self.position += order.side.sign() * quantity as i64;
        self.fills.push(BrokerFill {
            venue_order_id: order.venue_order_id.clone(),
            quantity,
            price: price(at),
            cumulative_qty: order.filled_qty,
            ts_event: now,
        });
        let is_entry = id.contains("-E");
        for other in self.others(id) {
            let order = self.orders.get_mut(&other).unwrap();
            if is_entry && complete {
                order.state = OrderState::Working;
            } else if !is_entry && !order.state.is_terminal() {
                if order.quantity - order.filled_qty > quantity {
                    order.quantity -= quantity;
                } else {
                    (order.state, order.ts_event) = (OrderState::Canceled, now);
                }
            }
        }
    }

    fn cancel(&mut self, venue: &VenueOrderId, now: UnixNanos) -> Answer {
        let Some(id) = self.id_of(venue) else { return Answer::NotFound };
        self.requests.push(format!("DELETE {id}"));
        if self.orders[&id].state.is_terminal() {
            return Answer::Refused("42210000 not cancelable".to_owned());
        }
        for other in self.others(&id).into_iter().chain([id]) {
            let order = self.orders.get_mut(&other).unwrap();
            if !order.state.is_terminal() {
                (order.state, order.ts_event) = (OrderState::Canceled, now);
            }
        }
        Answer::Taken
    }

    fn replace(
        &mut self,
        venue: &VenueOrderId,
        id: &ClientOrderId,
        (stop, limit): (Option<Price>, Option<Price>),
        now: UnixNanos,
    ) -> Answer {
        let Some(old) = self.id_of(venue) else { return Answer::NotFound };
        self.requests.push(format!("PATCH {old}"));
        let mut new = self.orders[&old].clone();
        self.orders.get_mut(&old).unwrap().state = OrderState::Replaced;
        new.replaces = Some(new.venue_order_id);
        new.venue_order_id = VenueOrderId::from_wire(format!("v-{id}"));
        (new.client_order_id, new.ts_event) = (id.clone(), now);
        (new.stop_price, new.limit_price) = (stop.or(new.stop_price), limit.or(new.limit_price));
        if let Some(parent) = self.parents.get(&old).cloned() {
            self.parents.insert(id.to_string(), parent);
        }
        self.orders.insert(id.to_string(), new.clone());
        Answer::Found(new)
    }

    fn id_of(&self, venue: &VenueOrderId) -> Option<String> {
        self.orders.iter().find(|(_, o)| o.venue_order_id == *venue).map(|(id, _)| id.clone())
    }

    fn book(&self, symbol: &Symbol, as_of: UnixNanos) -> BrokerBook {
        let top = self.orders.keys().filter(|id| !self.parents.contains_key(*id));
        let position = BrokerPosition { symbol: symbol.clone(), quantity: self.position, last: None };
        let mut orders: Vec<BrokerOrder> = top.map(|id| self.view(id)).collect();
        if self.forgets_replaced {
            orders.iter_mut().for_each(|order| order.legs.retain(|leg| leg.state != OrderState::Replaced));
        }
        let is_known = |order: &BrokerOrder| !self.forgotten.iter().any(|id| order.client_order_id.as_str() == id);
        orders.retain(is_known);
        orders.iter_mut().for_each(|order| order.legs.retain(is_known));
        BrokerBook {
            orders,
            fills: self.fills.clone(),
            positions: Some(position).filter(|p| p.quantity != 0).into_iter().collect(),
            as_of,
        }
    }
}

pub(super) struct Desk {
    pub state: ExecutionState,
    pub log: Vec<Event>,
    pub broker: Broker,
    pub now: UnixNanos,
    pub fate: Fate,
    /// Steps until the process is killed.
    pub fuel: usize,
    pub alerts: Vec<String>,
    pub policy: ExecutionPolicy,
}

/// The process was killed.
pub(super) struct Killed;

impl Desk {
    pub(super) fn new(events: Vec<Event>) -> Self {
        let mut desk = Self {
            state: ExecutionState::default(),
            log: events,
            broker: Broker::default(),
            now: day().at_hm(9, 36),
            fate: Fate::Accepted,
            fuel: usize::MAX,
            alerts: Vec::new(),
            policy: POLICY,
        };
        desk.restart();
        desk
    }

    /// A new process: the log, then the stream; the book is read because the decider asks for it.
    pub(super) fn restart(&mut self) {
        self.state = ExecutionState::default();
        for event in &self.log {
            self.state.apply(event);
        }
        self.state.observe_stream(true);
        let account = BrokerAccount {
            account: "PA1".to_owned(),
            equity: Usd::from_cents(10_000_000),
            last_equity: Usd::from_cents(10_000_000),
            cash: Usd::from_cents(10_000_000),
            buying_power: Usd::from_cents(40_000_000),
            long_market_value: Usd::ZERO,
            tradable: true,
            day_trade_count: None,
            pattern_day_trader: None,
        };
        self.state.observe_account(account, Vec::new(), day().at_hm(9, 35));
        self.fuel = usize::MAX;
    }

    pub(super) fn at(&mut self, hour: u32, minute: u32) -> &mut Self {
        self.now = day().at_hm(hour, minute);
        self
    }

    /// Decides and acts until nothing is left to do, as the shell does; the broker's book is read at the end of it.
    pub(super) fn settle(&mut self) -> Result<(), Killed> {
        for _ in 0..200 {
            let market = MarketInstants { watermark: Some(self.now), broker: None };
            let effects = decide(&self.state, &self.policy, market);
            if effects.is_empty() {
                return Ok(());
            }
            for effect in effects {
                self.state.begin(&effect);
                self.perform(effect)?;
            }
        }
        panic!(
            "never settles: {:?}",
            decide(&self.state, &self.policy, MarketInstants { watermark: Some(self.now), broker: None })
        );
    }

    /// A few turns, for a state that keeps asking until time has passed.
    pub(super) fn turns(&mut self, turns: usize) -> Result<(), Killed> {
        for _ in 0..turns {
            let market = MarketInstants { watermark: Some(self.now), broker: None };
            for effect in decide(&self.state, &self.policy, market) {
                self.state.begin(&effect);
                self.perform(effect)?;
            }
        }
        Ok(())
    }

    /// Settles; the broker's stream then shows everything, and it settles again.
    pub(super) fn run(&mut self) -> &mut Self {
        for _ in 0..4 {
            assert!(self.settle().is_ok(), "killed");
            self.state.request_backfill();
        }
        self
    }

    fn burn(&mut self) -> Result<(), Killed> {
        self.fuel = self.fuel.checked_sub(1).ok_or(Killed)?;
        Ok(())
    }

    fn write(&mut self, event: &Event) -> Result<(), Killed> {
        self.burn()?;
        self.log.push(event.clone());
        self.burn()?;
        self.state.apply(event);
        Ok(())
    }

    fn perform(&mut self, effect: Effect) -> Result<(), Killed> {
        let now = self.now;
        match effect {
            Effect::Record(event) => self.write(&event)?,
            Effect::Submit(new) => {
                let id = new.intent().client_order_id.clone();
                let known = self.log.iter().any(|e| matches!(e, Event::OrderIntended(i) if i.client_order_id == id));
                self.burn()?;
                if !known {
                    self.log.push(Event::OrderIntended(new.intent().clone()));
                }
                self.burn()?;
                let fate = std::mem::replace(&mut self.fate, Fate::Accepted);
                let answer = match fate {
                    Fate::Accepted => self.broker.submit(&new, now),
                    Fate::Rejected => {
                        self.broker.requests.push(format!("POST {id}"));
                        Answer::Refused("40310000 insufficient buying power".to_owned())
                    }
                    Fate::TimeoutAccepted => {
                        self.broker.submit(&new, now);
                        Answer::Unknown("timed out".to_owned())
                    }
                    Fate::TimeoutLost => Answer::Unknown("timed out".to_owned()),
                };
                self.burn()?;
                self.state.answer(&id, &answer, now);
            }
            Effect::Query { client_order_id, venue_order_id } => {
                let by_venue = venue_order_id.and_then(|venue| self.broker.id_of(&venue));
                let id = by_venue.unwrap_or_else(|| client_order_id.to_string());
                let is_known = self.broker.orders.contains_key(&id) && !self.broker.forgotten.contains(&id);
                let found = is_known.then(|| self.broker.view(&id));
                let answer = found.map_or(Answer::NotFound, Answer::Found);
                self.burn()?;
                self.state.answer(&client_order_id, &answer, now);
            }
            Effect::Cancel { client_order_id, venue_order_id, .. } => {
                let answer = self.broker.cancel(&venue_order_id, now);
                self.burn()?;
                self.state.answer(&client_order_id, &answer, now);
                self.state.request_backfill();
            }
            Effect::Replace { client_order_id, venue_order_id, replacement, stop_price, limit_price, .. } => {
                let answer = self.broker.replace(&venue_order_id, &replacement, (stop_price, limit_price), now);
                self.burn()?;
                self.state.answer(&client_order_id, &answer, now);
            }
            Effect::Backfill => {
                let symbol = "GME".parse().unwrap();
                let book = self.broker.book(&symbol, now);
                self.burn()?;
                self.state.observe_book(&book);
            }
            Effect::Raise(alert) => self.alerts.push(alert.code.to_owned()),
        }
        Ok(())
    }

    pub(super) fn entry_id(&self) -> String {
        let plan = self.state.open_plans().next().expect("an open plan");
        ClientOrderId::new(&plan.approved.plan().plan_id, Leg::Entry, 1).to_string()
    }

    pub(super) fn requests(&self, verb: &str, leg: &str) -> usize {
        self.broker.requests.iter().filter(|r| r.starts_with(verb) && r.contains(leg)).count()
    }

    pub(super) fn count(&self, name: &str) -> usize {
        self.log.iter().filter(|event| event.name() == name).count()
    }

    pub(super) fn closed(&self) -> Option<&crate::execution::PlanClosed> {
        self.log.iter().find_map(|event| if let Event::PlanClosed(closed) = event { Some(closed) } else { None })
    }
}
