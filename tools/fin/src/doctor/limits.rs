//! Calls that the vendors say are left.

use super::finding::{Complaint, Finding};
use super::probe::Answer;

/// By the rate headers of every answer.
pub(super) fn judge(answers: &[(&'static str, Answer)]) -> Finding {
    let mut told = Vec::new();
    let mut complaints = Vec::new();
    for (vendor, answer) in answers {
        let number = |name: &str| answer.header(name)?.trim().parse::<i64>().ok();
        let Some(left) = number("x-ratelimit-remaining") else { continue };
        let limit = number("x-ratelimit-limit");
        told.push(limit.map_or_else(|| format!("{vendor} {left}"), |limit| format!("{vendor} {left} of {limit}")));
        if left <= 0 || limit.is_some_and(|limit| left * 10 < limit) {
            complaints.push(Complaint::warn(
                format!("{vendor} has few calls left"),
                "stop what else uses the same key, lower `gateway.budgets`, or take a larger plan",
            ));
        }
    }
    let detail = if told.is_empty() {
        "no vendor says how many calls are left".to_owned()
    } else {
        format!("calls left: {}", told.join(", "))
    };
    Finding::new("limits", detail, complaints)
}

#[cfg(test)]
mod tests {
    use domain::UnixNanos;
    use reqwest::header::{HeaderMap, HeaderName};

    use super::super::finding::Status;
    use super::*;

    #[test]
    fn few_calls_left_are_told() {
        let check = |pairs: &[(&'static str, &str)], status: Status, part: &str| {
            let pair = |(name, value): &(&'static str, &str)| (HeaderName::from_static(name), value.parse().unwrap());
            let headers: HeaderMap = pairs.iter().map(pair).collect();
            let at = UnixNanos::default();
            let answer = Answer { status: 200, headers, body: String::new(), sent: at, received: at };
            let found = judge(&[("finnhub", answer)]);
            assert_eq!((found.status, found.detail.contains(part)), (status, true), "{found:?}");
        };
        check(&[], Status::Ok, "no vendor says");
        check(&[("x-ratelimit-limit", "60"), ("x-ratelimit-remaining", "57")], Status::Ok, "finnhub 57 of 60");
        check(&[("x-ratelimit-limit", "60"), ("x-ratelimit-remaining", "5")], Status::Warn, "few calls");
        check(&[("x-ratelimit-remaining", "0")], Status::Warn, "few calls");
    }
}
