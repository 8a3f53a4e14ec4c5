//! A plan's whole story.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use domain::UnixNanos;
use serde::Deserialize;
use serde_json::{Value, json};
use store::query;

use crate::problem::Problem;
use crate::query::{LIMIT_MAX, ListQuery};
use crate::state::Shared;
use crate::store::{Doc, Listing, ReadError, present};

/// `GET /plans/{id}/explain`: the plan with the candidate, decision, orders, fills and events that it comes from and led
/// to, events by the time they happened.
pub(super) async fn explain(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    #[derive(Deserialize)]
    struct Origin {
        round_id: String,
        signal_id: String,
        symbol: String,
    }
    let reader = &shared.reader;
    let shown: String = id.chars().take(60).collect();
    let plan = reader.find(Listing::Plans, &id).await?;
    let plan = plan.ok_or_else(|| Problem::not_found(format!("there is no plan `{shown}`")))?;
    let origin: Origin = serde_json::from_str(plan.get()).map_err(ReadError::from)?;
    let candidate = format!("{}.{}", origin.round_id, origin.symbol.replace(['.', '/'], "_"));
    let candidate = reader.find(Listing::Candidates, &candidate).await?;
    let (decisions, mut orders, mut fills) = tokio::try_join!(
        of_plan(&shared, Listing::Decisions, &id),
        of_plan(&shared, Listing::Orders, &id),
        of_plan(&shared, Listing::Fills, &id),
    )?;
    orders.reverse();
    fills.reverse();
    let events = events(&shared, &id, &origin.round_id, &origin.signal_id).await?;
    Ok(Json(json!({
        "plan": plan,
        "candidate": candidate,
        "decision": decisions.first(),
        "orders": orders,
        "fills": fills,
        "events": events,
    })))
}

async fn of_plan(shared: &Shared, listing: Listing, plan_id: &str) -> Result<Vec<Doc>, ReadError> {
    let query = ListQuery { limit: LIMIT_MAX, after: None, day: None, symbol: None, plan_id: Some(plan_id.to_owned()) };
    Ok(shared.reader.list(listing, &query, false).await?.items)
}

/// The plan's own events, its signal, and the end of its round.
async fn events(shared: &Shared, plan: &str, round: &str, signal: &str) -> Result<Vec<Value>, ReadError> {
    let rows = query(
        "SELECT at, stream, seq, type, id, summary, headers FROM events
         WHERE story = $1
            OR (story = $2 AND type LIKE '%.RoundClosed')
            OR (story = $2 AND type LIKE '%.SignalGenerated' AND body ->> 'signal_id' = $3)
         ORDER BY at, ts_init, seq",
    )
    .bind(format!("plan/{plan}"))
    .bind(format!("round/{round}"))
    .bind(signal)
    .fetch_all(shared.reader.pool())
    .await;
    present(rows)?
        .unwrap_or_default()
        .iter()
        .map(|r| {
            let envelope: Value = serde_json::from_str(r.get(6))?;
            Ok(json!({
                "at": UnixNanos::new(r.get(0)),
                "stream": r.get::<&str>(1),
                "seq": r.get::<i64>(2),
                "type": r.get::<&str>(3).rsplit('.').next(),
                "id": r.get::<&str>(4),
                "summary": r.get::<&str>(5),
                "source": envelope["source"],
                "causation": envelope["causation"],
                "traceparent": envelope["traceparent"],
            }))
        })
        .collect()
}
