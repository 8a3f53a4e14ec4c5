//! Yahoo's v8 chart.

use std::fmt::Write;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;
use serde_json::json;

use super::{Outcome, reply, text};
use crate::calendar::{self, Hours};
use crate::decimal;
use crate::session::bars::{self, Bar};
use crate::sim::Sim;

const SECOND: i64 = 1_000_000_000;

#[derive(Debug, Deserialize)]
struct Chart {
    interval: Option<String>,
    range: Option<String>,
    period1: Option<i64>,
    period2: Option<i64>,
    #[serde(rename = "includePrePost", default)]
    include_pre_post: String,
}

/// Paths below `/yahoo`.
pub(crate) fn routes() -> Router<Arc<Sim>> {
    Router::new().route("/v8/finance/chart/{symbol}", get(chart))
}

async fn chart(State(sim): State<Arc<Sim>>, Path(ticker): Path<String>, Query(query): Query<Chart>) -> Outcome {
    // Yahoo writes share classes with a dash where the tape has a dot.
    let Some(symbol) = sim.world.index_of(&ticker.replace('-', ".")) else {
        return Ok(refused(404, "Not Found", "No data found, symbol may be delisted"));
    };
    let interval = query.interval.as_deref().unwrap_or("1d");
    let range = query.range.as_deref().unwrap_or(if query.period1.is_some() { "" } else { "1mo" });
    let step = match interval {
        "1d" => None,
        "1m" => Some(60 * SECOND),
        "5m" => Some(300 * SECOND),
        "15m" => Some(900 * SECOND),
        other => {
            return Ok(refused(
                422,
                "Unprocessable Entity",
                &format!("Invalid input - interval={other} is not supported"),
            ));
        }
    };
    let Some(sessions) = sessions(range) else {
        return Ok(refused(422, "Unprocessable Entity", &format!("Invalid input - range={range} is not supported")));
    };
    let (hours, quote, today) = {
        let market = sim.market()?;
        let hours = market.session.hours;
        let played = market.played(symbol);
        let today = match step {
            None => bars::daily(played, &hours).into_iter().collect(),
            Some(step) => bars::intraday(played, step, &hours),
        };
        (hours, market.quotes[usize::from(symbol)], today)
    };
    let mut rows = match step {
        None => sim.world.daily(symbol, hours.date)?,
        Some(step) => {
            let mut rows = Vec::new();
            let prior = sim.world.prior_sessions(symbol, hours.date);
            for date in &prior[prior.len().saturating_sub(sessions.saturating_sub(1))..] {
                rows.extend_from_slice(&sim.world.intraday(symbol, *date, step)?);
            }
            rows
        }
    };
    rows.extend(today);
    if step.is_none() {
        rows.drain(..rows.len().saturating_sub(sessions));
    } else {
        let is_regular = |bar: &Bar| {
            calendar::hours(calendar::date_of(bar.start)).is_some_and(|h| (h.open..h.close).contains(&bar.start))
        };
        if query.include_pre_post == "true" {
            // Yahoo reports no volume outside regular hours.
            rows.iter_mut().filter(|bar| !is_regular(bar)).for_each(|bar| bar.volume = 0);
        } else {
            rows.retain(is_regular);
        }
    }
    let since = query.period1.map_or(i64::MIN, |s| s.saturating_mul(SECOND));
    let until = query.period2.map_or(i64::MAX, |s| s.saturating_mul(SECOND));
    rows.retain(|bar| (since..until).contains(&bar.start));

    let last = if quote.last > 0 { quote.last } else { quote.prev_close };
    let listing = &sim.world.listings()[usize::from(symbol)];
    let meta = json!({
        "currency": "USD",
        "symbol": ticker,
        "exchangeName": if listing.exchange == "NYSE" { "NYQ" } else { "NMS" },
        "fullExchangeName": if listing.exchange == "NYSE" { "NYSE" } else { "NasdaqGS" },
        "instrumentType": "EQUITY",
        "firstTradeDate": rows.first().map(|bar| bar.start / SECOND),
        "regularMarketTime": quote.last_ms / 1000,
        "hasPrePostMarketData": true,
        "gmtoffset": offset(hours.open),
        "timezone": if offset(hours.open) == -18_000 { "EST" } else { "EDT" },
        "exchangeTimezoneName": "America/New_York",
        "regularMarketPrice": dollars(last),
        "regularMarketVolume": quote.volume,
        "longName": listing.name,
        "shortName": listing.name,
        "chartPreviousClose": dollars(quote.prev_close),
        "previousClose": dollars(quote.prev_close),
        "priceHint": 2,
        "currentTradingPeriod": periods(&hours),
        "dataGranularity": interval,
        "range": range,
        "validRanges": ["1d", "5d", "1mo", "3mo", "6mo", "1y", "2y", "max"],
    });
    Ok(text("application/json", render(&meta.to_string(), &rows, step.is_none())))
}

fn refused(status: u16, code: &str, description: &str) -> Response {
    reply(status, json!({"chart": {"result": null, "error": {"code": code, "description": description}}}))
}

/// How many sessions a range spans, the present one included.
fn sessions(range: &str) -> Option<usize> {
    Some(match range {
        "1d" => 1,
        "5d" => 5,
        "1mo" => 22,
        "3mo" => 64,
        "6mo" => 127,
        "1y" => 253,
        "2y" | "5y" | "10y" | "max" | "" => usize::MAX,
        _ => return None,
    })
}

fn render(meta: &str, rows: &[Bar], daily: bool) -> String {
    let mut out = format!("{{\"chart\":{{\"result\":[{{\"meta\":{meta},\"timestamp\":");
    list(&mut out, rows, |out, bar| {
        let _ = write!(out, "{}", bar.start / SECOND);
    });
    out.push_str(",\"indicators\":{\"quote\":[{");
    type Field = (&'static str, fn(&Bar) -> i64);
    let fields: [Field; 4] = [("open", |b| b.open), ("high", |b| b.high), ("low", |b| b.low), ("close", |b| b.close)];
    for (name, field) in fields {
        let _ = write!(out, "\"{name}\":");
        list(&mut out, rows, |out, bar| decimal::write(out, field(bar)));
        out.push(',');
    }
    out.push_str("\"volume\":");
    list(&mut out, rows, |out, bar| {
        let _ = write!(out, "{}", bar.volume);
    });
    out.push_str("}]");
    if daily {
        out.push_str(",\"adjclose\":[{\"adjclose\":");
        list(&mut out, rows, |out, bar| decimal::write(out, bar.close));
        out.push_str("}]");
    }
    out.push_str("}}],\"error\":null}}");
    out
}

fn list(out: &mut String, rows: &[Bar], item: impl Fn(&mut String, &Bar)) {
    out.push('[');
    for (at, bar) in rows.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        item(out, bar);
    }
    out.push(']');
}

fn periods(hours: &Hours) -> serde_json::Value {
    let period = |start: i64, end: i64| {
        let offset = offset(start);
        let timezone = if offset == -18_000 { "EST" } else { "EDT" };
        json!({"timezone": timezone, "start": start / SECOND, "end": end / SECOND, "gmtoffset": offset})
    };
    json!({
        "pre": period(hours.pre_open, hours.open),
        "regular": period(hours.open, hours.close),
        "post": period(hours.close, hours.post_close),
    })
}

/// Seconds from UTC to New York at an instant.
fn offset(nanos: i64) -> i32 {
    use chrono::Offset;
    chrono::DateTime::from_timestamp_nanos(nanos)
        .with_timezone(&chrono_tz::America::New_York)
        .offset()
        .fix()
        .local_minus_utc()
}

/// A price as a JSON number; exact to the 15 digits of a double.
fn dollars(nanos: i64) -> f64 {
    nanos as f64 / 1e9
}
