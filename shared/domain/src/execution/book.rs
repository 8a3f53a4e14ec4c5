//! What the executor knows: a fold over RISK, CONTROL and ORDER, and over what the broker shows.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::event::Event;
use crate::execution::effect::Effect;
use crate::execution::order::{ApprovedPlan, Call, Order};
use crate::execution::{
    AccountObserved, Answer, BrokerAccount, BrokerBook, BrokerFill, BrokerOrder, DeadlineStep, FillRecorded, Leg,
    OrderState, OrderType, OrderUpdated, PlanClosed, PlanExecuted, PositionReconciled,
};
use crate::id::{ClientOrderId, PlanId, VenueOrderId};
use crate::money::Price;
use crate::plan::Side;
use crate::risk::{TradingState, TradingStateBook};
use crate::symbol::Symbol;
use crate::time::{SessionDate, UnixNanos};

/// A plan and everything that was done for it.
#[derive(Debug, Clone)]
pub struct PlanBook {
    /// The approval.
    pub approved: ApprovedPlan,
    /// Its record on ORDER once the entry is done.
    pub executed: Option<PlanExecuted>,
    /// Its record on ORDER once it is over.
    pub closed: Option<PlanClosed>,
    /// Best price seen while shares were held; lost with the process, but not the stop that followed it.
    best: Option<Price>,
    orders: BTreeMap<(Leg, u32), Order>,
}

impl PlanBook {
    /// The best price seen while shares were held.
    pub const fn best(&self) -> Option<Price> {
        self.best
    }

    fn observe_mark(&mut self, price: Price) {
        if self.held() > 0 {
            self.best = Some(match (self.best, self.approved.plan().side) {
                (None, _) => price,
                (Some(best), Side::Buy) => best.max(price),
                (Some(best), Side::Sell) => best.min(price),
            });
        }
    }

    /// Its orders, by leg and attempt.
    pub fn orders(&self) -> impl Iterator<Item = &Order> {
        self.orders.values()
    }

    /// Its entry order, once intended.
    pub fn entry(&self) -> Option<&Order> {
        self.leg(Leg::Entry).next()
    }

    /// The orders of one leg, oldest first.
    pub fn leg(&self, leg: Leg) -> impl Iterator<Item = &Order> {
        self.orders.range((leg, 0)..=(leg, u32::MAX)).map(|(_, order)| order)
    }

    /// The number of the next order of `leg`.
    pub fn next_attempt(&self, leg: Leg) -> u32 {
        self.leg(leg).map(|order| order.attempt).max().unwrap_or(0) + 1
    }

    /// Shares held on the side of the entry; negative when more was closed than opened.
    pub fn held(&self) -> i64 {
        self.orders()
            .map(|order| order.filled_qty() as i64 * if order.side == self.approved.plan().side { 1 } else { -1 })
            .sum()
    }

    /// Shares held, short negative, with what the broker has shown and ORDER does not have yet.
    fn position_seen(&self) -> i64 {
        self.orders().map(|order| order.seen.filled_qty as i64 * order.side.sign()).sum()
    }

    /// True when every filled share is on ORDER as a fill.
    pub fn is_itemised(&self) -> bool {
        self.orders().all(|order| order.itemised_qty() == order.filled_qty())
    }

    /// Shares and average price of the fills of `side`; `None` without one.
    pub fn average(&self, side: Side) -> Option<(u64, Price)> {
        let fills = self.orders().filter(|o| o.side == side).flat_map(Order::fills);
        let (mut shares, mut total) = (0_u64, 0_i128);
        for fill in fills {
            shares += fill.quantity;
            total += i128::from(fill.price.nanos()) * i128::from(fill.quantity);
        }
        let nanos = total.checked_div(i128::from(shares))?;
        Some((shares, Price::from_nanos(i64::try_from(nanos).ok()?)))
    }

    /// Every fill on ORDER.
    pub fn fills(&self) -> impl Iterator<Item = &FillRecorded> {
        self.orders().flat_map(Order::fills)
    }

    /// Orders that protect the position and may still do so. One that is being replaced counts by its replacement.
    pub fn live_stops(&self) -> impl Iterator<Item = &Order> {
        self.live_unreplaced(Leg::Stop)
    }

    /// Live orders of `leg` without those whose replacement is live.
    pub fn live_unreplaced(&self, leg: Leg) -> impl Iterator<Item = &Order> {
        self.leg(leg).filter(move |order| {
            let venue = order.recorded.venue_order_id.as_ref();
            let is_replaced = venue.is_some() && self.leg(leg).any(|o| o.is_live() && o.replaces.as_ref() == venue);
            order.is_live() && !is_replaced
        })
    }

    /// Shares that no working protective or closing order covers.
    pub fn uncovered(&self) -> u64 {
        let entry_works = self.entry().is_some_and(Order::is_live);
        let covered: u64 =
            self.live_stops().chain(self.leg(Leg::Exit).filter(|o| o.is_live())).map(Order::leaves_qty).sum();
        if entry_works { 0 } else { (self.held().max(0) as u64).saturating_sub(covered) }
    }

    /// The last step of its session's ladder that is due at `now`.
    pub(super) fn step(&self, now: UnixNanos) -> Option<DeadlineStep> {
        DeadlineStep::at(self.approved.session_date(), now)
    }

    /// How many orders of `leg` the broker has refused.
    pub(super) fn rejected(&self, leg: Leg) -> u32 {
        self.leg(leg).filter(|order| order.state() == OrderState::Rejected).count() as u32
    }

    /// True when the plan is over and none of its orders can do anything any more.
    pub fn is_settled(&self) -> bool {
        self.closed.is_some() && self.held() == 0 && self.orders().all(|order| !order.is_live())
    }

    /// True when the broker's answer to the entry is on ORDER, or the plan is over.
    pub fn is_answered(&self) -> bool {
        self.closed.is_some() || self.entry().is_some_and(|entry| !entry.is_in_doubt())
    }
}

/// Everything the executor decides from.
#[derive(Debug, Clone, Default)]
pub struct ExecutionState {
    pub(super) plans: BTreeMap<PlanId, PlanBook>,
    pub(super) deadlines: BTreeSet<(SessionDate, DeadlineStep)>,
    pub(super) account: Option<(BrokerAccount, Vec<ClientOrderId>, UnixNanos)>,
    pub(super) account_recorded: Option<AccountObserved>,
    pub(super) marks: HashMap<Symbol, Price>,
    pub(super) foreign: BTreeSet<Symbol>,
    pub(super) positions: BTreeMap<Symbol, i64>,
    pub(super) mismatches: BTreeMap<Symbol, (i64, i64, u32)>,
    pub(super) reconciled: BTreeMap<(SessionDate, Symbol), PositionReconciled>,
    pub(super) last_backfill: Option<UnixNanos>,
    pub(super) backfilling: bool,
    pub(super) stream_connected: bool,
    pub(super) raised: BTreeSet<String>,
    wants_backfill: bool,
    bad_approvals: Vec<String>,
    venues: HashMap<VenueOrderId, (PlanId, Leg, u32)>,
    loose_fills: HashMap<VenueOrderId, Vec<BrokerFill>>,
    trading_state: TradingStateBook,
    log_has_a_hole: bool,
}

impl ExecutionState {
    /// Folds one event of RISK, CONTROL or ORDER; others change nothing. Folding an event again changes nothing.
    pub fn apply(&mut self, event: &Event) {
        self.trading_state.apply(event);
        match event {
            Event::PlanApproved(approval) => self.approve(approval),
            Event::OrderIntended(e) => {
                if let Some(book) = self.plans.get_mut(&e.plan_id) {
                    let order = book.orders.entry((e.leg, e.attempt)).or_insert_with(|| Order::intended(e));
                    order.intent = Some(e.clone());
                }
            }
            Event::OrderUpdated(e) => self.apply_update(e),
            Event::FillRecorded(e) => {
                if let Some(order) = self.order_mut(&e.client_order_id) {
                    order.apply_fill(e);
                }
            }
            Event::PlanExecuted(e) => {
                if let Some(book) = self.plans.get_mut(&e.plan_id) {
                    book.executed.get_or_insert_with(|| e.clone());
                }
            }
            Event::PlanClosed(e) => {
                if let Some(book) = self.plans.get_mut(&e.plan_id) {
                    book.closed.get_or_insert_with(|| e.clone());
                    self.wants_backfill |= !book.is_settled();
                }
            }
            Event::AccountObserved(e) => self.account_recorded = Some(e.clone()),
            Event::PositionReconciled(e) => {
                self.reconciled.insert((e.session_date, e.symbol.clone()), e.clone());
            }
            Event::DeadlineReached(e) => {
                self.deadlines.insert((e.session_date, e.step));
            }
            Event::TradingStateChanged(_) => self.log_has_a_hole = false,
            Event::OwnerChanged(_)
            | Event::TradingStateLowered(_)
            | Event::FlattenRequested(_)
            | Event::FlattenCancelled(_)
            | Event::TradeBatch(_)
            | Event::ReferenceUpdated(_)
            | Event::NewsPublished(_)
            | Event::FeedGapDetected(_)
            | Event::SignalGenerated(_)
            | Event::CandidatesEvaluated(_)
            | Event::ScanRoundCompleted(_)
            | Event::RoundClosed(_)
            | Event::PlanProposed(_)
            | Event::DayOpened(_)
            | Event::PlanDenied(_)
            | Event::StrategyPaused(_)
            | Event::ConfigActivated(_)
            | Event::AlertAcknowledged(_)
            | Event::DeadLetterHandled(_)
            | Event::ErrorRaised(_)
            | Event::ReadinessReported(_) => {}
        }
    }

    /// Marks what `effect` starts as under way, so that it is not decided again before its answer.
    pub fn begin(&mut self, effect: &Effect) {
        match effect {
            Effect::Submit(new) => {
                let intent = new.intent();
                if let Some(book) = self.plans.get_mut(&intent.plan_id) {
                    let order =
                        book.orders.entry((intent.leg, intent.attempt)).or_insert_with(|| Order::intended(intent));
                    (order.call, order.missing) = (Some(Call::Submit), false);
                }
            }
            Effect::Query { client_order_id, .. } => self.call(client_order_id, Call::Query, None),
            Effect::Cancel { client_order_id, at, .. } => self.call(client_order_id, Call::Cancel, Some(*at)),
            Effect::Replace { client_order_id, at, .. } => self.call(client_order_id, Call::Replace, Some(*at)),
            Effect::Backfill => (self.backfilling, self.wants_backfill) = (true, false),
            Effect::Raise(alert) => {
                self.raised.insert(alert.key());
            }
            Effect::Record(_) => {}
        }
    }

    /// Takes the answer to the call under way about `client_order_id`.
    pub fn answer(&mut self, client_order_id: &ClientOrderId, answer: &Answer, now: UnixNanos) {
        let Some(order) = self.order_mut(client_order_id) else { return };
        let call = order.call.take();
        match (answer, call) {
            (Answer::Found(found), _) => self.observe_order(found),
            (Answer::NotFound, Some(Call::Query)) => {
                order.missing = order.is_in_doubt();
                if !order.missing {
                    self.wants_backfill = true;
                }
            }
            (Answer::Refused(reason), Some(Call::Submit)) => order.observe_verdict(OrderState::Rejected, reason, now),
            (Answer::Unknown(reason), Some(Call::Submit)) => order.observe_verdict(OrderState::Unknown, reason, now),
            (Answer::Refused(_), Some(Call::Replace)) => {
                order.refused_replaces += 1;
                self.wants_backfill = true;
            }
            (Answer::Duplicate, Some(Call::Submit)) | (Answer::Taken, _) => {}
            (Answer::NotFound | Answer::Duplicate | Answer::Refused(_) | Answer::Unknown(_), _) => {
                self.wants_backfill = true;
            }
        }
    }

    /// Takes an order that the broker shows, with its legs. One that cannot be placed asks for a backfill.
    pub fn observe_order(&mut self, order: &BrokerOrder) {
        match self.place(order) {
            Some(key) => self.observe_placed(&key, order),
            None => self.wants_backfill = true,
        }
    }

    /// Takes a fill that the broker shows.
    pub fn observe_fill(&mut self, fill: &BrokerFill) {
        match self.venues.get(&fill.venue_order_id).cloned().and_then(|key| self.order_at(&key)) {
            Some(order) => order.observe_fill(fill),
            None => self.loose_fills.entry(fill.venue_order_id.clone()).or_default().push(fill.clone()),
        }
    }

    /// Takes everything the broker has of the session: the end of a gap, and the only proof that an order is foreign.
    pub fn observe_book(&mut self, book: &BrokerBook) {
        let mut foreign = BTreeSet::new();
        for order in &book.orders {
            match self.place(order) {
                Some(key) => self.observe_placed(&key, order),
                None if !order.state.is_terminal() => {
                    foreign.insert(order.symbol.clone());
                }
                None => {}
            }
        }
        for fill in &book.fills {
            self.observe_fill(fill);
        }
        self.loose_fills.clear();
        self.positions = book.positions.iter().map(|p| (p.symbol.clone(), p.quantity)).collect();
        for position in &book.positions {
            if let Some(last) = position.last {
                self.marks.entry(position.symbol.clone()).or_insert(last);
            }
        }
        let expected = self.expected_positions();
        foreign.extend(self.positions.keys().filter(|s| !expected.contains_key(*s)).cloned());
        self.compare_positions(&expected);
        self.foreign = foreign;
        self.last_backfill = Some(book.as_of);
        self.backfilling = false;
    }

    /// Takes the account as it was at market time `at`, and the orders its numbers include.
    pub fn observe_account(&mut self, account: BrokerAccount, included: Vec<ClientOrderId>, at: UnixNanos) {
        self.account = Some((account, included, at));
    }

    /// True when the broker lets the account trade.
    pub fn is_tradable(&self) -> bool {
        self.account.as_ref().is_some_and(|(account, ..)| account.tradable)
    }

    /// Reading the broker's book failed.
    pub fn backfill_failed(&mut self) {
        (self.backfilling, self.wants_backfill) = (false, true);
    }

    /// The stream of order updates came up or went down; what was missed meanwhile is to be read.
    pub fn observe_stream(&mut self, connected: bool) {
        self.wants_backfill |= connected;
        self.stream_connected = connected;
    }

    /// Takes the last price of a symbol that has an open plan.
    pub fn observe_mark(&mut self, symbol: &Symbol, price: Price) {
        let trailing = |book: &&mut PlanBook| book.approved.plan().exits.trail.is_some() && book.closed.is_none();
        for book in self.plans.values_mut().filter(trailing).filter(|book| book.approved.plan().symbol == *symbol) {
            book.observe_mark(price);
        }
        self.marks.insert(symbol.clone(), price);
    }

    /// Asks for a backfill at the next decision.
    pub fn request_backfill(&mut self) {
        self.wants_backfill = true;
    }

    /// An event of the log cannot be read: what it said is not known, so nothing more is opened until a person sets the
    /// trading state; exits go on.
    pub fn observe_unreadable_event(&mut self) {
        self.log_has_a_hole = true;
    }

    /// The strictest trading state of all sources for `session`.
    pub fn trading_state(&self, session: SessionDate) -> TradingState {
        let doubt = if self.log_has_a_hole { TradingState::NoEntry } else { TradingState::Normal };
        self.trading_state.in_force(session).max(doubt)
    }

    /// True when the broker's book has been read and folded.
    pub const fn is_reconciled(&self) -> bool {
        self.last_backfill.is_some()
    }

    /// Plans that are not settled.
    pub fn open_plans(&self) -> impl Iterator<Item = &PlanBook> {
        self.plans.values().filter(|book| !book.is_settled())
    }

    /// A plan by its id.
    pub fn plan(&self, id: &PlanId) -> Option<&PlanBook> {
        self.plans.get(id)
    }

    /// An order by our id.
    pub fn order(&self, id: &ClientOrderId) -> Option<&Order> {
        let (plan, leg, attempt) = id.parts()?;
        self.plans.get(&plan)?.orders.get(&(leg, attempt))
    }

    /// Our orders of `session` that the broker has confirmed.
    pub fn confirmed_orders(&self, session: SessionDate) -> Vec<ClientOrderId> {
        self.plans
            .values()
            .filter(|book| book.approved.session_date() == session)
            .flat_map(PlanBook::orders)
            .filter(|order| order.seen.venue_order_id.is_some())
            .map(|order| order.client_order_id.clone())
            .collect()
    }

    /// Approvals that were refused because no sane order follows from them.
    pub(super) fn bad_approvals(&self) -> &[String] {
        &self.bad_approvals
    }

    pub(super) const fn wants_backfill(&self) -> bool {
        self.wants_backfill && !self.backfilling
    }

    fn approve(&mut self, approval: &crate::risk::PlanApproved) {
        if self.plans.contains_key(&approval.plan.plan_id) {
            return;
        }
        match ApprovedPlan::new(approval.clone()) {
            Ok(approved) => {
                let book = PlanBook { approved, executed: None, closed: None, best: None, orders: BTreeMap::new() };
                self.plans.insert(approval.plan.plan_id.clone(), book);
            }
            Err(refused) => self.bad_approvals.push(refused.to_string()),
        }
    }

    fn apply_update(&mut self, update: &OrderUpdated) {
        let Some((plan, leg, attempt)) = update.client_order_id.parts() else { return };
        let Some(book) = self.plans.get_mut(&plan) else { return };
        book.orders
            .entry((leg, attempt))
            .or_insert_with(|| Order::from_record(update, leg, attempt))
            .apply_update(update);
        if let Some(venue) = &update.venue_order_id {
            self.venues.insert(venue.clone(), (plan, leg, attempt));
        }
    }

    fn call(&mut self, id: &ClientOrderId, call: Call, asked_at: Option<UnixNanos>) {
        if let Some(order) = self.order_mut(id) {
            order.call = Some(call);
            order.asked_at = asked_at.or(order.asked_at);
        }
    }

    fn order_mut(&mut self, id: &ClientOrderId) -> Option<&mut Order> {
        self.order_at(&id.parts()?)
    }

    fn order_at(&mut self, key: &(PlanId, Leg, u32)) -> Option<&mut Order> {
        self.plans.get_mut(&key.0)?.orders.get_mut(&(key.1, key.2))
    }

    /// The plan, leg and attempt of an order that is ours: by our id, by the broker's, or by what it replaces.
    fn place(&self, order: &BrokerOrder) -> Option<(PlanId, Leg, u32)> {
        if let Some(known) = self.venues.get(&order.venue_order_id) {
            return Some(known.clone());
        }
        if let Some(key) = order.client_order_id.parts() {
            return self.plans.contains_key(&key.0).then_some(key);
        }
        let (plan, leg, attempt) = self.venues.get(order.replaces.as_ref()?)?;
        Some((plan.clone(), *leg, attempt + 1))
    }

    fn observe_placed(&mut self, key: &(PlanId, Leg, u32), order: &BrokerOrder) {
        let Some(book) = self.plans.get_mut(&key.0) else { return };
        let placed = book
            .orders
            .entry((key.1, key.2))
            .or_insert_with(|| Order::made_by_broker(key.0.clone(), key.1, key.2, order));
        placed.observe(order);
        for fill in self.loose_fills.remove(&order.venue_order_id).unwrap_or_default() {
            placed.observe_fill(&fill);
        }
        self.venues.insert(order.venue_order_id.clone(), key.clone());
        for leg in &order.legs {
            let key = self.place(leg).unwrap_or_else(|| {
                let part = if leg.order_type == OrderType::Limit { Leg::Target } else { Leg::Stop };
                let attempt = self.plans.get(&key.0).map_or(1, |book| book.next_attempt(part));
                (key.0.clone(), part, attempt)
            });
            self.observe_placed(&key, leg);
        }
    }

    fn expected_positions(&self) -> BTreeMap<Symbol, i64> {
        let mut expected = BTreeMap::new();
        for book in self.plans.values() {
            let quantity = book.position_seen();
            if quantity != 0 && book.closed.is_none() {
                *expected.entry(book.approved.plan().symbol.clone()).or_insert(0) += quantity;
            }
        }
        expected
    }

    fn compare_positions(&mut self, expected: &BTreeMap<Symbol, i64>) {
        let differing: BTreeMap<_, _> = expected
            .iter()
            .map(|(symbol, quantity)| (symbol, *quantity, self.positions.get(symbol).copied().unwrap_or(0)))
            .filter(|(_, ours, theirs)| ours != theirs)
            .map(|(symbol, ours, theirs)| {
                let times = match self.mismatches.get(symbol) {
                    Some((o, t, times)) if (*o, *t) == (ours, theirs) => times + 1,
                    _ => 1,
                };
                (symbol.clone(), (ours, theirs, times))
            })
            .collect();
        self.wants_backfill |= differing.values().any(|(_, _, times)| *times == 1);
        self.mismatches = differing;
    }
}
