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
            "state": if follows && self.closed.is_none() { "following" } else { self.waiting() },
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

#[cfg(test)]
mod tests {
    use domain::execution::{OrderPlace, PlanClosed, PlanExecuted};
    use domain::plan::{TimeStop, Trail};
    use domain::{ClientOrderId, Event};
    use testkit::build;

    use super::*;
    use crate::view::Recorded;

    /// Half of it leaves 0.20 beyond the entry.
    fn plan() -> TradePlan {
        let mut plan = build::plan("GME");
        plan.targets = vec![Target { distance: build::cents(20), fraction_bps: 5_000 }];
        plan.exits.trail = Some(Trail { after: build::cents(20), distance: build::cents(10) });
        plan.exits.time_stop = Some(TimeStop { after_seconds: 3_600, gain: build::cents(5) });
        plan
    }

    fn told(events: Vec<Event>) -> Value {
        let recorded = (1..).zip(events).map(|(seq, event)| Recorded {
            id: seq.to_string(),
            seq,
            ts_init: domain::UnixNanos::default(),
            event,
        });
        PlanStory::fold(&recorded.collect::<Vec<_>>()).exits(&plan(), Some(101))
    }

    fn order(leg: Leg, slice: u32, state: OrderState, filled_qty: u64, stop: Option<Price>) -> Event {
        let plan = plan();
        OrderUpdated {
            client_order_id: ClientOrderId::at(&plan.plan_id, OrderPlace { leg, slice, attempt: 1 }),
            leg,
            side: plan.side.opposite(),
            state,
            quantity: 50,
            filled_qty,
            stop_price: stop,
            ..build::order_updated("GME")
        }
        .into()
    }

    fn executed() -> Event {
        let plan = plan();
        PlanExecuted {
            plan_id: plan.plan_id.clone(),
            symbol: plan.symbol.clone(),
            side: plan.side,
            quantity: 101,
            avg_entry_price: build::cents(2_552),
            stop_price: build::cents(2_542),
            ts_event: build::session().at_hm(9, 37),
        }
        .into()
    }

    fn closed() -> Event {
        let plan = plan();
        PlanClosed {
            plan_id: plan.plan_id.clone(),
            symbol: plan.symbol.clone(),
            session_date: build::session(),
            reason: CloseReason::StopLoss,
            quantity: 101,
            avg_entry_price: Some(build::cents(2_552)),
            avg_exit_price: Some(build::cents(2_562)),
            realized_pnl: domain::Usd::from_cents(1_010),
            fees: domain::Usd::from_cents(0),
            r_multiple: domain::Micro::from_int(1),
            ts_event: build::session().at_hm(10, 0),
        }
        .into()
    }

    #[test]
    fn before_the_entry_everything_waits_at_planned_prices() {
        let exits = told(Vec::new());
        let entry = plan().entry.trigger;
        let target = away(plan().side, entry, build::cents(20));
        let expected = json!({"slice": 1, "price": target, "fraction_bps": 5_000, "quantity": 50, "filled_qty": 0, "state": "waiting"});
        assert_eq!(exits["targets"], json!([expected]));
        assert_eq!((&exits["trail"]["state"], &exits["time_stop"]["due_at"]), (&json!("waiting"), &Value::Null));
    }

    #[test]
    fn each_exit_says_where_it_stands() {
        let working = order(Leg::Target, 1, OrderState::PartiallyFilled, 20, None);
        let behind = order(Leg::Stop, 2, OrderState::Working, 0, Some(build::cents(2_542)));
        let exits = told(vec![executed(), working, behind]);
        let target = &exits["targets"][0];
        assert_eq!(
            (&target["price"], &target["state"], &target["filled_qty"]),
            (&json!("25.72"), &json!("working"), &json!(20))
        );
        assert_eq!((&exits["trail"]["state"], &exits["trail"]["from"]), (&json!("waiting"), &json!("25.72")));
        assert_eq!(exits["time_stop"]["due_at"], json!(build::session().at_hm(10, 37)));
        let filled = order(Leg::Target, 1, OrderState::Filled, 50, None);
        let ahead = order(Leg::Stop, 2, OrderState::Working, 0, Some(build::cents(2_562)));
        let exits = told(vec![executed(), filled, ahead]);
        assert_eq!((&exits["targets"][0]["state"], &exits["trail"]["state"]), (&json!("filled"), &json!("following")));
    }

    #[test]
    fn a_closed_plan_follows_and_waits_for_nothing() {
        let ahead = order(Leg::Stop, 2, OrderState::Filled, 51, Some(build::cents(2_562)));
        let exits = told(vec![executed(), ahead, closed()]);
        let states = [&exits["targets"][0], &exits["trail"], &exits["time_stop"]].map(|exit| &exit["state"]);
        assert_eq!(states, ["ended"; 3]);
    }
}
