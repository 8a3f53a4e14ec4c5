use domain::execution::{
    AccountObserved, CloseReason, DeadlineClock, DeadlineReached, DeadlineStep, FillRecorded, Leg, OrderIntended,
    OrderState, OrderType, OrderUpdated, OwnerChanged, PlanClosed, PlanExecuted, PositionReconciled,
};
use domain::{ClientOrderId, PlanId, VenueOrderId};

use super::Source;
use super::plan::side;

fn leg(s: &mut Source) -> Leg {
    s.pick(&[Leg::Entry, Leg::Stop, Leg::Target, Leg::Exit])
}

fn order_type(s: &mut Source) -> OrderType {
    s.pick(&[OrderType::Market, OrderType::Limit, OrderType::Stop, OrderType::StopLimit])
}

fn client_order_id(s: &mut Source) -> ClientOrderId {
    ClientOrderId::from_wire(s.name())
}

fn plan_id(s: &mut Source) -> PlanId {
    PlanId::from_wire(s.name())
}

pub(super) fn order_intended(s: &mut Source) -> OrderIntended {
    OrderIntended {
        client_order_id: client_order_id(s),
        plan_id: plan_id(s),
        account: s.name(),
        session_date: s.date(),
        symbol: s.symbol(),
        leg: leg(s),
        attempt: s.count(),
        side: side(s),
        order_type: order_type(s),
        quantity: s.shares(),
        limit_price: s.option(Source::price),
        stop_price: s.option(Source::price),
        stop_loss: s.option(Source::price),
        take_profit: s.option(Source::price),
        ts_event: s.time(),
    }
}

pub(super) fn order_updated(s: &mut Source) -> OrderUpdated {
    OrderUpdated {
        client_order_id: client_order_id(s),
        venue_order_id: s.option(|s| VenueOrderId::from_wire(s.name())),
        plan_id: plan_id(s),
        symbol: s.symbol(),
        leg: leg(s),
        side: side(s),
        order_type: order_type(s),
        state: s.pick(&[
            OrderState::Intended,
            OrderState::Unknown,
            OrderState::Accepted,
            OrderState::Working,
            OrderState::PartiallyFilled,
            OrderState::PendingCancel,
            OrderState::Filled,
            OrderState::Canceled,
            OrderState::Expired,
            OrderState::Replaced,
            OrderState::Rejected,
        ]),
        quantity: s.shares(),
        filled_qty: s.number(),
        avg_fill_price: s.option(Source::price),
        limit_price: s.option(Source::price),
        stop_price: s.option(Source::price),
        reason: s.option(Source::words),
        ts_event: s.time(),
    }
}

pub(super) fn fill_recorded(s: &mut Source) -> FillRecorded {
    let (a, b) = (s.shares(), s.shares());
    FillRecorded {
        client_order_id: client_order_id(s),
        venue_order_id: VenueOrderId::from_wire(s.name()),
        plan_id: plan_id(s),
        symbol: s.symbol(),
        leg: leg(s),
        side: side(s),
        quantity: a.min(b),
        price: s.price(),
        cumulative_qty: a.max(b),
        fees: s.usd(),
        slippage_r: s.option(Source::micro),
        ts_event: s.time(),
    }
}

pub(super) fn plan_executed(s: &mut Source) -> PlanExecuted {
    PlanExecuted {
        plan_id: plan_id(s),
        symbol: s.symbol(),
        side: side(s),
        quantity: s.shares(),
        avg_entry_price: s.price(),
        stop_price: s.price(),
        ts_event: s.time(),
    }
}

pub(super) fn plan_closed(s: &mut Source) -> PlanClosed {
    PlanClosed {
        plan_id: plan_id(s),
        symbol: s.symbol(),
        session_date: s.date(),
        reason: s.pick(&[
            CloseReason::StopLoss,
            CloseReason::TakeProfit,
            CloseReason::FlatByClose,
            CloseReason::Flattened,
            CloseReason::EntryExpired,
            CloseReason::EntryWithdrawn,
            CloseReason::EntryRejected,
            CloseReason::Abandoned,
            CloseReason::ClosedElsewhere,
        ]),
        quantity: s.number(),
        avg_entry_price: s.option(Source::price),
        avg_exit_price: s.option(Source::price),
        realized_pnl: s.usd(),
        fees: s.usd(),
        r_multiple: s.micro(),
        ts_event: s.time(),
    }
}

pub(super) fn account_observed(s: &mut Source) -> AccountObserved {
    AccountObserved {
        account: s.name(),
        session_date: s.date(),
        equity: s.usd(),
        last_equity: s.usd(),
        cash: s.usd(),
        buying_power: s.usd(),
        long_market_value: s.usd(),
        tradable: s.flag(),
        day_trade_count: s.option(|s| s.below(100) as u32),
        pattern_day_trader: s.option(Source::flag),
        client_order_ids: s.list(client_order_id),
        ts_event: s.time(),
    }
}

pub(super) fn position_reconciled(s: &mut Source) -> PositionReconciled {
    PositionReconciled {
        symbol: s.symbol(),
        session_date: s.date(),
        expected_qty: s.signed(),
        broker_qty: s.signed(),
        covered_qty: s.number(),
        detail: s.words(),
        ts_event: s.time(),
    }
}

pub(super) fn deadline_reached(s: &mut Source) -> DeadlineReached {
    DeadlineReached {
        session_date: s.date(),
        step: s.pick(&[
            DeadlineStep::NoEntry,
            DeadlineStep::CancelEntries,
            DeadlineStep::PassiveExit,
            DeadlineStep::MarketableExit,
            DeadlineStep::MarketExit,
            DeadlineStep::Verify,
        ]),
        by: s.pick(&[DeadlineClock::Watermark, DeadlineClock::Broker]),
        at: s.time(),
    }
}

pub(super) fn owner_changed(s: &mut Source) -> OwnerChanged {
    OwnerChanged { account: format!("account-{}", s.number()), epoch: s.number(), instance: s.words(), at: s.time() }
}
