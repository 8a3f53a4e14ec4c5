//! What a person may ask for: published to CONTROL with its author, done by others.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use domain::control::{Authorship, FlattenRequested, TradingStateChanged};
use domain::risk::TradingState;
use domain::{Event, EventId, Meta};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::guard::{RequestId, same_origin};
use crate::metrics;
use crate::problem::Problem;
use crate::state::Shared;

/// Longest reason, characters.
const REASON_MAX: usize = 500;
/// Longest idempotency key.
const KEY_MAX: usize = 64;

/// `POST /commands/trading-state`
pub(super) async fn trading_state(
    State(shared): State<Arc<Shared>>,
    Extension(request): Extension<RequestId>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Asked {
        state: TradingState,
        reason: String,
    }
    may_command(&shared, &headers)?;
    let asked: Asked = read(&headers, body)?;
    let by = authorship(&shared, &request, &headers, asked.reason)?;
    publish(&shared, "trading_state_changed", TradingStateChanged { state: asked.state, by: by.clone() }.into(), &by)
        .await
}

/// `POST /commands/flatten`
pub(super) async fn flatten(
    State(shared): State<Arc<Shared>>,
    Extension(request): Extension<RequestId>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Asked {
        reason: String,
    }
    may_command(&shared, &headers)?;
    let asked: Asked = read(&headers, body)?;
    let by = authorship(&shared, &request, &headers, asked.reason)?;
    publish(&shared, "flatten_requested", FlattenRequested { by: by.clone() }.into(), &by).await
}

fn may_command(shared: &Shared, headers: &HeaderMap) -> Result<(), Problem> {
    if !shared.open_commands {
        let why = "commands need a token; without one only the dev profile on a loopback address takes them";
        return Err(Problem::unauthorized(why));
    }
    same_origin(headers)
}

fn read<T: DeserializeOwned>(headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<T, Problem> {
    let json = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if json.split(';').next().map(str::trim) != Some("application/json") {
        return Err(Problem {
            status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
            code: "unsupported_media_type",
            detail: format!("Content-Type is `{json}`, must be application/json"),
        });
    }
    let body = body.map_err(|rejected| Problem {
        status: rejected.status(),
        code: "unreadable_body",
        detail: format!("the body is refused: {}", rejected.body_text()),
    })?;
    serde_json::from_slice(&body).map_err(|e| Problem::bad_request("bad_body", format!("the body is refused: {e}")))
}

/// The request's id is the command's identity, so that a repeated key repeats the event's id and changes nothing.
fn authorship(
    shared: &Shared,
    request: &RequestId,
    headers: &HeaderMap,
    reason: String,
) -> Result<Authorship, Problem> {
    let length = reason.chars().count();
    if reason.trim().is_empty() || length > REASON_MAX {
        return Err(Problem::parameter("reason", &reason, "1 to 500 characters"));
    }
    let request_id = match headers.get("idempotency-key") {
        None => request.0.clone(),
        Some(key) => {
            let key = key.to_str().unwrap_or_default();
            if !(1..=KEY_MAX).contains(&key.len()) || !key.bytes().all(|b| b.is_ascii_graphic()) {
                return Err(Problem::parameter("Idempotency-Key", key, "1 to 64 visible ASCII characters"));
            }
            key.to_owned()
        }
    };
    Ok(Authorship { author: "local".to_owned(), reason, requested_at: shared.now(), request_id })
}

async fn publish(shared: &Shared, kind: &str, event: Event, by: &Authorship) -> Result<Response, Problem> {
    let meta = Meta {
        id: EventId::from_parts(&[kind, &by.request_id]),
        source: "coordinator-api".to_owned(),
        ts_init: by.requested_at,
        causation: None,
        correlation: Some(by.request_id.clone()),
        traceparent: None,
    };
    let sent = shared.publisher.publish(&event, &meta).await;
    metrics::command(event.name(), sent.is_ok());
    match sent {
        Ok(_) => {
            tracing::info!(command = event.name(), author = %by.author, reason = %by.reason, "command accepted");
            Ok((StatusCode::ACCEPTED, Json(json!({ "id": meta.id }))).into_response())
        }
        Err(error) => {
            tracing::error!(error = %error, command = event.name(), "command not published");
            Err(Problem::unavailable("the bus did not take the command; it may still arrive, look at the audit"))
        }
    }
}
