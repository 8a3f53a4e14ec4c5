//! Closed trades and sessions as the recorder stored them.

use std::collections::BTreeMap;

use domain::{SessionDate, UnixNanos, Usd};
use serde::Deserialize;
use statistics::{ClosedTrade, Ledger, SessionResult};
use store::query;

use super::Range;
use crate::store::{ReadError, Reader, present};

/// Plans of the sessions `$1` to `$2` that are over and had a fill.
macro_rules! of_closed_plans {
    ($story:literal, $types:literal) => {
        concat!(
            "SELECT e.type, e.payload FROM events e WHERE e.story IN (SELECT ",
            $story,
            " FROM plans p WHERE p.day BETWEEN $1 AND $2 AND p.doc ->> 'state' = 'closed'
              AND p.doc ->> 'avg_entry_price' IS NOT NULL) AND (",
            $types,
            ") ORDER BY e.store_seq"
        )
    };
}

/// What a ledger reads, in the order in which it reads it.
const EVENTS: [&str; 3] = [
    of_closed_plans!("'round/' || (p.doc ->> 'round_id')", "e.type LIKE '%.SignalGenerated'"),
    of_closed_plans!("'plan/' || p.id", "e.type LIKE '%.PlanProposed' OR e.type LIKE '%.PlanApproved'"),
    of_closed_plans!("'plan/' || p.id", "e.type LIKE '%.FillRecorded' OR e.type LIKE '%.PlanClosed'"),
];

/// Every trade of the sessions that is over. An event that this version cannot decode is left out, as in the folds.
pub(super) async fn closed(reader: &Reader, range: &Range) -> Result<Vec<ClosedTrade>, ReadError> {
    let mut ledger = Ledger::default();
    let mut trades = Vec::new();
    for sql in EVENTS {
        let rows = query(sql).bind(range.from.to_string()).bind(range.to.to_string()).fetch_all(reader.pool()).await;
        for row in present(rows)?.unwrap_or_default() {
            let event = events::decode(row.get(0), row.get(1));
            trades.extend(event.ok().and_then(|event| ledger.apply(&event)));
        }
    }
    Ok(trades)
}

/// The account of the last session and what each session came to, oldest first. Of several accounts on one session the one
/// observed last counts; a session whose result is not known is left out.
pub(super) async fn sessions(
    reader: &Reader,
    range: &Range,
) -> Result<(Option<String>, Vec<SessionResult>), ReadError> {
    #[derive(Deserialize)]
    struct Observed {
        account: String,
        session_date: SessionDate,
        start_equity: Usd,
        day_pnl: Option<Usd>,
    }
    let rows = query("SELECT doc FROM account WHERE day BETWEEN $1 AND $2 ORDER BY at, id")
        .bind(range.from.to_string())
        .bind(range.to.to_string())
        .fetch_all(reader.pool())
        .await;
    let mut by_day: BTreeMap<SessionDate, Observed> = BTreeMap::new();
    for row in present(rows)?.unwrap_or_default() {
        let observed: Observed = serde_json::from_str(row.get(0))?;
        by_day.insert(observed.session_date, observed);
    }
    let account = by_day.last_key_value().map(|(_, observed)| observed.account.clone());
    let result = |o: &Observed| {
        let end_equity = o.start_equity.plus(o.day_pnl?, "equity").ok()?;
        let known = SessionResult { session_date: o.session_date, start_equity: o.start_equity, end_equity };
        (o.start_equity > Usd::ZERO).then_some(known)
    };
    Ok((account, by_day.values().filter_map(result).collect()))
}

/// The account's equity over one session, a point a minute, oldest first.
pub(super) async fn minutes(
    reader: &Reader,
    account: &str,
    day: SessionDate,
) -> Result<Vec<(UnixNanos, Usd)>, ReadError> {
    let rows = query("SELECT at, equity FROM account_curve WHERE day = $1 AND account = $2 ORDER BY minute")
        .bind(day.to_string())
        .bind(account)
        .fetch_all(reader.pool())
        .await;
    let point = |row: &store::Row| (UnixNanos::new(row.get(0)), Usd::from_nanos(row.get(1)));
    Ok(present(rows)?.unwrap_or_default().iter().map(point).collect())
}

/// How many trades hold shares still.
pub(super) async fn open_trades(reader: &Reader, range: &Range) -> Result<i64, ReadError> {
    let row = query(
        "SELECT COUNT(*) FROM plans p LEFT JOIN rounds r ON r.id = p.doc ->> 'round_id'
         WHERE p.day BETWEEN $1 AND $2 AND p.doc ->> 'state' = 'open'
           AND ($3 IS NULL OR p.symbol = $3) AND ($4 IS NULL OR r.doc ->> 'strategy' = $4)",
    )
    .bind(range.from.to_string())
    .bind(range.to.to_string())
    .bind(range.symbol.as_ref().map(domain::Symbol::as_str))
    .bind(range.strategy.as_deref())
    .fetch_one(reader.pool())
    .await;
    Ok(present(row)?.map_or(0, |row| row.get(0)))
}
