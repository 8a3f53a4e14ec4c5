//! The forms of answers, for the description of this API. The store keeps documents that the recorder wrote; a test
//! holds them against these forms.

#![allow(dead_code, clippy::struct_field_names, reason = "forms are described, never made, and named as on the wire")]

mod trading;

use utoipa::{OpenApi, ToSchema};

use crate::alerts::{AlertState, Delivery, TargetState};
use crate::analytics::{
    Analytics, Basis, Bin, Group, LegSlippage, MinutePoint, RSpread, Returns, SessionPoint, Slippage, Trade, Trades,
};
use crate::routes::commands::{Accepted, Reason, StateWanted};
use crate::routes::dead_letters::{Goes, LetterHandled};
use crate::routes::strategies::{Activated, Activation, Running, WholeVersion};
use crate::shadow::{Difference, Report};
use crate::status::{Banner, Check, Condition, Counts, Readiness, ServiceState};
use crate::strategy::Change;
use trading::{
    Account, Candidate, Criterion, CurvePoint, Decision, Fill, Order, Plan, Position, ScorePart, Story, StoryEvent,
    Term,
};

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
    components(schemas(
        Candidate, ScorePart, Criterion, Plan, Decision, Term, Order, Fill, Position, Account, CurvePoint,
        Fault, Headline, Bar, Audited, Letter, Story, StoryEvent, Status, Clocks, NextStep, BusState, Health,
        OwnReadiness, Problem, WholeLetter, Accepted, Reason, StateWanted, Goes, LetterHandled, Activation,
        Running, Activated, WholeVersion, Change, AlertState, TargetState,
        Delivery, Banner, Check, Condition, Counts, Readiness, ServiceState, Analytics,
        Basis, Bin, Group, LegSlippage, MinutePoint, RSpread, Returns, SessionPoint, Slippage, Trade, Trades,
        Report, Difference
    ))
)]
pub(super) struct Schemas;

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
    /// The `Idempotency-Key`, or an id that no other request has.
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
    /// How alerts do.
    alerts: AlertState,
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
    #[serde(flatten)]
    letter: Letter,
    /// Its bytes.
    payload_base64: String,
    /// The event in them, as far as it can be read.
    event: Option<String>,
}
