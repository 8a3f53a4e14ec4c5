//! What the executor knows: a fold over RISK, CONTROL and ORDER, and over what the broker shows.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::event::Event;
use crate::execution::approved::ApprovedPlan;
use crate::execution::effect::Effect;
use crate::execution::order::{Call, Order};
use crate::execution::plan_book::PlanBook;
use crate::execution::{
    AccountObserved, Answer, BrokerAccount, BrokerBook, BrokerFill, BrokerOrder, DeadlineStep, Leg, OrderIntended,
    OrderPlace, OrderState, OrderType, OrderUpdated, PositionReconciled,
};
use crate::fees::CostProfile;
use crate::id::{ClientOrderId, PlanId, VenueOrderId};
use crate::money::Price;
use crate::risk::{TradingState, TradingStateBook};
use crate::symbol::Symbol;
use crate::time::{SessionDate, UnixNanos};

/// Everything the executor decides from.
#[derive(Debug, Clone, Default)]
pub struct ExecutionState {
    pub(super) plans: BTreeMap<PlanId, PlanBook>,
    pub(super) deadlines: BTreeSet<(SessionDate, DeadlineStep)>,
    pub(super) account: Option<(BrokerAccount, Vec<ClientOrderId>, UnixNanos)>,
    pub(super) account_recorded: Option<AccountObserved>,
    pub(super) calendar_conflicts: Option<(SessionDate, Vec<String>)>,
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
    venues: HashMap<VenueOrderId, (PlanId, OrderPlace)>,
    loose_fills: HashMap<VenueOrderId, Vec<BrokerFill>>,
    trading_state: TradingStateBook,
    log_has_a_hole: bool,
    costs: BTreeMap<String, CostProfile>,
}

impl ExecutionState {
    /// Folds one event of RISK, CONTROL or ORDER; others change nothing. Folding an event again changes nothing.
    pub fn apply(&mut self, event: &Event) {
        self.trading_state.apply(event);
        match event {
            Event::PlanApproved(approval) => self.approve(approval),
            Event::OrderIntended(e) => {
                if let Some(order) = self.intended(e) {
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
            | Event::TradingStatusChanged(_)
            | Event::SignalGenerated(_)
            | Event::CandidatesEvaluated(_)
            | Event::ScanRoundCompleted(_)
            | Event::RoundOpened(_)
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

    /// Takes what trading costs under an activated version of the strategy.
    pub fn activate(&mut self, version: &str, costs: CostProfile) {
        self.costs.insert(version.to_owned(), costs);
    }

    /// What trading costs under this version; `None` where it was not activated.
    pub(super) fn costs_of(&self, version: &str) -> Option<&CostProfile> {
        self.costs.get(version)
    }

    /// Marks what `effect` starts as under way, so that it is not decided again before its answer.
    pub fn begin(&mut self, effect: &Effect) {
        match effect {
            Effect::Submit(new) => {
                if let Some(order) = self.intended(new.intent()) {
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
                let asked_for_itself = std::mem::take(&mut order.unclear);
                let is_missing = order.missing;
                // One that the broker has shown and now denies is looked for once more after the next reading of the book;
                // then it is over, or it would stand in the way of exits and count as cover for ever.
                if asked_for_itself && !is_missing && std::mem::replace(&mut order.denied, true) {
                    order.observe_verdict(OrderState::Canceled, "the broker no longer has it", now);
                }
                self.wants_backfill |= !is_missing && !asked_for_itself;
            }
            (Answer::Refused(reason), Some(Call::Submit)) => order.observe_verdict(OrderState::Rejected, reason, now),
            (Answer::Unknown(reason), Some(Call::Submit)) => order.observe_verdict(OrderState::Unknown, reason, now),
            (Answer::Refused(_), Some(Call::Replace)) => {
                order.refused_replaces += 1;
                order.unclear = true;
                self.wants_backfill = true;
            }
            (Answer::NotFound | Answer::Refused(_), Some(Call::Cancel)) => {
                order.unclear = true;
                self.wants_backfill = true;
            }
            (Answer::Unknown(_), Some(Call::Query)) => {
                // Asked for itself, it is asked for again after the next reading of the book.
                let asked_for_itself = std::mem::take(&mut order.unclear);
                self.wants_backfill |= !asked_for_itself;
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
        self.miss_unlisted(book);
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

    /// Takes where the broker's calendar and the built-in table disagree on `session` or the one before.
    pub fn observe_calendar(&mut self, session: SessionDate, conflicts: Vec<String>) {
        self.calendar_conflicts = Some((session, conflicts));
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

    /// Takes a print of a symbol at `at`: it trades.
    pub fn observe_print(&mut self, symbol: &Symbol, at: UnixNanos) {
        self.trading_in(symbol).for_each(|book| book.observe_print(at));
    }

    /// Takes the last regular price of a symbol that has an open plan, printed at `at`.
    pub fn observe_mark(&mut self, symbol: &Symbol, price: Price, at: UnixNanos) {
        for book in self.trading_in(symbol) {
            book.observe_print(at);
            book.observe_mark(price, at);
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
        let (plan, place) = id.parts()?;
        self.plans.get(&plan)?.order(place)
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
                self.plans.insert(approval.plan.plan_id.clone(), PlanBook::new(approved));
            }
            Err(refused) => self.bad_approvals.push(refused.to_string()),
        }
    }

    fn trading_in(&mut self, symbol: &Symbol) -> impl Iterator<Item = &mut PlanBook> {
        let open = |book: &&mut PlanBook| book.closed.is_none() && book.approved.plan().symbol == *symbol;
        self.plans.values_mut().filter(open)
    }

    /// The order of an intent of a plan that is known.
    fn intended(&mut self, intent: &OrderIntended) -> Option<&mut Order> {
        let (_, place) = intent.client_order_id.parts()?;
        let book = self.plans.get_mut(&intent.plan_id)?;
        Some(book.orders.entry(place).or_insert_with(|| Order::intended(place.slice, intent)))
    }

    fn apply_update(&mut self, update: &OrderUpdated) {
        let Some((plan, place)) = update.client_order_id.parts() else { return };
        let Some(book) = self.plans.get_mut(&plan) else { return };
        book.orders.entry(place).or_insert_with(|| Order::from_record(update, place)).apply_update(update);
        if let Some(venue) = &update.venue_order_id {
            self.venues.insert(venue.clone(), (plan, place));
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

    fn order_at(&mut self, key: &(PlanId, OrderPlace)) -> Option<&mut Order> {
        self.plans.get_mut(&key.0)?.orders.get_mut(&key.1)
    }

    /// The plan and place of an order that is ours: by our id, by the broker's, or by what it replaces.
    fn place(&self, order: &BrokerOrder) -> Option<(PlanId, OrderPlace)> {
        if let Some(known) = self.venues.get(&order.venue_order_id) {
            return Some(known.clone());
        }
        if let Some(key) = order.client_order_id.parts() {
            return self.plans.contains_key(&key.0).then_some(key);
        }
        let (plan, place) = self.venues.get(order.replaces.as_ref()?)?;
        Some((plan.clone(), place.next()))
    }

    /// Legs that the broker named are of the slice of the order that they are attached to.
    fn observe_placed(&mut self, key: &(PlanId, OrderPlace), order: &BrokerOrder) {
        let Some(book) = self.plans.get_mut(&key.0) else { return };
        let placed = book.orders.entry(key.1).or_insert_with(|| Order::made_by_broker(key.0.clone(), key.1, order));
        placed.observe(order);
        for fill in self.loose_fills.remove(&order.venue_order_id).unwrap_or_default() {
            placed.observe_fill(&fill);
        }
        self.venues.insert(order.venue_order_id.clone(), key.clone());
        for attached in &order.legs {
            let key = self.place(attached).unwrap_or_else(|| {
                let leg = if attached.order_type == OrderType::Limit { Leg::Target } else { Leg::Stop };
                let first = OrderPlace { leg, slice: key.1.slice, attempt: 1 };
                (key.0.clone(), self.plans.get(&key.0).map_or(first, |book| book.next_place(leg, key.1.slice)))
            });
            self.observe_placed(&key, attached);
        }
    }

    /// A leg that was replaced or has ended may be listed no more; if nobody told us, it would count as live for ever.
    fn miss_unlisted(&mut self, book: &BrokerBook) {
        let mut listed = BTreeSet::new();
        let mut left: Vec<&BrokerOrder> = book.orders.iter().collect();
        while let Some(order) = left.pop() {
            listed.insert(&order.venue_order_id);
            left.extend(&order.legs);
        }
        for order in self.plans.values_mut().filter(|plan| !plan.is_settled()).flat_map(|plan| plan.orders.values_mut())
        {
            let shown = order.seen.venue_order_id.as_ref();
            let is_unlisted = shown.is_some_and(|venue| !listed.contains(venue));
            order.unclear |= is_unlisted && !order.seen.state.is_terminal() && order.call.is_none();
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
