//! Errors as `application/problem+json` (RFC 9457).

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::store::ReadError;

/// An answer that says what was wrong with the request, or with us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// HTTP status.
    pub status: StatusCode,
    /// Short name of the kind of problem, the last part of its `type`.
    pub code: &'static str,
    /// One sentence, with the parameter and its value where one was wrong.
    pub detail: String,
}

// The names of RFC 6750.
const INVALID_TOKEN: &str = "invalid_token";
const INSUFFICIENT_SCOPE: &str = "insufficient_scope";

/// What is sent; the request's id is filled in by [`crate::guard::identify`].
#[derive(Debug, Clone, Serialize)]
pub struct Body {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: String,
    /// The request's id, also in the `x-request-id` header.
    pub request_id: String,
}

impl Problem {
    /// A query or body parameter that is not what it may be.
    pub fn parameter(name: &str, value: &str, expected: &str) -> Self {
        let shown: String = value.chars().take(60).collect();
        Self::bad_request("bad_parameter", format!("{name} is `{shown}`, must be {expected}"))
    }

    /// A request that cannot be read.
    pub fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, detail: detail.into() }
    }

    /// There is no such thing.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, code: "not_found", detail: detail.into() }
    }

    /// The caller has not said who it is.
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self { status: StatusCode::UNAUTHORIZED, code: "unauthorized", detail: detail.into() }
    }

    /// The caller's token is none, or was revoked.
    pub fn invalid_token() -> Self {
        let detail = "the token is unknown or was revoked; `fin token create` makes one".to_owned();
        Self { status: StatusCode::UNAUTHORIZED, code: INVALID_TOKEN, detail }
    }

    /// The caller's token does not open this.
    pub fn insufficient_scope(detail: impl Into<String>) -> Self {
        Self { status: StatusCode::FORBIDDEN, code: INSUFFICIENT_SCOPE, detail: detail.into() }
    }

    /// The request comes from a page or under a name that may not.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self { status: StatusCode::FORBIDDEN, code: "forbidden", detail: detail.into() }
    }

    /// Things are not as the request takes them to be.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self { status: StatusCode::CONFLICT, code, detail: detail.into() }
    }

    /// The request's `Idempotency-Key` belongs to another request.
    pub fn key_reused() -> Self {
        Self::conflict("key_reused", "this Idempotency-Key came with another command before")
    }

    /// Something that we need is not there; asking again later may help.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, code: "unavailable", detail: detail.into() }
    }

    fn body(&self) -> Body {
        Body {
            r#type: format!("urn:fin-agent:problem:{}", self.code),
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: self.detail.clone(),
            request_id: String::new(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, "").into_response();
        let challenge = match (self.code, self.status) {
            (INVALID_TOKEN, _) => Some("Bearer error=\"invalid_token\""),
            (INSUFFICIENT_SCOPE, _) => Some("Bearer error=\"insufficient_scope\""),
            (_, StatusCode::UNAUTHORIZED) => Some("Bearer"),
            _ => None,
        };
        if let Some(challenge) = challenge {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response.extensions_mut().insert(self.body());
        response
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        tracing::warn!(error = %error, "the store cannot be read");
        Self::unavailable("the store cannot be read at the moment")
    }
}
