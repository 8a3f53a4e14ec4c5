//! What trading amounts to, and the trades behind it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;

use crate::analytics::{self, Analytics, Range, RangeQuery, Trade};
use crate::problem::Problem;
use crate::query::{self, Cursor, ListQuery};
use crate::state::Shared;
use crate::store::Page;

/// `GET /analytics`
pub(super) async fn analytics(
    State(shared): State<Arc<Shared>>,
    query: RangeQuery,
) -> Result<Json<Analytics>, Problem> {
    let range = range(&shared, query).await?;
    Ok(Json(analytics::analytics(&shared.reader, range, shared.now()).await?))
}

/// `GET /analytics/trades`: one page of the closed trades, the last to end first.
pub(super) async fn trades(
    State(shared): State<Arc<Shared>>,
    TradesQuery { range: asked, page }: TradesQuery,
) -> Result<Json<Page<Trade>>, Problem> {
    let range = range(&shared, asked).await?;
    let mut trades = analytics::closed_trades(&shared.reader, &range).await?;
    let place = |trade: &statistics::ClosedTrade| Cursor { at: trade.exit_at.nanos(), id: trade.plan_id.to_string() };
    if let Some(after) = &page.after {
        trades.retain(|trade| {
            let here = place(trade);
            (here.at, &here.id) < (after.at, &after.id)
        });
    }
    let limit = page.limit as usize;
    let next = (trades.len() > limit).then(|| place(&trades[limit - 1]).to_string());
    trades.truncate(limit);
    Ok(Json(Page { items: trades.into_iter().map(Trade::from).collect(), next }))
}

async fn range(shared: &Shared, query: RangeQuery) -> Result<Range, Problem> {
    query.resolve(shared.reader.position().await?.unwrap_or_default().session(shared.now()))
}

/// A range, and which page of its trades.
pub(super) struct TradesQuery {
    range: RangeQuery,
    page: ListQuery,
}

impl<S: Send + Sync> FromRequestParts<S> for TradesQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let paging = |(name, _): &(String, String)| name == "limit" || name == "after";
        let (page, range): (Vec<_>, Vec<_>) = query::pairs(parts)?.into_iter().partition(paging);
        Ok(Self { range: RangeQuery::read(&range)?, page: ListQuery::read(&page)? })
    }
}
