//! What changed in the store between two of its commit numbers.

use domain::{Price, UnixNanos};
use serde_json::json;
use store::{Row, query};

use crate::store::{ReadError, Reader, present};

/// Most rows that one look at the store brings; a follower that is farther behind looks again.
pub const SPAN: i64 = 2_000;

/// Changed rows of one view that follow each other, as one event of the live stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Number of the last row in here; everything up to it has been sent once this is.
    pub store_seq: i64,
    /// The view's name, which is the event's.
    pub view: &'static str,
    /// `{"items":[…]}`.
    pub data: String,
}

/// Rows with numbers from `after` (exclusive) to `upto` (inclusive, at most [`SPAN`] later), in order.
///
/// A row that changed again later is not found at its earlier number: only its newest form is ever sent.
pub async fn changes(reader: &Reader, after: i64, upto: i64) -> Result<Vec<Change>, ReadError> {
    let docs = query(CHANGED_DOCS).bind(after).bind(upto).fetch_all(reader.pool()).await;
    let bars = query(CHANGED_BARS).bind(after).bind(upto).fetch_all(reader.pool()).await;
    let mut rows: Vec<(i64, &'static str, String)> = Vec::new();
    for row in present(docs)?.unwrap_or_default() {
        let Some(view) = VIEWS.iter().find(|v| **v == row.get::<&str>(1)) else { continue };
        rows.push((row.get(0), view, row.get(2)));
    }
    for row in present(bars)?.unwrap_or_default() {
        rows.push((row.get(0), "bars", bar(&row, 1).to_string()));
    }
    rows.sort_unstable_by_key(|(seq, _, _)| *seq);
    Ok(group(rows))
}

/// A bar as REST and the live stream show it; its columns begin at `first` with the symbol.
pub(crate) fn bar(row: &Row, first: usize) -> serde_json::Value {
    let price = |i: usize| Price::from_nanos(row.get(first + i));
    json!({
        "symbol": row.get::<&str>(first),
        "start": UnixNanos::new(row.get(first + 1)),
        "open": price(2),
        "high": price(3),
        "low": price(4),
        "close": price(5),
        "volume": row.get::<i64>(first + 6),
    })
}

fn group(rows: Vec<(i64, &'static str, String)>) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    for (store_seq, view, doc) in rows {
        match changes.last_mut() {
            Some(last) if last.view == view => {
                last.store_seq = store_seq;
                last.data.truncate(last.data.len() - "]}".len());
                last.data.push(',');
                last.data.push_str(&doc);
                last.data.push_str("]}");
            }
            _ => changes.push(Change { store_seq, view, data: format!("{{\"items\":[{doc}]}}") }),
        }
    }
    changes
}

const VIEWS: [&str; 9] =
    ["candidates", "plans", "decisions", "orders", "fills", "positions", "account", "errors", "news"];

const CHANGED_DOCS: &str = "
    SELECT store_seq, 'candidates', doc FROM candidates WHERE store_seq > $1 AND store_seq <= $2 UNION ALL
    SELECT store_seq, 'plans', doc FROM plans WHERE store_seq > $1 AND store_seq <= $2 UNION ALL
    SELECT store_seq, 'decisions', doc FROM decisions WHERE store_seq > $1 AND store_seq <= $2 UNION ALL
    SELECT store_seq, 'orders', doc FROM orders WHERE store_seq > $1 AND store_seq <= $2 UNION ALL
    SELECT store_seq, 'fills', doc FROM fills WHERE store_seq > $1 AND store_seq <= $2 UNION ALL
    SELECT store_seq, 'positions', doc FROM positions WHERE store_seq > $1 AND store_seq <= $2 UNION ALL
    SELECT store_seq, 'account', doc FROM account WHERE store_seq > $1 AND store_seq <= $2 UNION ALL
    SELECT store_seq, 'errors', doc FROM errors WHERE store_seq > $1 AND store_seq <= $2 UNION ALL
    SELECT store_seq, 'news', doc FROM news WHERE store_seq > $1 AND store_seq <= $2";

const CHANGED_BARS: &str = "
    SELECT store_seq, symbol, start, open, high, low, close, volume FROM bars WHERE store_seq > $1 AND store_seq <= $2";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_of_one_view_travel_together_and_end_at_their_last_number() {
        let row = |seq, view, doc: &str| (seq, view, doc.to_owned());
        let grouped =
            group(vec![row(3, "plans", "{}"), row(4, "plans", "[]"), row(6, "fills", "1"), row(7, "plans", "2")]);
        let seen: Vec<_> = grouped.iter().map(|c| (c.store_seq, c.view, c.data.as_str())).collect();
        assert_eq!(
            seen,
            [(4, "plans", r#"{"items":[{},[]]}"#), (6, "fills", r#"{"items":[1]}"#), (7, "plans", r#"{"items":[2]}"#)]
        );
    }
}
