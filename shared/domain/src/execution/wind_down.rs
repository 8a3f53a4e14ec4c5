//! Closing what the agent opened, by the broker's book alone: for whoever has neither the log nor the plans.
//!
//! Ids are those the executor would make next. So when both act, the broker refuses the second order as a repetition,
//! and an executor that comes back finds orders of its own plans.

use std::collections::{BTreeMap, BTreeSet};

use crate::execution::{
    BrokerBook, BrokerOrder, BrokerPosition, FIRST_SLICE, Leg, NewOrder, OrderPlace, OrderState, OrderType,
};
use crate::id::{ClientOrderId, PlanId, VenueOrderId};
use crate::plan::Side;
use crate::symbol::Symbol;
use crate::time::UnixNanos;

/// How much is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    /// Entries; and shares that no stop protects once their entry has gone.
    Entries,
    /// Every position, too.
    Everything,
}

/// What to ask of the broker now; when it has answered, its book says what comes next.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WindDown {
    /// Orders to cancel, with our ids; attached ones have the broker's.
    pub cancels: Vec<(ClientOrderId, VenueOrderId)>,
    /// Exits to send.
    pub exits: Vec<NewOrder>,
    /// Shares that the agent holds, short negative.
    pub held: BTreeMap<Symbol, i64>,
    /// Orders of the agent that are alive.
    pub live: usize,
    /// Shares that it did not open, short negative: left alone.
    pub foreign: BTreeMap<Symbol, i64>,
}

impl WindDown {
    /// True when nothing of the agent's is left at the broker.
    pub fn is_over(&self) -> bool {
        self.live == 0 && self.held.is_empty()
    }
}

/// So long a share may stand without a stop before it is closed, seconds of market time.
const BARE_MAX_S: i64 = 10;
/// Refused exits after which each further one waits.
const EXITS_MAX: usize = 3;
const EXIT_PAUSE_S: i64 = 30;

/// The next steps to the end of `extent` for the orders and shares of the agent in `book` of `account`.
pub fn wind_down(book: &BrokerBook, extent: Extent, account: &str) -> WindDown {
    let mut out = WindDown::default();
    let mut left: BTreeMap<Symbol, i64> =
        book.positions.iter().map(|BrokerPosition { symbol, quantity, .. }| (symbol.clone(), *quantity)).collect();
    for (plan, orders) in plans(book) {
        let Some(symbol) = orders.first().map(|ours| ours.order.symbol.clone()) else { continue };
        out.live += orders.iter().filter(|ours| ours.is_live()).count();
        let opened: i64 = orders.iter().map(|ours| ours.order.side.sign() * ours.order.filled_qty as i64).sum();
        // Never more than the broker shows, nor beyond zero.
        let there = left.entry(symbol.clone()).or_default();
        let held = if opened.signum() == there.signum() { opened.signum() * opened.abs().min(there.abs()) } else { 0 };
        *there -= held;
        if held != 0 {
            *out.held.entry(symbol.clone()).or_default() += held;
        }
        let plan = Ours { plan: &plan, symbol: &symbol, orders: &orders, held };
        plan.steps(extent, (account, book.as_of), &mut out);
    }
    left.retain(|_, quantity| *quantity != 0);
    out.foreign = left;
    out
}

/// One order of the agent, with its part in its plan; attached ones have no attempt of their own.
struct Placed<'a> {
    leg: Leg,
    attempt: u32,
    order: &'a BrokerOrder,
}

impl Placed<'_> {
    const fn is_live(&self) -> bool {
        !self.order.state.is_terminal()
    }
}

/// The agent's orders by plan, attached ones by that of the order they are attached to.
fn plans(book: &BrokerBook) -> BTreeMap<PlanId, Vec<Placed<'_>>> {
    let (mut plans, mut seen) = (BTreeMap::new(), BTreeSet::new());
    for order in &book.orders {
        place(order, None, &mut seen, &mut plans);
    }
    plans
}

fn place<'a>(
    order: &'a BrokerOrder,
    parent: Option<&PlanId>,
    seen: &mut BTreeSet<&'a VenueOrderId>,
    plans: &mut BTreeMap<PlanId, Vec<Placed<'a>>>,
) {
    let leg = if order.order_type == OrderType::Limit { Leg::Target } else { Leg::Stop };
    let attached = || parent.map(|plan| (plan.clone(), OrderPlace { leg, slice: FIRST_SLICE, attempt: 0 }));
    let Some((plan, place_of)) = order.client_order_id.parts().or_else(attached) else { return };
    for leg in &order.legs {
        place(leg, Some(&plan), seen, plans);
    }
    if seen.insert(&order.venue_order_id) {
        plans.entry(plan).or_default().push(Placed { leg: place_of.leg, attempt: place_of.attempt, order });
    }
}

/// One plan as the broker shows it.
struct Ours<'a> {
    plan: &'a PlanId,
    symbol: &'a Symbol,
    orders: &'a [Placed<'a>],
    held: i64,
}

impl Ours<'_> {
    fn steps(&self, extent: Extent, (account, now): (&str, UnixNanos), out: &mut WindDown) {
        let live = || self.orders.iter().filter(|ours| ours.is_live());
        let entries = live().filter(|ours| ours.leg == Leg::Entry);
        let before = out.cancels.len();
        out.cancels.extend(entries.clone().filter_map(cancel));
        // What is attached to an entry goes with it.
        if entries.count() > 0 || out.cancels.len() > before {
            return;
        }
        if extent == Extent::Entries && !(self.held != 0 && self.is_bare(now)) {
            return;
        }
        // The broker refuses an exit while an opposite order works.
        let mut others = live().filter(|ours| ours.leg != Leg::Exit).peekable();
        if others.peek().is_some() {
            out.cancels.extend(others.filter_map(cancel));
            return;
        }
        let mut exits = live().peekable();
        if exits.peek().is_some() {
            out.cancels.extend(exits.filter(|exit| exit.order.order_type != OrderType::Market).filter_map(cancel));
        } else if self.held != 0 && self.may_exit(now) {
            out.exits.push(self.exit(account, now));
        }
    }

    /// True when no stop has protected the shares for a while.
    fn is_bare(&self, now: UnixNanos) -> bool {
        let covered = self.orders.iter().any(|ours| ours.is_live() && ours.leg != Leg::Entry);
        !covered && now >= self.last_change().plus_seconds(BARE_MAX_S)
    }

    fn may_exit(&self, now: UnixNanos) -> bool {
        let rejected = |ours: &&Placed<'_>| ours.leg == Leg::Exit && ours.order.state == OrderState::Rejected;
        let refused = self.orders.iter().filter(rejected).count();
        refused < EXITS_MAX || now >= self.last_change().plus_seconds(EXIT_PAUSE_S)
    }

    fn last_change(&self) -> UnixNanos {
        self.orders.iter().map(|ours| ours.order.ts_event).max().unwrap_or_default()
    }

    fn exit(&self, account: &str, now: UnixNanos) -> NewOrder {
        let attempts = self.orders.iter().filter(|ours| ours.leg == Leg::Exit).map(|ours| ours.attempt);
        let side = if self.held > 0 { Side::Sell } else { Side::Buy };
        let attempt = attempts.max().unwrap_or(0) + 1;
        NewOrder::closing(self.plan, attempt, (self.symbol, side, self.held.unsigned_abs()), account, now)
    }
}

fn cancel(ours: &Placed<'_>) -> Option<(ClientOrderId, VenueOrderId)> {
    let order = ours.order;
    (order.state != OrderState::PendingCancel).then(|| (order.client_order_id.clone(), order.venue_order_id.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000_000_000_000;

    fn plan(symbol: &str) -> PlanId {
        PlanId::from_wire(crate::id::content_hash(&["plan", symbol]))
    }

    fn order(symbol: &str, leg: Leg, attempt: u32, state: OrderState, filled: u64) -> BrokerOrder {
        let id = ClientOrderId::new(&plan(symbol), leg, attempt);
        let (side, order_type) = match leg {
            Leg::Entry => (Side::Buy, OrderType::StopLimit),
            Leg::Stop => (Side::Sell, OrderType::Stop),
            Leg::Target => (Side::Sell, OrderType::Limit),
            Leg::Exit => (Side::Sell, OrderType::Market),
        };
        BrokerOrder {
            venue_order_id: VenueOrderId::from_wire(format!("v-{id}")),
            client_order_id: id,
            symbol: symbol.parse().unwrap(),
            side,
            order_type,
            state,
            quantity: 10,
            filled_qty: filled,
            avg_fill_price: None,
            limit_price: None,
            stop_price: None,
            replaces: None,
            legs: Vec::new(),
            reason: None,
            ts_event: UnixNanos::new(NOW).plus_seconds(-60),
        }
    }

    fn book(orders: Vec<BrokerOrder>, positions: &[(&str, i64)]) -> BrokerBook {
        let position = |(symbol, quantity): &(&str, i64)| BrokerPosition {
            symbol: symbol.parse().unwrap(),
            quantity: *quantity,
            last: None,
        };
        let positions = positions.iter().map(position).collect();
        BrokerBook { orders, fills: Vec::new(), positions, as_of: UnixNanos::new(NOW) }
    }

    /// What is cancelled, by the end of its id, and what is sent, with its shares.
    fn told(found: &WindDown) -> (Vec<String>, Vec<(String, Side, u64)>) {
        let tail = |id: &ClientOrderId| id.as_str().rsplit('-').next().unwrap_or_default().to_owned();
        let exits = found.exits.iter().map(NewOrder::intent);
        (
            found.cancels.iter().map(|(id, _)| tail(id)).collect(),
            exits.map(|intent| (tail(&intent.client_order_id), intent.side, intent.quantity)).collect(),
        )
    }

    fn filled_bracket(symbol: &str) -> BrokerOrder {
        let mut entry = order(symbol, Leg::Entry, 1, OrderState::Filled, 10);
        let mut stop = order(symbol, Leg::Stop, 1, OrderState::Working, 0);
        stop.client_order_id = ClientOrderId::from_wire("named-by-the-broker");
        entry.legs = vec![stop];
        entry
    }

    #[test]
    fn entries_go_first_and_protected_shares_keep_their_stop_meanwhile() {
        let mut waiting = order("AAA", Leg::Entry, 1, OrderState::Working, 0);
        waiting.legs = vec![order("AAA", Leg::Stop, 1, OrderState::Accepted, 0)];
        let book = book(vec![waiting, filled_bracket("BBB")], &[("BBB", 10)]);
        let found = wind_down(&book, Extent::Entries, "A");
        assert_eq!(told(&found), (vec!["E1".to_owned()], vec![]));
        assert_eq!((found.live, found.held.len(), found.is_over()), (3, 1, false));
        let found = wind_down(&book, Extent::Everything, "A");
        assert_eq!(told(&found).0, ["E1", "broker"]);
        assert!(found.exits.is_empty(), "the stop must be gone before");
    }

    #[test]
    fn the_exit_is_the_one_that_the_executor_would_send_next() {
        let check = |others: Vec<BrokerOrder>, held: i64, cancels: &[&str], exits: &[(&str, Side, u64)]| {
            let mut orders = vec![order("AAA", Leg::Entry, 1, OrderState::Filled, 10)];
            orders.extend(others);
            let found = wind_down(&book(orders, &[("AAA", held)]), Extent::Everything, "A");
            let exits: Vec<_> = exits.iter().map(|(id, side, qty)| ((*id).to_owned(), *side, *qty)).collect();
            assert_eq!(told(&found), (cancels.iter().map(|id| (*id).to_owned()).collect(), exits));
        };
        let exit = |attempt, state, filled| order("AAA", Leg::Exit, attempt, state, filled);
        check(vec![], 10, &[], &[("X1", Side::Sell, 10)]);
        check(vec![exit(1, OrderState::Working, 0)], 10, &[], &[]);
        check(vec![exit(1, OrderState::Canceled, 4)], 6, &[], &[("X2", Side::Sell, 6)]);
        check(vec![exit(1, OrderState::Filled, 10)], 0, &[], &[]);
        let limit = BrokerOrder { order_type: OrderType::Limit, ..exit(1, OrderState::Working, 0) };
        check(vec![limit], 10, &["X1"], &[]);
        check(vec![order("AAA", Leg::Stop, 2, OrderState::PendingCancel, 0)], 10, &[], &[]);
    }

    #[test]
    fn never_more_than_the_broker_shows_and_never_what_others_opened() {
        let manual = BrokerOrder {
            client_order_id: ClientOrderId::from_wire("by-hand"),
            ..order("CCC", Leg::Entry, 1, OrderState::Filled, 5)
        };
        let ours = |symbol| order(symbol, Leg::Entry, 1, OrderState::Filled, 10);
        let orders = vec![ours("AAA"), ours("BBB"), ours("DDD"), manual];
        let book = book(orders, &[("AAA", 3), ("BBB", 25), ("CCC", 5), ("DDD", -10)]);
        let found = wind_down(&book, Extent::Everything, "A");
        let mut exits = told(&found).1;
        exits.sort_by_key(|(_, _, quantity)| *quantity);
        assert_eq!(exits, [("X1".to_owned(), Side::Sell, 3), ("X1".to_owned(), Side::Sell, 10)]);
        let foreign: Vec<_> = found.foreign.iter().map(|(symbol, shares)| (symbol.as_str(), *shares)).collect();
        assert_eq!(foreign, [("BBB", 15), ("CCC", 5), ("DDD", -10)]);
    }

    #[test]
    fn shares_that_a_cut_entry_leaves_bare_are_closed_at_once() {
        let cut = |seconds: i64| BrokerOrder {
            ts_event: UnixNanos::new(NOW).plus_seconds(-seconds),
            ..order("AAA", Leg::Entry, 1, OrderState::Canceled, 4)
        };
        let steps = |orders| told(&wind_down(&book(orders, &[("AAA", 4)]), Extent::Entries, "A"));
        assert_eq!(steps(vec![cut(5)]), (vec![], vec![]));
        assert_eq!(steps(vec![cut(20)]), (vec![], vec![("X1".to_owned(), Side::Sell, 4)]));
        assert_eq!(steps(vec![cut(20), order("AAA", Leg::Stop, 1, OrderState::Working, 0)]), (vec![], vec![]));
    }

    #[test]
    fn refused_exits_are_sent_again_ever_more_slowly() {
        let entry = order("AAA", Leg::Entry, 1, OrderState::Filled, 10);
        let refused = |attempt| BrokerOrder {
            ts_event: UnixNanos::new(NOW).plus_seconds(-5),
            ..order("AAA", Leg::Exit, attempt, OrderState::Rejected, 0)
        };
        let exits = |tries: u32| {
            let orders = std::iter::once(entry.clone()).chain((1..=tries).map(refused)).collect();
            wind_down(&book(orders, &[("AAA", 10)]), Extent::Everything, "A").exits.len()
        };
        assert_eq!((exits(2), exits(3)), (1, 0));
    }
}
