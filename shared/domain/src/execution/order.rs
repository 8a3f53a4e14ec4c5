//! One order: what was intended, what is recorded, what the broker shows, and the only legal ways between.

use crate::execution::fills::{Fills, undo_rounding};
use crate::execution::{
    BrokerFill, BrokerOrder, FillRecorded, Leg, OrderIntended, OrderPlace, OrderState, OrderType, OrderUpdated,
};
use crate::id::{ClientOrderId, PlanId, VenueOrderId};
use crate::money::Price;
use crate::plan::Side;
use crate::symbol::Symbol;
use crate::time::UnixNanos;

/// Where an order stands, by our records or by the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The broker's id, once it has given one.
    pub venue_order_id: Option<VenueOrderId>,
    /// Where its life stands.
    pub state: OrderState,
    /// How it is priced.
    pub order_type: OrderType,
    /// Shares ordered.
    pub quantity: u64,
    /// Shares filled; never falls.
    pub filled_qty: u64,
    /// Average price of the fills.
    pub avg_fill_price: Option<Price>,
    /// Its limit price.
    pub limit_price: Option<Price>,
    /// Its stop price.
    pub stop_price: Option<Price>,
    /// The broker's words on a refusal.
    pub reason: Option<String>,
    /// The broker's time.
    pub ts_event: UnixNanos,
}

impl Snapshot {
    fn moved_to(&self, next: Self) -> Self {
        let legal = self.state.may_become(next.state);
        let newer = next.filled_qty > self.filled_qty;
        if !legal {
            return if newer {
                Self { filled_qty: next.filled_qty, avg_fill_price: next.avg_fill_price, ..self.clone() }
            } else {
                self.clone()
            };
        }
        if next.filled_qty < self.filled_qty {
            let state = if next.state.is_terminal() { next.state } else { self.state };
            return Self { state, reason: next.reason, ..self.clone() };
        }
        Self { venue_order_id: next.venue_order_id.or_else(|| self.venue_order_id.clone()), ..next }
    }

    fn same_but_for_time(&self, other: &Self) -> bool {
        *self == Self { ts_event: self.ts_event, ..other.clone() }
    }
}

impl OrderState {
    /// True when an order in this state can be seen in `next` later. Terminal states are final.
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::Intended => !matches!(next, Self::Intended),
            Self::Unknown => !matches!(next, Self::Intended | Self::Unknown),
            Self::Accepted => !matches!(next, Self::Intended | Self::Unknown),
            Self::Working | Self::PendingCancel => !matches!(next, Self::Intended | Self::Unknown | Self::Accepted),
            Self::PartiallyFilled => {
                !matches!(next, Self::Intended | Self::Unknown | Self::Accepted | Self::Working | Self::Rejected)
            }
            Self::Filled | Self::Canceled | Self::Expired | Self::Replaced | Self::Rejected => false,
        }
    }
}

/// A request about an order that has been sent and not been answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Being written down and sent.
    Submit,
    /// Being asked about.
    Query,
    /// Being cancelled.
    Cancel,
    /// Being replaced.
    Replace,
}

/// One order of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Our id.
    pub client_order_id: ClientOrderId,
    /// The plan it serves.
    pub plan_id: PlanId,
    /// The symbol.
    pub symbol: Symbol,
    /// Its part in the plan.
    pub leg: Leg,
    /// The slice of the position that it serves, from 1.
    pub slice: u32,
    /// Counts the orders of this leg and slice from 1.
    pub attempt: u32,
    /// Buy or sell.
    pub side: Side,
    /// What was written down before sending; `None` for orders that the broker made.
    pub intent: Option<OrderIntended>,
    /// Where ORDER has it.
    pub recorded: Snapshot,
    /// Where the broker has it, as far as it told us.
    pub seen: Snapshot,
    /// The order it took the place of.
    pub replaces: Option<VenueOrderId>,
    /// The request under way.
    pub call: Option<Call>,
    /// True when the broker has said that it does not have it.
    pub missing: bool,
    /// True when the broker's book does not list it or it cannot be cancelled, though by our records it is live: what
    /// became of it is to be asked.
    pub unclear: bool,
    /// True when the broker, which has shown it, was asked for it and denied it.
    pub denied: bool,
    /// Market time of the last request to cancel or replace it, so that it is not repeated at once.
    pub asked_at: Option<UnixNanos>,
    /// Requests to replace it that the broker refused.
    pub refused_replaces: u32,
    fills: Fills,
}

impl Order {
    /// The order of an intent that has just been written down or is about to be.
    pub fn intended(slice: u32, intent: &OrderIntended) -> Self {
        let snapshot = Snapshot {
            venue_order_id: None,
            state: OrderState::Intended,
            order_type: intent.order_type,
            quantity: intent.quantity,
            filled_qty: 0,
            avg_fill_price: None,
            limit_price: intent.limit_price,
            stop_price: intent.stop_price,
            reason: None,
            ts_event: intent.ts_event,
        };
        let place = OrderPlace { leg: intent.leg, slice, attempt: intent.attempt };
        let order = Self::with(intent.plan_id.clone(), intent.symbol.clone(), place, intent.side, snapshot);
        Self { intent: Some(intent.clone()), ..order }
    }

    /// An order that the broker made for us: a leg, or the replacement of one.
    pub fn made_by_broker(plan_id: PlanId, place: OrderPlace, order: &BrokerOrder) -> Self {
        let unseen =
            Snapshot { state: OrderState::Intended, filled_qty: 0, venue_order_id: None, ..snapshot_of(order) };
        Self::with(plan_id, order.symbol.clone(), place, order.side, unseen)
    }

    /// The order that a record of the past speaks of.
    pub fn from_record(update: &OrderUpdated, place: OrderPlace) -> Self {
        let snapshot = Snapshot { state: OrderState::Intended, ..snapshot_of_record(update) };
        Self::with(update.plan_id.clone(), update.symbol.clone(), place, update.side, snapshot)
    }

    fn with(plan_id: PlanId, symbol: Symbol, place: OrderPlace, side: Side, snapshot: Snapshot) -> Self {
        Self {
            client_order_id: ClientOrderId::at(&plan_id, place),
            plan_id,
            symbol,
            leg: place.leg,
            slice: place.slice,
            attempt: place.attempt,
            side,
            intent: None,
            recorded: snapshot.clone(),
            seen: snapshot,
            replaces: None,
            call: None,
            missing: false,
            unclear: false,
            denied: false,
            asked_at: None,
            refused_replaces: 0,
            fills: Fills::default(),
        }
    }

    /// Takes what the broker shows; what cannot follow from what it showed before is left out.
    pub fn observe(&mut self, order: &BrokerOrder) {
        (self.missing, self.unclear, self.denied) = (false, false, false);
        if order.replaces.is_some() {
            self.replaces.clone_from(&order.replaces);
        }
        self.seen = self.seen.moved_to(snapshot_of(order));
    }

    /// Takes a refusal or a lost answer of the broker.
    pub fn observe_verdict(&mut self, state: OrderState, reason: &str, now: UnixNanos) {
        let next = Snapshot { state, reason: Some(reason.to_owned()), ts_event: now, ..self.seen.clone() };
        self.seen = self.seen.moved_to(next);
    }

    /// Takes a fill that the broker shows.
    pub fn observe_fill(&mut self, fill: &BrokerFill) {
        self.fills.see(fill);
    }

    /// Takes a record of ORDER.
    pub fn apply_update(&mut self, update: &OrderUpdated) {
        let next = snapshot_of_record(update);
        self.recorded = self.recorded.moved_to(next.clone());
        self.seen = self.seen.moved_to(next);
    }

    /// Takes a record of ORDER.
    pub fn apply_fill(&mut self, fill: &FillRecorded) {
        self.fills.record(fill);
    }

    /// What the broker has shown and ORDER does not have.
    pub fn unrecorded_update(&self) -> Option<OrderUpdated> {
        (!self.recorded.same_but_for_time(&self.seen)).then(|| OrderUpdated {
            client_order_id: self.client_order_id.clone(),
            venue_order_id: self.seen.venue_order_id.clone(),
            plan_id: self.plan_id.clone(),
            symbol: self.symbol.clone(),
            leg: self.leg,
            side: self.side,
            order_type: self.seen.order_type,
            state: self.seen.state,
            quantity: self.seen.quantity,
            filled_qty: self.seen.filled_qty,
            avg_fill_price: self.seen.avg_fill_price,
            limit_price: self.seen.limit_price,
            stop_price: self.seen.stop_price,
            reason: self.seen.reason.clone(),
            ts_event: self.seen.ts_event,
        })
    }

    /// Fills that the broker has shown and ORDER does not have.
    pub fn unrecorded_fills(&self) -> impl Iterator<Item = &BrokerFill> {
        self.fills.unrecorded()
    }

    /// Its fills on ORDER.
    pub fn fills(&self) -> &[FillRecorded] {
        self.fills.recorded()
    }

    /// Where its life stands by our records.
    pub const fn state(&self) -> OrderState {
        self.recorded.state
    }

    /// True while something can still happen to it.
    pub const fn is_live(&self) -> bool {
        !self.recorded.state.is_terminal()
    }

    /// True while the broker's having it is not known.
    pub const fn is_in_doubt(&self) -> bool {
        matches!(self.recorded.state, OrderState::Intended | OrderState::Unknown)
    }

    /// Shares filled by our records.
    pub const fn filled_qty(&self) -> u64 {
        self.recorded.filled_qty
    }

    /// Shares still to be filled.
    pub const fn leaves_qty(&self) -> u64 {
        self.recorded.quantity.saturating_sub(self.recorded.filled_qty)
    }

    /// Shares whose fills are on ORDER, one by one.
    pub fn itemised_qty(&self) -> u64 {
        self.fills().iter().map(|fill| fill.quantity).sum()
    }

    /// The fill that would explain what no single fill does, from the order's own average; `None` when nothing is
    /// missing or the broker gave no average.
    pub fn missing_fill(&self) -> Option<BrokerFill> {
        let itemised = self.itemised_qty();
        let quantity = self.recorded.filled_qty.checked_sub(itemised).filter(|missing| *missing > 0)?;
        let total = i128::from(self.recorded.avg_fill_price?.nanos()) * i128::from(self.recorded.filled_qty);
        let known: i128 = self.fills().iter().map(|f| i128::from(f.price.nanos()) * i128::from(f.quantity)).sum();
        let exact = i64::try_from((total - known) / i128::from(quantity)).ok().filter(|price| *price > 0)?;
        let price = undo_rounding(exact, self.recorded.filled_qty.div_ceil(quantity));
        Some(BrokerFill {
            venue_order_id: self.recorded.venue_order_id.clone()?,
            quantity,
            price: Price::from_nanos(price),
            cumulative_qty: self.recorded.filled_qty,
            ts_event: self.recorded.ts_event,
        })
    }
}

fn snapshot_of(order: &BrokerOrder) -> Snapshot {
    Snapshot {
        venue_order_id: Some(order.venue_order_id.clone()),
        state: order.state,
        order_type: order.order_type,
        quantity: order.quantity,
        filled_qty: order.filled_qty,
        avg_fill_price: order.avg_fill_price,
        limit_price: order.limit_price,
        stop_price: order.stop_price,
        reason: order.reason.clone(),
        ts_event: order.ts_event,
    }
}

fn snapshot_of_record(update: &OrderUpdated) -> Snapshot {
    Snapshot {
        venue_order_id: update.venue_order_id.clone(),
        state: update.state,
        order_type: update.order_type,
        quantity: update.quantity,
        filled_qty: update.filled_qty,
        avg_fill_price: update.avg_fill_price,
        limit_price: update.limit_price,
        stop_price: update.stop_price,
        reason: update.reason.clone(),
        ts_event: update.ts_event,
    }
}
