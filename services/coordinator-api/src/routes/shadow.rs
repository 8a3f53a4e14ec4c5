//! What a strategy on trial would have done.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use crate::problem::Problem;
use crate::shadow::Report;
use crate::state::Shared;

/// `GET /shadow/report`
pub(super) async fn report(State(shared): State<Arc<Shared>>) -> Result<Json<Report>, Problem> {
    let reported = shared.parity.report(&shared.bus).await;
    let report = reported.map_err(|error| Problem::unavailable(format!("candidates cannot be looked up: {error}")))?;
    report.map(Json).ok_or_else(|| Problem::unavailable("the decisions of both sides are not read yet"))
}
