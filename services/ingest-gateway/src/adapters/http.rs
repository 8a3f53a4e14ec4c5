//! GET with a deadline, classified failures and growing, jittered delays between attempts.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use ports::VendorError;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{RequestBuilder, Response, StatusCode};

/// One vendor's REST door.
#[derive(Debug, Clone)]
pub struct Http {
    vendor: &'static str,
    client: reqwest::Client,
}

impl Http {
    /// Every request carries `headers`, which may hold a secret if marked sensitive, and ends within `timeout`.
    pub fn new(vendor: &'static str, headers: HeaderMap, timeout: Duration) -> Result<Self, VendorError> {
        let client = reqwest::Client::builder()
            .user_agent(concat!("fin-agent/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .timeout(timeout)
            .build()
            .map_err(|error| unreachable(vendor, "set-up", error))?;
        Ok(Self { vendor, client })
    }

    /// The body of a 200 answer; transient failures are tried again up to four times. `what` names the call in errors.
    pub async fn get(&self, url: &str, query: &[(&str, &str)], what: &str) -> Result<String, VendorError> {
        let delays = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(200))
            .with_max_delay(Duration::from_secs(10))
            .with_max_times(4)
            .with_jitter();
        (|| self.once(self.client.get(url).query(query), what))
            .retry(delays)
            .when(VendorError::is_transient)
            .adjust(|error, delay| delay.map(|delay| error.retry_after().unwrap_or(delay)))
            .await
    }

    async fn once(&self, request: RequestBuilder, what: &str) -> Result<String, VendorError> {
        let response = request.send().await.map_err(|error| unreachable(self.vendor, what, error))?;
        let (vendor, status, what) = (self.vendor, response.status(), what.to_owned());
        if status == StatusCode::OK {
            return response.text().await.map_err(|error| unreachable(vendor, &what, error));
        }
        Err(match status {
            StatusCode::TOO_MANY_REQUESTS => {
                VendorError::Throttled { vendor, what, retry_after: retry_after(&response) }
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

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(Duration::from_secs(60)))
}
