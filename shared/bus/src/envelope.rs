//! `CloudEvents` 1.0 in binary mode: who made an event and from what travels in headers, the payload is protobuf alone.

use async_nats::HeaderMap;
use async_nats::header::HeaderName;
use domain::{Event, EventId, Meta, UnixNanos};

use crate::error::BusError;
use crate::signature::Verifier;
use crate::subject;

const SPEC_VERSION: HeaderName = HeaderName::from_static("ce-specversion");
const ID: HeaderName = HeaderName::from_static("ce-id");
const TYPE: HeaderName = HeaderName::from_static("ce-type");
const SOURCE: HeaderName = HeaderName::from_static("ce-source");
const TIME: HeaderName = HeaderName::from_static("ce-time");
const DATA_SCHEMA: HeaderName = HeaderName::from_static("ce-dataschema");
const CAUSATION: HeaderName = HeaderName::from_static("ce-causationid");
const CORRELATION: HeaderName = HeaderName::from_static("ce-correlationid");
const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
pub(crate) const MESSAGE_ID: HeaderName = HeaderName::from_static("Nats-Msg-Id");

/// The headers of an event of protobuf type `type_name`.
pub(crate) fn headers(type_name: &str, meta: &Meta) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(SPEC_VERSION, "1.0");
    headers.insert(MESSAGE_ID, meta.id.as_str());
    headers.insert(ID, meta.id.as_str());
    headers.insert(TYPE, type_name);
    headers.insert(SOURCE, meta.source.as_str());
    headers.insert(TIME, meta.ts_init.to_string());
    if let Some((package, _)) = type_name.rsplit_once('.') {
        headers.insert(DATA_SCHEMA, package);
    }
    if let Some(causation) = &meta.causation {
        headers.insert(CAUSATION, causation.as_str());
    }
    if let Some(correlation) = &meta.correlation {
        headers.insert(CORRELATION, header_text(correlation));
    }
    if let Some(traceparent) = &meta.traceparent {
        headers.insert(TRACE_PARENT, header_text(traceparent));
    }
    headers
}

/// The event's id, as far as the headers have one.
pub(crate) fn id(headers: Option<&HeaderMap>) -> Option<&str> {
    headers.and_then(|h| h.get(ID)).map(async_nats::HeaderValue::as_str)
}

/// The event's full protobuf name, as far as the headers have one.
pub(crate) fn type_name(headers: Option<&HeaderMap>) -> Option<&str> {
    headers.and_then(|h| h.get(TYPE)).map(async_nats::HeaderValue::as_str)
}

/// Reads the headers of a message on `subject`.
///
/// # Errors
/// `BusError::Undecodable` (class Invalid) names the missing or bad header.
pub(crate) fn meta(subject: &str, headers: Option<&HeaderMap>) -> Result<Meta, BusError> {
    let bad = |reason: String| BusError::Undecodable { subject: subject.to_owned(), reason };
    let optional = |name: &HeaderName| headers.and_then(|h| h.get(name.clone())).map(|v| v.as_str().to_owned());
    let required = |name: &HeaderName| optional(name).ok_or_else(|| bad(format!("no header {}", name_of(name))));
    let version = required(&SPEC_VERSION)?;
    if version != "1.0" {
        return Err(bad(format!("ce-specversion is `{version}`, must be 1.0")));
    }
    let time = required(&TIME)?;
    let ts_init: UnixNanos = time.parse().map_err(|e| bad(format!("ce-time: {e}")))?;
    Ok(Meta {
        id: EventId::from_wire(required(&ID)?),
        source: required(&SOURCE)?,
        ts_init,
        causation: optional(&CAUSATION).map(EventId::from_wire),
        correlation: optional(&CORRELATION),
        traceparent: optional(&TRACE_PARENT),
    })
}

/// Reads a whole message: headers, payload, that it lies where such an event belongs, and its signature if there must be one.
///
/// # Errors
/// `BusError::Undecodable` (class Invalid) says what is wrong.
pub(crate) fn open(
    subject: &str,
    headers: Option<&HeaderMap>,
    payload: &[u8],
    verifier: Option<&Verifier>,
) -> Result<(Event, Meta), BusError> {
    let bad = |reason: String| BusError::Undecodable { subject: subject.to_owned(), reason };
    let meta = meta(subject, headers)?;
    let type_name = type_name(headers).ok_or_else(|| bad("no header ce-type".to_owned()))?;
    if !subject::carries(subject, type_name) {
        return Err(bad(format!("ce-type `{type_name}` does not belong on this subject")));
    }
    let event = events::decode(type_name, payload).map_err(|e| bad(e.to_string()))?;
    let expected = subject::subject_of(&event);
    if expected != subject {
        return Err(bad(format!("the payload belongs on {expected}")));
    }
    if let Some(verifier) = verifier {
        verifier.check(subject, headers, payload)?;
    }
    Ok((event, meta))
}

/// Header values are one line: line breaks in text from elsewhere become spaces.
fn header_text(text: &str) -> String {
    text.replace(['\r', '\n'], " ")
}

fn name_of(name: &HeaderName) -> &str {
    name.as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Meta {
        Meta {
            id: EventId::from_parts(&["test"]),
            source: "planner".to_owned(),
            ts_init: UnixNanos::new(1_790_000_000_123_456_789),
            causation: Some(EventId::from_parts(&["cause"])),
            correlation: Some("2026-11-24-trade-0935".to_owned()),
            traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
        }
    }

    #[test]
    fn headers_carry_the_whole_meta() {
        let bare = Meta { causation: None, correlation: None, traceparent: None, ..full() };
        for expected in [full(), bare] {
            let headers = headers("finagent.plan.v1.PlanProposed", &expected);
            assert_eq!(meta("plan.v1.plan_proposed.x", Some(&headers)).unwrap(), expected);
            assert_eq!(headers.get(MESSAGE_ID).unwrap().as_str(), expected.id.as_str());
        }
    }

    #[test]
    fn a_missing_or_bad_header_is_named() {
        let check = |change: &dyn Fn(&mut HeaderMap), named: &str| {
            let mut headers = headers("finagent.plan.v1.PlanProposed", &full());
            change(&mut headers);
            let error = meta("plan.v1.plan_proposed.x", Some(&headers)).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        };
        check(&|h| h.insert(TIME, "yesterday"), "ce-time");
        check(&|h| h.insert(SPEC_VERSION, "0.3"), "ce-specversion");
        assert!(meta("plan.v1.x", None).unwrap_err().to_string().contains("ce-specversion"));
    }

    #[test]
    fn a_payload_on_a_foreign_subject_is_refused() {
        let event = Event::from(domain::plan::PlanProposed { plan: testkit::build::plan("GME") });
        let headers = headers(events::type_name(&event), &full());
        let payload = events::encode(&event);
        let subject = subject::subject_of(&event);
        assert_eq!(open(&subject, Some(&headers), &payload, None).unwrap(), (event, full()));
        for foreign in ["plan.v1.plan_proposed.other", "order.v1.order_intended.x"] {
            assert!(open(foreign, Some(&headers), &payload, None).is_err(), "{foreign}");
        }
    }
}
