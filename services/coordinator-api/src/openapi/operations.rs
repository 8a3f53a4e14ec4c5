//! What can be asked for.

use bus::tokens::Scope::{self, Admin, Operate, Read};
use serde_json::{Value, json};

use crate::query::LIMIT_MAX;

/// A path and method.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operation {
    pub(super) id: &'static str,
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) tag: &'static str,
    pub(super) summary: &'static str,
    /// What the token must open; none where everybody may ask.
    pub(super) scope: Option<Scope>,
    pub(super) parameters: &'static [&'static str],
    pub(super) body: Option<&'static str>,
    pub(super) answer: Answer,
    /// True when it answers 304 to a known `ETag`.
    pub(super) cached: bool,
}

/// What a success looks like; the name is a schema's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    List(&'static str),
    One(&'static str),
    Accepted(&'static str),
    /// Of this media type.
    Text(&'static str),
}

const LIST: &[&str] = &["limit", "after", "day", "symbol", "plan_id"];
const RANGE: &[&str] = &["first", "last", "strategy", "symbol"];

pub(super) const OPERATIONS: &[Operation] = &[
    probe("health", "/healthz", "The process lives", Answer::One("Health")),
    probe("readiness", "/readyz", "What this process needs", Answer::One("OwnReadiness")),
    probe("metrics", "/metrics", "Prometheus metrics", Answer::Text("text/plain")),
    live("status", "/api/v1/status", "The suite in one document", &[], Answer::One("Status")),
    live("stream", "/api/v1/stream", "Changes as server-sent events", &["from"], Answer::Text("text/event-stream")),
    stored(
        "candidates",
        "/api/v1/candidates",
        "One symbol in one round, with every criterion",
        LIST,
        Answer::List("Candidate"),
    ),
    stored("plans", "/api/v1/plans", "A plan and its state", LIST, Answer::List("Plan")),
    stored("explain", "/api/v1/plans/{id}/explain", "A plan's whole story", &["id"], Answer::One("Story")),
    stored(
        "decisions",
        "/api/v1/decisions",
        "Approval or denial with every sizing term",
        LIST,
        Answer::List("Decision"),
    ),
    stored("orders", "/api/v1/orders", "An order with the broker's last word", LIST, Answer::List("Order")),
    stored("fills", "/api/v1/fills", "One fill", LIST, Answer::List("Fill")),
    stored("positions", "/api/v1/positions", "What is held now", LIST, Answer::List("Position")),
    stored("account", "/api/v1/account", "The account with its curve", &["day"], Answer::One("Account")),
    stored(
        "analytics",
        "/api/v1/analytics",
        "What closed trades and sessions amount to",
        RANGE,
        Answer::One("Analytics"),
    ),
    stored(
        "closed_trades",
        "/api/v1/analytics/trades",
        "A trade that is over, the last to end first",
        &["limit", "after", "first", "last", "strategy", "symbol"],
        Answer::List("Trade"),
    ),
    stored("errors", "/api/v1/errors", "A fault, repetitions counted", LIST, Answer::List("Fault")),
    stored("news", "/api/v1/news", "A headline about one symbol", LIST, Answer::List("Headline")),
    stored(
        "bars",
        "/api/v1/bars/{symbol}",
        "A session's minute bars, oldest first",
        &["ticker", "limit", "after", "day", "interval"],
        Answer::List("Bar"),
    ),
    stored("audit", "/api/v1/audit", "What a person asked for", LIST, Answer::List("Audited")),
    live("strategies", "/api/v1/strategies", "The strategy in force", &[], Answer::List("Running")),
    live(
        "strategy_versions",
        "/api/v1/strategies/versions",
        "Every activation with what it changed, newest first",
        &[],
        Answer::List("Activated"),
    ),
    live(
        "strategy_version",
        "/api/v1/strategies/versions/{version}",
        "The text of one version",
        &["version"],
        Answer::One("WholeVersion"),
    ),
    live(
        "shadow_report",
        "/api/v1/shadow/report",
        "What a strategy on trial would have done otherwise, and why",
        &[],
        Answer::One("ShadowReport"),
    ),
    live(
        "dead_letters",
        "/api/v1/dead-letters",
        "Messages that could not be handled, oldest first",
        &["limit", "after"],
        Answer::List("Letter"),
    ),
    live("dead_letter", "/api/v1/dead-letters/{id}", "One of them whole", &["id"], Answer::One("WholeLetter")),
    command(
        "set_trading_state",
        "/api/v1/commands/trading-state",
        "Lower or raise what may be traded",
        &[KEY],
        "StateWanted",
        Answer::Accepted("Accepted"),
    ),
    command("flatten", "/api/v1/commands/flatten", "Close everything", &[KEY], "Reason", Answer::Accepted("Accepted")),
    command(
        "pause_strategy",
        "/api/v1/commands/strategies/{name}/pause",
        "Make no plan of its signals",
        &["name", KEY],
        "Reason",
        Answer::Accepted("Accepted"),
    ),
    command(
        "resume_strategy",
        "/api/v1/commands/strategies/{name}/resume",
        "Make plans of its signals again",
        &["name", KEY],
        "Reason",
        Answer::Accepted("Accepted"),
    ),
    Operation {
        scope: Some(Admin),
        ..command(
            "activate_strategy",
            "/api/v1/commands/strategies/{name}/activate",
            "Put another strategy in force from the next round on",
            &["name", KEY],
            "Activation",
            Answer::Accepted("Accepted"),
        )
    },
    command(
        "redrive_dead_letter",
        "/api/v1/commands/dead-letters/{id}/redrive",
        "Give it to the reader that failed again",
        &["id", KEY],
        "Reason",
        Answer::Accepted("LetterHandled"),
    ),
    command(
        "discard_dead_letter",
        "/api/v1/commands/dead-letters/{id}/discard",
        "Throw it away for good",
        &["id", KEY],
        "Reason",
        Answer::Accepted("LetterHandled"),
    ),
];

const KEY: &str = "Idempotency-Key";

impl Operation {
    /// The statuses that come with a problem document.
    pub(super) fn problems(&self) -> Vec<&'static str> {
        let Some(scope) = self.scope else { return Vec::new() };
        let mut statuses = vec!["400", "401", "403", "429", "503"];
        if self.path.contains('{') {
            statuses.push("404");
        }
        if self.body.is_some() {
            statuses.extend(["409", "413", "415"]);
        }
        debug_assert!(scope == Read || self.body.is_some());
        statuses
    }
}

/// The parameter called `name` in the tables above.
pub(super) fn parameter(name: &str) -> Value {
    let query = |description: &str, schema: Value| json!({ "name": name, "in": "query", "required": false, "description": description, "schema": schema });
    let path = |called: &str, description: &str| json!({ "name": called, "in": "path", "required": true, "description": description, "schema": { "type": "string" } });
    let date = json!({ "type": "string", "format": "date" });
    let ticker = json!({ "type": "string", "pattern": "^[A-Z0-9./-]{1,16}$" });
    match name {
        "limit" => {
            query("most items", json!({ "type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": 200 }))
        }
        "after" => query("`next` of the page before", json!({ "type": "string" })),
        "day" => query("the session; the current one unless given", date),
        "first" => {
            let mut first = query("the first session; a year before `to` unless given", date);
            first["name"] = "from".into();
            first
        }
        "last" => {
            let mut last = query("the last session; the current one unless given", date);
            last["name"] = "to".into();
            last
        }
        "strategy" => {
            query("only trades of this strategy", json!({ "type": "string", "minLength": 1, "maxLength": 100 }))
        }
        "symbol" => query("only this ticker", ticker),
        "plan_id" => query("only this plan", json!({ "type": "string" })),
        "interval" => query("length of a bar", json!({ "type": "string", "enum": ["1m"] })),
        "from" => {
            let schema = json!({ "type": "integer", "minimum": 0 });
            let description = "the store's commit number to go on after; `Last-Event-ID` does the same";
            json!({ "name": "after", "in": "query", "required": false, "description": description, "schema": schema })
        }
        "ticker" => {
            json!({ "name": "symbol", "in": "path", "required": true, "description": "the ticker", "schema": ticker })
        }
        KEY => {
            let schema = json!({ "type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[!-~]+$" });
            let description = "makes a repetition harmless";
            json!({ "name": KEY, "in": "header", "required": false, "description": description, "schema": schema })
        }
        "name" => path("name", "the strategy's name"),
        "version" => path("version", "the version"),
        _ => path("id", "its id"),
    }
}

const fn operation(id: &'static str, path: &'static str, summary: &'static str, answer: Answer) -> Operation {
    Operation {
        id,
        method: "get",
        path,
        tag: "state",
        summary,
        scope: Some(Read),
        parameters: &[],
        body: None,
        answer,
        cached: false,
    }
}

const fn probe(id: &'static str, path: &'static str, summary: &'static str, answer: Answer) -> Operation {
    Operation { scope: None, tag: "process", ..operation(id, path, summary, answer) }
}

const fn live(
    id: &'static str,
    path: &'static str,
    summary: &'static str,
    parameters: &'static [&'static str],
    answer: Answer,
) -> Operation {
    Operation { parameters, ..operation(id, path, summary, answer) }
}

const fn stored(
    id: &'static str,
    path: &'static str,
    summary: &'static str,
    parameters: &'static [&'static str],
    answer: Answer,
) -> Operation {
    Operation { parameters, tag: "store", cached: true, ..operation(id, path, summary, answer) }
}

const fn command(
    id: &'static str,
    path: &'static str,
    summary: &'static str,
    parameters: &'static [&'static str],
    body: &'static str,
    answer: Answer,
) -> Operation {
    Operation {
        method: "post",
        tag: "commands",
        scope: Some(Operate),
        parameters,
        body: Some(body),
        ..operation(id, path, summary, answer)
    }
}
