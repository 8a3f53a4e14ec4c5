//! Minute bars.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde_json::Value;

use crate::changes::bar;
use crate::problem::Problem;
use crate::query::{Cursor, ListQuery, symbol};
use crate::state::Shared;
use crate::store::{Page, Select, page, present};

/// `GET /bars/{symbol}`: one page of a session's bars, oldest first.
pub(super) async fn bars(
    State(shared): State<Arc<Shared>>,
    Path(ticker): Path<String>,
    query: ListQuery,
) -> Result<Json<Page<Value>>, Problem> {
    let symbol = symbol(&ticker)?;
    let current = shared.reader.position().await?.unwrap_or_default().session(shared.now());
    let day = query.day.unwrap_or(current);
    let mut bars = Select::new("symbol, start, open, high, low, close, volume", "bars");
    bars.only("symbol =", symbol.to_string()).only("day =", day.to_string());
    if let Some(after) = &query.after {
        bars.only("start >", after.at);
    }
    let rows = present(bars.page("start", query.limit).fetch_all(shared.reader.pool()).await)?.unwrap_or_default();
    let cursor = |r: &store::Row| Cursor { at: r.get(1), id: r.get(0) }.to_string();
    Ok(Json(page(&rows, query.limit, cursor, |r| Ok(bar(r, 0)))?))
}
