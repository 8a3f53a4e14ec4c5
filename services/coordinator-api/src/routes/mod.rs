//! The HTTP routes.

mod account;
mod analytics;
mod bars;
pub(crate) mod commands;
pub(crate) mod dead_letters;
mod lists;
mod plan;
mod shadow;
pub(crate) mod strategies;
mod stream;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use bus::tokens::Scope;

use crate::auth;
use crate::guard::{self, RequestIds};
use crate::problem::Problem;
use crate::state::Shared;
use crate::store::{Listing, Position};
use crate::{dashboard, openapi, status};

/// The store's commit number that an answer is at least as new as; a live stream opened `?after=` it misses nothing.
const STORE_SEQ: HeaderName = HeaderName::from_static("x-store-seq");
/// Bytes of a command's body.
const BODY_MAX: usize = 16 * 1024;
/// Bytes of a body that holds a strategy file.
const STRATEGY_MAX: usize = 128 * 1024;

/// Everything under one address; `health` answers `/healthz`, `/readyz` and `/metrics`. Without tokens, requests under a
/// foreign host name are refused.
pub fn router(shared: Arc<Shared>, health: Router) -> Router {
    let ids = Arc::new(RequestIds::new(shared.instance.clone()));
    let open = shared.open;
    let for_whom = |router: Router<Arc<Shared>>, scope: Scope| {
        router
            .layer(middleware::from_fn_with_state(Arc::clone(&shared), store_seq))
            .layer(middleware::from_fn_with_state((Arc::clone(&shared), scope), auth::require))
    };
    let looking = stored().layer(middleware::from_fn_with_state(Arc::clone(&shared), cached)).merge(live());
    let api = for_whom(looking, Scope::Read)
        .merge(for_whom(commands(), Scope::Operate))
        .merge(for_whom(changes(), Scope::Admin))
        .method_not_allowed_fallback(
            |uri: Uri| async move { guard::unknown(StatusCode::METHOD_NOT_ALLOWED, uri.path()) },
        )
        .with_state(shared);
    let mut all = health.merge(openapi::router()).nest("/api/v1", api).fallback(dashboard::serve);
    if open {
        all = all.layer(middleware::from_fn(guard::own_name_only));
    }
    all.layer(middleware::from_fn_with_state(ids, guard::identify))
}

/// What depends on the store alone.
fn stored() -> Router<Arc<Shared>> {
    let list = |listing| get(move |state, query| lists::list(state, query, listing));
    Router::new()
        .route("/candidates", list(Listing::Candidates))
        .route("/plans", list(Listing::Plans))
        .route("/plans/{id}/explain", get(plan::explain))
        .route("/decisions", list(Listing::Decisions))
        .route("/orders", list(Listing::Orders))
        .route("/fills", list(Listing::Fills))
        .route("/positions", list(Listing::Positions))
        .route("/errors", list(Listing::Errors))
        .route("/news", list(Listing::News))
        .route("/audit", list(Listing::Audit))
        .route("/account", get(account::account))
        .route("/analytics", get(analytics::analytics))
        .route("/analytics/trades", get(analytics::trades))
        .route("/bars/{*symbol}", get(bars::bars))
}

/// What also depends on the clock or the bus.
fn live() -> Router<Arc<Shared>> {
    Router::new()
        .route("/status", get(suite_status))
        .route("/stream", get(stream::stream))
        .route("/strategies", get(strategies::list))
        .route("/strategies/versions", get(strategies::versions))
        .route("/strategies/versions/{version}", get(strategies::version))
        .route("/shadow/report", get(shadow::report))
        .route("/dead-letters", get(dead_letters::list))
        .route("/dead-letters/{id}", get(dead_letters::show))
}

fn commands() -> Router<Arc<Shared>> {
    Router::new()
        .route("/commands/trading-state", post(commands::trading_state))
        .route("/commands/flatten", post(commands::flatten))
        .route("/commands/strategies/{name}/pause", post(strategies::pause))
        .route("/commands/strategies/{name}/resume", post(strategies::resume))
        .route("/commands/dead-letters/{id}/redrive", post(dead_letters::redrive))
        .route("/commands/dead-letters/{id}/discard", post(dead_letters::discard))
        .layer(DefaultBodyLimit::max(BODY_MAX))
}

/// What changes what the suite runs.
fn changes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/commands/strategies/{name}/activate", post(strategies::activate))
        .layer(DefaultBodyLimit::max(STRATEGY_MAX))
}

async fn suite_status(State(shared): State<Arc<Shared>>) -> Result<Response, Problem> {
    let connected = shared.bus.is_up();
    let status = status::status(&shared.reader, &shared.around, connected, shared.now()).await?;
    Ok(Json(status).into_response())
}

/// Reads the store's commit number before the answer is made, so that it is never newer than the answer.
async fn store_seq(State(shared): State<Arc<Shared>>, mut request: Request, next: Next) -> Response {
    let position = shared.reader.position().await.ok().flatten();
    request.extensions_mut().insert(position);
    let mut response = next.run(request).await;
    if let Some(position) = position {
        response.headers_mut().insert(STORE_SEQ, HeaderValue::from(position.store_seq));
    }
    response
}

/// Tells a caller who has the newest answer already that nothing changed, without making it again.
async fn cached(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let position = request.extensions().get::<Option<Position>>().copied().flatten();
    // Numbers begin anew with a new store, which a running process does not survive; the session turns by itself.
    let tag = position.map(|p| {
        let process = domain::id::content_hash(&["etag", &shared.instance]);
        format!("W/\"{}-{}-{}\"", &process[..8], p.session(shared.now()), p.store_seq)
    });
    let Some(tag) = tag.and_then(|tag| HeaderValue::from_str(&tag).ok()) else { return next.run(request).await };
    let known = request.headers().get_all(header::IF_NONE_MATCH).iter().any(|known| same_tag(known, &tag));
    let mut response = if known { StatusCode::NOT_MODIFIED.into_response() } else { next.run(request).await };
    if known || response.status().is_success() {
        response.headers_mut().insert(header::ETAG, tag);
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    }
    response
}

fn same_tag(known: &HeaderValue, tag: &HeaderValue) -> bool {
    let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
    text(known).split(',').any(|one| one.trim() == text(tag) || one.trim() == "*")
}
