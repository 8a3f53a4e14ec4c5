//! Messages that could not be handled, and what a person does with them.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use bus::dead_letter::{self, HandleError, Handled, Request, Way};
use domain::UnixNanos;
use domain::control::Authorship;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::commands::{Command, Reason, not_taken};
use crate::metrics;
use crate::problem::Problem;
use crate::query::{Cursor, ListQuery};
use crate::state::Shared;
use crate::store::Page;

/// What became of a dead letter.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LetterHandled {
    /// Id of the event on CONTROL, as the audit lists it.
    id: String,
    /// Where the message goes now.
    goes: Goes,
    /// Who reads it again; `null` when nobody does.
    reader: Option<String>,
}

/// Where a message goes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Goes {
    /// To the reader that failed, at once.
    NowToReader,
    /// To the reader that failed, when it starts next: it reads its stream in order.
    NextStart,
    /// Nowhere.
    Away,
}

/// `GET /dead-letters`: oldest first.
pub(super) async fn list(State(shared): State<Arc<Shared>>, query: ListQuery) -> Result<Json<Page<Value>>, Problem> {
    if query.day.is_some() || query.symbol.is_some() || query.plan_id.is_some() {
        return Err(Problem::bad_request("unknown_parameter", "dead letters take `limit` and `after` only"));
    }
    let after = query.after.map_or(0, |cursor| u64::try_from(cursor.at).unwrap_or_default());
    let limit = query.limit as usize;
    let mut letters = dead_letter::list(&shared.bus, after, limit + 1).await.map_err(|e| unreadable(&e))?;
    let more = letters.len() > limit;
    letters.truncate(limit);
    let last = letters.last().filter(|_| more);
    let next = last.map(|l| Cursor { at: i64::try_from(l.seq).unwrap_or(i64::MAX), id: "dead".to_owned() }.to_string());
    Ok(Json(Page { items: letters.iter().map(dead_letter::DeadLetter::row).collect(), next }))
}

/// `GET /dead-letters/{id}`
pub(super) async fn show(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let letter = dead_letter::show(&shared.bus, number(&id)?).await.map_err(|e| unreadable(&e))?;
    let letter = letter.ok_or_else(|| Problem::not_found(format!("there is no dead letter {id}")))?;
    Ok(Json(letter.whole()))
}

/// `POST /commands/dead-letters/{id}/redrive`
pub(super) async fn redrive(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    Command { by, .. }: Command<Reason>,
) -> Result<(StatusCode, Json<LetterHandled>), Problem> {
    let request = Request { now: market_time(&shared).await?, ..request(&shared, by) };
    answer(dead_letter::redrive(&shared.bus, number(&id)?, &request).await, &request.by)
}

/// `POST /commands/dead-letters/{id}/discard`
pub(super) async fn discard(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    Command { by, .. }: Command<Reason>,
) -> Result<(StatusCode, Json<LetterHandled>), Problem> {
    let request = request(&shared, by);
    answer(dead_letter::discard(&shared.bus, number(&id)?, &request).await, &request.by)
}

/// Numbers of DEAD begin at 1 and stay far below what the server's requests can carry.
fn number(id: &str) -> Result<u64, Problem> {
    let number = id.parse().ok().filter(|n| (1..=i64::MAX as u64).contains(n));
    let shown = || id.chars().take(60).collect::<String>();
    number.ok_or_else(|| Problem::not_found(format!("there is no dead letter `{}`", shown())))
}

fn request(shared: &Shared, by: Authorship) -> Request {
    Request { by, source: "coordinator-api".to_owned(), now: shared.now() }
}

/// The later of the market's own time and the wall's, which a simulation has nothing to do with.
async fn market_time(shared: &Shared) -> Result<UnixNanos, Problem> {
    let watermark = shared.reader.position().await?.and_then(|position| position.watermark);
    Ok(match watermark {
        Some(watermark) if shared.simulated => watermark,
        Some(watermark) => watermark.max(shared.now()),
        None => shared.now(),
    })
}

fn answer(
    outcome: Result<Handled, HandleError>,
    by: &Authorship,
) -> Result<(StatusCode, Json<LetterHandled>), Problem> {
    metrics::command("DeadLetterHandled", outcome.is_ok());
    let Handled { event_id, way } = outcome.map_err(refused)?;
    tracing::info!(author = %by.author, reason = %by.reason, ?way, "dead letter handled");
    let (goes, reader) = match way {
        Way::Durable(reader) => (Goes::NowToReader, Some(reader.to_owned())),
        Way::NextStart(reader) => (Goes::NextStart, Some(reader)),
        Way::Discarded => (Goes::Away, None),
    };
    Ok((StatusCode::ACCEPTED, Json(LetterHandled { id: event_id.to_string(), goes, reader })))
}

fn refused(error: HandleError) -> Problem {
    let detail = error.to_string();
    match error {
        HandleError::NotFound(_) => Problem::not_found(detail),
        HandleError::AlreadyHandled { .. } => Problem::conflict("already_handled", detail),
        HandleError::SentAlready { .. } => Problem::conflict("sent_already", detail),
        HandleError::KeyReused { .. } => Problem::key_reused(),
        HandleError::TooLate { .. } => Problem::conflict("too_late", detail),
        HandleError::Unreadable { .. } => Problem::conflict("unreadable", detail),
        HandleError::Bus(error) => {
            tracing::error!(%error, "dead letter not handled");
            not_taken()
        }
    }
}

fn unreadable(error: &bus::BusError) -> Problem {
    tracing::warn!(%error, "dead letters cannot be read");
    Problem::unavailable("the bus does not answer at the moment")
}
