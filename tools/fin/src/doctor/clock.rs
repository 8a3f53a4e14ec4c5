//! This machine's clock against those of the vendors.
//!
//! A clock that was read while a call was under way lies within an interval: from what it showed minus our time when the
//! answer came to what it showed minus our time when the call went out. What lies in the intervals of all of them is
//! known best.

use chrono::DateTime;
use domain::UnixNanos;
use serde_json::Value;

use super::finding::{Complaint, Finding};
use super::probe::{Answer, Call, Probe};
use super::site::Site;

/// Offsets that are told, and that stop trading, ns: trades by a clock so far off count as late or from the future.
const WARN: i64 = 500_000_000;
const FAIL: i64 = 2_000_000_000;
const SECOND: i64 = 1_000_000_000;
const FIX: &str = "let a time service keep this machine's clock: `timedatectl set-ntp true`, or chrony";

/// How far another clock is ahead of ours, at least and at most, ns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Offset {
    low: i64,
    high: i64,
}

impl Offset {
    /// Of a clock that showed a time between `from` and `to` while the call was under way.
    const fn of(from: UnixNanos, to: UnixNanos, answer: &Answer) -> Self {
        Self { low: from.nanos() - answer.received.nanos(), high: to.nanos() - answer.sent.nanos() }
    }

    fn and(self, other: Self) -> Option<Self> {
        let both = Self { low: self.low.max(other.low), high: self.high.min(other.high) };
        (both.low <= both.high).then_some(both)
    }

    /// What it is at least, either way.
    const fn least(self) -> i64 {
        if self.low > 0 {
            self.low
        } else if self.high < 0 {
            -self.high
        } else {
            0
        }
    }

    fn shown(self) -> String {
        let (middle, error) = (i64::midpoint(self.low, self.high), (self.high - self.low) / 2);
        format!("{:+.3} s, known to {:.3} s", seconds(middle), seconds(error))
    }
}

fn seconds(nanos: i64) -> f64 {
    nanos as f64 / SECOND as f64
}

/// The broker's clock; `None` where it does not answer, or plays a market time of its own.
pub(super) async fn broker(probe: &Probe, site: &Site) -> Option<Answer> {
    if site.settings().profile == chassis::Profile::Dev {
        return None;
    }
    let (key, secret) = site.keys.alpaca.as_ref().ok()?;
    let call = Call {
        address_key: "vendors.alpaca.rest_url",
        url: format!("{}/v2/clock", site.settings().vendors.alpaca.rest_url.trim_end_matches('/')),
        query: Vec::new(),
        headers: vec![("apca-api-key-id", key), ("apca-api-secret-key", secret)],
    };
    probe.get(&call).await.ok()
}

/// By the `Date` of every answer, exact to the second, and by the broker's clock where it was read.
pub(super) fn judge(answers: &[(&'static str, Answer)], broker: Option<&Answer>) -> Finding {
    let dated = answers.iter().filter_map(|(vendor, answer)| Some((*vendor, by_date(answer)?)));
    let exact = broker.and_then(by_broker).map(|offset| ("the broker's clock", offset));
    let known: Vec<_> = exact.into_iter().chain(dated).collect();
    let Some((_, first)) = known.first() else {
        let fix = "make a vendor answer first, then run this again";
        return Finding::new("clock", "", vec![Complaint::warn("no vendor told the time", fix)]);
    };
    let sources = known.iter().map(|(source, _)| *source).collect::<Vec<_>>().join(", ");
    let agreed = known.iter().try_fold(*first, |agreed, (_, offset)| agreed.and(*offset));
    let Some(offset) = agreed else {
        let each = known.iter().map(|(source, offset)| format!("{source} {}", offset.shown())).collect::<Vec<_>>();
        let worst = known.iter().map(|(_, offset)| offset.least()).max().unwrap_or(0);
        let detail = format!("the vendors' clocks disagree: {}", each.join("; "));
        let fix = "run it again; if it stays, a proxy answers in a vendor's place";
        let complaint = if worst >= FAIL { Complaint::fail(detail, fix) } else { Complaint::warn(detail, fix) };
        return Finding::new("clock", "", vec![complaint]);
    };
    let detail = format!("they are ahead of this machine by {} (by {sources})", offset.shown());
    match offset.least() {
        FAIL.. => Finding::fail("clock", detail, FIX),
        WARN.. => Finding::new("clock", "", vec![Complaint::warn(detail, FIX)]),
        _ => Finding::ok("clock", detail),
    }
}

/// The second that began with `Date`. An answer that a cache kept tells an old one.
fn by_date(answer: &Answer) -> Option<Offset> {
    if answer.header("age").is_some_and(|age| age.trim() != "0") {
        return None;
    }
    let second = DateTime::parse_from_rfc2822(answer.header("date")?).ok()?.timestamp();
    let from = UnixNanos::new(second.checked_mul(SECOND)?);
    Some(Offset::of(from, from.plus_seconds(1), answer))
}

fn by_broker(answer: &Answer) -> Option<Offset> {
    let body: Value = serde_json::from_str(&answer.body).ok()?;
    let shown: UnixNanos = body.get("timestamp")?.as_str()?.parse().ok()?;
    Some(Offset::of(shown, shown, answer))
}

#[cfg(test)]
mod tests {
    use super::super::finding::Status;
    use super::*;

    fn answer(date: &str, body: &str, sent: f64, received: f64) -> Answer {
        let start: UnixNanos = "2026-11-24T14:30:00Z".parse().unwrap();
        let at = |offset: f64| UnixNanos::new(start.nanos() + (offset * 1e9) as i64);
        let headers = std::iter::once((reqwest::header::DATE, date.parse().unwrap())).collect();
        Answer { status: 200, headers, body: body.to_owned(), sent: at(sent), received: at(received) }
    }

    #[test]
    fn offsets_are_told_with_their_error() {
        let date = "Tue, 24 Nov 2026 14:30:00 GMT";
        let check = |date: &str, clock: Option<&str>, at: f64, status: Status, part: &str| {
            let broker = clock.map(|clock| answer(date, &format!("{{\"timestamp\": \"{clock}\"}}"), at, at + 0.1));
            let found = judge(&[("finnhub", answer(date, "", at, at + 0.2))], broker.as_ref());
            assert_eq!(found.status, status, "{found:?}");
            assert!(found.detail.contains(part), "{found:?}");
        };
        check(date, None, 0.2, Status::Ok, "+0.200 s, known to 0.600 s");
        check(date, Some("2026-11-24T09:30:00.25-05:00"), 0.2, Status::Ok, "+0.000 s, known to 0.050 s");
        check(date, None, 1.6, Status::Warn, "-1.200 s");
        check(date, None, 4.0, Status::Fail, "-3.600 s, known to 0.600 s");
        check(date, None, -9.0, Status::Fail, "+9.400 s");
        check(date, Some("2026-11-24T14:20:00Z"), 0.2, Status::Fail, "disagree");
        check("never", None, 0.0, Status::Warn, "no vendor told the time");
    }
}
