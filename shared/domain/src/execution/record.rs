//! The executor's own events, made from what is known.

use crate::calendar;
use crate::execution::decide::View;
use crate::execution::order::Order;
use crate::execution::plan_book::PlanBook;
use crate::execution::{
    AccountObserved, BrokerFill, CloseReason, FillRecorded, Leg, PlanClosed, PlanExecuted, PositionReconciled,
};
use crate::fees::{CostProfile, Traded};
use crate::id::VenueOrderId;
use crate::money::{Micro, Price, Usd};
use crate::symbol::Symbol;

/// The fills of `order` that ORDER does not have, each with the fees it adds to those of the fills before it.
pub(super) fn fills<'a>(
    view: &'a View<'_>,
    book: &'a PlanBook,
    order: &'a Order,
) -> impl Iterator<Item = FillRecorded> + 'a {
    order.unrecorded_fills().scan(recorded(order), move |before, shown| {
        let event = fill(view, book, order, shown, *before);
        *before = before.and_then(|traded| traded.and(shown.quantity, shown.price).ok());
        Some(event)
    })
}

/// The fill that explains what no single fill of the broker does.
pub(super) fn missing_fill(view: &View<'_>, book: &PlanBook, order: &Order) -> Option<FillRecorded> {
    order.missing_fill().map(|missing| fill(view, book, order, &missing, recorded(order)))
}

/// What ORDER has of the order's fills; `None` when that leaves the range of money.
fn recorded(order: &Order) -> Option<Traded> {
    order.fills().iter().try_fold(Traded::default(), |traded, fill| traded.and(fill.quantity, fill.price).ok())
}

fn fill(view: &View<'_>, book: &PlanBook, order: &Order, fill: &BrokerFill, before: Option<Traded>) -> FillRecorded {
    let plan = book.approved.plan();
    let costs = view.state.costs_of(&plan.round.config_version).unwrap_or(&view.policy.costs);
    let planned = match order.leg {
        Leg::Entry => Some(plan.entry.trigger),
        Leg::Stop => order.recorded.stop_price,
        Leg::Target | Leg::Exit => None,
    };
    let worse = planned.map(|price| (fill.price.nanos() - price.nanos()) * order.side.sign());
    FillRecorded {
        client_order_id: order.client_order_id.clone(),
        venue_order_id: VenueOrderId::clone(&fill.venue_order_id),
        plan_id: plan.plan_id.clone(),
        symbol: plan.symbol.clone(),
        leg: order.leg,
        side: order.side,
        quantity: fill.quantity,
        price: fill.price,
        cumulative_qty: fill.cumulative_qty,
        fees: before.and_then(|before| fees(costs, order, fill, &before)).unwrap_or(Usd::ZERO),
        slippage_r: worse.and_then(|worse| Micro::ratio(worse, plan.stop_distance.nanos(), 1)),
        ts_event: fill.ts_event,
    }
}

fn fees(costs: &CostProfile, order: &Order, fill: &BrokerFill, before: &Traded) -> Option<Usd> {
    let date = calendar::session_at(fill.ts_event).date;
    costs.of_fill(order.side, before, fill.quantity, fill.price, date).ok()?.total().ok()
}

pub(super) fn executed(book: &PlanBook) -> Option<PlanExecuted> {
    let plan = book.approved.plan();
    let (quantity, average) = book.average(plan.side)?;
    Some(PlanExecuted {
        plan_id: plan.plan_id.clone(),
        symbol: plan.symbol.clone(),
        side: plan.side,
        quantity,
        avg_entry_price: average,
        stop_price: plan.stop_for(average),
        ts_event: book.entered_at()?,
    })
}

/// The end of the plan; profit, loss and R are after the fees of its fills.
pub(super) fn closed(view: &View<'_>, book: &PlanBook, reason: CloseReason) -> PlanClosed {
    let plan = book.approved.plan();
    let entered = book.average(plan.side);
    let left = book.average(plan.side.opposite());
    let fees: i64 = book.fills().map(|fill| fill.fees.nanos()).sum();
    let cash: i128 = book
        .fills()
        .map(|fill| -i128::from(fill.side.sign()) * i128::from(fill.price.nanos()) * i128::from(fill.quantity))
        .sum();
    let gross = if entered.is_some() && book.held() == 0 { cash } else { 0 };
    let pnl = i64::try_from(gross - i128::from(fees)).unwrap_or(0);
    let quantity = entered.map_or(0, |(shares, _)| shares);
    let risk = plan.stop_distance.notional(quantity).unwrap_or(Usd::ZERO);
    PlanClosed {
        plan_id: plan.plan_id.clone(),
        symbol: plan.symbol.clone(),
        session_date: book.approved.session_date(),
        reason,
        quantity,
        avg_entry_price: entered.map(|(_, price)| price),
        avg_exit_price: left.map(|(_, price): (u64, Price)| price),
        realized_pnl: Usd::from_nanos(pnl),
        fees: Usd::from_nanos(fees),
        r_multiple: Micro::ratio(pnl, risk.nanos(), 1).unwrap_or_default(),
        ts_event: book.fills().map(|fill| fill.ts_event).max().unwrap_or(view.now),
    }
}

/// The account, when it differs from what ORDER has.
pub(super) fn account(view: &View<'_>) -> Option<AccountObserved> {
    let (account, included, at) = view.state.account.as_ref()?;
    let session_date = calendar::session_at(*at).date;
    let conflicts = view.state.calendar_conflicts.as_ref().filter(|(session, _)| *session == session_date);
    let observed = AccountObserved {
        account: account.account.clone(),
        session_date,
        equity: account.equity,
        last_equity: account.last_equity,
        cash: account.cash,
        buying_power: account.buying_power,
        long_market_value: account.long_market_value,
        tradable: account.tradable,
        day_trade_count: account.day_trade_count,
        pattern_day_trader: account.pattern_day_trader,
        calendar_conflicts: conflicts.map(|(_, conflicts)| conflicts.clone()).unwrap_or_default(),
        client_order_ids: included.clone(),
        ts_event: *at,
    };
    let same = |old: &AccountObserved| *old == AccountObserved { ts_event: old.ts_event, ..observed.clone() };
    (!view.state.account_recorded.as_ref().is_some_and(same)).then_some(observed)
}

/// Our book against the broker's, when ORDER does not say so yet for this session.
pub(super) fn reconciled(view: &View<'_>, symbol: &Symbol, expected: i64, broker: i64) -> Option<PositionReconciled> {
    let session_date = calendar::session_at(view.now).date;
    let books = view.state.open_plans().filter(|book| book.approved.plan().symbol == *symbol);
    let covered_qty = books.flat_map(PlanBook::live_stops).map(Order::leaves_qty).sum();
    let known = view.state.reconciled.get(&(session_date, symbol.clone()));
    let same = known.is_some_and(|k| (k.expected_qty, k.broker_qty, k.covered_qty) == (expected, broker, covered_qty));
    let detail = match (expected == broker, covered_qty >= expected.unsigned_abs()) {
        (true, true) => "in agreement and covered",
        (true, false) => "in agreement, not covered",
        (false, _) => "not in agreement",
    };
    (!same).then(|| PositionReconciled {
        symbol: symbol.clone(),
        session_date,
        expected_qty: expected,
        broker_qty: broker,
        covered_qty,
        detail: detail.to_owned(),
        ts_event: view.now,
    })
}
