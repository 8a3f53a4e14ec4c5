//! GET within a vendor's budget: a deadline, classified failures, growing and jittered delays between attempts.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use chrono::DateTime;
use ports::VendorError;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use reqwest::{RequestBuilder, Response, StatusCode};
use tokio::time::timeout;

use super::gate::Gate;

/// Deadline of one call with all its attempts and the waiting before them.
const DEADLINE: Duration = Duration::from_secs(120);
/// A pause longer than this is not waited for within a call.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a vendor that throttles without saying for how long is given.
const USUAL_PAUSE: Duration = Duration::from_secs(60);

/// One vendor's REST door.
#[derive(Debug, Clone)]
pub struct Http {
    vendor: &'static str,
    client: reqwest::Client,
    gate: Gate,
}

impl Http {
    /// Every request carries `headers`, which may hold a secret if marked sensitive, passes `gate` and ends within
    /// `timeout`.
    pub fn new(vendor: &'static str, headers: HeaderMap, timeout: Duration, gate: Gate) -> Result<Self, VendorError> {
        let client = reqwest::Client::builder()
            .user_agent(concat!("fin-agent/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .timeout(timeout)
            .build()
            .map_err(|error| unreachable(vendor, "set-up", error))?;
        Ok(Self { vendor, client, gate })
    }

    /// The body of a 200 answer; transient failures are tried again up to four times, permanent ones never. `what`
    /// names the call in errors.
    pub async fn get(&self, url: &str, query: &[(&str, &str)], what: &str) -> Result<String, VendorError> {
        self.get_checked(url, query, what, Ok).await
    }

    /// The same for a vendor that writes its refusals into 200 answers: `check` finds them, and what it finds counts as
    /// the call's failure.
    pub async fn get_checked(
        &self,
        url: &str,
        query: &[(&str, &str)],
        what: &str,
        check: impl Fn(String) -> Result<String, VendorError>,
    ) -> Result<String, VendorError> {
        let delays = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(200))
            .with_max_delay(Duration::from_secs(10))
            .with_max_times(4)
            .with_jitter();
        let attempt = || async {
            self.gate.pass(what, PATIENCE).await?;
            let outcome = self.once(self.client.get(url).query(query), what).await.and_then(&check);
            if let Err(VendorError::Throttled { retry_after, .. }) = &outcome {
                self.gate.close(retry_after.unwrap_or(USUAL_PAUSE));
            }
            self.gate.ended(&outcome);
            outcome
        };
        let call = attempt
            .retry(delays)
            .when(|error| error.is_transient() && error.retry_after().is_none_or(|wait| wait <= PATIENCE))
            .adjust(|error, delay| delay.map(|delay| error.retry_after().map_or(delay, |wait| wait.max(delay))));
        timeout(DEADLINE, call).await.unwrap_or_else(|late| {
            Err(VendorError::Unreachable { vendor: self.vendor, what: what.to_owned(), source: Box::new(late) })
        })
    }

    async fn once(&self, request: RequestBuilder, what: &str) -> Result<String, VendorError> {
        let (client, request) = request.build_split();
        let request = request.map_err(|error| unreachable(self.vendor, what, error))?;
        let mut span = self.gate.tracer().request(request.method().as_str(), request.url(), "");
        let response = client.execute(request).await.map_err(|error| unreachable(self.vendor, what, error));
        span.answered(response.as_ref().map(|response| response.status().as_u16()));
        let response = response?;
        let (vendor, status, what) = (self.vendor, response.status(), what.to_owned());
        if let Some(pause) = used_up(response.headers()) {
            self.gate.close(pause);
        }
        if status == StatusCode::OK {
            return response.text().await.map_err(|error| unreachable(vendor, &what, error));
        }
        Err(match status {
            StatusCode::TOO_MANY_REQUESTS => {
                VendorError::Throttled { vendor, what, retry_after: Some(pause_after(&response)) }
            }
            status if status.is_server_error() => VendorError::Failed { vendor, what, status: status.as_u16() },
            status => {
                let body = response.text().await.unwrap_or_default();
                let reason = format!("HTTP {} {}", status.as_u16(), body.chars().take(200).collect::<String>());
                VendorError::Refused { vendor, what, reason }
            }
        })
    }
}

fn unreachable(vendor: &'static str, what: &str, error: reqwest::Error) -> VendorError {
    VendorError::Unreachable { vendor, what: what.to_owned(), source: Box::new(error.without_url()) }
}

/// What a 429 asks for: `Retry-After` in seconds, else until the rate window resets, else the usual pause.
fn pause_after(response: &Response) -> Duration {
    let headers = response.headers();
    let asked = number(headers, RETRY_AFTER.as_str()).and_then(|seconds| u64::try_from(seconds).ok());
    asked.map(Duration::from_secs).or_else(|| until_reset(headers)).unwrap_or(USUAL_PAUSE)
}

/// How long nothing more may be asked, when the answer says that no call is left.
fn used_up(headers: &HeaderMap) -> Option<Duration> {
    (number(headers, "x-ratelimit-remaining")? <= 0).then(|| until_reset(headers).unwrap_or(USUAL_PAUSE))
}

/// From the vendor's own `Date` to its `X-RateLimit-Reset`, Unix seconds; so this machine's clock does not matter.
fn until_reset(headers: &HeaderMap) -> Option<Duration> {
    let now = DateTime::parse_from_rfc2822(headers.get(DATE)?.to_str().ok()?).ok()?.timestamp();
    let left = number(headers, "x-ratelimit-reset")?.checked_sub(now)?;
    Some(Duration::from_secs(u64::try_from(left).unwrap_or(0).clamp(1, 60)))
}

fn number(headers: &HeaderMap, name: &str) -> Option<i64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_headers_say_how_long_to_wait() {
        let check = |pairs: &[(&'static str, &str)], expected: Option<u64>| {
            let headers = pairs
                .iter()
                .map(|(name, value)| (reqwest::header::HeaderName::from_static(name), value.parse().unwrap()));
            assert_eq!(used_up(&headers.collect()), expected.map(Duration::from_secs), "{pairs:?}");
        };
        let date = ("date", "Tue, 24 Nov 2026 14:30:00 GMT");
        check(&[], None);
        check(&[("x-ratelimit-remaining", "3")], None);
        check(&[("x-ratelimit-remaining", "0")], Some(60));
        check(&[date, ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1795530617")], Some(17));
        check(&[date, ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1")], Some(1));
    }
}
