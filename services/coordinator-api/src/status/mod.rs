//! The suite's state in one document: what it may do, what it needs, what comes next.

mod banner;
mod services;
mod upcoming;
mod verdict;

use std::sync::Arc;

use domain::risk::TradingState;
use domain::{SessionDate, UnixNanos, calendar};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::query;

use crate::alerts::Board;
use crate::store::{Position, ReadError, Reader, present};
use crate::strategy::versions::Versions;

pub use banner::{Banner, banners};
pub use services::{Check, Condition, Readiness, Reported, ServiceState, readiness, services};
pub use upcoming::{Phase, Step, next_step};
pub use verdict::{Facts, verdict};

/// What does not come from the store.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// `dev`, `paper` or `prod`.
    pub profile: &'static str,
    /// `SIM`, `PAPER` or `LIVE`.
    pub mode: &'static str,
    /// Address of the bus.
    pub bus_url: String,
    /// The vendors' base addresses; only in the dev profile, where they are simulated.
    pub vendors: Option<Value>,
    /// The strategies, which say when scans fall due.
    pub versions: Arc<Versions>,
    /// How alerts do.
    pub alerts: Board,
}

/// How many of each thing the session has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Counts {
    /// Candidates of the newest round.
    pub candidates: i64,
    /// Of them passed.
    pub passed: i64,
    /// Plans of the session.
    pub plans: i64,
    /// Positions held.
    pub open_positions: i64,
    /// Orders that are not over.
    pub open_orders: i64,
    /// Fills of the session.
    pub fills: i64,
}

/// A fault as the store counts it.
#[derive(Debug, Clone, Deserialize)]
pub struct Fault {
    /// Its id.
    pub id: String,
    /// `critical`, `warning` or `info`.
    pub severity: String,
    /// Who noticed.
    pub service: String,
    /// One sentence.
    pub message: String,
    /// More about it.
    pub detail: String,
    /// First time.
    pub since: String,
    /// Last time.
    pub at: String,
    /// How often.
    pub count: u64,
}

/// The document behind `GET /api/v1/status` at wall time `now`; `connected` says whether the bus is.
pub async fn status(
    reader: &Reader,
    around: &Surroundings,
    connected: bool,
    now: UnixNanos,
) -> Result<Value, ReadError> {
    let position = reader.position().await?;
    let at = position.unwrap_or_default();
    let session_date = at.session(now);
    let reported = reported(reader).await?;
    let services = services(&reported, now);
    let readiness = readiness(&services, &reported, position, connected, now);
    let banners = banners(&faults(reader, now).await?, &reported, now);
    let counts = counts(reader, session_date).await?;
    let trading_state = trading_state(reader, session_date).await?;
    let phase = Phase::at(at.watermark.unwrap_or(now));
    let session = calendar::session(session_date);
    let next_step = at.watermark.and_then(|market| next_step(&around.versions.schedules(), market));
    let facts =
        Facts { trading_state, phase, readiness: &readiness, banners: &banners, counts, next_step: next_step.as_ref() };
    Ok(json!({
        "profile": around.profile,
        "mode": around.mode,
        "version": env!("CARGO_PKG_VERSION"),
        "session_date": session_date,
        "clock": { "market": at.watermark, "store": at.committed_at, "now": now, "phase": phase },
        "trading_state": trading_state,
        "verdict": verdict(&facts),
        "next_step": next_step,
        "flat_by": session.map(|s| s.close),
        "early_close": session.is_some_and(|s| s.early_close),
        "readiness": readiness,
        "bus": { "url": around.bus_url, "connected": connected },
        "vendors": around.vendors,
        "services": services,
        "alerts": around.alerts.state(),
        "banners": banners,
        "counts": counts,
        "store_seq": at.store_seq,
    }))
}

async fn reported(reader: &Reader) -> Result<Vec<Reported>, ReadError> {
    let rows = query("SELECT doc FROM readiness ORDER BY at DESC, id LIMIT 200").fetch_all(reader.pool()).await;
    present(rows)?.unwrap_or_default().iter().map(|r| Ok(serde_json::from_str(r.get(0))?)).collect()
}

async fn faults(reader: &Reader, now: UnixNanos) -> Result<Vec<Fault>, ReadError> {
    const DAY_SECONDS: i64 = 86_400;
    let rows = query("SELECT doc FROM errors WHERE at > $1 ORDER BY at DESC LIMIT 200")
        .bind(now.plus_seconds(-DAY_SECONDS).nanos())
        .fetch_all(reader.pool())
        .await;
    present(rows)?.unwrap_or_default().iter().map(|r| Ok(serde_json::from_str(r.get(0))?)).collect()
}

async fn counts(reader: &Reader, day: SessionDate) -> Result<Counts, ReadError> {
    let row = query(
        "SELECT (SELECT COUNT(*) FROM candidates WHERE day = $1 AND at = newest.at),
                (SELECT COUNT(*) FROM candidates WHERE day = $1 AND at = newest.at AND live),
                (SELECT COUNT(*) FROM plans WHERE day = $1),
                (SELECT COUNT(*) FROM positions WHERE day = $1 AND live),
                (SELECT COUNT(*) FROM orders WHERE day = $1 AND live),
                (SELECT COUNT(*) FROM fills WHERE day = $1)
         FROM (SELECT MAX(at) AS at FROM candidates WHERE day = $1) newest",
    )
    .bind(day.to_string())
    .fetch_one(reader.pool())
    .await;
    Ok(present(row)?.map_or_else(Counts::default, |r| Counts {
        candidates: r.get(0),
        passed: r.get(1),
        plans: r.get(2),
        open_positions: r.get(3),
        open_orders: r.get(4),
        fills: r.get(5),
    }))
}

/// The stricter of what a person asked for and what the risk engine locked for this session.
async fn trading_state(reader: &Reader, day: SessionDate) -> Result<TradingState, ReadError> {
    #[derive(Deserialize)]
    struct Stored {
        asked: TradingState,
        locked: Option<TradingState>,
        locked_for: Option<SessionDate>,
    }
    let row = query("SELECT doc FROM trading_state").fetch_optional(reader.pool()).await;
    let Some(row) = present(row)?.flatten() else { return Ok(TradingState::Normal) };
    let stored: Stored = serde_json::from_str(row.get(0))?;
    let locked = stored.locked.filter(|_| stored.locked_for == Some(day));
    Ok(stored.asked.max(locked.unwrap_or_default()))
}

/// Without the parts that change every second anyway, to see whether anything else has.
pub fn without_clock(status: &Value) -> Value {
    let mut rest = status.clone();
    if let Some(fields) = rest.as_object_mut() {
        for name in ["clock", "store_seq"] {
            fields.remove(name);
        }
        for service in fields.get_mut("services").and_then(Value::as_array_mut).into_iter().flatten() {
            service.as_object_mut().map(|s| s.remove("seen_at"));
        }
    }
    rest
}

/// True when the recorder has said within the last seconds that the store is up to date.
fn is_fresh(position: Position, now: UnixNanos) -> bool {
    const FRESH_SECONDS: i64 = 5;
    position.committed_at.is_some_and(|t| now.plus_seconds(-FRESH_SECONDS) <= t)
}
