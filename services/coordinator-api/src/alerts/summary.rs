//! What a session came to, as the store has it.

use std::time::Duration;

use domain::ops::Severity;
use domain::{EventId, Micro, SessionDate, UnixNanos};
use store::query;
use tokio::time::{Instant, sleep};

use super::config::Topic;
use super::notice::Notice;
use crate::analytics::{self, Range};
use crate::store::{ReadError, Reader, present};

/// How long the store may need until it holds the session's end.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The summary of `session`, whose end is told by the event `id` at `at`; waits until the store holds that event.
pub(super) async fn summary(reader: &Reader, session: SessionDate, id: &EventId, at: UnixNanos) -> Notice {
    let deadline = Instant::now() + PATIENCE;
    let complete = loop {
        match holds(reader, id).await {
            Ok(true) => break true,
            _ if Instant::now() >= deadline => break false,
            Ok(false) | Err(_) => sleep(LOOK_EVERY).await,
        }
    };
    let mut lines = match numbers(reader, session, at).await {
        Ok(lines) => lines,
        Err(error) => vec![format!("The numbers cannot be read: {error}")],
    };
    if !complete {
        lines.push("The store is behind: the numbers may not be the last ones.".to_owned());
    }
    Notice {
        id: id.to_string(),
        topic: Some(Topic::DaySummary),
        severity: Severity::Info,
        title: format!("{session}: {}", lines.remove(0)),
        body: lines.join("\n"),
        what_to_do: None,
        service: "coordinator-api".to_owned(),
        code: None,
        symbol: None,
        plan_id: None,
        at,
        place: format!("#/analytics/{session}/{session}"),
        like: id.to_string(),
    }
}

async fn holds(reader: &Reader, id: &EventId) -> Result<bool, ReadError> {
    let row = query("SELECT 1 FROM events WHERE id = $1").bind(id.to_string()).fetch_optional(reader.pool()).await;
    Ok(present(row)?.flatten().is_some())
}

async fn numbers(reader: &Reader, session: SessionDate, now: UnixNanos) -> Result<Vec<String>, ReadError> {
    let range = Range { from: session, to: session, strategy: None, symbol: None };
    let trades = analytics::closed_trades(reader, &range).await?;
    let found = analytics::analytics(reader, range, now).await?;
    let total_r = trades.iter().map(|trade| trade.r.micros()).fold(0_i64, i64::saturating_add);
    let percent = |value: Option<Micro>| value.map_or_else(|| "–".to_owned(), |v| format!("{:+.2}%", v.to_f64()));
    let mut lines = vec![match found.sessions.first() {
        Some(day) => format!("{:+.2} USD ({})", day.pnl.to_f64(), percent(day.return_pct)),
        None => "the account's result is not known".to_owned(),
    }];
    let of = &found.trades;
    lines.push(match of.count {
        0 => "No trade was closed.".to_owned(),
        count => format!(
            "{count} trades closed, {} won: {:+.2} R, {:+.2} USD after {:.2} USD of fees.",
            of.wins,
            total_r as f64 / 1e6,
            of.net_pnl.to_f64(),
            of.fees.to_f64()
        ),
    });
    lines.extend(trades.iter().rev().take(10).map(|trade| {
        let reason = serde_json::to_value(trade.reason).ok().and_then(|v| v.as_str().map(|s| s.replace('_', " ")));
        format!("{} {:+.2} R ({})", trade.symbol, trade.r.to_f64(), reason.unwrap_or_default())
    }));
    if trades.len() > 10 {
        lines.push(format!("and {} more.", trades.len() - 10));
    }
    if found.open_trades > 0 {
        lines.push(format!("{} trades still hold shares.", found.open_trades));
    }
    let row = query("SELECT COUNT(*) FROM errors WHERE day = $1 AND doc ->> 'severity' = 'critical'")
        .bind(session.to_string())
        .fetch_one(reader.pool())
        .await;
    let critical: i64 = present(row)?.map_or(0, |row| row.get(0));
    lines.push(format!("Critical errors: {critical}."));
    Ok(lines)
}
