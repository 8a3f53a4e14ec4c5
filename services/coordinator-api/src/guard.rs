//! What every request passes: its id, the name it came under, and the answer's protective headers.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::problem::{self, Problem};

/// Header of the request's id, taken from the caller when it is short and plain.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const POLICY: &str = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// Makes request ids that no other process or request has.
#[derive(Debug)]
pub struct RequestIds {
    instance: String,
    next: AtomicU64,
}

/// An id that no other request has, whatever the caller calls the request being answered.
#[derive(Debug, Clone)]
pub struct OwnId(pub String);

impl RequestIds {
    /// Ids of this process, whose start is part of `instance`.
    pub fn new(instance: impl Into<String>) -> Self {
        Self { instance: instance.into(), next: AtomicU64::new(0) }
    }

    fn make(&self) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed).to_string();
        domain::id::content_hash(&["request", &self.instance, &number])
    }
}

/// Gives the request its id, and the answer the id, the problem's body and the protective headers.
pub async fn identify(State(ids): State<Arc<RequestIds>>, mut request: Request, next: Next) -> Response {
    let own_id = ids.make();
    let id = request
        .headers()
        .get(&REQUEST_ID)
        .and_then(|v| v.to_str().ok())
        .filter(|v| (1..=64).contains(&v.len()) && v.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)))
        .map_or_else(|| own_id.clone(), str::to_owned);
    request.extensions_mut().insert(OwnId(own_id));
    let mut response = next.run(request).await;
    if let Some(mut body) = response.extensions_mut().remove::<problem::Body>() {
        body.request_id.clone_from(&id);
        *response.body_mut() = Body::from(serde_json::to_vec(&body).unwrap_or_default());
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.remove(header::CONTENT_LENGTH);
    }
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, value);
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Refuses requests to a loopback address under a foreign name, which only a web page that misuses DNS would send.
pub async fn own_name_only(request: Request, next: Next) -> Response {
    match host_of(request.headers()) {
        Some(host) if !is_loopback(host) => {
            Problem::forbidden(format!("Host is `{host}`, must be a loopback name")).into_response()
        }
        Some(_) => next.run(request).await,
        None => Problem::bad_request("no_host", "the request has no Host header").into_response(),
    }
}

/// Refuses a command that a page of another origin sends.
pub fn same_origin(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().unwrap_or("?");
    let authority = origin.split_once("://").map(|(_, rest)| rest);
    let ours = headers.get(header::HOST).and_then(|h| h.to_str().ok());
    if authority.is_some() && authority == ours && authority.is_some_and(|a| is_loopback(host_name(a))) {
        Ok(())
    } else {
        Err(Problem::forbidden(format!("Origin is `{origin}`, must be this page's own")))
    }
}

/// The answer to a path or method that is not there.
pub fn unknown(status: StatusCode, path: &str) -> Response {
    match status {
        StatusCode::METHOD_NOT_ALLOWED => {
            Problem { status, code: "method_not_allowed", detail: format!("{path} does not take this method") }
        }
        _ => Problem::not_found(format!("there is no {path}")),
    }
    .into_response()
}

fn host_of(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST).and_then(|h| h.to_str().ok()).map(host_name)
}

fn host_name(authority: &str) -> &str {
    match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => authority.split(':').next().unwrap_or(authority),
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(host: &str, origin: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        headers
    }

    #[test]
    fn only_our_own_page_or_no_page_may_command() {
        let check = |host, origin, allowed| {
            assert_eq!(same_origin(&headers(host, origin)).is_ok(), allowed, "{host} {origin:?}");
        };
        check("127.0.0.1:8080", None, true);
        check("127.0.0.1:8080", Some("http://127.0.0.1:8080"), true);
        check("localhost:9", Some("http://localhost:9"), true);
        check("[::1]:8080", Some("http://[::1]:8080"), true);
        check("127.0.0.1:8080", Some("http://127.0.0.1:9999"), false);
        check("127.0.0.1:8080", Some("https://evil.example"), false);
        check("evil.example", Some("http://evil.example"), false);
        check("127.0.0.1:8080", Some("null"), false);
    }

    #[test]
    fn loopback_names_are_told_from_others() {
        for (host, expected) in [
            ("127.0.0.1:1", true),
            ("[::1]:1", true),
            ("LOCALHOST", true),
            ("127.0.0.1.evil.example", false),
            ("10.0.0.1", false),
        ] {
            assert_eq!(is_loopback(host_name(host)), expected, "{host}");
        }
    }
}
