//! The vendors' REST calls and the simulator's own.

pub(crate) mod alpaca;
mod alpaca_data;
mod alpaca_stream;
pub(crate) mod alphavantage;
pub(crate) mod finnhub;
pub(crate) mod sim;
pub(crate) mod yahoo;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::sim::Sim;
use crate::ws;

/// Every path below the one port.
pub(crate) fn router(sim: Arc<Sim>) -> Router {
    Router::new()
        .nest("/finnhub", finnhub::routes())
        .route("/finnhub/", axum::routing::get(ws::finnhub::upgrade))
        .nest("/yahoo", yahoo::routes())
        .nest("/alphavantage", alphavantage::routes())
        .nest("/alpaca", alpaca::routes())
        .layer(from_fn_with_state(Arc::clone(&sim), reads_go_wrong))
        .nest("/sim/v1", sim::routes().merge(alpaca_stream::routes()))
        .with_state(sim)
}

/// The fault that was asked for this read, if any. Changing calls ask for theirs where the broker acts.
async fn reads_go_wrong(State(sim): State<Arc<Sim>>, request: Request, next: Next) -> Response {
    let is_read = request.method() == Method::GET && !request.headers().contains_key(header::UPGRADE);
    let fault = if is_read { sim.faults.hit("GET", request.uri().path()) } else { None };
    let Some(fault) = fault else { return next.run(request).await };
    fault.wait().await;
    let (status, body) = match (fault.status, fault.body) {
        (None, None) => return next.run(request).await,
        (status, body) => (status.unwrap_or(200), body.unwrap_or_else(|| json!({"message": "an asked-for fault"}))),
    };
    let mut answer = reply(status, body);
    if let Some(seconds) = fault.retry_after_s {
        answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    answer
}

/// An unexpected failure of the simulator itself.
#[derive(Debug)]
pub(crate) struct Failure(anyhow::Error);

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        tracing::error!(error = format!("{:#}", self.0), "request failed");
        let body = axum::Json(json!({"message": format!("{:#}", self.0)}));
        (StatusCode::INTERNAL_SERVER_ERROR, body).into_response()
    }
}

/// An answer, or the simulator's own failure.
pub(crate) type Outcome = Result<Response, Failure>;

/// A JSON answer with a status.
pub(crate) fn reply(status: u16, body: impl serde::Serialize) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, axum::Json(body)).into_response()
}

/// JSON or CSV that is text already.
pub(crate) fn text(content_type: &'static str, body: String) -> Response {
    ([(axum::http::header::CONTENT_TYPE, content_type)], body).into_response()
}
