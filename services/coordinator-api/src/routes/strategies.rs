//! The strategy in force, its versions, and commands about it.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use chassis::StrategyFile;
use domain::UnixNanos;
use domain::control::{ConfigActivated, StrategyPaused};
use serde::{Deserialize, Serialize};
use store::query;
use utoipa::ToSchema;

use super::commands::{Accepted, Asked, Command, Reason, accepted, not_taken, publish};
use crate::problem::Problem;
use crate::state::Shared;
use crate::store::{Page, ReadError, present};
use crate::strategy::versions::Version;
use crate::strategy::{Change, activation_id, changes, check, effective_from, sentence};

/// The strategy in force.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Running {
    /// Its name.
    name: String,
    /// Its version: a hash of its numbers.
    version: String,
    /// True when the planner makes no plan of its signals, because a person said so.
    paused: bool,
    /// How it came into force; null until anything is activated.
    activation: Option<Activated>,
    /// Why what lies in the strategy file is not in force, with its line; null if nothing is wrong with it.
    refused: Option<String>,
}

/// An activation of a strategy.
#[derive(Debug, Serialize, ToSchema)]
#[allow(clippy::struct_field_names, reason = "the fields are the answer's names")]
pub(crate) struct Activated {
    /// Id of its event, as the audit lists it.
    id: String,
    /// The strategy's name; null if this release cannot read it.
    name: Option<String>,
    /// The version.
    version: String,
    /// Wall time, RFC 3339.
    #[schema(value_type = String)]
    activated_at: UnixNanos,
    /// Rounds due from this market time on are decided under it, RFC 3339; null: all of them.
    #[schema(value_type = Option<String>)]
    effective_from: Option<UnixNanos>,
    /// The token's name, `local` without one, `file` for the strategy file.
    author: String,
    /// The reason given.
    reason: String,
    /// The file it was read from; null where a person gave its text.
    file: Option<String>,
    /// The version before; null for the first.
    previous: Option<String>,
    /// The keys in which it differs from the one before.
    changes: Vec<Change>,
}

/// An activation with the strategy's text.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WholeVersion {
    /// The version.
    version: String,
    /// The strategy file's text.
    strategy_yaml: String,
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
    known(&shared).await?;
    let (name, version, _) = shared.versions.in_force();
    let paused = is_paused(&shared, &name).await?;
    let activation = activations(&shared.versions.newest()).into_iter().next();
    let running = Running { name, version, paused, activation, refused: shared.versions.refused() };
    Ok(Json(Page { items: vec![running], next: None }))
}

/// `GET /strategies/versions`
pub(super) async fn versions(State(shared): State<Arc<Shared>>) -> Result<Json<Page<Activated>>, Problem> {
    known(&shared).await?;
    Ok(Json(Page { items: activations(&shared.versions.newest()), next: None }))
}

/// `GET /strategies/versions/{version}`
pub(super) async fn version(
    State(shared): State<Arc<Shared>>,
    Path(version): Path<String>,
) -> Result<Json<WholeVersion>, Problem> {
    known(&shared).await?;
    match shared.versions.newest().iter().find(|known| known.version == version) {
        Some(known) => Ok(Json(WholeVersion { version, strategy_yaml: known.text.clone() })),
        None => Err(Problem::not_found(format!("version `{}` was not activated here", short(&version)))),
    }
}

/// Waits until CONTROL has been read: before that, what lies in the file would be taken for what is in force.
async fn known(shared: &Shared) -> Result<(), Problem> {
    let waited = tokio::time::timeout(Duration::from_secs(2), shared.versions.complete()).await;
    waited.map_err(|_| Problem::unavailable("which strategies were activated is not known yet"))
}

/// Each with what it changed, in the order of `newest`.
fn activations(newest: &[Arc<Version>]) -> Vec<Activated> {
    let before = newest.iter().skip(1).map(Some).chain([None]);
    newest.iter().zip(before).map(|(version, before)| activated(version, before)).collect()
}

fn activated(version: &Version, before: Option<&Arc<Version>>) -> Activated {
    let strategies = before.and_then(|before| before.strategy.as_ref()).zip(version.strategy.as_ref());
    Activated {
        id: version.id.clone(),
        name: version.strategy.as_ref().map(|strategy| strategy.name.clone()),
        version: version.version.clone(),
        activated_at: version.activated_at,
        effective_from: Some(version.effective_from).filter(|from| *from > UnixNanos::default()),
        author: version.author.clone(),
        reason: version.reason.clone(),
        file: version.file.clone(),
        previous: before.map(|before| before.version.clone()),
        changes: strategies.map(|(before, after)| changes(before, after)).unwrap_or_default(),
    }
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

/// `POST /commands/strategies/{name}/activate`
pub(super) async fn activate(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    Command { asked, by }: Command<Activation>,
) -> Result<(StatusCode, Json<Accepted>), Problem> {
    known(&shared).await?;
    let file = StrategyFile::new("strategy.yaml", &asked.strategy_yaml);
    let (strategy, problems) = check(&file, &shared.strategy_folder);
    let Some(strategy) = strategy.filter(|_| problems.is_empty()) else {
        return Err(Problem::bad_request("bad_strategy", sentence(&problems)));
    };
    if strategy.name != name {
        return Err(Problem::parameter("name", &strategy.name, &format!("`{}`, as in the path", short(&name))));
    }
    // Market time goes on meanwhile, so that a repetition would be another event.
    if let Some(earlier) = shared.versions.asked_by(&by.request_id) {
        let same = earlier.text == asked.strategy_yaml && earlier.reason == by.reason;
        let id = activation_id(&by.request_id);
        return if same { Ok(accepted(&id)) } else { Err(Problem::key_reused()) };
    }
    let version = strategy.version();
    if shared.versions.in_force().1 == version {
        return Err(Problem::conflict("already_active", format!("version {version} of {name} is in force already")));
    }
    let from = effective_from(&shared.bus, shared.versions.is_empty()).await.map_err(|error| {
        tracing::error!(%error, "market time is not known");
        not_taken()
    })?;
    publish(&shared, "config_activated", by, |by| {
        let (config_version, strategy_yaml) = (version.clone(), asked.strategy_yaml.clone());
        ConfigActivated { config_version, strategy_yaml, effective_from: from, by, file: None }.into()
    })
    .await
}

async fn set_paused(
    shared: &Shared,
    name: &str,
    paused: bool,
    by: domain::control::Authorship,
) -> Result<(StatusCode, Json<Accepted>), Problem> {
    known(shared).await?;
    let running = shared.versions.in_force().0;
    if name != running {
        return Err(Problem::not_found(format!("`{}` does not run here; `{running}` does", short(name))));
    }
    let kind = if paused { "strategy_paused" } else { "strategy_resumed" };
    publish(shared, kind, by, |by| StrategyPaused { strategy: name.to_owned(), paused, by }.into()).await
}

/// What the last command about the strategy said.
async fn is_paused(shared: &Shared, name: &str) -> Result<bool, ReadError> {
    #[derive(Deserialize)]
    struct Audited {
        asked: Asked,
    }
    #[derive(Deserialize)]
    struct Asked {
        paused: bool,
    }
    let row = query(
        "SELECT doc FROM audit WHERE doc ->> 'type' = 'StrategyPaused' AND doc -> 'asked' ->> 'strategy' = $1
         ORDER BY at DESC, id DESC LIMIT 1",
    )
    .bind(name)
    .fetch_optional(shared.reader.pool())
    .await;
    let Some(row) = present(row)?.flatten() else { return Ok(false) };
    Ok(serde_json::from_str::<Audited>(row.get(0))?.asked.paused)
}

fn short(text: &str) -> String {
    text.chars().take(60).collect()
}
