//! GET within a vendor's budget: a deadline, classified failures, growing and jittered delays between attempts.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use chrono::DateTime;
use ports::VendorError;
use reqwest::header::{DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{RequestBuilder, StatusCode};
use serde::Deserialize;
use tokio::time::timeout;

use super::gate::Gate;

/// Deadline of one call with all its attempts and the waiting before them.
const DEADLINE: Duration = Duration::from_secs(120);
/// A pause longer than this is not waited for within a call.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a vendor that throttles without saying for how long is given.
const USUAL_PAUSE: Duration = Duration::from_secs(60);
/// The longest pause that is believed, seconds: no budget lasts longer than a day.
const PAUSE_S_MAX: u64 = 86_400;

/// One vendor's REST door.
#[derive(Debug)]
pub struct Http {
    vendor: &'static str,
    client: reqwest::Client,
    gate: Gate,
    /// What its words must not repeat.
    secrets: Vec<String>,
}

impl Http {
    /// Every request carries `headers`, secrets among them made by [`secret`], passes `gate` and ends within `timeout`.
    pub fn new(vendor: &'static str, headers: HeaderMap, timeout: Duration, gate: Gate) -> Result<Self, VendorError> {
        let sensitive = headers.values().filter(|value| value.is_sensitive());
        let secrets = sensitive.filter_map(|value| value.to_str().ok().map(str::to_owned)).collect();
        let client = reqwest::Client::builder()
            .user_agent(concat!("fin-agent/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .timeout(timeout)
            .build()
            .map_err(|error| unreachable(vendor, "set-up", error))?;
        Ok(Self { vendor, client, gate, secrets })
    }

    /// The same with a key that stands in queries: like those in headers it is left out of what the vendor says.
    pub fn hiding(mut self, key: &str) -> Self {
        self.secrets.push(key.to_owned());
        self
    }

    /// `words` of the vendor without our keys, which some repeat in their refusals.
    fn without_secrets(&self, words: String) -> String {
        // The simulator takes keys as short as a word.
        let told = self.secrets.iter().filter(|secret| secret.len() > 3);
        told.fold(words, |words, secret| words.replace(secret.as_str(), "…"))
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

    /// What `body`, the answer to `what`, holds.
    ///
    /// # Errors
    /// `VendorError::Malformed`
    pub fn decoded<'a, T: Deserialize<'a>>(&self, body: &'a str, what: &str) -> Result<T, VendorError> {
        serde_json::from_str(body).map_err(|error| self.malformed(what, error.to_string()))
    }

    /// The answer to `what` is not what the vendor documents, because of `reason`.
    pub fn malformed(&self, what: &str, reason: String) -> VendorError {
        VendorError::Malformed { vendor: self.vendor, what: what.to_owned(), reason: self.without_secrets(reason) }
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
                VendorError::Throttled { vendor, what, retry_after: Some(pause_after(response.headers())) }
            }
            status if status.is_server_error() => VendorError::Failed { vendor, what, status: status.as_u16() },
            status => {
                let body = self.without_secrets(response.text().await.unwrap_or_default());
                let reason = format!("HTTP {} {}", status.as_u16(), body.chars().take(200).collect::<String>());
                VendorError::Refused { vendor, what, reason }
            }
        })
    }
}

/// A header that holds a secret, kept out of logs.
///
/// # Errors
/// `VendorError::Refused` when `value` cannot stand in an HTTP header.
pub fn secret(vendor: &'static str, name: &'static str, value: &str) -> Result<(HeaderName, HeaderValue), VendorError> {
    let mut value = HeaderValue::from_str(value).map_err(|_| VendorError::Refused {
        vendor,
        what: "set-up".into(),
        reason: format!("{name} holds characters that no HTTP header may"),
    })?;
    value.set_sensitive(true);
    Ok((HeaderName::from_static(name), value))
}

fn unreachable(vendor: &'static str, what: &str, error: reqwest::Error) -> VendorError {
    VendorError::Unreachable { vendor, what: what.to_owned(), source: Box::new(error.without_url()) }
}

/// What a 429 asks for: `Retry-After` in seconds, else until the rate window resets, else the usual pause.
fn pause_after(headers: &HeaderMap) -> Duration {
    let asked = number(headers, RETRY_AFTER.as_str()).and_then(|seconds| u64::try_from(seconds).ok());
    asked
        .map(|seconds| Duration::from_secs(seconds.min(PAUSE_S_MAX)))
        .or_else(|| until_reset(headers))
        .unwrap_or(USUAL_PAUSE)
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

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn our_keys_are_left_out_of_what_a_vendor_says() {
        chassis::tls::install_provider();
        let headers = HeaderMap::from_iter([secret("x", "x-key", "kestrel-key").unwrap()]);
        let http = Http::new("x", headers, Duration::from_secs(1), Gate::open("x")).unwrap().hiding("kestrel-query");
        let error = http.malformed("y", "key kestrel-key, query kestrel-query".to_owned()).to_string();
        assert!(error.ends_with("key …, query …"), "{error}");
    }

    const DATED: (&str, &str) = ("date", "Tue, 24 Nov 2026 14:30:00 GMT");

    #[test]
    fn rate_headers_say_how_long_to_wait() {
        let check = |pairs: &[(&'static str, &str)], expected: Option<u64>| {
            assert_eq!(used_up(&headers(pairs)), expected.map(Duration::from_secs), "{pairs:?}");
        };
        check(&[], None);
        check(&[("x-ratelimit-remaining", "3")], None);
        check(&[("x-ratelimit-remaining", "0")], Some(60));
        check(&[DATED, ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1795530617")], Some(17));
        check(&[DATED, ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1")], Some(1));
    }

    #[test]
    fn a_throttled_call_waits_as_long_as_it_is_asked_to_but_no_longer_than_a_day() {
        let check = |pairs: &[(&'static str, &str)], expected: u64| {
            assert_eq!(pause_after(&headers(pairs)), Duration::from_secs(expected), "{pairs:?}");
        };
        check(&[("retry-after", "7")], 7);
        check(&[("retry-after", "9223372036854775807")], 86_400);
        check(&[("retry-after", "Tue, 24 Nov 2026 14:30:09 GMT")], 60);
        check(&[DATED, ("retry-after", "-1"), ("x-ratelimit-reset", "1795530617")], 17);
    }

    #[test]
    fn a_secret_is_marked_and_one_that_no_header_may_hold_is_not_shown() {
        let (name, value) = secret("alpaca", "x-key", "abc").unwrap();
        assert_eq!((name.as_str(), value.is_sensitive(), value.to_str().unwrap()), ("x-key", true, "abc"));
        let error = secret("alpaca", "x-key", "ab\nc").unwrap_err().to_string();
        assert!(error.contains("x-key") && !error.contains("ab"), "{error}");
    }
}
