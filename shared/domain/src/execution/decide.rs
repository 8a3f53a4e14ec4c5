//! What to do next: a pure function of what is known and of market time.
//!
//! First everything that the broker has shown is recorded; only then is anything new asked of it. So a crash at any
//! point leaves a log from which the same decision follows again.

use crate::calendar;
use crate::execution::book::ExecutionState;
use crate::execution::effect::{Alert, Effect};
use crate::execution::ladder::MarketInstants;
use crate::execution::order::Order;
use crate::execution::plan_book::{PlanBook, last_change};
use crate::execution::{CloseReason, DeadlineReached, DeadlineStep, Leg, OrderPlace, OrderState, closing, record};
use crate::fees::CostProfile;
use crate::ops::Severity;
use crate::risk::TradingState;
use crate::time::{NANOS_PER_SECOND, SessionDate, UnixNanos};

/// The executor's own settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExecutionPolicy {
    /// How long an entry may stay partly filled before its remainder is cancelled, seconds of market time.
    pub partial_fill_wait_s: i64,
    /// How long an open share may be without a working stop before it is repaired, seconds of market time.
    pub cover_grace_s: i64,
    /// Failed repairs after which a position is closed instead.
    pub repairs_max: u32,
    /// How far a marketable limit reaches through the last price, basis points.
    pub marketable_bps: i64,
    /// What trading costs; every fill is recorded with its part.
    pub costs: CostProfile,
}

impl ExecutionPolicy {
    /// The usual settings, with the costs of `costs`.
    pub const fn usual(costs: CostProfile) -> Self {
        Self { partial_fill_wait_s: 60, cover_grace_s: 10, repairs_max: 3, marketable_bps: 50, costs }
    }
}

/// Seconds of market time before an unanswered cancel or replace is asked for again.
const ASK_AGAIN_S: i64 = 10;

pub(super) struct View<'a> {
    pub state: &'a ExecutionState,
    pub policy: &'a ExecutionPolicy,
    pub now: UnixNanos,
}

/// Everything to do at `market` time. Nothing before the broker's book has been read, and nothing without a clock.
pub fn decide(state: &ExecutionState, policy: &ExecutionPolicy, market: MarketInstants) -> Vec<Effect> {
    let mut out = Vec::new();
    let Some(now) = market.now().filter(|_| state.is_reconciled()) else {
        if !state.backfilling && market.now().is_some() {
            out.push(Effect::Backfill);
        }
        return out;
    };
    let view = View { state, policy, now };
    for session in [calendar::previous_session(now.session_date()).date, now.session_date()] {
        deadlines(&view, market, session, &mut out);
    }
    out.extend(record::account(&view).map(|event| Effect::Record(event.into())));
    warn(&view, &mut out);
    for book in state.open_plans() {
        pursue(&view, book, &mut out);
    }
    if state.wants_backfill() {
        view.backfill(&mut out);
    }
    if state.trading_state(now.session_date()) == TradingState::Halt {
        out.retain(|effect| !effect.is_sent());
    }
    out
}

fn deadlines(view: &View<'_>, market: MarketInstants, session: SessionDate, out: &mut Vec<Effect>) {
    let Some(close) = calendar::session(session).map(|s| s.close) else { return };
    let recorded = |step| view.state.deadlines.contains(&(session, step));
    let lived = session == view.now.session_date() || DeadlineStep::ALL.into_iter().any(recorded);
    for step in DeadlineStep::ALL.into_iter().filter(|step| lived && !recorded(*step)) {
        let Some(by) = step.due(session).and_then(|due| market.reached(due)) else { continue };
        let read_since = view.state.last_backfill.is_some_and(|read| read > close);
        match step {
            DeadlineStep::Verify if !read_since => view.backfill(out),
            DeadlineStep::Verify => closing::verify(view, session, out),
            _ if view.now >= close => continue,
            _ => {}
        }
        if step != DeadlineStep::Verify || read_since {
            out.push(Effect::Record(DeadlineReached { session_date: session, step, by, at: view.now }.into()));
        }
    }
}

fn warn(view: &View<'_>, out: &mut Vec<Effect>) {
    for symbol in &view.state.foreign {
        let message = format!("{symbol} has an order or position that is not ours; it is left alone and not traded");
        view.raise(out, Severity::Warning, "foreign_activity", symbol.as_str(), message);
    }
    for refused in view.state.bad_approvals() {
        view.raise(out, Severity::Critical, "bad_approval", refused, format!("approval refused: {refused}"));
    }
    for (symbol, (ours, theirs, times)) in &view.state.mismatches {
        if *times >= 2 {
            let message = format!("{symbol}: {ours} shares by our fills, {theirs} by the broker");
            view.raise(out, Severity::Critical, "position_mismatch", symbol.as_str(), message);
            out.extend(record::reconciled(view, symbol, *ours, *theirs).map(|event| Effect::Record(event.into())));
        }
    }
}

fn pursue(view: &View<'_>, book: &PlanBook, out: &mut Vec<Effect>) {
    let before = out.len();
    for order in book.orders() {
        out.extend(order.unrecorded_update().map(|event| Effect::Record(event.into())));
        out.extend(record::fills(view, book, order).map(|event| Effect::Record(event.into())));
    }
    if out.len() > before {
        return;
    }
    out.extend(book.orders().filter(|order| order.unclear && order.call.is_none()).map(query));
    if book.closed.is_some() {
        closing::sweep(view, book, out);
        return;
    }
    let works = enter(view, book, out);
    if !works && book.entries().next().is_some() {
        closing::position(view, book, out);
    }
}

/// Sends, follows and ends the entries of all slices. True while one of them may still fill, or once the plan is over.
fn enter(view: &View<'_>, book: &PlanBook, out: &mut Vec<Effect>) -> bool {
    let mut works = false;
    let mut lost = false;
    for entry in book.entries().filter(|entry| entry.is_live()) {
        if !entry.is_in_doubt() {
            watch_entry(view, book, entry, out);
            works = true;
        } else if chase_entry(view, book, entry, out) {
            works = true;
        } else {
            lost = true;
        }
    }
    works |= open(view, book, out);
    if lost && !works && !is_begun(book) {
        out.push(Effect::Record(record::closed(view, book, CloseReason::Abandoned).into()));
        return true;
    }
    works
}

/// What stands between an approved plan and the broker.
enum Gate {
    Open,
    /// May still open while the plan is valid.
    Wait,
    Withdrawn,
    TooLate,
}

fn gate(view: &View<'_>, book: &PlanBook) -> Gate {
    let plan = book.approved.plan();
    let session = book.approved.session_date();
    let closing = DeadlineStep::at(session, view.now).is_some();
    if view.now >= plan.valid_until || calendar::session(session).is_none_or(|s| view.now >= s.close) {
        Gate::TooLate
    } else if view.state.trading_state(session) != TradingState::Normal
        || closing
        || view.state.foreign.contains(&plan.symbol)
    {
        Gate::Withdrawn
    } else if !view.state.stream_connected || !view.state.is_tradable() || book.is_unsettled(view.now) {
        Gate::Wait
    } else {
        Gate::Open
    }
}

/// Sends the entries that have not been sent, while nothing is filled: what a fill has begun is not added to. True
/// while one is to be sent.
fn open(view: &View<'_>, book: &PlanBook, out: &mut Vec<Effect>) -> bool {
    let entry = |slice| OrderPlace { leg: Leg::Entry, slice, attempt: 1 };
    let mut unsent = book.approved.slices();
    unsent.retain(|slice| book.order(entry(slice.number)).is_none());
    if unsent.is_empty() || is_begun(book) {
        return false;
    }
    let over = match gate(view, book) {
        Gate::Open => {
            out.extend(unsent.iter().map(|slice| Effect::Submit(book.approved.entry_order(slice, view.now))));
            return true;
        }
        Gate::Wait => return true,
        Gate::Withdrawn => CloseReason::EntryWithdrawn,
        Gate::TooLate => CloseReason::Abandoned,
    };
    if book.entries().next().is_none() {
        out.push(Effect::Record(record::closed(view, book, over).into()));
    }
    false
}

/// True when an order of the plan has been filled, in part at least.
fn is_begun(book: &PlanBook) -> bool {
    book.orders().any(|order| order.filled_qty() > 0)
}

/// An entry that the broker may or may not have: ask, and send the same order again only when it does not. False when
/// it does not and it is too late to send it.
fn chase_entry(view: &View<'_>, book: &PlanBook, entry: &Order, out: &mut Vec<Effect>) -> bool {
    if entry.call.is_some() {
        return true;
    }
    if !entry.missing {
        out.push(query(entry));
        return true;
    }
    let again = entry.intent.as_ref().and_then(|intent| book.approved.intended_before(intent));
    match (gate(view, book), again) {
        (Gate::Open, Some(order)) if !is_begun(book) => {
            out.push(Effect::Submit(order));
            true
        }
        (Gate::Wait, _) => !is_begun(book),
        (Gate::Open | Gate::Withdrawn | Gate::TooLate, _) => false,
    }
}

/// Ends an entry whose time is over, or whose plan has gone on without it.
fn watch_entry(view: &View<'_>, book: &PlanBook, entry: &Order, out: &mut Vec<Effect>) {
    let plan = book.approved.plan();
    let session = book.approved.session_date();
    let waited = book.fills().map(|fill| fill.ts_event).min().map(|first| view.now.since(first));
    let begun = entry.state() == OrderState::PartiallyFilled
        || book.entries().any(|other| other.slice != entry.slice && other.filled_qty() > 0);
    let stuck = begun && waited.is_some_and(|nanos| nanos >= view.policy.partial_fill_wait_s * NANOS_PER_SECOND);
    let withdrawn = view.state.trading_state(session) >= TradingState::Reduce
        || DeadlineStep::at(session, view.now).is_some_and(|step| step >= DeadlineStep::CancelEntries);
    let left = book.has_left() || book.leg(Leg::Exit).next().is_some();
    // A stop of our own for what is filled could not work beside this entry.
    let changed = last_change(book.orders());
    let bare = book.uncovered() > 0 && view.now >= changed.plus_seconds(view.policy.cover_grace_s);
    if stuck || withdrawn || left || bare || view.now >= plan.valid_until {
        view.cancel(entry, out);
    }
}

pub(super) fn query(order: &Order) -> Effect {
    Effect::Query {
        client_order_id: order.client_order_id.clone(),
        venue_order_id: order.recorded.venue_order_id.clone(),
    }
}

impl View<'_> {
    /// Asks for a backfill unless one is under way or asked for already.
    pub(super) fn backfill(&self, out: &mut Vec<Effect>) {
        if !self.state.backfilling && !out.contains(&Effect::Backfill) {
            out.push(Effect::Backfill);
        }
    }

    /// True when nothing is under way for `order` and the last request is long enough ago.
    pub(super) fn may_ask(&self, order: &Order) -> bool {
        let rested = order.asked_at.is_none_or(|at| self.now >= at.plus_seconds(ASK_AGAIN_S));
        order.call.is_none() && !order.unclear && rested
    }

    pub(super) fn cancel(&self, order: &Order, out: &mut Vec<Effect>) {
        if !self.may_ask(order) {
            return;
        }
        match &order.recorded.venue_order_id {
            Some(venue) => out.push(Effect::Cancel {
                client_order_id: order.client_order_id.clone(),
                venue_order_id: venue.clone(),
                at: self.now,
            }),
            None => out.push(query(order)),
        }
    }

    pub(super) fn raise(
        &self,
        out: &mut Vec<Effect>,
        severity: Severity,
        code: &'static str,
        subject: &str,
        message: String,
    ) {
        let alert = Alert { severity, code, subject: subject.to_owned(), message };
        if !self.state.raised.contains(&alert.key()) {
            out.push(Effect::Raise(alert));
        }
    }
}

/// Sends a stop or exit again, or finds out about one whose sending is in doubt; these have no time limit.
pub(super) fn chase(book: &PlanBook, order: &Order, out: &mut Vec<Effect>) {
    if order.call.is_some() {
        return;
    }
    let again = order.intent.as_ref().and_then(|intent| book.approved.intended_before(intent));
    match again {
        Some(new) if order.missing => out.push(Effect::Submit(new)),
        _ => out.push(query(order)),
    }
}
