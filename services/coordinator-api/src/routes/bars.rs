//! Minute bars.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde_json::Value;
use sqlx::{QueryBuilder, Row as _, Sqlite};

use crate::changes::bar;
use crate::problem::Problem;
use crate::query::{Cursor, ListQuery, symbol};
use crate::state::Shared;
use crate::store::{Page, page, present};

/// `GET /bars/{symbol}`: one page of a session's bars, oldest first.
pub(super) async fn bars(
    State(shared): State<Arc<Shared>>,
    Path(ticker): Path<String>,
    query: ListQuery,
) -> Result<Json<Page<Value>>, Problem> {
    let symbol = symbol(&ticker)?;
    let current = shared.reader.position().await?.unwrap_or_default().session(shared.now());
    let day = query.day.unwrap_or(current);
    let mut sql = QueryBuilder::<Sqlite>::new("SELECT symbol, start, open, high, low, close, volume FROM bars");
    sql.push(" WHERE symbol = ").push_bind(symbol.to_string());
    sql.push(" AND day = ").push_bind(day.to_string());
    if let Some(after) = &query.after {
        sql.push(" AND start > ").push_bind(after.at);
    }
    sql.push(" ORDER BY start LIMIT ").push_bind(i64::from(query.limit) + 1);
    let rows = present(sql.build().fetch_all(shared.reader.pool()).await)?.unwrap_or_default();
    let cursor = |r: &sqlx::sqlite::SqliteRow| Cursor { at: r.get(1), id: r.get(0) }.to_string();
    Ok(Json(page(&rows, query.limit, cursor, |r| Ok(bar(r, 0)))?))
}
