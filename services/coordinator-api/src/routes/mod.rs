//! The HTTP routes.

mod account;
mod bars;
mod commands;
mod lists;
mod plan;
mod stream;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router, middleware};

use crate::guard::{self, RequestIds};
use crate::problem::Problem;
use crate::state::Shared;
use crate::store::Listing;
use crate::{dashboard, status};

/// The store's commit number that an answer is at least as new as; a live stream opened `?after=` it misses nothing.
const STORE_SEQ: HeaderName = HeaderName::from_static("x-store-seq");
/// Bytes of a command's body.
const BODY_MAX: usize = 16 * 1024;

/// Everything under one address. `health` answers `/healthz`, `/readyz` and `/metrics`; with `loopback`, requests under a
/// foreign host name are refused.
pub fn router(shared: Arc<Shared>, health: Router, loopback: bool) -> Router {
    let ids = Arc::new(RequestIds::new(shared.instance.clone()));
    let list = |listing| get(move |state, query| lists::list(state, query, listing));
    let api = Router::new()
        .route("/status", get(suite_status))
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
        .route("/bars/{*symbol}", get(bars::bars))
        .route("/stream", get(stream::stream))
        .route("/commands/trading-state", post(commands::trading_state))
        .route("/commands/flatten", post(commands::flatten))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .method_not_allowed_fallback(
            |uri: Uri| async move { guard::unknown(StatusCode::METHOD_NOT_ALLOWED, uri.path()) },
        )
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), store_seq))
        .with_state(shared);
    let mut all = health.nest("/api/v1", api).fallback(dashboard::serve);
    if loopback {
        all = all.layer(middleware::from_fn(guard::own_name_only));
    }
    all.layer(middleware::from_fn_with_state(ids, guard::identify))
}

async fn suite_status(State(shared): State<Arc<Shared>>) -> Result<Response, Problem> {
    let connected = shared.bus.is_up();
    let status = status::status(&shared.reader, &shared.around, connected, shared.now()).await?;
    Ok(Json(status).into_response())
}

/// Reads the store's commit number before the answer is made, so that it is never newer than the answer.
async fn store_seq(
    State(shared): State<Arc<Shared>>,
    request: axum::extract::Request,
    next: middleware::Next,
) -> Response {
    let position = shared.reader.position().await;
    let mut response = next.run(request).await;
    if let Ok(Some(position)) = position {
        response.headers_mut().insert(STORE_SEQ, HeaderValue::from(position.store_seq));
    }
    response
}
