//! A fault with its repetitions counted.

use domain::UnixNanos;
use domain::ops::{ErrorRaised, Severity};
use serde_json::json;

use super::{Row, View};

/// The row of a fault: its newest words, since when, and how often.
pub fn error(newest: &ErrorRaised, since: UnixNanos, count: u64) -> Row {
    let doc = json!({
        "id": newest.error_id,
        "severity": newest.severity,
        "service": newest.service,
        "code": newest.code,
        "message": newest.message,
        "detail": newest.detail,
        "subject": newest.subject,
        "since": since,
        "at": newest.at,
        "count": count,
    });
    let day = domain::calendar::session_at(newest.at).date;
    let mut row = Row::new(View::Errors, &newest.error_id, day, newest.at, &doc);
    row.live = newest.severity != Severity::Info;
    row
}
