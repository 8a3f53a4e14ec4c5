//! The vendors' REST calls and the simulator's own.

pub(crate) mod alpaca;
mod alpaca_data;
mod alpaca_stream;
mod alpaca_trades;
pub(crate) mod alphavantage;
pub(crate) mod finnhub;
pub(crate) mod sim;
pub(crate) mod yahoo;

use std::sync::Arc;

use axum::Router;
use axum::body::to_bytes;
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

/// The fault that was asked for this read or this upgrade, if any. Changing calls ask for theirs where the broker acts.
async fn reads_go_wrong(State(sim): State<Arc<Sim>>, request: Request, next: Next) -> Outcome {
    let verb = match (request.method(), request.headers().contains_key(header::UPGRADE)) {
        (_, true) => "CONNECT",
        (&Method::GET, false) => "GET",
        _ => return Ok(next.run(request).await),
    };
    let fault = sim.faults.hit(verb, request.uri().path(), request.uri().query().unwrap_or_default());
    let Some(fault) = fault else { return Ok(next.run(request).await) };
    fault.wait().await;
    if let Some(answer) = fault.answer() {
        return Ok(answer);
    }
    let answer = next.run(request).await;
    if fault.patch.is_none() || verb == "CONNECT" {
        return Ok(answer);
    }
    let status = answer.status().as_u16();
    let whole = to_bytes(answer.into_body(), usize::MAX).await?;
    Ok(reply(status, fault.patched(serde_json::from_slice(&whole)?)))
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
