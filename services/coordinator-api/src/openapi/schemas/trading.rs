//! From candidate to fill, and the account.

#![allow(dead_code, clippy::struct_field_names, reason = "forms are described, never made, and named as on the wire")]

use utoipa::ToSchema;

/// One symbol in one round, with every criterion.
#[derive(ToSchema)]
pub(super) struct Candidate {
    /// Its id.
    id: String,
    /// The round.
    round_id: String,
    /// The round's schedule.
    schedule: String,
    /// Ticker.
    symbol: String,
    /// New York session.
    session_date: String,
    /// When the round fell due.
    evaluated_at: String,
    /// True when it became a signal.
    passed: bool,
    /// The first criterion that it failed.
    refused_by: Option<String>,
    /// What it is ranked by.
    score: Option<String>,
    /// What the score is made of.
    score_parts: Vec<ScorePart>,
    /// Place in the round, from 1.
    rank: Option<i64>,
    /// Why it got no plan.
    not_selected: Option<String>,
    /// Its signal.
    signal_id: Option<String>,
    /// Last price, USD.
    last: Option<String>,
    /// Official close before, USD.
    prev_close: Option<String>,
    /// First regular price, USD.
    open: Option<String>,
    /// Open against close before, per cent.
    gap_pct: Option<String>,
    /// Volume of the opening range over its usual.
    rvol: Option<String>,
    /// Wilder's average true range, USD.
    atr_14: Option<String>,
    /// USD.
    premarket_high: Option<String>,
    /// USD.
    premarket_low: Option<String>,
    /// Shares.
    premarket_volume: Option<i64>,
    /// Opening range, USD.
    or_high: Option<String>,
    /// Opening range, USD.
    or_low: Option<String>,
    /// Shares.
    or_volume: Option<i64>,
    /// Mean daily volume, shares.
    adv_14: Option<i64>,
    /// Volume-weighted price, USD.
    vwap: Option<String>,
    /// Industry sector.
    sector: Option<String>,
    /// Headlines about it.
    news_ids: Vec<String>,
    /// Every question that was asked.
    criteria: Vec<Criterion>,
}

/// A term of a score.
#[derive(ToSchema)]
pub(super) struct ScorePart {
    /// Which.
    name: String,
    /// What it adds.
    value: String,
}

/// One question and its answer.
#[derive(ToSchema)]
pub(super) struct Criterion {
    /// Which.
    name: String,
    /// What was measured.
    value: Option<String>,
    /// What it was held against.
    threshold: String,
    /// How: `>=`, `>`, `<=` or `=`.
    comparison: String,
    /// `pass`, `fail` or `not_evaluated`.
    outcome: String,
    /// Of value and threshold.
    unit: String,
    /// Where the value comes from.
    source: String,
}

/// A plan and its state.
#[derive(ToSchema)]
pub(super) struct Plan {
    /// Its id.
    id: String,
    /// The signal.
    signal_id: String,
    /// The round.
    round_id: String,
    /// Ticker.
    symbol: String,
    /// `buy` or `sell`.
    side: String,
    /// New York session.
    session_date: String,
    /// Place in the round, from 1.
    rank: i64,
    /// What it was ranked by.
    score: String,
    /// Trigger, USD.
    entry: String,
    /// Worst price, USD.
    entry_limit: String,
    /// USD a share.
    stop_distance: String,
    /// Protective stop, USD.
    stop: String,
    /// Prices, USD.
    targets: Vec<String>,
    /// How its position is left, beside the stop.
    exits: Exits,
    /// The entry is withdrawn then.
    valid_until: String,
    /// Flat by then.
    exit_by: String,
    /// `proposed`, `approved`, `denied`, `working`, `open` or `closed`.
    state: String,
    /// Shares.
    quantity: Option<i64>,
    /// The cap that set the quantity.
    binding_cap: Option<String>,
    /// Why not.
    denied_reason: Option<String>,
    /// How it ended.
    closed_reason: Option<String>,
    /// USD.
    avg_entry_price: Option<String>,
    /// After fees, USD.
    pnl: Option<String>,
    /// Result in R.
    r_multiple: Option<String>,
    /// When.
    proposed_at: Option<String>,
}

/// How a position is left, beside the stop.
#[derive(ToSchema)]
pub(super) struct Exits {
    /// The nearest first.
    targets: Vec<ExitTarget>,
    /// A stop that follows the price.
    trail: Option<ExitTrail>,
    /// A way out when nothing happens.
    time_stop: Option<ExitTime>,
    /// How long everything waits after a halt, s.
    halt_resume_seconds: i64,
}

/// One target.
#[derive(ToSchema)]
pub(super) struct ExitTarget {
    /// Its bracket's number, from 1.
    slice: i64,
    /// USD.
    price: String,
    /// Part of the position, 1/10,000.
    fraction_bps: i64,
    /// Shares, once approved.
    quantity: Option<i64>,
    /// Shares sold so far.
    filled_qty: i64,
    /// `waiting`, `working`, `filled` or `ended`.
    state: String,
}

/// A stop that follows the price.
#[derive(ToSchema)]
pub(super) struct ExitTrail {
    /// Price from which it follows, USD.
    from: String,
    /// How far behind, USD.
    distance: String,
    /// `waiting`, `following` or `ended`.
    state: String,
}

/// A way out when nothing happens.
#[derive(ToSchema)]
pub(super) struct ExitTime {
    /// When, halts left out; `null` before the entry.
    due_at: Option<String>,
    /// So long after the entry, s.
    after_seconds: i64,
    /// The least price that keeps the trade open then, USD.
    price: String,
    /// `waiting`, `closed` or `ended`.
    state: String,
}

/// Approval or denial.
#[derive(ToSchema)]
pub(super) struct Decision {
    /// Its id.
    id: String,
    /// The plan.
    plan_id: String,
    /// Ticker.
    symbol: String,
    /// `approved` or `denied`.
    outcome: String,
    /// Shares.
    quantity: Option<i64>,
    /// Why denied.
    reason: Option<String>,
    /// With its numbers.
    detail: String,
    /// The tightest cap.
    binding_cap: Option<String>,
    /// Every cap.
    terms: Vec<Term>,
    /// USD.
    equity: Option<String>,
    /// When.
    decided_at: String,
}

/// A term of the sizing.
#[derive(ToSchema)]
pub(super) struct Term {
    /// The cap.
    name: String,
    /// Shares that it allows.
    value: Option<i64>,
    /// The formula with its numbers.
    detail: String,
}

/// An order with the broker's last word.
#[derive(ToSchema)]
pub(super) struct Order {
    /// Ours.
    client_order_id: String,
    /// The broker's.
    venue_order_id: Option<String>,
    /// The plan.
    plan_id: String,
    /// Ticker.
    symbol: String,
    /// `entry`, `stop`, `target` or `exit`.
    leg: String,
    /// `buy` or `sell`.
    side: String,
    /// The broker's kind of order.
    order_type: String,
    /// Shares.
    quantity: i64,
    /// Shares.
    filled_qty: i64,
    /// USD.
    limit_price: Option<String>,
    /// USD.
    stop_price: Option<String>,
    /// USD.
    avg_fill_price: Option<String>,
    /// Where it stands.
    state: String,
    /// The broker's words.
    reason: Option<String>,
    /// From 1.
    attempt: Option<i64>,
    /// When it was decided.
    intended_at: Option<String>,
    /// Last change.
    updated_at: String,
}

/// One fill.
#[derive(ToSchema)]
pub(super) struct Fill {
    /// Its id.
    id: String,
    /// The order.
    client_order_id: String,
    /// The plan.
    plan_id: String,
    /// Ticker.
    symbol: String,
    /// `buy` or `sell`.
    side: String,
    /// Of the bracket.
    leg: String,
    /// Shares.
    quantity: i64,
    /// USD.
    price: String,
    /// Shares of the order so far.
    cumulative_qty: i64,
    /// USD.
    fees: String,
    /// Against the plan, in R.
    slippage_r: Option<String>,
    /// When.
    ts_event: String,
}

/// What is held.
#[derive(ToSchema)]
pub(super) struct Position {
    /// Ticker.
    symbol: String,
    /// The plan.
    plan_id: String,
    /// Shares, negative when short.
    quantity: i64,
    /// USD.
    avg_entry_price: Option<String>,
    /// Last price, USD.
    last: Option<String>,
    /// USD.
    unrealized_pnl: Option<String>,
    /// The same in R.
    r_multiple: Option<String>,
    /// Protective stop, USD.
    stop: Option<String>,
    /// True when stops cover every share.
    covered: bool,
    /// First fill.
    opened_at: String,
}

/// The account with its curve; null before the first observation.
#[derive(ToSchema)]
pub(super) struct Account {
    /// The broker's number.
    account: Option<String>,
    /// New York session.
    session_date: String,
    /// USD.
    equity: Option<String>,
    /// USD.
    start_equity: Option<String>,
    /// USD.
    cash: Option<String>,
    /// USD.
    buying_power: Option<String>,
    /// USD.
    day_pnl: Option<String>,
    /// Per cent.
    day_pnl_pct: Option<String>,
    /// In R.
    day_r: Option<String>,
    /// USD.
    gross_exposure: Option<String>,
    /// USD.
    daily_loss_limit: Option<String>,
    /// Per cent.
    daily_stop_used_pct: Option<String>,
    /// False when the broker blocks it.
    tradable: Option<bool>,
    /// Why nothing is traded today.
    observe_only: Option<Vec<String>>,
    /// When.
    observed_at: Option<String>,
    /// One point a minute.
    curve: Vec<CurvePoint>,
}

/// Equity at a time.
#[derive(ToSchema)]
pub(super) struct CurvePoint {
    /// When.
    at: String,
    /// USD.
    equity: String,
}

/// A plan's whole story.
#[derive(ToSchema)]
pub(super) struct Story {
    /// The plan.
    plan: Plan,
    /// What it comes from.
    candidate: Option<Candidate>,
    /// Its size, or why not.
    decision: Option<Decision>,
    /// Oldest first.
    orders: Vec<Order>,
    /// Oldest first.
    fills: Vec<Fill>,
    /// By the time they happened.
    events: Vec<StoryEvent>,
}

/// An event of a story.
#[derive(ToSchema)]
pub(super) struct StoryEvent {
    /// When.
    at: String,
    /// Its stream.
    stream: String,
    /// Its sequence there.
    seq: i64,
    /// Its type.
    r#type: String,
    /// Its id.
    id: String,
    /// In words.
    summary: String,
    /// Who made it.
    source: Option<String>,
    /// The event that caused it.
    causation: Option<String>,
    /// W3C trace context.
    traceparent: Option<String>,
}
