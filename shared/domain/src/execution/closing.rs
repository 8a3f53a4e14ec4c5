//! The end of a position: when it is closed, how, and what that is called.

use crate::calendar;
use crate::execution::decide::{View, chase, query};
use crate::execution::effect::Effect;
use crate::execution::order::Order;
use crate::execution::plan_book::{PlanBook, last_change};
use crate::execution::{CloseReason, DeadlineStep, FIRST_SLICE, Leg, OrderState, OrderType, cover, record};
use crate::money::Price;
use crate::ops::Severity;
use crate::plan::Side;
use crate::risk::TradingState;
use crate::time::{SessionDate, UnixNanos};

/// Refused exits after which each further one waits.
const EXITS_MAX: u32 = 3;
const EXIT_PAUSE_S: i64 = 30;

/// How eagerly a position is closed, mildest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Style {
    Passive,
    Marketable,
    Market,
}

enum Mode {
    Protect,
    Exit(Style, CloseReason),
    /// The market is closed: nothing can be sent that would help.
    Wait,
}

/// The entries are done: protect what they filled, or close it, or say that it is over.
pub(super) fn position(view: &View<'_>, book: &PlanBook, out: &mut Vec<Effect>) {
    if book.entries().all(|entry| entry.filled_qty() == 0) {
        out.extend(unfilled_reason(view, book).map(|reason| Effect::Record(record::closed(view, book, reason).into())));
        return;
    }
    if !book.is_itemised() {
        itemise(view, book, out);
    }
    let held = book.held();
    if held == 0 {
        if book.is_itemised() {
            out.push(Effect::Record(record::closed(view, book, exit_reason(book)).into()));
        }
        return;
    }
    if gone_elsewhere(view, book) {
        out.push(Effect::Record(record::closed(view, book, CloseReason::ClosedElsewhere).into()));
        return;
    }
    if held < 0 {
        let message = format!("{}: {} shares more closed than opened; buying back", book.approved.plan().symbol, -held);
        view.raise(out, Severity::Critical, "oversold", book.approved.plan().plan_id.as_str(), message);
    }
    match mode(view, book) {
        Mode::Exit(style, reason) => exit(view, book, (style, reason), out),
        Mode::Protect => cover::protect(view, book, out),
        Mode::Wait => {}
    }
    if book.executed.is_none()
        && book.is_itemised()
        && (book.uncovered() == 0 || !matches!(mode(view, book), Mode::Protect))
    {
        out.extend(record::executed(book).map(|event| Effect::Record(event.into())));
    }
}

/// A plan that is over: whatever is left of its orders is withdrawn, whatever is left of its shares is closed.
pub(super) fn sweep(view: &View<'_>, book: &PlanBook, out: &mut Vec<Effect>) {
    let elsewhere = book.closed.as_ref().is_some_and(|closed| closed.reason == CloseReason::ClosedElsewhere);
    if book.held() != 0 && !elsewhere {
        let message = format!("{}: {} shares came after the plan was over", book.approved.plan().symbol, book.held());
        view.raise(out, Severity::Critical, "late_fill", book.approved.plan().plan_id.as_str(), message);
        if regular_hours(view.now) {
            exit(view, book, (Style::Market, CloseReason::Flattened), out);
        }
        return;
    }
    let since = book.closed.as_ref().map_or(view.now, |closed| closed.ts_event);
    let rested = view.now >= since.plus_seconds(view.policy.cover_grace_s);
    for order in book.orders().filter(|order| order.is_live()) {
        match (&order.recorded.venue_order_id, order.leg) {
            (None, _) if order.missing => {}
            (None, _) => ask_only(order, out),
            (Some(_), Leg::Entry) => view.cancel(order, out),
            (Some(_), _) if rested => view.cancel(order, out),
            (Some(_), _) => {}
        }
    }
}

/// One minute after the close nothing may be left.
pub(super) fn verify(view: &View<'_>, session: SessionDate, out: &mut Vec<Effect>) {
    for book in view.state.open_plans().filter(|book| book.approved.session_date() <= session) {
        let symbol = &book.approved.plan().symbol;
        let live = book.orders().filter(|order| order.is_live() && !order.is_in_doubt()).count();
        if book.held() != 0 || live > 0 {
            let broker = view.state.positions.get(symbol).copied().unwrap_or(0);
            let message = format!("{symbol}: {broker} shares and {live} orders are left after the close of {session}");
            view.raise(out, Severity::Critical, "not_flat", &format!("{session}/{symbol}"), message);
            let ours = book.held() * book.approved.plan().side.sign();
            out.extend(record::reconciled(view, symbol, ours, broker).map(|event| Effect::Record(event.into())));
        }
    }
}

fn mode(view: &View<'_>, book: &PlanBook) -> Mode {
    let session = book.approved.session_date();
    if !regular_hours(view.now) {
        return Mode::Wait;
    }
    let next_day = view.now.session_date() > session;
    let by_time = style_at(book.step(view.now));
    let by_plan = (view.now >= book.approved.plan().exit_by).then_some(Style::Marketable);
    let by_close = by_time.max(by_plan).max(next_day.then_some(Style::Market));
    let broken = book.rejected(Leg::Stop) + book.rejected(Leg::Target) >= view.policy.repairs_max;
    let flatten = view.state.trading_state(session) == TradingState::Flatten;
    let at_once = if broken || flatten || book.held() < 0 {
        Some(CloseReason::Flattened)
    } else {
        book.is_timed_out().then_some(CloseReason::TimeStop)
    };
    match (by_close, at_once) {
        (Some(_), Some(_)) => Mode::Exit(Style::Market, CloseReason::FlatByClose),
        (Some(style), None) => Mode::Exit(style, CloseReason::FlatByClose),
        (None, Some(reason)) => Mode::Exit(Style::Market, reason),
        (None, None) => Mode::Protect,
    }
}

const fn style_at(step: Option<DeadlineStep>) -> Option<Style> {
    match step {
        None | Some(DeadlineStep::NoEntry | DeadlineStep::CancelEntries) => None,
        Some(DeadlineStep::PassiveExit) => Some(Style::Passive),
        Some(DeadlineStep::MarketableExit) => Some(Style::Marketable),
        Some(DeadlineStep::MarketExit | DeadlineStep::Verify) => Some(Style::Market),
    }
}

/// Opposite orders first: the broker refuses an exit while a leg works.
fn exit(view: &View<'_>, book: &PlanBook, (style, reason): (Style, CloseReason), out: &mut Vec<Effect>) {
    let in_the_way: Vec<&Order> = book.orders().filter(|o| o.leg != Leg::Exit && o.is_live() && !o.missing).collect();
    if !in_the_way.is_empty() {
        for order in in_the_way {
            if order.is_in_doubt() {
                ask_only(order, out);
            } else {
                view.cancel(order, out);
            }
        }
        return;
    }
    let exits: Vec<&Order> = book.leg(Leg::Exit).filter(|order| order.is_live()).collect();
    match exits.as_slice() {
        [] => send_exit(view, book, (style, reason), out),
        [order] if order.is_in_doubt() => chase(book, order, out),
        [order] if style_of(book, order) < style => view.cancel(order, out),
        [_] => {}
        [_, extra @ ..] => extra.iter().for_each(|order| view.cancel(order, out)),
    }
}

fn send_exit(view: &View<'_>, book: &PlanBook, (style, reason): (Style, CloseReason), out: &mut Vec<Effect>) {
    let held = book.held();
    let plan = book.approved.plan();
    let refused = book.rejected(Leg::Exit);
    if refused >= EXITS_MAX {
        let message = format!("{}: the broker has refused {refused} exits", plan.symbol);
        view.raise(out, Severity::Critical, "exit_refused", plan.plan_id.as_str(), message);
        if view.now < last_change(book.orders()).plus_seconds(EXIT_PAUSE_S) {
            return;
        }
    }
    let side = if held > 0 { plan.side.opposite() } else { plan.side };
    let limit = exit_limit(view, book, side, style);
    let attempt = book.next_place(Leg::Exit, FIRST_SLICE).attempt;
    let shares = (side, held.unsigned_abs());
    out.push(Effect::Submit(book.approved.exit_order(attempt, shares, limit, reason, view.now)));
}

/// At the last price, or through it; `None` at the market, also when no price is known.
fn exit_limit(view: &View<'_>, book: &PlanBook, side: Side, style: Style) -> Option<Price> {
    let last = view.state.marks.get(&book.approved.plan().symbol).copied()?;
    let through = match style {
        Style::Passive => 0,
        Style::Marketable => view.policy.marketable_bps,
        Style::Market => return None,
    };
    let price = last.scaled(10_000 + side.sign() * through, 10_000, "exit limit").ok()?;
    let price = if side == Side::Buy { price.ceil_to_tick() } else { price.floor_to_tick() };
    (price > Price::ZERO).then_some(price)
}

fn style_of(book: &PlanBook, order: &Order) -> Style {
    let intended_at = order.intent.as_ref().map(|intent| intent.ts_event);
    match (order.recorded.order_type, intended_at) {
        (OrderType::Limit, Some(at))
            if book.step(at) <= Some(DeadlineStep::PassiveExit) && at < book.approved.plan().exit_by =>
        {
            Style::Passive
        }
        (OrderType::Limit, _) => Style::Marketable,
        (OrderType::Market | OrderType::Stop | OrderType::StopLimit, _) => Style::Market,
    }
}

fn itemise(view: &View<'_>, book: &PlanBook, out: &mut Vec<Effect>) {
    let rested = view.now >= last_change(book.orders()).plus_seconds(view.policy.cover_grace_s);
    let read_since = view
        .state
        .last_backfill
        .is_some_and(|read| read > last_change(book.orders()).plus_seconds(view.policy.cover_grace_s));
    if rested && read_since {
        for order in book.orders() {
            out.extend(record::missing_fill(view, book, order).map(|event| Effect::Record(event.into())));
        }
    } else {
        view.backfill(out);
    }
}

fn gone_elsewhere(view: &View<'_>, book: &PlanBook) -> bool {
    let symbol = &book.approved.plan().symbol;
    view.state.mismatches.get(symbol).is_some_and(|(_, theirs, times)| *theirs == 0 && *times >= 2)
}

/// Why nothing was entered, by the entry that the broker did not refuse if there is one; `None` before an entry.
fn unfilled_reason(view: &View<'_>, book: &PlanBook) -> Option<CloseReason> {
    let taken = book.entries().find(|entry| entry.state() != OrderState::Rejected);
    let entry = taken.or_else(|| book.entries().next())?;
    let session = book.approved.session_date();
    let ended = entry.recorded.ts_event;
    Some(if entry.state() == OrderState::Rejected {
        CloseReason::EntryRejected
    } else if ended >= book.approved.plan().valid_until || entry.state() == OrderState::Expired {
        CloseReason::EntryExpired
    } else if view.state.trading_state(session) >= TradingState::Reduce || book.step(view.now).is_some() {
        CloseReason::EntryWithdrawn
    } else if view.now >= book.approved.plan().valid_until {
        CloseReason::EntryExpired
    } else {
        CloseReason::ClosedElsewhere
    })
}

/// By the order that took the last shares. Exits of older recordings do not say why they were sent.
fn exit_reason(book: &PlanBook) -> CloseReason {
    let last = book.orders().filter(|o| o.leg != Leg::Entry && o.filled_qty() > 0).max_by_key(|o| o.recorded.ts_event);
    match last.map(|order| (order.leg, order.intent.as_ref())) {
        Some((Leg::Target, _)) => CloseReason::TakeProfit,
        Some((Leg::Exit, Some(intent))) => intent.reason.unwrap_or_else(|| {
            let late = style_at(book.step(intent.ts_event)).is_some()
                || intent.ts_event >= book.approved.plan().exit_by
                || intent.ts_event.session_date() > book.approved.session_date();
            if late { CloseReason::FlatByClose } else { CloseReason::Flattened }
        }),
        Some((Leg::Exit, None)) => CloseReason::Flattened,
        Some((Leg::Stop | Leg::Entry, _)) | None => CloseReason::StopLoss,
    }
}

fn regular_hours(now: UnixNanos) -> bool {
    calendar::session(now.session_date()).is_some_and(|session| (session.open..session.close).contains(&now))
}

/// Asks about an order in doubt without ever sending it again.
fn ask_only(order: &Order, out: &mut Vec<Effect>) {
    if order.call.is_none() && !order.missing {
        out.push(query(order));
    }
}
