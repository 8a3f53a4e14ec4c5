//! The forms of answers, for the description of this API. The store keeps documents that the recorder wrote; a test
//! holds them against these forms.

#![allow(dead_code, reason = "forms are described, never made")]

use utoipa::{OpenApi, ToSchema};

use crate::routes::commands::{Accepted, Reason, StateWanted};
use crate::routes::dead_letters::{Goes, LetterHandled};
use crate::routes::strategies::{Activation, Running};
use crate::status::{Banner, Check, Condition, Counts, Readiness, ServiceState};

/// Everything that [`super::document`] names.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "fin-agent",
        description = "State and commands of a fin-agent suite. Money and prices are decimal strings in US dollars, \
                       times RFC 3339 in UTC, dates New York session dates. What is not known is null.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    servers((url = "/", description = "this suite")),
    tags(
        (name = "state", description = "What is so now"),
        (name = "store", description = "What the recorder stored, newest first"),
        (name = "commands", description = "What a person may ask for; audited"),
        (name = "process", description = "This process, for whoever watches it"),
    ),
    components(schemas(Candidate, ScorePart, Criterion, Plan, Decision, Term, Order, Fill, Position, Account, CurvePoint, Fault, Headline, Bar, Audited, Letter, Story, StoryEvent, Status, Clocks, NextStep, BusState, Health, OwnReadiness, Problem, WholeLetter, Accepted, Reason, StateWanted, Goes, LetterHandled, Activation, Running, Banner, Check, Condition, Counts, Readiness, ServiceState))
)]
pub(super) struct Schemas;

/// One symbol in one round, with every criterion.
#[derive(ToSchema)]
struct Candidate {
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
struct ScorePart {
    /// Which.
    name: String,
    /// What it adds.
    value: String,
}

/// One question and its answer.
#[derive(ToSchema)]
struct Criterion {
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
struct Plan {
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

/// Approval or denial.
#[derive(ToSchema)]
struct Decision {
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
struct Term {
    /// The cap.
    name: String,
    /// Shares that it allows.
    value: Option<i64>,
    /// The formula with its numbers.
    detail: String,
}

/// An order with the broker's last word.
#[derive(ToSchema)]
struct Order {
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
struct Fill {
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
struct Position {
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
struct Account {
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
struct CurvePoint {
    /// When.
    at: String,
    /// USD.
    equity: String,
}

/// A fault, repetitions counted.
#[derive(ToSchema)]
struct Fault {
    /// Its id.
    id: String,
    /// `critical`, `warning` or `info`.
    severity: String,
    /// Who noticed.
    service: String,
    /// Kind.
    code: String,
    /// One sentence.
    message: String,
    /// More about it.
    detail: String,
    /// What it is about.
    subject: Option<String>,
    /// First time.
    since: String,
    /// Last time.
    at: String,
    /// How often.
    count: i64,
}

/// A headline about one symbol.
#[derive(ToSchema)]
struct Headline {
    /// Its id.
    id: String,
    /// Ticker.
    symbol: String,
    /// The text.
    headline: String,
    /// Who published it.
    source: String,
    /// Where.
    url: Option<String>,
    /// When.
    published_at: String,
}

/// A minute bar.
#[derive(ToSchema)]
struct Bar {
    /// Ticker.
    symbol: String,
    /// Its first instant.
    start: String,
    /// USD.
    open: String,
    /// USD.
    high: String,
    /// USD.
    low: String,
    /// USD.
    close: String,
    /// Shares.
    volume: i64,
}

/// What a person asked for.
#[derive(ToSchema)]
struct Audited {
    /// The event's id.
    id: String,
    /// The event.
    r#type: String,
    /// The token's name, or `local`.
    author: String,
    /// Why.
    reason: String,
    /// The request's id or `Idempotency-Key`.
    request_id: String,
    /// What, as the event has it.
    #[schema(value_type = Object)]
    asked: serde_json::Value,
    /// When.
    at: String,
}

/// A message that could not be handled.
#[derive(ToSchema)]
struct Letter {
    /// Its number in DEAD.
    id: String,
    /// When it was put there.
    at: String,
    /// Who failed, `<service>-<stream>`.
    reader: String,
    /// Where it came from.
    stream: Option<String>,
    /// Its sequence there.
    seq: i64,
    /// Its subject there.
    subject: String,
    /// Its protobuf type.
    r#type: Option<String>,
    /// Its event id.
    event_id: Option<String>,
    /// How often it was handed out.
    delivered: i64,
    /// Why it was given up.
    reason: String,
}

/// A plan's whole story.
#[derive(ToSchema)]
struct Story {
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
struct StoryEvent {
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

/// The suite in one document.
#[derive(ToSchema)]
struct Status {
    /// `dev`, `paper` or `prod`.
    profile: String,
    /// `SIM`, `PAPER` or `LIVE`.
    mode: String,
    /// Of this program.
    version: String,
    /// The current session.
    session_date: String,
    /// Times.
    clock: Clocks,
    /// What may be traded.
    trading_state: String,
    /// In words.
    verdict: String,
    /// What comes next.
    next_step: Option<NextStep>,
    /// End of the session.
    flat_by: Option<String>,
    /// True on a short day.
    early_close: bool,
    /// What trading needs.
    readiness: Readiness,
    /// The bus.
    bus: BusState,
    /// Addresses of simulated vendors.
    #[schema(value_type = Option<Object>)]
    vendors: Option<serde_json::Value>,
    /// Every service.
    services: Vec<ServiceState>,
    /// What needs a person.
    banners: Vec<Banner>,
    /// Of the session.
    counts: Counts,
    /// The store's commit number.
    store_seq: i64,
}

/// The clocks.
#[derive(ToSchema)]
struct Clocks {
    /// The market's watermark.
    market: Option<String>,
    /// When the store was last up to date.
    store: Option<String>,
    /// Wall time.
    now: String,
    /// `premarket`, `regular`, `post` or `closed`.
    phase: String,
}

/// What comes next.
#[derive(ToSchema)]
struct NextStep {
    /// What.
    name: String,
    /// When.
    at: String,
}

/// The bus.
#[derive(ToSchema)]
struct BusState {
    /// Its address.
    url: String,
    /// True while connected.
    connected: bool,
}

/// The process lives.
#[derive(ToSchema)]
struct Health {
    /// `ok`.
    status: String,
}

/// What this process needs.
#[derive(ToSchema)]
struct OwnReadiness {
    /// True when it has all of it.
    ready: bool,
    /// Each need.
    checks: Vec<Check>,
}

/// A problem document (RFC 9457).
#[derive(ToSchema)]
struct Problem {
    /// `urn:fin-agent:problem:` and the kind.
    r#type: String,
    /// The status in words.
    title: String,
    /// HTTP status.
    status: i64,
    /// What is wrong, with the value.
    detail: String,
    /// Also in `x-request-id`.
    request_id: String,
}

/// A dead letter with its payload.
#[derive(ToSchema)]
struct WholeLetter {
    /// Its number in DEAD.
    id: String,
    /// When it was put there.
    at: String,
    /// Who failed, `<service>-<stream>`.
    reader: String,
    /// Where it came from.
    stream: Option<String>,
    /// Its sequence there.
    seq: i64,
    /// Its subject there.
    subject: String,
    /// Its protobuf type.
    r#type: Option<String>,
    /// Its event id.
    event_id: Option<String>,
    /// How often it was handed out.
    delivered: i64,
    /// Why it was given up.
    reason: String,
    /// Its bytes.
    payload_base64: String,
    /// The event in them, as far as it can be read.
    event: Option<String>,
}
