//! Lists that the recorder keeps ready.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use crate::problem::Problem;
use crate::query::ListQuery;
use crate::state::Shared;
use crate::store::{Doc, Listing, Page};

/// One page of `listing`, newest first; of the current session unless `day` says otherwise.
pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    mut query: ListQuery,
    listing: Listing,
) -> Result<Json<Page<Doc>>, Problem> {
    if query.day.is_none() && listing.by_session() {
        query.day = Some(shared.reader.position().await?.unwrap_or_default().session(shared.now()));
    }
    Ok(Json(shared.reader.list(listing, &query, listing == Listing::Positions).await?))
}
