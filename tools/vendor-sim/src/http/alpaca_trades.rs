//! Alpaca's trades over REST: those of the session that is being played.

use std::fmt::Write;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::alpaca_data::{instant, invalid, is_feed, known_symbols};
use super::{Outcome, reply, text};
use crate::alpaca_feed::write_trade_fields;
use crate::sim::Sim;

/// Paths below `/alpaca`.
pub(super) fn routes() -> Router<Arc<Sim>> {
    Router::new().route("/v2/stocks/trades", get(trades)).route("/v2/stocks/trades/latest", get(latest_trades))
}

#[derive(Debug, Deserialize)]
struct TradesQuery {
    #[serde(default)]
    symbols: String,
    start: Option<String>,
    end: Option<String>,
    limit: Option<usize>,
    page_token: Option<String>,
    feed: Option<String>,
    sort: Option<String>,
}

/// Symbols in alphabetical order, each one's trades oldest first; a page may end within a symbol.
async fn trades(State(sim): State<Arc<Sim>>, Query(query): Query<TradesQuery>) -> Outcome {
    let limit = query.limit.unwrap_or(1_000);
    if !(1..=10_000).contains(&limit) {
        return Ok(invalid("invalid limit: must be between 1 and 10000"));
    }
    if !is_feed(query.feed.as_deref()) {
        return Ok(invalid("invalid feed"));
    }
    if query.sort.as_deref() == Some("desc") {
        return Ok(invalid("sort=desc is not simulated"));
    }
    let (Some(start), Some(end)) = (instant(query.start.as_deref(), i64::MIN), instant(query.end.as_deref(), i64::MAX))
    else {
        return Ok(invalid("invalid start or end: RFC 3339 or YYYY-MM-DD"));
    };
    let skipped = match query.page_token.as_deref().map(str::parse::<usize>) {
        None => 0,
        Some(Ok(skipped)) => skipped,
        Some(Err(_)) => return Ok(invalid("invalid page_token")),
    };
    let market = sim.market()?;
    let listings = sim.world.listings();
    let mut wanted = known_symbols(&sim, &query.symbols);
    wanted.sort_by_key(|symbol| &listings[usize::from(*symbol)].ticker);
    let found = wanted.iter().flat_map(|symbol| market.played_with_ids(*symbol));
    let mut found = found.filter(|(_, trade)| (start..=end).contains(&(trade.ts_ms * 1_000_000))).skip(skipped);
    let (mut out, mut last) = ("{\"trades\":{".to_owned(), None);
    for (id, trade) in found.by_ref().take(limit) {
        let listing = &listings[usize::from(trade.symbol)];
        match last.replace(trade.symbol) {
            Some(symbol) if symbol == trade.symbol => out.push_str(",{"),
            Some(_) => write!(out, "],\"{}\":[{{", listing.ticker)?,
            None => write!(out, "\"{}\":[{{", listing.ticker)?,
        }
        write_trade_fields(&mut out, trade, id, listing);
    }
    out.push_str(if last.is_some() { "]}" } else { "}" });
    let next = found.next().map(|_| (skipped + limit).to_string());
    write!(out, ",\"next_page_token\":{}}}", json!(next))?;
    Ok(text("application/json", out))
}

async fn latest_trades(State(sim): State<Arc<Sim>>, Query(query): Query<TradesQuery>) -> Outcome {
    let mut found = Map::new();
    for symbol in known_symbols(&sim, &query.symbols) {
        found.insert(sim.world.listings()[usize::from(symbol)].ticker.clone(), latest_trade(&sim, symbol)?);
    }
    found.retain(|_, trade| !trade.is_null());
    Ok(reply(200, json!({"trades": found})))
}

/// The symbol's last trade of the session; null before its first.
pub(super) fn latest_trade(sim: &Sim, symbol: u16) -> anyhow::Result<Value> {
    let market = sim.market()?;
    let Some((id, trade)) = market.played_with_ids(symbol).next_back() else { return Ok(Value::Null) };
    let mut out = "{".to_owned();
    write_trade_fields(&mut out, trade, id, &sim.world.listings()[usize::from(symbol)]);
    Ok(serde_json::from_str(&out)?)
}
