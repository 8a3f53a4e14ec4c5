//! The simulator's own hand on Alpaca's market-data stream: messages that no session makes, and cut connections.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::{Outcome, reply};
use crate::sim::Sim;

/// Paths below `/sim/v1`.
pub(super) fn routes() -> Router<Arc<Sim>> {
    Router::new().route("/alpaca-stream", post(inject).delete(cut))
}

/// Sends messages as they are, each to whoever has asked for its kind (`T`) and symbol (`S`).
async fn inject(State(sim): State<Arc<Sim>>, Json(messages): Json<Vec<Value>>) -> Outcome {
    sim.market()?.alpaca.inject(&messages);
    Ok(reply(202, json!({"messages": messages.len()})))
}

/// Cuts every connection without a word.
async fn cut(State(sim): State<Arc<Sim>>) -> Outcome {
    sim.market()?.alpaca.cut();
    Ok(reply(200, json!({})))
}
