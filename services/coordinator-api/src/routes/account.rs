//! The account with its curve.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use domain::{UnixNanos, Usd};
use serde_json::{Value, json};

use crate::problem::Problem;
use crate::query::ListQuery;
use crate::state::Shared;
use crate::store::{Listing, ReadError, present};

/// `GET /account`: the newest observation of the session, `null` fields before the first.
pub(super) async fn account(State(shared): State<Arc<Shared>>, mut query: ListQuery) -> Result<Json<Value>, Problem> {
    let current = shared.reader.position().await?.unwrap_or_default().session(shared.now());
    let day = *query.day.get_or_insert(current);
    query.limit = 1;
    let page = shared.reader.list(Listing::Account, &query, false).await?;
    let mut account: Value = match page.items.first() {
        Some(doc) => serde_json::from_str(doc.get()).map_err(ReadError::from)?,
        None => json!({
            "account": null, "session_date": day, "equity": null, "start_equity": null, "cash": null,
            "buying_power": null, "day_pnl": null, "day_pnl_pct": null, "day_r": null, "gross_exposure": null,
            "daily_loss_limit": null, "daily_stop_used_pct": null, "tradable": null, "observe_only": null,
            "observed_at": null,
        }),
    };
    let rows = store::query("SELECT at, equity FROM account_curve WHERE day = $1 ORDER BY minute")
        .bind(day.to_string())
        .fetch_all(shared.reader.pool())
        .await;
    let rows = present(rows)?.unwrap_or_default();
    let point = |at: i64, equity: i64| json!({ "at": UnixNanos::new(at), "equity": Usd::from_nanos(equity) });
    account["curve"] = rows.iter().map(|r| point(r.get(0), r.get(1))).collect();
    Ok(Json(account))
}
