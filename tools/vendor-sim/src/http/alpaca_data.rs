//! Alpaca's market-data REST: bars, snapshots, quotes, news and corporate actions.

use std::fmt::Write;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::response::Response;
use axum::routing::get;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::alpaca_trades::latest_trade;
use super::{Failure, Outcome, reply, text};
use crate::broker::order::rfc3339;
use crate::calendar;
use crate::decimal;
use crate::rng;
use crate::session::bars::{self, Bar};
use crate::session::{News, World};
use crate::sim::Sim;

const MINUTE: i64 = 60_000_000_000;

/// Paths below `/alpaca`, beside the trading service's.
pub(super) fn routes() -> Router<Arc<Sim>> {
    Router::new()
        .route("/v2/stocks/bars", get(stock_bars))
        .route("/v2/stocks/bars/latest", get(latest_bars))
        .route("/v2/stocks/snapshots", get(snapshots))
        .route("/v2/stocks/quotes/latest", get(latest_quotes))
        .route("/v1beta1/news", get(news))
        .route("/v1/corporate-actions", get(corporate_actions))
}

/// A refusal of one parameter.
pub(super) fn invalid(message: &str) -> Response {
    reply(400, json!({"message": message}))
}

#[derive(Debug, Deserialize)]
struct BarsQuery {
    #[serde(default)]
    symbols: String,
    #[serde(default)]
    timeframe: String,
    start: Option<String>,
    end: Option<String>,
    limit: Option<usize>,
    page_token: Option<String>,
    feed: Option<String>,
    sort: Option<String>,
}

/// Symbols in alphabetical order, each one's bars oldest first; a page may end within a symbol.
async fn stock_bars(State(sim): State<Arc<Sim>>, Query(query): Query<BarsQuery>) -> Outcome {
    // Making the tapes of several symbols takes a while, and the market must go on.
    tokio::task::spawn_blocking(move || bars_page(&sim, &query)).await.map_err(Failure::from)?
}

fn bars_page(sim: &Sim, query: &BarsQuery) -> Outcome {
    let step = match timeframe(&query.timeframe) {
        Some(Timeframe::Day) => None,
        Some(Timeframe::Within(step)) => Some(step),
        None => return Ok(invalid("invalid timeframe")),
    };
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
    let mut symbols: Vec<&str> = query.symbols.split(',').filter(|s| !s.is_empty()).collect();
    symbols.sort_unstable();
    // The place to go on from: a symbol and the start of its next bar.
    let from = query.page_token.as_deref().and_then(|token| token.split_once('|'));
    let from = from.and_then(|(symbol, start)| Some((symbol, start.parse::<i64>().ok()?)));
    if query.page_token.is_some() && from.is_none() {
        return Ok(invalid("invalid page_token"));
    }
    let (mut out, mut left, mut next) = ("{\"bars\":{".to_owned(), limit, None);
    for ticker in symbols {
        let since = match from {
            Some((symbol, _)) if ticker < symbol => continue,
            Some((symbol, at)) if ticker == symbol => at.max(start),
            _ => start,
        };
        let Some(symbol) = sim.world.index_of(ticker) else { continue };
        let rows = rows(sim, symbol, step, since)?;
        let wanted: Vec<&Bar> = rows.iter().filter(|bar| (since..end).contains(&bar.start)).collect();
        let taken = &wanted[..wanted.len().min(left)];
        if !taken.is_empty() {
            let comma = if out.ends_with('{') { "" } else { "," };
            let _ = write!(out, "{comma}\"{ticker}\":[");
            write_bars(&mut out, taken);
            out.push(']');
        }
        left -= taken.len();
        if taken.len() < wanted.len() {
            next = Some(format!("{ticker}|{}", wanted[taken.len()].start));
            break;
        }
    }
    let _ = write!(out, "}},\"next_page_token\":{}}}", json!(next));
    Ok(text("application/json", out))
}

/// What a bar is of.
enum Timeframe {
    Day,
    /// So many nanoseconds.
    Within(i64),
}

fn timeframe(text: &str) -> Option<Timeframe> {
    let minutes = text.strip_suffix("Min").or_else(|| text.strip_suffix('T'));
    match minutes.map(str::parse::<i64>) {
        Some(Ok(minutes)) if (1..60).contains(&minutes) => Some(Timeframe::Within(minutes * MINUTE)),
        Some(_) => None,
        None => ["1Day", "1D"].contains(&text).then_some(Timeframe::Day),
    }
}

/// Everything known of the symbol from `since` on, what has been played of today included.
fn rows(sim: &Sim, symbol: u16, step: Option<i64>, since: i64) -> anyhow::Result<Vec<Bar>> {
    let (date, today): (NaiveDate, Vec<Bar>) = {
        let market = sim.market()?;
        let hours = market.session.hours;
        let played = market.played(symbol);
        let today = match step {
            None => bars::daily(played, &hours).into_iter().collect(),
            Some(step) => bars::intraday(played, step, &hours),
        };
        (hours.date, today)
    };
    let mut rows = match step {
        None => sim.world.daily(symbol, date)?,
        Some(step) => {
            let mut rows = Vec::new();
            for earlier in sim.world.prior_sessions(symbol, date) {
                if calendar::hours(earlier).is_some_and(|hours| hours.post_close > since) {
                    rows.extend_from_slice(&sim.world.intraday(symbol, earlier, step)?);
                }
            }
            rows
        }
    };
    rows.extend(today);
    if step.is_none() {
        // A day's bar is dated to its New York midnight.
        for bar in &mut rows {
            bar.start = calendar::instant(calendar::date_of(bar.start), NaiveTime::MIN);
        }
    }
    Ok(rows)
}

fn write_bars(out: &mut String, rows: &[&Bar]) {
    for (at, bar) in rows.iter().enumerate() {
        out.push_str(if at == 0 { "{" } else { ",{" });
        let start = DateTime::from_timestamp_nanos(bar.start).format("%Y-%m-%dT%H:%M:%SZ");
        let _ = write!(out, "\"t\":\"{start}\",\"o\":");
        for (field, value) in
            [(",\"h\":", bar.open), (",\"l\":", bar.high), (",\"c\":", bar.low), (",\"v\":", bar.close)]
        {
            decimal::write(out, value);
            out.push_str(field);
        }
        let _ = write!(out, "{},\"n\":{},\"vw\":", bar.volume, bar.trades);
        decimal::write(out, bar.vwap());
        out.push('}');
    }
}

#[derive(Debug, Deserialize)]
struct SymbolsQuery {
    #[serde(default)]
    symbols: String,
}

/// Before the first regular trade `dailyBar` is that of the session before, as at Alpaca.
async fn snapshots(State(sim): State<Arc<Sim>>, Query(query): Query<SymbolsQuery>) -> Outcome {
    let mut found = Map::new();
    for ticker in query.symbols.split(',').filter(|s| !s.is_empty()) {
        let Some(symbol) = sim.world.index_of(ticker) else {
            found.insert(ticker.to_owned(), Value::Null);
            continue;
        };
        let days = rows(&sim, symbol, None, i64::MIN)?;
        let bar = |back: usize| {
            let at = days.len().checked_sub(back)?;
            Some(bar_value(&days[at]))
        };
        found.insert(
            ticker.to_owned(),
            json!({
                "latestTrade": latest_trade(&sim, symbol)?, "latestQuote": quote(&sim, symbol)?,
                "minuteBar": latest_bar(&sim, symbol)?,
                "dailyBar": bar(1), "prevDailyBar": bar(2),
            }),
        );
    }
    Ok(reply(200, found))
}

async fn latest_quotes(State(sim): State<Arc<Sim>>, Query(query): Query<SymbolsQuery>) -> Outcome {
    let mut found = Map::new();
    for symbol in known_symbols(&sim, &query.symbols) {
        found.insert(sim.world.listings()[usize::from(symbol)].ticker.clone(), quote(&sim, symbol)?);
    }
    Ok(reply(200, json!({"quotes": found})))
}

async fn latest_bars(State(sim): State<Arc<Sim>>, Query(query): Query<SymbolsQuery>) -> Outcome {
    let mut found = Map::new();
    for symbol in known_symbols(&sim, &query.symbols) {
        found.insert(sim.world.listings()[usize::from(symbol)].ticker.clone(), latest_bar(&sim, symbol)?);
    }
    found.retain(|_, bar| !bar.is_null());
    Ok(reply(200, json!({"bars": found})))
}

/// The symbol's last minute with a price; null before the session's first.
fn latest_bar(sim: &Sim, symbol: u16) -> anyhow::Result<Value> {
    let market = sim.market()?;
    let bars = bars::intraday(market.played(symbol), MINUTE, &market.session.hours);
    Ok(bars.last().map_or(Value::Null, bar_value))
}

fn bar_value(bar: &Bar) -> Value {
    let mut out = String::new();
    write_bars(&mut out, &[bar]);
    serde_json::from_str(&out).unwrap_or_default()
}

/// One cent around the last price; this market has no book.
fn quote(sim: &Sim, symbol: u16) -> anyhow::Result<Value> {
    let market = sim.market()?;
    let quote = market.quotes[usize::from(symbol)];
    let last = if quote.last > 0 { quote.last } else { quote.prev_close };
    let at = if quote.last > 0 { quote.last_ms * 1_000_000 } else { market.clock.now };
    Ok(json!({
        "t": rfc3339(at), "ax": "V", "ap": dollars(last + 5_000_000), "as": 1, "bx": "V",
        "bp": dollars(last - 5_000_000), "bs": 1, "c": ["R"], "z": "C",
    }))
}

#[derive(Debug, Deserialize)]
struct NewsQuery {
    #[serde(default)]
    symbols: String,
    start: Option<String>,
    end: Option<String>,
    limit: Option<usize>,
    page_token: Option<String>,
    sort: Option<String>,
}

async fn news(State(sim): State<Arc<Sim>>, Query(query): Query<NewsQuery>) -> Outcome {
    let (Some(start), Some(end)) = (instant(query.start.as_deref(), i64::MIN), instant(query.end.as_deref(), i64::MAX))
    else {
        return Ok(invalid("invalid start or end: RFC 3339 or YYYY-MM-DD"));
    };
    let (now, session) = {
        let market = sim.market()?;
        (market.clock.now, Arc::clone(&market.session))
    };
    let wanted = known_symbols(&sim, &query.symbols);
    let mut known: Vec<News> = Vec::new();
    if let World::Made(made) = &*sim.world {
        for date in made.prior_sessions(session.hours.date, 3) {
            known.extend(made.news(date)?);
        }
    }
    known.extend(session.news.iter().filter(|item| item.at <= now).cloned());
    let all = query.symbols.is_empty();
    known.retain(|item| (all || wanted.contains(&item.symbol)) && (start..=end).contains(&item.at));
    if query.sort.as_deref() != Some("asc") {
        known.reverse();
    }
    let skipped: usize = query.page_token.as_deref().and_then(|token| token.parse().ok()).unwrap_or(0);
    let limit = query.limit.unwrap_or(10).clamp(1, 50);
    let page = known.iter().skip(skipped).take(limit).map(|item| {
        let ticker = &sim.world.listings()[usize::from(item.symbol)].ticker;
        let id = rng::hash(&format!("{ticker}{}{}", item.at, item.headline)) % 1_000_000_000;
        json!({
            "id": id, "headline": item.headline, "author": item.source, "created_at": rfc3339(item.at),
            "updated_at": rfc3339(item.at), "summary": item.headline, "content": "", "images": [],
            "url": format!("https://news.invalid/{id}"), "symbols": [ticker], "source": item.source.to_lowercase(),
        })
    });
    let page: Vec<Value> = page.collect();
    let next = (skipped + page.len() < known.len()).then(|| (skipped + page.len()).to_string());
    Ok(reply(200, json!({"news": page, "next_page_token": next})))
}

/// Nothing ever happens to the shares of this market.
async fn corporate_actions() -> Response {
    reply(200, json!({"corporate_actions": {}, "next_page_token": null}))
}

/// The symbols of a list that there are, in its order.
pub(super) fn known_symbols(sim: &Sim, list: &str) -> Vec<u16> {
    list.split(',').filter_map(|ticker| sim.world.index_of(ticker)).collect()
}

/// Whether there is such a feed; none is one's own.
pub(super) fn is_feed(feed: Option<&str>) -> bool {
    feed.is_none_or(|feed| ["sip", "iex", "otc", "delayed_sip"].contains(&feed))
}

/// RFC 3339 or a date, which stands for its New York midnight; `absent` without any.
pub(super) fn instant(value: Option<&str>, absent: i64) -> Option<i64> {
    let Some(value) = value else { return Some(absent) };
    if let Ok(date) = value.parse::<NaiveDate>() {
        return Some(calendar::instant(date, NaiveTime::MIN));
    }
    value.parse::<DateTime<Utc>>().ok().and_then(|at| at.timestamp_nanos_opt())
}

fn dollars(nanos: i64) -> f64 {
    nanos as f64 / 1e9
}
