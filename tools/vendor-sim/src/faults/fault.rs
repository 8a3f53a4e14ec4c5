//! One fault: what it hits, when it is due, and what goes wrong.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::NaiveTime;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

/// Something that goes wrong with calls, frames or the market.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    /// A call: method and beginning of the path, whole, or of the broker below `/alpaca`; for example `POST /v2/orders`,
    /// `GET /yahoo/v8`, or `CONNECT /alpaca/stream` for the upgrade to a stream. `SEND` and a stream: its frames.
    /// `MARKET` and a ticker or `*`: the prints of that symbol.
    pub(crate) on: String,
    /// New York time from which it happens, in every session.
    #[serde(default, deserialize_with = "time", skip_serializing_if = "Option::is_none")]
    pub(crate) at: Option<NaiveTime>,
    /// New York time until which it happens; without `count` as often as there is occasion.
    #[serde(default, deserialize_with = "time", skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<NaiveTime>,
    /// What must have happened at the broker since it was asked for.
    #[serde(default)]
    pub(crate) after: After,
    /// Occasions that it lets pass first.
    #[serde(default)]
    pub(crate) skip: u32,
    /// How many calls or frames it hits; one where there is no `until`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) count: Option<u32>,
    /// Text that the call (path, query and body) or the frame must hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) containing: Option<String>,
    /// Whether it happens before the broker acts on a changing call or after, which is usual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) when: Option<When>,
    /// How long it takes, in ms of wall time: a call until its answer (a caller that hangs up `before` is never
    /// served), a frame that is `late`, a stream that is `silent` or `half_open`; 0 is for ever for the last two.
    #[serde(default)]
    pub(crate) delay_ms: u64,
    /// Status to answer with instead of the vendor's answer; `before`, the broker never sees the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// JSON to answer with, with `status` or 200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<Value>,
    /// Text to answer with that is no JSON, with `status` or 200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// Seconds of a `Retry-After` header beside `status`, `body` or `text`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after_s: Option<u64>,
    /// JSON merged into the vendor's own answer or frame (RFC 7396): null takes a field out. In a list, into each item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) patch: Option<Value>,
    /// The connection breaks in the middle of the answer.
    #[serde(default)]
    cut: bool,
    /// The broker takes the order, and rejects it at once.
    #[serde(default)]
    pub(crate) reject: bool,
    /// What happens to a stream's frame, or to the stream at that frame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) frame: Option<Frame>,
    /// No print of the symbol is played: none is sent, none fills an order.
    #[serde(default)]
    pub(crate) halt: bool,
    /// Most shares of a print that fill our orders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fills_max: Option<u64>,
}

/// What may happen to a frame of a stream, or to the stream at a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Frame {
    /// It comes twice.
    Duplicate,
    /// It comes after the one behind it.
    Swap,
    /// It never comes.
    Drop,
    /// It comes `delay_ms` later, others meanwhile.
    Late,
    /// Everything that this connection has sent comes again before it; of `trade_updates` only.
    Replay,
    /// The stream is closed in its place, as it should be.
    Close,
    /// The stream ends in its place without a word.
    Abort,
    /// Nothing comes of itself for `delay_ms`, nor faults of its frames; pings and requests are answered.
    Silent,
    /// The peer is gone and the connection stands: nothing is sent or read for `delay_ms`, then it ends.
    HalfOpen,
}

/// On which side of the broker's action a fault lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum When {
    /// The broker has not acted yet.
    Before,
    /// The broker has acted.
    #[default]
    After,
}

/// How much must have happened at the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct After {
    /// Orders taken.
    #[serde(default)]
    pub(crate) orders: usize,
    /// Fills.
    #[serde(default)]
    pub(crate) fills: usize,
}

/// Verbs of calls that change something at the broker.
const CHANGES: &[&str] = &["POST", "PATCH", "DELETE"];
const CALLS: &[&str] = &["GET", "POST", "PATCH", "DELETE", "CONNECT"];
const TOLD: &[&str] = &["GET", "POST", "PATCH", "DELETE", "CONNECT", "SEND"];

impl Fault {
    /// The verb and what it is about.
    pub(crate) fn place(&self) -> Option<(&str, &str)> {
        self.on.split_once(' ')
    }

    /// Whether its keys go together.
    ///
    /// # Errors
    /// Says which do not.
    pub(crate) fn check(&self) -> Result<(), String> {
        let Some((verb, about)) = self.place() else {
            return Err(format!("`on: {}` is not a verb and what it is about", self.on));
        };
        let (is_call, is_market) = (CALLS.contains(&verb), verb == "MARKET");
        if !(is_call || is_market || verb == "SEND") {
            return Err(format!("`on: {}` begins with none of {}, SEND, MARKET", self.on, CALLS.join(", ")));
        }
        if !is_market && !about.starts_with('/') || about.is_empty() {
            return Err(format!("`on: {}` names no {}", self.on, if is_market { "ticker" } else { "path" }));
        }
        let given: [(&str, bool, &[&str]); 15] = [
            ("after", self.after != After::default(), TOLD),
            ("skip", self.skip > 0, TOLD),
            ("count", self.count.is_some(), TOLD),
            ("containing", self.containing.is_some(), TOLD),
            ("when", self.when.is_some(), CHANGES),
            ("delay_ms", self.delay_ms > 0, TOLD),
            ("status", self.status.is_some(), CALLS),
            ("body", self.body.is_some(), CALLS),
            ("text", self.text.is_some(), CALLS),
            ("retry_after_s", self.retry_after_s.is_some(), CALLS),
            ("patch", self.patch.is_some(), TOLD),
            ("cut", self.cut, CALLS),
            ("reject", self.reject, &["POST"]),
            ("frame", self.frame.is_some(), &["SEND"]),
            ("halt", self.halt, &["MARKET"]),
        ];
        if let Some((key, ..)) = given.iter().find(|(_, set, verbs)| *set && !verbs.contains(&verb)) {
            return Err(format!("`{key}` does not go with `on: {}`", self.on));
        }
        if self.fills_max.is_some() && !is_market {
            return Err(format!("`fills_max` does not go with `on: {}`", self.on));
        }
        let effects = [
            self.delay_ms > 0,
            self.replaces_answer(),
            self.patch.is_some(),
            self.reject,
            self.frame.is_some(),
            self.halt,
            self.fills_max.is_some(),
        ];
        if !effects.contains(&true) {
            return Err(format!("nothing goes wrong with `on: {}`", self.on));
        }
        let is_of_updates = matches!(about, "/alpaca/stream" | "/stream");
        match (self.status, self.at, self.until) {
            (Some(status), ..) if !(200..=599).contains(&status) => Err(format!("`status` {status} is not 200 to 599")),
            (_, Some(at), Some(until)) if at >= until => Err(format!("`until` {until} is not after `at` {at}")),
            _ if self.body.is_some() && self.text.is_some() => Err("`body` and `text` do not go together".to_owned()),
            // Only of `trade_updates` does a connection remember what it has sent; only there is nothing behind a frame.
            _ if self.frame == Some(Frame::Swap) && is_of_updates
                || self.frame == Some(Frame::Replay) && !is_of_updates =>
            {
                Err(format!("that `frame` does not go with `on: {}`", self.on))
            }
            _ if self.count == Some(0) => Err("`count` must be above 0".to_owned()),
            _ => Ok(()),
        }
    }

    /// How often it can happen.
    pub(crate) fn times(&self) -> u32 {
        self.count.unwrap_or(if self.until.is_some() { u32::MAX } else { 1 })
    }

    /// The same, of which so many are left.
    pub(crate) fn with_left(&self, left: u32) -> Self {
        Self { count: Some(left), ..self.clone() }
    }

    pub(crate) fn is_before(&self) -> bool {
        self.when == Some(When::Before)
    }

    pub(crate) async fn wait(&self) {
        tokio::time::sleep(Duration::from_millis(self.delay_ms)).await;
    }

    /// `delay_ms`, or as good as for ever.
    pub(crate) fn delay_or_for_ever(&self) -> Duration {
        let for_ever = Duration::from_secs(7 * 86_400);
        if self.delay_ms == 0 { for_ever } else { Duration::from_millis(self.delay_ms) }
    }

    const fn replaces_answer(&self) -> bool {
        self.status.is_some() || self.body.is_some() || self.text.is_some() || self.cut
    }

    /// What is answered instead of the vendor's answer, if anything.
    pub(crate) fn answer(&self) -> Option<Response> {
        if !self.replaces_answer() {
            return None;
        }
        if self.cut {
            let broken = futures_util::stream::once(async { Err::<Vec<u8>, _>(std::io::Error::other("cut")) });
            let headers = [(header::CONTENT_TYPE, "application/json"), (header::CONTENT_LENGTH, "4096")];
            return Some((headers, Body::from_stream(broken)).into_response());
        }
        let status = StatusCode::from_u16(self.status.unwrap_or(200)).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut headers = HeaderMap::new();
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        let body = || self.body.clone().unwrap_or_else(|| json!({"message": "an asked-for fault"}));
        Some(match &self.text {
            Some(text) => (status, headers, text.clone()).into_response(),
            None => (status, headers, axum::Json(body())).into_response(),
        })
    }

    /// The vendor's own JSON with `patch` merged into it.
    pub(crate) fn patched(&self, mut value: Value) -> Value {
        match (&self.patch, &mut value) {
            (Some(patch @ Value::Object(_)), Value::Array(items)) => items.iter_mut().for_each(|i| merge(i, patch)),
            (Some(patch), whole) => merge(whole, patch),
            (None, _) => {}
        }
        value
    }
}

/// RFC 7396.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        target.clone_from(patch);
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, change) in changes {
        match target.as_object_mut() {
            Some(fields) if change.is_null() => {
                fields.remove(key);
            }
            Some(fields) => merge(fields.entry(key.clone()).or_insert(Value::Null), change),
            None => {}
        }
    }
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<NaiveTime>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let read = NaiveTime::parse_from_str(&text, "%H:%M:%S").or_else(|_| NaiveTime::parse_from_str(&text, "%H:%M"));
    read.map(Some).map_err(|_| serde::de::Error::custom(format!("`{text}` is not a time of day, HH:MM:SS")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_do_not_go_together_are_refused() {
        let check = |fault: Value, expected: &str| {
            let checked = serde_json::from_value::<Fault>(fault).unwrap().check();
            assert_eq!(checked.unwrap_err(), expected);
        };
        check(json!({"on": "POST"}), "`on: POST` is not a verb and what it is about");
        check(
            json!({"on": "PUT /v2"}),
            "`on: PUT /v2` begins with none of GET, POST, PATCH, DELETE, CONNECT, SEND, MARKET",
        );
        check(json!({"on": "GET v2"}), "`on: GET v2` names no path");
        check(json!({"on": "GET /v2"}), "nothing goes wrong with `on: GET /v2`");
        check(json!({"on": "GET /v2", "when": "before", "status": 500}), "`when` does not go with `on: GET /v2`");
        check(json!({"on": "GET /v2", "status": 99}), "`status` 99 is not 200 to 599");
        check(json!({"on": "GET /v2", "fills_max": 1}), "`fills_max` does not go with `on: GET /v2`");
        for (about, frame) in
            [("/finnhub", "replay"), ("/v2/sip", "replay"), ("/alpaca", "replay"), ("/stream", "swap")]
        {
            let on = format!("SEND {about}");
            check(json!({"on": on, "frame": frame}), &format!("that `frame` does not go with `on: {on}`"));
        }
        check(json!({"on": "GET /v2", "body": 1, "text": "1"}), "`body` and `text` do not go together");
        check(
            json!({"on": "MARKET A", "halt": true, "at": "10:00", "until": "09:59:59"}),
            "`until` 09:59:59 is not after `at` 10:00:00",
        );
        check(json!({"on": "MARKET A", "halt": true, "count": 1}), "`count` does not go with `on: MARKET A`");
    }

    #[test]
    fn a_patch_is_merged_into_every_item_and_null_takes_a_field_out() {
        let fault: Fault =
            serde_json::from_value(json!({"on": "GET /v2", "patch": {"a": null, "b": {"c": 2}}})).unwrap();
        assert_eq!(fault.patched(json!({"a": 1, "b": {"d": 1}})), json!({"b": {"c": 2, "d": 1}}));
        assert_eq!(fault.patched(json!([{"a": 1}, {}])), json!([{"b": {"c": 2}}, {"b": {"c": 2}}]));
    }
}
