//! A sized plan, and every order that may follow from it.

use crate::execution::{CloseReason, Leg, OrderIntended, OrderPlace, OrderType};
use crate::id::{ClientOrderId, PlanId};
use crate::money::Price;
use crate::plan::{Side, Slice, TradePlan};
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

    /// The slices it is carried out in, nearest target first.
    pub fn slices(&self) -> Vec<Slice> {
        self.plan().slices(self.quantity())
    }

    /// The entry of `slice`: a stop-limit order with its protective stop and its target.
    pub fn entry_order(&self, slice: &Slice, now: UnixNanos) -> NewOrder {
        let plan = self.plan();
        let place = OrderPlace { leg: Leg::Entry, slice: slice.number, attempt: 1 };
        NewOrder(OrderIntended {
            order_type: OrderType::StopLimit,
            limit_price: Some(plan.entry.limit),
            stop_price: Some(plan.entry.trigger),
            stop_loss: Some(plan.planned_stop()),
            take_profit: slice.target.map(|target| plan.target_for(&target, plan.entry.trigger)),
            ..self.blank(place, plan.side, slice.quantity, now)
        })
    }

    /// A protective stop of our own in `slice` for `quantity` shares at `stop`.
    pub fn stop_order(&self, slice: u32, attempt: u32, quantity: u64, stop: Price, now: UnixNanos) -> NewOrder {
        NewOrder(OrderIntended {
            order_type: OrderType::Stop,
            stop_price: Some(stop),
            ..self.blank(OrderPlace { leg: Leg::Stop, slice, attempt }, self.plan().side.opposite(), quantity, now)
        })
    }

    /// A pair of our own in `slice` for `quantity` shares, of which one cancels the other: a target at `target` and
    /// its protective stop at `stop`.
    pub fn pair_order(
        &self,
        slice: u32,
        attempt: u32,
        quantity: u64,
        (target, stop): (Price, Price),
        now: UnixNanos,
    ) -> NewOrder {
        NewOrder(OrderIntended {
            order_type: OrderType::Limit,
            limit_price: Some(target),
            stop_loss: Some(stop),
            ..self.blank(OrderPlace { leg: Leg::Target, slice, attempt }, self.plan().side.opposite(), quantity, now)
        })
    }

    /// An order of `side` that closes `quantity` shares because of `reason`, at `limit` or at the market.
    pub fn exit_order(
        &self,
        attempt: u32,
        (side, quantity): (Side, u64),
        limit: Option<Price>,
        reason: CloseReason,
        now: UnixNanos,
    ) -> NewOrder {
        NewOrder(OrderIntended {
            order_type: if limit.is_some() { OrderType::Limit } else { OrderType::Market },
            limit_price: limit,
            reason: Some(reason),
            ..self.blank(OrderPlace::first(Leg::Exit, attempt), side, quantity, now)
        })
    }

    /// The order of an intent of this plan that is already written down; `None` for another plan's.
    pub fn intended_before(&self, intent: &OrderIntended) -> Option<NewOrder> {
        (intent.plan_id == self.plan().plan_id).then(|| NewOrder(intent.clone()))
    }

    fn blank(&self, place: OrderPlace, side: Side, quantity: u64, now: UnixNanos) -> OrderIntended {
        let plan = self.plan();
        OrderIntended {
            client_order_id: ClientOrderId::at(&plan.plan_id, place),
            plan_id: plan.plan_id.clone(),
            account: self.0.account.clone(),
            session_date: self.session_date(),
            symbol: plan.symbol.clone(),
            leg: place.leg,
            attempt: place.attempt,
            side,
            order_type: OrderType::Market,
            quantity,
            limit_price: None,
            stop_price: None,
            stop_loss: None,
            take_profit: None,
            reason: None,
            ts_event: now,
        }
    }
}

/// An order that may be sent. Only an [`ApprovedPlan`] makes one that opens anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOrder(OrderIntended);

impl NewOrder {
    /// What is written down before it is sent, and sent word for word.
    pub const fn intent(&self) -> &OrderIntended {
        &self.0
    }
    /// The market order with which whoever has only the broker's book closes `quantity` shares that `plan` opened.
    pub(super) fn closing(
        plan: &PlanId,
        attempt: u32,
        (symbol, side, quantity): (&Symbol, Side, u64),
        account: &str,
        now: UnixNanos,
    ) -> Self {
        Self(OrderIntended {
            client_order_id: ClientOrderId::new(plan, Leg::Exit, attempt),
            plan_id: plan.clone(),
            account: account.to_owned(),
            session_date: now.session_date(),
            symbol: symbol.clone(),
            leg: Leg::Exit,
            attempt,
            side,
            order_type: OrderType::Market,
            quantity,
            limit_price: None,
            stop_price: None,
            stop_loss: None,
            take_profit: None,
            reason: Some(CloseReason::Flattened),
            ts_event: now,
        })
    }
}
