//! A plan's life from proposal to close: its decision, orders, fills and position.
//!
//! Every fact is kept apart and the rows are derived from all of them, so the order in which the streams arrive does
//! not matter.

use std::collections::BTreeMap;

use domain::execution::{
    FIRST_SLICE, FillRecorded, Leg, OrderIntended, OrderState, OrderUpdated, PlanClosed, PlanExecuted,
};
use domain::plan::TradePlan;
use domain::risk::{DenialReason, PlanApproved, PlanDenied, SizingTerm};
use domain::{ClientOrderId, Event, Micro, Price, UnixNanos, Usd};
use serde_json::{Value, json};

use super::{Recorded, Row, View};

/// Everything known of one plan.
#[derive(Debug, Clone, Default)]
pub struct PlanStory {
    proposed: Option<TradePlan>,
    decision: Option<(String, Decision)>,
    orders: BTreeMap<ClientOrderId, Order>,
    fills: BTreeMap<(ClientOrderId, u64), FillRecorded>,
    pub(super) executed: Option<PlanExecuted>,
    pub(super) closed: Option<PlanClosed>,
}

#[derive(Debug, Clone)]
enum Decision {
    Approved(PlanApproved),
    Denied(PlanDenied),
}

#[derive(Debug, Clone, Default)]
struct Order {
    intended: Option<OrderIntended>,
    updated: Option<OrderUpdated>,
}

impl PlanStory {
    /// Folds the events of one plan, each stream in its own order.
    pub fn fold<'a>(events: impl IntoIterator<Item = &'a Recorded>) -> Self {
        let mut story = Self::default();
        for recorded in events {
            story.apply(recorded);
        }
        story
    }

    fn apply(&mut self, recorded: &Recorded) {
        match &recorded.event {
            Event::PlanProposed(e) => self.proposed = Some(e.plan.clone()),
            Event::PlanApproved(e) => self.decision = Some((recorded.id.clone(), Decision::Approved(e.clone()))),
            Event::PlanDenied(e) => self.decision = Some((recorded.id.clone(), Decision::Denied(e.clone()))),
            Event::OrderIntended(e) => self.order(&e.client_order_id).intended = Some(e.clone()),
            Event::OrderUpdated(e) => self.order(&e.client_order_id).updated = Some(e.clone()),
            Event::FillRecorded(e) => {
                self.fills.insert((e.client_order_id.clone(), e.cumulative_qty), e.clone());
            }
            Event::PlanExecuted(e) => self.executed = Some(e.clone()),
            Event::PlanClosed(e) => self.closed = Some(e.clone()),
            _ => {} // an event of another story
        }
    }

    fn order(&mut self, id: &ClientOrderId) -> &mut Order {
        self.orders.entry(id.clone()).or_default()
    }

    /// The plan's rows, valued at `mark`, the symbol's last price.
    pub fn rows(&self, mark: Option<Price>) -> Vec<Row> {
        let holding = Holding::of(self);
        let mut rows = Vec::new();
        rows.extend(self.plan().map(|plan| self.plan_row(plan, &holding, mark)));
        rows.extend(self.decision.iter().map(|(id, decision)| decision.row(id)));
        rows.extend(self.orders.iter().filter_map(|(id, order)| order.row(id)));
        rows.extend(self.fills.values().map(fill_row));
        rows.extend(self.plan().and_then(|plan| self.position_row(plan, &holding, mark)));
        rows
    }

    /// The broker's word on the orders of `leg`, with the slice that each serves.
    pub(super) fn legs(&self, leg: Leg) -> impl Iterator<Item = (u32, &OrderUpdated)> {
        self.orders.iter().filter_map(move |(id, order)| {
            let update = order.updated.as_ref().filter(|update| update.leg == leg)?;
            Some((id.parts().map_or(FIRST_SLICE, |(_, place)| place.slice), update))
        })
    }

    /// The symbol while shares are held: its price changes this story's rows.
    pub fn held_symbol(&self) -> Option<&domain::Symbol> {
        let plan = self.plan()?;
        (Holding::of(self).quantity != 0).then_some(&plan.symbol)
    }

    fn plan(&self) -> Option<&TradePlan> {
        match (&self.proposed, &self.decision) {
            (Some(plan), _) => Some(plan),
            (None, Some((_, Decision::Approved(approved)))) => Some(&approved.plan),
            (None, _) => None,
        }
    }

    fn state(&self, holding: &Holding) -> &'static str {
        if self.closed.is_some() {
            "closed"
        } else if holding.entered > 0 {
            "open"
        } else if !self.orders.is_empty() {
            "working"
        } else {
            match self.decision {
                Some((_, Decision::Approved(_))) => "approved",
                Some((_, Decision::Denied(_))) => "denied",
                None => "proposed",
            }
        }
    }

    fn plan_row(&self, plan: &TradePlan, holding: &Holding, mark: Option<Price>) -> Row {
        let (approved, denied) = match &self.decision {
            Some((_, Decision::Approved(a))) => (Some(a), None),
            Some((_, Decision::Denied(d))) => (None, Some(d)),
            None => (None, None),
        };
        let executed = self.executed.as_ref();
        let entered_at = executed.map_or(plan.entry.trigger, |e| e.avg_entry_price);
        let targets: Vec<Price> = plan.targets.iter().map(|t| plan.target_for(t, entered_at)).collect();
        let (pnl, r_multiple) = self.result(plan, holding, mark);
        let doc = json!({
            "id": plan.plan_id,
            "signal_id": plan.signal_id,
            "round_id": plan.round.round_id,
            "symbol": plan.symbol,
            "side": plan.side,
            "session_date": plan.round.session_date,
            "rank": plan.rank,
            "score": plan.score,
            "entry": plan.entry.trigger,
            "entry_limit": plan.entry.limit,
            "stop_distance": plan.stop_distance,
            "stop": executed.map_or_else(|| plan.planned_stop(), |e| e.stop_price),
            "targets": targets,
            "exits": self.exits(plan, approved.map(|a| a.quantity)),
            "valid_until": plan.valid_until,
            "exit_by": plan.exit_by,
            "state": self.state(holding),
            "quantity": approved.map(|a| a.quantity),
            "binding_cap": approved.map(|a| a.binding_cap),
            "denied_reason": denied.map(|d| d.reason.code()),
            "closed_reason": self.closed.as_ref().map(|c| c.reason),
            "avg_entry_price": holding.avg_entry_price(),
            "pnl": pnl,
            "r_multiple": r_multiple,
            "proposed_at": plan.round.due,
        });
        Row::new(View::Plans, plan.plan_id.as_str(), plan.round.session_date, plan.round.due, &doc)
            .of_symbol(&plan.symbol)
            .of_plan(&plan.plan_id)
    }

    /// Profit after fees, in dollars and in units of what was risked: final once closed, at the mark before.
    fn result(&self, plan: &TradePlan, holding: &Holding, mark: Option<Price>) -> (Option<Usd>, Option<Micro>) {
        if let Some(closed) = &self.closed {
            return (Some(closed.realized_pnl), (closed.quantity > 0).then_some(closed.r_multiple));
        }
        let pnl = holding.profit(mark);
        (pnl, pnl.and_then(|p| holding.in_r(p, plan.stop_distance)))
    }

    fn position_row(&self, plan: &TradePlan, holding: &Holding, mark: Option<Price>) -> Option<Row> {
        let opened_at = holding.opened_at?;
        let protection: Vec<&OrderUpdated> = self
            .orders
            .values()
            .filter_map(|o| o.updated.as_ref())
            .filter(|o| o.leg == Leg::Stop && matches!(o.state, OrderState::Working | OrderState::PartiallyFilled))
            .collect();
        let covered_qty: u64 = protection.iter().map(|o| o.quantity.saturating_sub(o.filled_qty)).sum();
        let unrealized = holding.unrealized(mark);
        let doc = json!({
            "symbol": plan.symbol,
            "plan_id": plan.plan_id,
            "quantity": holding.quantity,
            "avg_entry_price": holding.avg_entry_price(),
            "last": mark,
            "unrealized_pnl": unrealized,
            "r_multiple": unrealized.and_then(|p| holding.in_r(p, plan.stop_distance)),
            "stop": protection.first().and_then(|o| o.stop_price),
            "covered": covered_qty >= holding.quantity.unsigned_abs(),
            "opened_at": opened_at,
        });
        let mut row = Row::new(View::Positions, plan.plan_id.as_str(), plan.round.session_date, opened_at, &doc)
            .of_symbol(&plan.symbol)
            .of_plan(&plan.plan_id);
        row.live = holding.quantity != 0;
        Some(row)
    }
}

/// Shares and cash of one plan by its fills; dollars in 1e-9.
#[derive(Debug, Default)]
struct Holding {
    /// Shares held, short negative.
    quantity: i64,
    /// Shares that entries filled.
    entered: u64,
    /// What they cost, without sign.
    entry_cost: i128,
    /// Cash received less cash paid and fees.
    cash: i128,
    fees: i128,
    opened_at: Option<UnixNanos>,
}

impl Holding {
    fn of(story: &PlanStory) -> Self {
        let mut holding = Self::default();
        for fill in story.fills.values() {
            let cost = i128::from(fill.price.nanos()) * i128::from(fill.quantity);
            holding.quantity += fill.side.sign() * fill.quantity as i64;
            holding.cash -= i128::from(fill.side.sign()) * cost + i128::from(fill.fees.nanos());
            holding.fees += i128::from(fill.fees.nanos());
            if fill.leg == Leg::Entry {
                holding.entered += fill.quantity;
                holding.entry_cost += cost;
                holding.opened_at = Some(holding.opened_at.map_or(fill.ts_event, |t| t.min(fill.ts_event)));
            }
        }
        holding
    }

    fn avg_entry_price(&self) -> Option<Price> {
        let average = self.entry_cost.checked_div(i128::from(self.entered))?;
        i64::try_from(average).ok().map(Price::from_nanos)
    }

    fn profit(&self, mark: Option<Price>) -> Option<Usd> {
        if self.entered == 0 {
            return None;
        }
        let value = if self.quantity == 0 { 0 } else { i128::from(mark?.nanos()) * i128::from(self.quantity) };
        i64::try_from(self.cash + value).ok().map(Usd::from_nanos)
    }

    /// What the shares held have gained at the mark, net of the fees paid so far.
    fn unrealized(&self, mark: Option<Price>) -> Option<Usd> {
        let distance = i128::from(mark?.nanos()) - i128::from(self.avg_entry_price()?.nanos());
        if self.quantity == 0 {
            return Some(Usd::ZERO);
        }
        i64::try_from(distance * i128::from(self.quantity) - self.fees).ok().map(Usd::from_nanos)
    }

    fn in_r(&self, profit: Usd, stop_distance: Price) -> Option<Micro> {
        Micro::ratio(profit.nanos(), stop_distance.notional(self.entered).ok()?.nanos(), 1)
    }
}

impl Decision {
    fn row(&self, id: &str) -> Row {
        match self {
            Self::Approved(a) => {
                let doc = json!({
                    "id": id,
                    "plan_id": a.plan.plan_id,
                    "symbol": a.plan.symbol,
                    "outcome": "approved",
                    "quantity": a.quantity,
                    "reason": null,
                    "detail": format!("{} shares risk ${} and reserve ${}", a.quantity, a.risk, a.notional),
                    "binding_cap": a.binding_cap,
                    "terms": terms(&a.terms),
                    "equity": a.equity,
                    "decided_at": a.decided_at,
                });
                Row::new(View::Decisions, id, a.plan.round.session_date, a.decided_at, &doc)
                    .of_symbol(&a.plan.symbol)
                    .of_plan(&a.plan.plan_id)
            }
            Self::Denied(d) => {
                let binding = match &d.reason {
                    DenialReason::NoQuantity { cap, .. } => Some(cap),
                    _ => None,
                };
                let doc = json!({
                    "id": id,
                    "plan_id": d.plan_id,
                    "symbol": d.symbol,
                    "outcome": "denied",
                    "quantity": null,
                    "reason": d.reason.code(),
                    "detail": d.reason.to_string(),
                    "binding_cap": binding,
                    "terms": terms(&d.terms),
                    "equity": d.equity,
                    "decided_at": d.decided_at,
                });
                Row::new(View::Decisions, id, d.session_date, d.decided_at, &doc)
                    .of_symbol(&d.symbol)
                    .of_plan(&d.plan_id)
            }
        }
    }
}

fn terms(terms: &[SizingTerm]) -> Vec<Value> {
    terms.iter().map(|t| json!({ "name": t.cap, "value": t.quantity, "detail": t.detail })).collect()
}

impl Order {
    fn row(&self, id: &ClientOrderId) -> Option<Row> {
        let (intended, updated) = (self.intended.as_ref(), self.updated.as_ref());
        let (plan_id, symbol, leg, side, order_type, quantity) = match (updated, intended) {
            (Some(u), _) => (&u.plan_id, &u.symbol, u.leg, u.side, u.order_type, u.quantity),
            (None, Some(i)) => (&i.plan_id, &i.symbol, i.leg, i.side, i.order_type, i.quantity),
            (None, None) => return None,
        };
        let intended_at = intended.map(|i| i.ts_event);
        let updated_at = updated.map(|u| u.ts_event).or(intended_at)?;
        let at = intended_at.unwrap_or(updated_at);
        let day = intended.map_or_else(|| domain::calendar::session_at(at).date, |i| i.session_date);
        let doc = json!({
            "client_order_id": id,
            "venue_order_id": updated.and_then(|u| u.venue_order_id.as_ref()),
            "plan_id": plan_id,
            "symbol": symbol,
            "leg": leg,
            "side": side,
            "order_type": order_type,
            "quantity": quantity,
            "filled_qty": updated.map_or(0, |u| u.filled_qty),
            "limit_price": updated.and_then(|u| u.limit_price).or(intended.and_then(|i| i.limit_price)),
            "stop_price": updated.and_then(|u| u.stop_price).or(intended.and_then(|i| i.stop_price)),
            "avg_fill_price": updated.and_then(|u| u.avg_fill_price),
            "state": updated.map_or(OrderState::Intended, |u| u.state),
            "reason": updated.and_then(|u| u.reason.as_ref()),
            "attempt": id.parts().map(|(_, place)| place.attempt).or(intended.map(|i| i.attempt)),
            "intended_at": intended_at,
            "updated_at": updated_at,
        });
        let mut row = Row::new(View::Orders, id.as_str(), day, at, &doc).of_symbol(symbol).of_plan(plan_id);
        row.live = updated.is_none_or(|u| !u.state.is_terminal());
        Some(row)
    }
}

fn fill_row(fill: &FillRecorded) -> Row {
    let id = format!("{}.{}", fill.client_order_id, fill.cumulative_qty);
    let doc = json!({
        "id": id,
        "client_order_id": fill.client_order_id,
        "plan_id": fill.plan_id,
        "symbol": fill.symbol,
        "side": fill.side,
        "leg": fill.leg,
        "quantity": fill.quantity,
        "price": fill.price,
        "cumulative_qty": fill.cumulative_qty,
        "fees": fill.fees,
        "slippage_r": fill.slippage_r,
        "ts_event": fill.ts_event,
    });
    Row::new(View::Fills, id, domain::calendar::session_at(fill.ts_event).date, fill.ts_event, &doc)
        .of_symbol(&fill.symbol)
        .of_plan(&fill.plan_id)
}
