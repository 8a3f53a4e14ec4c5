//! What a person may ask for: published to CONTROL with its author, done by others.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use bus::Created;
use domain::control::{Authorship, FlattenRequested, TradingStateChanged};
use domain::risk::TradingState;
use domain::{Event, EventId, Meta};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::guard::OwnId;
use crate::metrics;
use crate::problem::Problem;
use crate::state::Shared;

/// Longest reason, characters.
const REASON_MAX: usize = 500;
/// Longest idempotency key.
const KEY_MAX: usize = 64;

/// The body of a command that only needs a reason.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reason {
    /// Why; 1 to 500 characters.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// The body of `trading-state`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StateWanted {
    /// What the suite may do from now on.
    #[schema(value_type = String, pattern = "^(normal|no_entry|reduce|flatten|halt)$")]
    state: TradingState,
    /// Why; 1 to 500 characters.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// The bus has stored what was asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Accepted {
    /// Id of the event on CONTROL, as the audit lists it.
    pub(crate) id: String,
}

/// A command's body.
pub(super) trait Asked: DeserializeOwned {
    fn reason(&self) -> &str;
}

impl Asked for Reason {
    fn reason(&self) -> &str {
        &self.reason
    }
}

impl Asked for StateWanted {
    fn reason(&self) -> &str {
        &self.reason
    }
}

/// A command that was read: what is asked for, by whom and why.
pub(super) struct Command<T> {
    pub(super) asked: T,
    pub(super) by: Authorship,
}

/// `POST /commands/trading-state`
pub(super) async fn trading_state(
    State(shared): State<Arc<Shared>>,
    Command { asked, by }: Command<StateWanted>,
) -> Result<(StatusCode, Json<Accepted>), Problem> {
    publish(&shared, "trading_state_changed", by, |by| TradingStateChanged { state: asked.state, by }.into()).await
}

/// `POST /commands/flatten`
pub(super) async fn flatten(
    State(shared): State<Arc<Shared>>,
    Command { by, .. }: Command<Reason>,
) -> Result<(StatusCode, Json<Accepted>), Problem> {
    publish(&shared, "flatten_requested", by, |by| FlattenRequested { by }.into()).await
}

/// Stores the event that `make` gives, once for each request id.
pub(super) async fn publish(
    shared: &Shared,
    kind: &str,
    by: Authorship,
    make: impl Fn(Authorship) -> Event,
) -> Result<(StatusCode, Json<Accepted>), Problem> {
    let event = make(by.clone());
    let meta = Meta {
        id: EventId::from_parts(&[kind, &by.request_id]),
        source: "coordinator-api".to_owned(),
        ts_init: by.requested_at,
        causation: None,
        correlation: Some(by.request_id.clone()),
        traceparent: None,
    };
    let sent = shared.publisher.create(&event, &meta).await;
    metrics::command(event.name(), sent.is_ok());
    match sent {
        Ok(Created::New { .. } | Created::Exists { same: true, .. }) => {
            tracing::info!(command = event.name(), author = %by.author, reason = %by.reason, "command accepted");
        }
        Ok(Created::Exists { same: false, .. }) => repeats(shared, &event, by, make).await?,
        Err(error) => {
            tracing::error!(error = %error, command = event.name(), "command not published");
            return Err(not_taken());
        }
    }
    Ok(accepted(&meta.id))
}

pub(super) fn accepted(id: &EventId) -> (StatusCode, Json<Accepted>) {
    (StatusCode::ACCEPTED, Json(Accepted { id: id.to_string() }))
}

pub(super) fn not_taken() -> Problem {
    Problem::unavailable("the bus did not take the command; it may still arrive, look at the audit")
}

/// A request id may come again with the same command, which then was carried out already, and with no other.
async fn repeats(
    shared: &Shared,
    event: &Event,
    by: Authorship,
    make: impl Fn(Authorship) -> Event,
) -> Result<(), Problem> {
    let stored = shared.publisher.stored_for(event).await.map_err(|_| not_taken())?;
    let same = stored.is_some_and(|(first, meta)| make(Authorship { requested_at: meta.ts_init, ..by }) == first);
    if same { Ok(()) } else { Err(Problem::key_reused()) }
}

impl<T: Asked> FromRequest<Arc<Shared>> for Command<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, shared: &Arc<Shared>) -> Result<Self, Problem> {
        let headers = request.headers().clone();
        let caller = request.extensions().get::<Caller>().cloned();
        let caller = caller.ok_or_else(|| Problem::unauthorized("commands need a caller"))?;
        let own_id = request.extensions().get::<OwnId>().map(|id| id.0.clone()).unwrap_or_default();
        let asked: T = read(&headers, Bytes::from_request(request, shared).await)?;
        let reason = asked.reason();
        if reason.trim().is_empty() || reason.chars().count() > REASON_MAX {
            return Err(Problem::parameter("reason", reason, "1 to 500 characters"));
        }
        let by = Authorship {
            author: caller.author,
            reason: reason.to_owned(),
            requested_at: shared.now(),
            request_id: idempotency_key(&headers)?.unwrap_or(own_id),
        };
        Ok(Self { asked, by })
    }
}

fn read<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<T, Problem> {
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

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    let key = key.to_str().unwrap_or_default();
    if !(1..=KEY_MAX).contains(&key.len()) || !key.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Problem::parameter("Idempotency-Key", key, "1 to 64 visible ASCII characters"));
    }
    Ok(Some(key.to_owned()))
}
