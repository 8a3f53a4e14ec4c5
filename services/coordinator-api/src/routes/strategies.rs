//! The strategy that runs, and commands about it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use domain::control::StrategyPaused;
use serde::{Deserialize, Serialize};
use sqlx::Row as _;
use utoipa::ToSchema;

use super::commands::{Accepted, Asked, Command, Reason, publish};
use crate::problem::Problem;
use crate::state::Shared;
use crate::store::{Page, ReadError, present};

/// A strategy as it runs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Running {
    /// Its name.
    name: String,
    /// Hash of its numbers.
    version: String,
    /// True when the planner makes no plan of its signals, because a person said so.
    paused: bool,
}

/// The body of `activate`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Activation {
    /// The strategy file's text.
    strategy_yaml: String,
    /// Why; 1 to 500 characters.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

impl Asked for Activation {
    fn reason(&self) -> &str {
        &self.reason
    }
}

/// `GET /strategies`
pub(super) async fn list(State(shared): State<Arc<Shared>>) -> Result<Json<Page<Running>>, Problem> {
    let (name, version) = shared.strategy.clone();
    let paused = is_paused(&shared, &name).await?;
    Ok(Json(Page { items: vec![Running { name, version, paused }], next: None }))
}

/// `POST /commands/strategies/{name}/pause`
pub(super) async fn pause(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    Command { by, .. }: Command<Reason>,
) -> Result<(StatusCode, Json<Accepted>), Problem> {
    set_paused(&shared, &name, true, by).await
}

/// `POST /commands/strategies/{name}/resume`
pub(super) async fn resume(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    Command { by, .. }: Command<Reason>,
) -> Result<(StatusCode, Json<Accepted>), Problem> {
    set_paused(&shared, &name, false, by).await
}

/// `POST /commands/strategies/{name}/activate`: checks the strategy; a running suite does not change its strategy.
pub(super) async fn activate(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    Command { asked, .. }: Command<Activation>,
) -> Problem {
    let strategy = match chassis::read_strategy(&asked.strategy_yaml) {
        Ok(strategy) => strategy,
        Err(error) => return Problem::bad_request("bad_strategy", error.to_string()),
    };
    if strategy.name != name {
        return Problem::parameter("name", &strategy.name, &format!("`{}`, as in the path", short(&name)));
    }
    let version = strategy.version();
    if (&name, &version) == (&shared.strategy.0, &shared.strategy.1) {
        return Problem::conflict("already_active", format!("version {version} of {name} runs already"));
    }
    Problem::conflict(
        "needs_restart",
        format!(
            "version {version} of {name} is valid, but a running suite does not change its strategy: put it into \
             strategy.yaml and start the services again between sessions"
        ),
    )
}

async fn set_paused(
    shared: &Shared,
    name: &str,
    paused: bool,
    by: domain::control::Authorship,
) -> Result<(StatusCode, Json<Accepted>), Problem> {
    let running = &shared.strategy.0;
    if name != running {
        return Err(Problem::not_found(format!("`{}` does not run here; `{running}` does", short(name))));
    }
    let kind = if paused { "strategy_paused" } else { "strategy_resumed" };
    publish(shared, kind, by, |by| StrategyPaused { strategy: name.to_owned(), paused, by }.into()).await
}

/// What the last command about the strategy said.
async fn is_paused(shared: &Shared, name: &str) -> Result<bool, ReadError> {
    let row = sqlx::query(
        "SELECT doc ->> '$.asked.paused' FROM audit
         WHERE doc ->> '$.type' = 'StrategyPaused' AND doc ->> '$.asked.strategy' = $1
         ORDER BY at DESC, id DESC LIMIT 1",
    )
    .bind(name)
    .fetch_optional(shared.reader.pool())
    .await;
    Ok(present(row)?.flatten().is_some_and(|row| row.get::<i64, _>(0) != 0))
}

fn short(text: &str) -> String {
    text.chars().take(60).collect()
}
