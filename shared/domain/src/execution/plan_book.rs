//! One plan and everything that was done for it.

use std::collections::BTreeMap;

use crate::execution::approved::ApprovedPlan;
use crate::execution::order::Order;
use crate::execution::tape::Tape;
use crate::execution::{
    CloseReason, DeadlineStep, FIRST_SLICE, FillRecorded, Leg, OrderPlace, OrderState, PlanClosed, PlanExecuted,
};
use crate::money::Price;
use crate::plan::{Side, Target};
use crate::time::UnixNanos;

/// A plan and everything that was done for it.
#[derive(Debug, Clone)]
pub struct PlanBook {
    /// The approval.
    pub approved: ApprovedPlan,
    /// Its record on ORDER once the entry is done.
    pub executed: Option<PlanExecuted>,
    /// Its record on ORDER once it is over.
    pub closed: Option<PlanClosed>,
    pub(super) orders: BTreeMap<OrderPlace, Order>,
    /// Best price seen while shares were held; lost with the process, but not the stop that followed it.
    best: Option<Price>,
    tape: Tape,
    /// Nanoseconds that the symbol looked halted while shares were held; lost with the process.
    halted: i64,
    time_is_over: bool,
}

/// Shares that one stop has to cover: those of a slice, or all of them once an exit has taken some.
pub(super) struct Part<'a> {
    /// The slice; `None` stands for the whole position.
    slice: Option<u32>,
    /// Shares held.
    pub(super) held: u64,
    /// The entry that opened it; `None` for the whole position.
    pub(super) entry: Option<&'a Order>,
    /// Where it takes profit.
    pub(super) target: Option<&'a Target>,
    book: &'a PlanBook,
}

impl PlanBook {
    pub(super) fn new(approved: ApprovedPlan) -> Self {
        Self {
            approved,
            executed: None,
            closed: None,
            orders: BTreeMap::new(),
            best: None,
            tape: Tape::default(),
            halted: 0,
            time_is_over: false,
        }
    }

    /// The best price seen while shares were held.
    pub const fn best(&self) -> Option<Price> {
        self.best
    }

    pub(super) fn observe_print(&mut self, at: UnixNanos) {
        let halted = self.tape.print(at, &self.approved.plan().exits);
        if halted > 0 && self.held() > 0 {
            self.halted += halted;
        }
    }

    pub(super) fn observe_mark(&mut self, price: Price, at: UnixNanos) {
        let plan = self.approved.plan();
        if self.held() <= 0 || plan.exits.trail.is_none() && plan.exits.time_stop.is_none() {
            return;
        }
        self.time_is_over |= self.gained_too_little(price, at);
        self.best = Some(match (self.best, plan.side) {
            (None, _) => price,
            (Some(best), Side::Buy) => best.max(price),
            (Some(best), Side::Sell) => best.min(price),
        });
    }

    fn gained_too_little(&self, price: Price, at: UnixNanos) -> bool {
        let plan = self.approved.plan();
        let (Some(rule), Some(entered)) = (plan.exits.time_stop, self.entered_at()) else { return false };
        at >= rule.due(entered).plus_nanos(self.halted)
            && !self.is_unsettled(at)
            && self.average(plan.side).is_some_and(|(_, executed)| rule.closes(plan.side, executed, price))
    }

    /// True while the symbol looks halted at `now`, or has not traded long enough since.
    pub(super) fn is_unsettled(&self, now: UnixNanos) -> bool {
        self.tape.is_unsettled(now, &self.approved.plan().exits)
    }

    /// True once the time stop has closed the trade, or is about to.
    pub(super) fn is_timed_out(&self) -> bool {
        let by_intent = |exit: &Order| exit.intent.as_ref().is_some_and(|e| e.reason == Some(CloseReason::TimeStop));
        self.time_is_over || self.leg(Leg::Exit).any(by_intent)
    }

    /// The broker's time of the last fill of an entry.
    pub(super) fn entered_at(&self) -> Option<UnixNanos> {
        self.entries().flat_map(Order::fills).map(|fill| fill.ts_event).max()
    }

    /// Its orders, by leg, slice and attempt.
    pub fn orders(&self) -> impl Iterator<Item = &Order> {
        self.orders.values()
    }

    pub(super) fn order(&self, place: OrderPlace) -> Option<&Order> {
        self.orders.get(&place)
    }

    /// Its entry orders, one for each slice once intended.
    pub fn entries(&self) -> impl Iterator<Item = &Order> {
        self.leg(Leg::Entry)
    }

    /// The orders of one leg by slice, oldest first.
    pub fn leg(&self, leg: Leg) -> impl Iterator<Item = &Order> {
        self.between(leg, 0, u32::MAX)
    }

    /// The place of the next order of `leg` in `slice`.
    pub fn next_place(&self, leg: Leg, slice: u32) -> OrderPlace {
        let last = self.between(leg, slice, slice).map(|order| order.attempt).max().unwrap_or(0);
        OrderPlace { leg, slice, attempt: last + 1 }
    }

    fn between(&self, leg: Leg, first: u32, last: u32) -> impl Iterator<Item = &Order> {
        let from = OrderPlace { leg, slice: first, attempt: 0 };
        let to = OrderPlace { leg, slice: last, attempt: u32::MAX };
        self.orders.range(from..=to).map(|(_, order)| order)
    }

    /// Shares held on the side of the entry; negative when more was closed than opened.
    pub fn held(&self) -> i64 {
        self.signed(self.orders())
    }

    fn signed<'a>(&self, orders: impl Iterator<Item = &'a Order>) -> i64 {
        let side = self.approved.plan().side;
        orders.map(|order| order.filled_qty() as i64 * if order.side == side { 1 } else { -1 }).sum()
    }

    /// Shares held, short negative, with what the broker has shown and ORDER does not have yet.
    pub(super) fn position_seen(&self) -> i64 {
        self.orders().map(|order| order.seen.filled_qty as i64 * order.side.sign()).sum()
    }

    /// What is held, by the stop that has to cover it.
    pub(super) fn parts(&self) -> Vec<Part<'_>> {
        if self.leg(Leg::Exit).any(|exit| exit.filled_qty() > 0) {
            let held = self.held().max(0) as u64;
            return vec![Part { slice: None, held, entry: None, target: None, book: self }];
        }
        let mut parts = Vec::new();
        for entry in self.entries().filter(|entry| entry.filled_qty() > 0) {
            let held = self.signed(self.orders().filter(|order| order.slice == entry.slice)).max(0) as u64;
            let target = self.approved.plan().target_of(entry.slice);
            parts.push(Part { slice: Some(entry.slice), held, entry: Some(entry), target, book: self });
        }
        parts
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

    /// True when an order has taken shares out of the position.
    pub(super) fn has_left(&self) -> bool {
        self.orders().any(|order| order.leg != Leg::Entry && order.filled_qty() > 0)
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

    /// Shares that no working protective or closing order covers; those of an entry that may still fill get theirs with
    /// its last one.
    pub fn uncovered(&self) -> u64 {
        let ended = |part: &&Part<'_>| part.entry.is_none_or(|entry| !entry.is_live() || entry.missing);
        let without_stop: u64 = self.parts().iter().filter(ended).map(Part::without_stop).sum();
        let leaving: u64 = self.leg(Leg::Exit).filter(|exit| exit.is_live()).map(Order::leaves_qty).sum();
        without_stop.saturating_sub(leaving)
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
        // What the broker has said it does not have can do nothing; should it turn up, it counts again.
        self.closed.is_some() && self.held() == 0 && self.orders().all(|order| !order.is_live() || order.missing)
    }

    /// True when the broker's answer to every entry is on ORDER, or the plan is over.
    pub fn is_answered(&self) -> bool {
        let mut entries = self.entries().peekable();
        self.closed.is_some() || entries.peek().is_some() && entries.all(|entry| !entry.is_in_doubt())
    }
}

/// The broker's time of the last order that ended or was filled, in part at least: the broker shrinks the leg beside it,
/// and shows that a moment later.
pub(super) fn last_change<'a>(orders: impl Iterator<Item = &'a Order>) -> UnixNanos {
    let changed = orders.filter(|order| !order.is_live() || order.filled_qty() > 0);
    changed.map(|order| order.recorded.ts_event).max().unwrap_or_default()
}

impl<'a> Part<'a> {
    /// The slice that an order of ours for it counts as.
    pub(super) fn slice(&self) -> u32 {
        self.slice.unwrap_or(FIRST_SLICE)
    }

    /// The orders that belong to it.
    pub(super) fn orders(&self) -> impl Iterator<Item = &'a Order> {
        let slice = self.slice;
        self.book.orders().filter(move |order| slice.is_none_or(|slice| order.slice == slice))
    }

    /// Its live orders of `leg`, a replaced one by its replacement.
    pub(super) fn live(&self, leg: Leg) -> impl Iterator<Item = &'a Order> {
        let slice = self.slice;
        self.book.live_unreplaced(leg).filter(move |order| slice.is_none_or(|slice| order.slice == slice))
    }

    /// Since when a hole in its cover may have been open.
    pub(super) fn last_change(&self) -> UnixNanos {
        last_change(self.orders())
    }

    fn without_stop(&self) -> u64 {
        self.held.saturating_sub(self.live(Leg::Stop).map(Order::leaves_qty).sum())
    }
}
