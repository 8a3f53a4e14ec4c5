//! One order: what was intended, what is recorded, what the broker shows, and the only legal ways between.

use crate::execution::{
    BrokerFill, BrokerOrder, FillRecorded, Leg, OrderIntended, OrderState, OrderType, OrderUpdated,
};
use crate::id::{ClientOrderId, PlanId, VenueOrderId};
use crate::money::Price;
use crate::plan::{Side, TradePlan};
use crate::risk::PlanApproved;
use crate::symbol::Symbol;
use crate::time::{SessionDate, UnixNanos};

/// A plan that risk-engine has sized. Nothing else can become an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovedPlan(PlanApproved);

/// An approval that no sane order follows from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("plan {plan_id}: {field} is not positive")]
pub struct BadApproval {
    /// The plan.
    pub plan_id: PlanId,
    /// The field at fault.
    pub field: &'static str,
}

impl ApprovedPlan {
    /// Accepts an approval whose quantity and prices are positive.
    pub fn new(approval: PlanApproved) -> Result<Self, BadApproval> {
        let plan = &approval.plan;
        let numbers = [
            ("quantity", i64::try_from(approval.quantity).unwrap_or(0)),
            ("entry.trigger", plan.entry.trigger.nanos()),
            ("entry.limit", plan.entry.limit.nanos()),
            ("stop_distance", plan.stop_distance.nanos()),
            ("planned stop", plan.planned_stop().nanos()),
        ];
        match numbers.into_iter().find(|(_, value)| *value <= 0) {
            Some((field, _)) => Err(BadApproval { plan_id: plan.plan_id.clone(), field }),
            None => Ok(Self(approval)),
        }
    }

    /// The plan.
    pub const fn plan(&self) -> &TradePlan {
        &self.0.plan
    }

    /// Shares allowed.
    pub const fn quantity(&self) -> u64 {
        self.0.quantity
    }

    /// The session it may trade in.
    pub const fn session_date(&self) -> SessionDate {
        self.0.plan.round.session_date
    }

    /// The entry: a stop-limit order with its protective stop, and its target when the plan has exactly one part of
    /// the position to take off that way (the largest).
    pub fn entry_order(&self, now: UnixNanos) -> NewOrder {
        let plan = self.plan();
        let target = plan.targets.iter().max_by_key(|target| target.fraction_bps);
        NewOrder(OrderIntended {
            order_type: OrderType::StopLimit,
            limit_price: Some(plan.entry.limit),
            stop_price: Some(plan.entry.trigger),
            stop_loss: Some(plan.planned_stop()),
            take_profit: target.map(|target| plan.target_for(target, plan.entry.trigger)),
            ..self.blank(Leg::Entry, 1, plan.side, self.quantity(), now)
        })
    }

    /// A protective stop of our own for `quantity` shares at `stop`.
    pub fn stop_order(&self, attempt: u32, quantity: u64, stop: Price, now: UnixNanos) -> NewOrder {
        NewOrder(OrderIntended {
            order_type: OrderType::Stop,
            stop_price: Some(stop),
            ..self.blank(Leg::Stop, attempt, self.plan().side.opposite(), quantity, now)
        })
    }

    /// An order of `side` that closes `quantity` shares, at `limit` or at the market.
    pub fn exit_order(
        &self,
        attempt: u32,
        side: Side,
        quantity: u64,
        limit: Option<Price>,
        now: UnixNanos,
    ) -> NewOrder {
        NewOrder(OrderIntended {
            order_type: if limit.is_some() { OrderType::Limit } else { OrderType::Market },
            limit_price: limit,
            ..self.blank(Leg::Exit, attempt, side, quantity, now)
        })
    }

    /// The order of an intent of this plan that is already written down; `None` for another plan's.
    pub fn intended_before(&self, intent: &OrderIntended) -> Option<NewOrder> {
        (intent.plan_id == self.plan().plan_id).then(|| NewOrder(intent.clone()))
    }

    fn blank(&self, leg: Leg, attempt: u32, side: Side, quantity: u64, now: UnixNanos) -> OrderIntended {
        let plan = self.plan();
        OrderIntended {
            client_order_id: ClientOrderId::new(&plan.plan_id, leg, attempt),
            plan_id: plan.plan_id.clone(),
            account: self.0.account.clone(),
            session_date: self.session_date(),
            symbol: plan.symbol.clone(),
            leg,
            attempt,
            side,
            order_type: OrderType::Market,
            quantity,
            limit_price: None,
            stop_price: None,
            stop_loss: None,
            take_profit: None,
            ts_event: now,
        }
    }
}

/// An order that may be sent. Only an [`ApprovedPlan`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOrder(OrderIntended);

impl NewOrder {
    /// What is written down before it is sent, and sent word for word.
    pub const fn intent(&self) -> &OrderIntended {
        &self.0
    }
}

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
    /// Counts the orders of this leg from 1.
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
    /// Market time of the last request to cancel or replace it, so that it is not repeated at once.
    pub asked_at: Option<UnixNanos>,
    /// Requests to replace it that the broker refused.
    pub refused_replaces: u32,
    fills: Fills,
}

impl Order {
    /// The order of an intent that has just been written down or is about to be.
    pub fn intended(intent: &OrderIntended) -> Self {
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
        Self::with(intent.plan_id.clone(), intent.symbol.clone(), intent.leg, intent.attempt, intent.side, snapshot)
            .with_intent(intent)
    }

    /// An order that the broker made for us: a leg, or the replacement of one.
    pub fn made_by_broker(plan_id: PlanId, leg: Leg, attempt: u32, order: &BrokerOrder) -> Self {
        let unseen =
            Snapshot { state: OrderState::Intended, filled_qty: 0, venue_order_id: None, ..snapshot_of(order) };
        Self::with(plan_id, order.symbol.clone(), leg, attempt, order.side, unseen)
    }

    /// The order that a record of the past speaks of.
    pub fn from_record(update: &OrderUpdated, leg: Leg, attempt: u32) -> Self {
        let snapshot = Snapshot { state: OrderState::Intended, ..snapshot_of_record(update) };
        Self::with(update.plan_id.clone(), update.symbol.clone(), leg, attempt, update.side, snapshot)
    }

    fn with(plan_id: PlanId, symbol: Symbol, leg: Leg, attempt: u32, side: Side, snapshot: Snapshot) -> Self {
        Self {
            client_order_id: ClientOrderId::new(&plan_id, leg, attempt),
            plan_id,
            symbol,
            leg,
            attempt,
            side,
            intent: None,
            recorded: snapshot.clone(),
            seen: snapshot,
            replaces: None,
            call: None,
            missing: false,
            asked_at: None,
            refused_replaces: 0,
            fills: Fills::default(),
        }
    }

    fn with_intent(mut self, intent: &OrderIntended) -> Self {
        self.intent = Some(intent.clone());
        self
    }

    /// Takes what the broker shows; what cannot follow from what it showed before is left out.
    pub fn observe(&mut self, order: &BrokerOrder) {
        self.missing = false;
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

    /// The fills on ORDER as `(quantity, price, fees, time)`.
    pub fn fills(&self) -> &[FillRecorded] {
        &self.fills.recorded
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
        self.fills.recorded.iter().map(|fill| fill.quantity).sum()
    }

    /// The fill that would explain what no single fill does, from the order's own average; `None` when nothing is
    /// missing or the broker gave no average.
    pub fn missing_fill(&self) -> Option<BrokerFill> {
        let itemised = self.itemised_qty();
        let quantity = self.recorded.filled_qty.checked_sub(itemised).filter(|missing| *missing > 0)?;
        let total = i128::from(self.recorded.avg_fill_price?.nanos()) * i128::from(self.recorded.filled_qty);
        let known: i128 =
            self.fills.recorded.iter().map(|f| i128::from(f.price.nanos()) * i128::from(f.quantity)).sum();
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

/// The price that trades print at, when `exact` misses it by no more than the broker's rounding of the average can
/// explain: less than 1e-9 USD for each share of the order, spread over the shares in question.
///
/// `shares_per_share` is the order's filled quantity per share in question, rounded up.
fn undo_rounding(exact: i64, shares_per_share: u64) -> i64 {
    const FINEST_PRINT: i64 = 100_000;
    let nearest = (exact + FINEST_PRINT / 2) / FINEST_PRINT * FINEST_PRINT;
    let explained = i64::try_from(shares_per_share).unwrap_or(i64::MAX).saturating_add(1);
    if (exact - nearest).abs() <= explained { nearest } else { exact }
}

/// The fills of one order. Each covers the shares from `cumulative - quantity` to `cumulative`; shares are filled once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Fills {
    recorded: Vec<FillRecorded>,
    seen: Vec<BrokerFill>,
}

impl Fills {
    fn see(&mut self, fill: &BrokerFill) {
        let span = (fill.cumulative_qty.saturating_sub(fill.quantity), fill.cumulative_qty);
        if fill.quantity > 0 && !self.covers(span) && !self.seen.iter().any(|f| overlap(span_of(f), span)) {
            self.seen.push(fill.clone());
            self.seen.sort_by_key(|f| f.cumulative_qty);
        }
    }

    fn record(&mut self, fill: &FillRecorded) {
        let span = (fill.cumulative_qty.saturating_sub(fill.quantity), fill.cumulative_qty);
        self.seen.retain(|f| !overlap(span_of(f), span));
        if !self.covers(span) {
            self.recorded.push(fill.clone());
        }
    }

    fn covers(&self, span: (u64, u64)) -> bool {
        self.recorded.iter().any(|f| overlap((f.cumulative_qty.saturating_sub(f.quantity), f.cumulative_qty), span))
    }

    fn unrecorded(&self) -> impl Iterator<Item = &BrokerFill> {
        self.seen.iter()
    }
}

const fn span_of(fill: &BrokerFill) -> (u64, u64) {
    (fill.cumulative_qty.saturating_sub(fill.quantity), fill.cumulative_qty)
}

const fn overlap(a: (u64, u64), b: (u64, u64)) -> bool {
    a.0 < b.1 && b.0 < a.1
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

#[cfg(test)]
mod tests {
    use super::undo_rounding;

    #[test]
    fn a_derived_price_is_a_print_where_rounding_of_the_average_explains_the_difference() {
        assert_eq!(undo_rounding(30_679_999_996, 8), 30_680_000_000);
        assert_eq!(undo_rounding(30_690_000_002, 8), 30_690_000_000);
        assert_eq!(undo_rounding(30_685_333_333, 8), 30_685_333_333, "an average of two prints stays what it is");
    }
}
