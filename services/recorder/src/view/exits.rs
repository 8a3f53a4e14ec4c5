//! How a plan's position is left: each target, the trail and the time stop, with where they stand.

use domain::Price;
use domain::execution::{CloseReason, Leg, OrderState, OrderUpdated};
use domain::plan::{Side, Slice, Target, TradePlan};
use serde_json::{Value, json};

use super::plan::PlanStory;

impl PlanStory {
    /// The exits of `plan`, of which risk allowed `quantity` shares, priced from the executed entry once there is one.
    pub(super) fn exits(&self, plan: &TradePlan, quantity: Option<u64>) -> Value {
        let entry = self.executed.as_ref().map_or(plan.entry.trigger, |e| e.avg_entry_price);
        let slices = quantity.map(|quantity| plan.slices(quantity)).unwrap_or_default();
        let targets = (1..).zip(&plan.targets).map(|(number, target)| {
            let shares = slices.iter().find(|slice| slice.number == number).map(|slice: &Slice| slice.quantity);
            self.target(plan, number, target, shares, entry)
        });
        json!({
            "targets": targets.collect::<Vec<_>>(),
            "trail": self.trail(plan, entry),
            "time_stop": self.time_stop(plan, entry),
            "halt_resume_seconds": plan.exits.halt_resume_seconds,
        })
    }

    fn target(&self, plan: &TradePlan, slice: u32, target: &Target, shares: Option<u64>, entry: Price) -> Value {
        let orders = || self.legs(Leg::Target).filter(|(number, _)| *number == slice).map(|(_, order)| order);
        let filled: u64 = orders().map(|order| order.filled_qty).sum();
        let works = |order: &OrderUpdated| matches!(order.state, OrderState::Working | OrderState::PartiallyFilled);
        let state = if orders().any(|order| order.state == OrderState::Filled) {
            "filled"
        } else if self.closed.is_some() {
            "ended"
        } else if orders().any(works) {
            "working"
        } else {
            "waiting"
        };
        json!({
            "slice": slice,
            "price": plan.target_for(target, entry),
            "fraction_bps": target.fraction_bps,
            "quantity": shares,
            "filled_qty": filled,
            "state": state,
        })
    }

    /// `from` is the price at which the stop begins to follow.
    fn trail(&self, plan: &TradePlan, entry: Price) -> Option<Value> {
        let trail = plan.exits.trail?;
        let stops = self.legs(Leg::Stop).filter_map(|(_, stop)| stop.stop_price);
        let gains = |stop: Price| if plan.side == Side::Buy { stop >= entry } else { stop <= entry };
        let follows = self.executed.is_some() && stops.into_iter().any(gains);
        Some(json!({
            "from": away(plan.side, entry, trail.after),
            "distance": trail.distance,
            "state": if follows { "following" } else { self.waiting() },
        }))
    }

    /// `due_at` leaves halts out; `price` is the least that keeps the trade open then.
    fn time_stop(&self, plan: &TradePlan, entry: Price) -> Option<Value> {
        let rule = plan.exits.time_stop?;
        let closed = self.closed.as_ref().is_some_and(|closed| closed.reason == CloseReason::TimeStop);
        Some(json!({
            "due_at": self.executed.as_ref().map(|executed| rule.due(executed.ts_event)),
            "after_seconds": rule.after_seconds,
            "price": away(plan.side, entry, rule.gain),
            "state": if closed { "closed" } else { self.waiting() },
        }))
    }

    const fn waiting(&self) -> &'static str {
        if self.closed.is_some() { "ended" } else { "waiting" }
    }
}

fn away(side: Side, price: Price, distance: Price) -> Price {
    Price::from_nanos(price.nanos().saturating_add(side.sign() * distance.nanos()))
}
