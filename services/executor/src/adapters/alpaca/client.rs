//! Calls to Alpaca's trading API.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use backon::{ExponentialBuilder, Retryable as _};
use chassis::traces::Tracer;
use domain::calendar::BrokerDay;
use domain::execution::{Answer, BrokerAccount, BrokerClock, BrokerFill, BrokerOrder, BrokerPosition, NewOrder};
use domain::{ClientOrderId, SessionDate, UnixNanos, VenueOrderId};
use ports::{OrderPort, OrderUpdates, Repricing, VendorError};
use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::time::sleep_until;

use super::calls::Calls;
use super::{parse, stream, wire};
use crate::metrics;

const VENDOR: &str = "alpaca";
const ORDERS_PAGE: usize = 500;
const FILLS_PAGE: usize = 100;
/// Readings that can wait. Orders and cancels cannot, nor what covers and exits look at: orders, fills, positions.
const ROUTINE: [&str; 3] = ["account", "clock", "calendar"];
/// Pause after a 429 that does not say how long, and the longest that is kept.
const PAUSE_USUAL: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Key and secret of an account. Never shown.
#[derive(Clone)]
pub struct Credentials {
    /// The key's id.
    pub key_id: String,
    /// Its secret.
    pub secret: String,
}

impl Credentials {
    /// `words` of the broker without key and secret, should it repeat them.
    pub(super) fn left_out_of(&self, words: &[u8]) -> Vec<u8> {
        let text = String::from_utf8_lossy(words);
        let told = [&self.key_id, &self.secret].into_iter().filter(|secret| secret.len() > 3);
        told.fold(text.into_owned(), |text, secret| text.replace(secret.as_str(), "…")).into_bytes()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(..)")
    }
}

/// Where the broker is and how long it may take.
#[derive(Debug, Clone)]
pub struct AlpacaConfig {
    /// Base address of the trading API, without `/v2`.
    pub rest_url: String,
    /// Address of the account's stream.
    pub stream_url: String,
    /// Key and secret.
    pub credentials: Credentials,
    /// Deadline of one call.
    pub call_timeout: Duration,
    /// Calls of any kind within a minute beyond which clock, calendar and account are read later; 0: no limit.
    pub routine_calls_max: usize,
}

/// Alpaca behind [`OrderPort`].
#[derive(Debug, Clone)]
pub struct AlpacaClient {
    http: reqwest::Client,
    config: AlpacaConfig,
    tracer: Tracer,
    /// Before it nothing is read, since the broker has throttled us. What changes something is not held back: who sends
    /// it has just made sure that the account is still ours. A submit or a replacement is sent again only after a look-up,
    /// which waits; a cancel without an answer is repeated a few times within seconds, which can do no harm twice.
    not_before: Arc<watch::Sender<tokio::time::Instant>>,
    calls: Arc<Calls>,
}

impl AlpacaClient {
    /// A client; connects at the first call.
    ///
    /// # Errors
    /// `VendorError::Malformed` when a key cannot stand in an HTTP header.
    pub fn new(config: AlpacaConfig) -> Result<Self, VendorError> {
        // Another client of this process may have installed it first; it is the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut headers = HeaderMap::new();
        for (name, value) in
            [("apca-api-key-id", &config.credentials.key_id), ("apca-api-secret-key", &config.credentials.secret)]
        {
            let mut value = HeaderValue::from_str(value)
                .map_err(|_| malformed("the keys", format!("{name} holds a character no header may hold")))?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        let http = reqwest::Client::builder()
            .default_headers(headers)
            .timeout(config.call_timeout)
            .connect_timeout(config.call_timeout)
            .build()
            .map_err(|e| unreachable("the client", e))?;
        let not_before = Arc::new(watch::Sender::new(tokio::time::Instant::now()));
        let calls = Arc::new(Calls::new(config.routine_calls_max));
        Ok(Self { http, config, tracer: Tracer::default(), not_before, calls })
    }

    /// Each call is a span of `tracer`.
    pub fn traced(mut self, tracer: &Tracer) -> Self {
        self.tracer = tracer.clone();
        self
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.config.rest_url.trim_end_matches('/')))
    }

    /// A read, repeated with growing delays while that may help.
    async fn read<T: DeserializeOwned>(
        &self,
        call: &'static str,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<T, VendorError> {
        let once = || async {
            let not_before = *self.not_before.borrow();
            sleep_until(not_before).await;
            if ROUTINE.contains(&call) {
                self.calls.room().await;
            }
            let (status, body) = self.timed(call, self.request(Method::GET, path).query(query)).await?;
            if status.is_success() {
                return serde_json::from_slice(&body).map_err(|e| malformed(call, e.to_string()));
            }
            Err(failure(call, status, &body))
        };
        once.retry(retries()).when(VendorError::is_transient).await
    }

    /// A request that may change something at the broker, sent once.
    async fn change(&self, call: &'static str, request: RequestBuilder) -> Answer {
        match self.timed(call, request).await {
            Ok((status, body)) => answer(status, &body),
            Err(lost) => Answer::Unknown(chain(&lost)),
        }
    }

    async fn timed(&self, call: &'static str, request: RequestBuilder) -> Result<(StatusCode, Vec<u8>), VendorError> {
        let begun = Instant::now();
        let (client, request) = request.build_split();
        let request = request.map_err(|e| unreachable(call, e))?;
        self.calls.count();
        let mut span = self.tracer.request(request.method().as_str(), request.url(), route(request.url().path()));
        let outcome = async {
            let response = client.execute(request).await.map_err(|e| unreachable(call, e))?;
            let status = response.status();
            if let Some(pause) = pause_after(status, response.headers()) {
                self.not_before.send_modify(|at| *at = (*at).max(tokio::time::Instant::now() + pause));
            }
            let body = response.bytes().await.map_err(|e| unreachable(call, e))?;
            let body = if status.is_success() { body.to_vec() } else { self.config.credentials.left_out_of(&body) };
            Ok((status, body))
        }
        .await;
        let status = outcome.as_ref().map(|(status, _)| status.as_u16());
        metrics::broker_call(call, begun.elapsed(), status.ok());
        span.answered(status);
        outcome
    }
}

/// The path as the API's documentation has it.
fn route(path: &str) -> &str {
    let route = path.find("/v2/").map_or(path, |at| &path[at..]);
    if route.starts_with("/v2/orders/") { "/v2/orders/{order_id}" } else { route }
}

#[async_trait]
impl OrderPort for AlpacaClient {
    async fn submit(&self, order: &NewOrder) -> Answer {
        self.change("submit", self.request(Method::POST, "/v2/orders").json(&parse::new_order(order))).await
    }

    async fn find(&self, ours: &ClientOrderId, venue: Option<&VenueOrderId>) -> Answer {
        let (path, query) = match venue {
            Some(venue) => (format!("/v2/orders/{venue}"), vec![("nested", "true".to_owned())]),
            None => {
                let id = ours.as_str().to_owned();
                (
                    "/v2/orders:by_client_order_id".to_owned(),
                    vec![("client_order_id", id), ("nested", "true".to_owned())],
                )
            }
        };
        match self.read::<wire::Order>("find", &path, &query).await {
            Ok(found) => parse::order(&found).map_or_else(|e| Answer::Unknown(e.to_string()), Answer::Found),
            Err(VendorError::Refused { reason, .. }) if reason.starts_with(NOT_FOUND) => Answer::NotFound,
            Err(failed) => Answer::Unknown(chain(&failed)),
        }
    }

    async fn cancel(&self, venue: &VenueOrderId) -> Answer {
        let once = || async {
            match self.change("cancel", self.request(Method::DELETE, &format!("/v2/orders/{venue}"))).await {
                Answer::Unknown(reason) => Err(Answer::Unknown(reason)),
                answer => Ok(answer),
            }
        };
        once.retry(retries()).await.unwrap_or_else(|unknown| unknown)
    }

    async fn replace(&self, venue: &VenueOrderId, repricing: &Repricing) -> Answer {
        let body = wire::Repricing {
            client_order_id: repricing.client_order_id.as_str(),
            stop_price: repricing.stop_price.map(|price| price.to_string()),
            limit_price: repricing.limit_price.map(|price| price.to_string()),
        };
        self.change("replace", self.request(Method::PATCH, &format!("/v2/orders/{venue}")).json(&body)).await
    }

    async fn orders(&self, since: UnixNanos) -> Result<Vec<BrokerOrder>, VendorError> {
        let mut orders: Vec<BrokerOrder> = Vec::new();
        let mut after = since.to_string();
        loop {
            let query = [
                ("status", "all".to_owned()),
                ("nested", "true".to_owned()),
                ("direction", "asc".to_owned()),
                ("limit", ORDERS_PAGE.to_string()),
                ("after", after.clone()),
            ];
            let page: Vec<wire::Order> = self.read("orders", "/v2/orders", &query).await?;
            let last = page.last().and_then(|order| order.submitted_at.clone());
            let full = page.len() >= ORDERS_PAGE;
            for order in &page {
                orders.push(parse::order(order).map_err(|e| malformed("orders", format!("order {}: {e}", order.id)))?);
            }
            match last.filter(|last| full && *last != after) {
                Some(last) => after = last,
                None => return Ok(orders),
            }
        }
    }

    async fn fills(&self, since: UnixNanos) -> Result<Vec<BrokerFill>, VendorError> {
        let mut fills = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let mut query = vec![
                ("after", since.to_string()),
                ("direction", "asc".to_owned()),
                ("page_size", FILLS_PAGE.to_string()),
            ];
            query.extend(token.take().map(|id| ("page_token", id)));
            let page: Vec<wire::FillActivity> = self.read("fills", "/v2/account/activities/FILL", &query).await?;
            for fill in &page {
                fills.push(parse::fill(fill).map_err(|e| malformed("fills", format!("fill {}: {e}", fill.id)))?);
            }
            match page.last().filter(|_| page.len() >= FILLS_PAGE) {
                Some(last) => token = Some(last.id.clone()),
                None => return Ok(fills),
            }
        }
    }

    async fn positions(&self) -> Result<Vec<BrokerPosition>, VendorError> {
        let page: Vec<wire::Position> = self.read("positions", "/v2/positions", &[]).await?;
        page.iter().map(parse::position).collect::<Result<_, _>>().map_err(|e| malformed("positions", e.to_string()))
    }

    async fn account(&self) -> Result<BrokerAccount, VendorError> {
        let wire: wire::Account = self.read("account", "/v2/account", &[]).await?;
        parse::account(&wire).map_err(|e| malformed("account", e.to_string()))
    }

    async fn clock(&self) -> Result<BrokerClock, VendorError> {
        let wire: wire::Clock = self.read("clock", "/v2/clock", &[]).await?;
        parse::clock(&wire).map_err(|e| malformed("clock", e.to_string()))
    }

    async fn calendar(&self, from: SessionDate, to: SessionDate) -> Result<Vec<BrokerDay>, VendorError> {
        let query = [("start", from.to_string()), ("end", to.to_string())];
        let days: Vec<wire::TradingDay> = self.read("calendar", "/v2/calendar", &query).await?;
        days.iter().map(parse::trading_day).collect::<Result<_, _>>().map_err(|e| malformed("calendar", e.to_string()))
    }

    fn updates(&self) -> Box<dyn OrderUpdates> {
        Box::new(stream::AlpacaUpdates::connect(self.config.stream_url.clone(), self.config.credentials.clone()))
    }
}

/// What the broker's answer to a change means. The body's code decides; a status alone is not trusted: 403 is also
/// how a wash trade or missing buying power is refused, 422 also a repeated client order id.
pub(super) fn answer(status: StatusCode, body: &[u8]) -> Answer {
    if status == StatusCode::NO_CONTENT {
        return Answer::Taken;
    }
    if status.is_success() {
        let order = serde_json::from_slice::<wire::Order>(body).map_err(|e| e.to_string());
        let order = order.and_then(|order| parse::order(&order).map_err(|e| e.to_string()));
        return order.map_or_else(|e| Answer::Unknown(format!("unreadable answer: {e}")), Answer::Found);
    }
    let refusal: wire::Refusal = serde_json::from_slice(body).unwrap_or_default();
    let words = format!("{} {}", refusal.code, refusal.message);
    match (status.as_u16(), refusal.code) {
        (422, _) if refusal.message.contains("client_order_id must be unique") => Answer::Duplicate,
        (404, _) => Answer::NotFound,
        (429 | 408 | 500..=599, _) => Answer::Unknown(format!("HTTP {} {words}", status.as_u16())),
        (400..=499, code) if code > 0 => Answer::Refused(words),
        (401 | 403, _) => Answer::Refused(format!("HTTP {} login refused", status.as_u16())),
        _ => Answer::Unknown(format!("HTTP {} {words}", status.as_u16())),
    }
}

/// How long a throttled call asks us to be quiet. What is held must be looked after meanwhile, so it is not believed
/// beyond [`PAUSE_MAX`].
fn pause_after(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    if status != StatusCode::TOO_MANY_REQUESTS {
        return None;
    }
    let seconds: Option<u64> = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    Some(seconds.map_or(PAUSE_USUAL, Duration::from_secs).min(PAUSE_MAX))
}

const NOT_FOUND: &str = "not found";

pub(super) fn failure(call: &'static str, status: StatusCode, body: &[u8]) -> VendorError {
    let what = call.to_owned();
    let refusal: wire::Refusal = serde_json::from_slice(body).unwrap_or_default();
    match status.as_u16() {
        429 => VendorError::Throttled { vendor: VENDOR, what, retry_after: None },
        500..=599 => VendorError::Failed { vendor: VENDOR, what, status: status.as_u16() },
        404 => VendorError::Refused { vendor: VENDOR, what, reason: format!("{NOT_FOUND}: {}", refusal.message) },
        status => {
            let reason = format!("HTTP {status} {} {}", refusal.code, refusal.message);
            VendorError::Refused { vendor: VENDOR, what, reason }
        }
    }
}

fn retries() -> ExponentialBuilder {
    ExponentialBuilder::default()
        .with_jitter()
        .with_min_delay(Duration::from_millis(100))
        .with_max_delay(Duration::from_secs(3))
        .with_max_times(4)
}

fn unreachable(what: &str, error: reqwest::Error) -> VendorError {
    VendorError::Unreachable { vendor: VENDOR, what: what.to_owned(), source: Box::new(error.without_url()) }
}

fn malformed(what: &str, reason: String) -> VendorError {
    VendorError::Malformed { vendor: VENDOR, what: what.to_owned(), reason }
}

fn chain(error: &VendorError) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn body_code_decides_what_an_answer_means() {
        let check = |status: u16, body: &str, expected: Answer| {
            assert_eq!(answer(StatusCode::from_u16(status).unwrap(), body.as_bytes()), expected, "{status} {body}");
        };
        check(204, "", Answer::Taken);
        check(404, r#"{"code":40410000,"message":"order not found"}"#, Answer::NotFound);
        check(422, r#"{"code":40010001,"message":"client_order_id must be unique"}"#, Answer::Duplicate);
        check(
            403,
            r#"{"code":40310000,"message":"potential wash trade detected"}"#,
            Answer::Refused("40310000 potential wash trade detected".to_owned()),
        );
        check(429, r#"{"code":42910000,"message":"too many requests."}"#, {
            Answer::Unknown("HTTP 429 42910000 too many requests.".to_owned())
        });
        check(504, "<html>", Answer::Unknown("HTTP 504 0 ".to_owned()));
        assert!(matches!(answer(StatusCode::OK, b"{}"), Answer::Unknown(_)));
    }

    #[test]
    fn a_throttled_call_makes_reads_wait_but_not_for_long() {
        let check = |status: u16, retry_after: Option<&str>, expected: Option<Duration>| {
            let header = retry_after.map(|text| (RETRY_AFTER, HeaderValue::from_str(text).unwrap()));
            let headers: HeaderMap = header.into_iter().collect();
            assert_eq!(pause_after(StatusCode::from_u16(status).unwrap(), &headers), expected, "{retry_after:?}");
        };
        check(429, Some("2"), Some(Duration::from_secs(2)));
        check(429, Some("86400"), Some(PAUSE_MAX));
        check(429, Some("soon"), Some(PAUSE_USUAL));
        check(429, None, Some(PAUSE_USUAL));
        check(503, Some("2"), None);
    }

    #[test]
    fn a_route_names_no_order() {
        assert_eq!(route("/alpaca/v2/orders"), "/v2/orders");
        assert_eq!(route("/v2/orders/61e69015-8549-4bfd"), "/v2/orders/{order_id}");
    }

    #[test]
    fn credentials_are_not_shown() {
        let secret = Credentials { key_id: "sim".to_owned(), secret: "hunter2".to_owned() };
        assert!(!format!("{secret:?}").contains("hunter2"));
        assert_eq!(secret.left_out_of(b"hunter2 is wrong, sim"), "… is wrong, sim".as_bytes());
    }
}
