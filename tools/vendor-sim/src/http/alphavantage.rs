//! Alpha Vantage's query call: refusals come with status 200, numbers as text.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::response::Response;
use axum::routing::get;
use chrono_tz::America::New_York;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Outcome, reply};
use crate::broker::order::money;
use crate::calendar;
use crate::session::bars::{self, Bar};
use crate::sim::Sim;

#[derive(Debug, Deserialize)]
struct Call {
    #[serde(default)]
    function: String,
    #[serde(default)]
    symbol: String,
    #[serde(default)]
    apikey: String,
    #[serde(default)]
    tickers: String,
    interval: Option<String>,
    outputsize: Option<String>,
}

/// Paths below `/alphavantage`.
pub(crate) fn routes() -> Router<Arc<Sim>> {
    Router::new().route("/query", get(query))
}

async fn query(State(sim): State<Arc<Sim>>, Query(call): Query<Call>) -> Outcome {
    if !call.apikey.starts_with("sim") {
        return Ok(error("the parameter apikey is invalid or missing."));
    }
    if call.function == "NEWS_SENTIMENT" {
        return news(&sim, &call);
    }
    let known = sim.world.index_of(&call.symbol);
    match (call.function.as_str(), known) {
        ("GLOBAL_QUOTE", None) => Ok(reply(200, json!({"Global Quote": {}}))),
        ("GLOBAL_QUOTE", Some(symbol)) => global_quote(&sim, &call, symbol),
        ("TIME_SERIES_DAILY", Some(symbol)) => daily(&sim, &call, symbol),
        ("TIME_SERIES_INTRADAY", Some(symbol)) => intraday(&sim, &call, symbol),
        ("TIME_SERIES_DAILY" | "TIME_SERIES_INTRADAY", None) => {
            Ok(error(&format!("Invalid API call. Please retry or visit the documentation for {}.", call.function)))
        }
        _ => Ok(error("This API function does not exist.")),
    }
}

fn error(message: &str) -> Response {
    reply(200, json!({"Error Message": message}))
}

/// Articles about one ticker that have been published today, the newest first; the score follows the headline's text.
fn news(sim: &Sim, call: &Call) -> Outcome {
    let market = sim.market()?;
    let symbol = sim.world.index_of(&call.tickers);
    let known = market.session.news.iter().filter(|n| Some(n.symbol) == symbol && n.at <= market.clock.now).rev();
    let feed = known.map(|item| {
        let score = (crate::rng::hash(&item.headline) % 2_001) as f64 / 1_000.0 - 1.0;
        let at = chrono::DateTime::from_timestamp_nanos(item.at).format("%Y%m%dT%H%M%S").to_string();
        json!({
            "title": item.headline, "url": format!("https://news.invalid/{}", item.at), "time_published": at,
            "authors": [], "summary": item.headline, "banner_image": null, "source": item.source,
            "category_within_source": "n/a", "source_domain": "news.invalid", "topics": [],
            "overall_sentiment_score": score, "overall_sentiment_label": "Neutral",
            "ticker_sentiment": [{
                "ticker": call.tickers, "relevance_score": "1.0", "ticker_sentiment_score": format!("{score:.6}"),
                "ticker_sentiment_label": "Neutral",
            }],
        })
    });
    let feed: Vec<Value> = feed.collect();
    Ok(reply(
        200,
        json!({
            "items": feed.len().to_string(), "sentiment_score_definition": "", "relevance_score_definition": "", "feed": feed,
        }),
    ))
}

fn global_quote(sim: &Sim, call: &Call, symbol: u16) -> Outcome {
    let market = sim.market()?;
    let quote = market.quotes[usize::from(symbol)];
    let last = if quote.last > 0 { quote.last } else { quote.prev_close };
    let change = last - quote.prev_close;
    let percent = if quote.prev_close > 0 { change as f64 / quote.prev_close as f64 * 100.0 } else { 0.0 };
    Ok(reply(
        200,
        json!({"Global Quote": {
            "01. symbol": call.symbol,
            "02. open": money(quote.open),
            "03. high": money(quote.high),
            "04. low": money(quote.low),
            "05. price": money(last),
            "06. volume": quote.volume.to_string(),
            "07. latest trading day": market.session.hours.date.to_string(),
            "08. previous close": money(quote.prev_close),
            "09. change": money(change),
            "10. change percent": format!("{percent:.4}%"),
        }}),
    ))
}

fn daily(sim: &Sim, call: &Call, symbol: u16) -> Outcome {
    let date = sim.market()?.session.hours.date;
    let mut rows = sim.world.daily(symbol, date)?;
    keep_last(&mut rows, call);
    let series = series(&rows, |bar| calendar::date_of(bar.start).to_string());
    let meta = json!({
        "1. Information": "Daily Prices (open, high, low, close) and Volumes", "2. Symbol": call.symbol,
        "3. Last Refreshed": rows.last().map(|b| calendar::date_of(b.start).to_string()),
        "4. Output Size": if call.outputsize.as_deref() == Some("full") { "Full size" } else { "Compact" },
        "5. Time Zone": "US/Eastern",
    });
    Ok(reply(200, json!({"Meta Data": meta, "Time Series (Daily)": series})))
}

fn intraday(sim: &Sim, call: &Call, symbol: u16) -> Outcome {
    let interval = call.interval.as_deref().unwrap_or("5min");
    let minutes: Option<i64> = interval.strip_suffix("min").and_then(|n| n.parse().ok());
    let Some(minutes) = minutes.filter(|m| [1, 5, 15, 30, 60].contains(m)) else {
        return Ok(error("Invalid API call. The parameter interval is invalid."));
    };
    let step = minutes * 60_000_000_000;
    let (date, mut today) = {
        let market = sim.market()?;
        (market.session.hours.date, bars::intraday(market.played(symbol), step, &market.session.hours))
    };
    let mut rows = Vec::new();
    for earlier in sim.world.prior_sessions(symbol, date) {
        rows.extend_from_slice(&sim.world.intraday(symbol, earlier, step)?);
    }
    rows.append(&mut today);
    keep_last(&mut rows, call);
    // Labelled by the end of the bar.
    let label = |bar: &Bar| {
        let end = chrono::DateTime::from_timestamp_nanos(bar.start + step).with_timezone(&New_York);
        end.format("%Y-%m-%d %H:%M:%S").to_string()
    };
    let meta = json!({
        "1. Information": format!("Intraday ({interval}) open, high, low, close prices and volume"),
        "2. Symbol": call.symbol, "3. Last Refreshed": rows.last().map(label), "4. Interval": interval,
        "5. Output Size": if call.outputsize.as_deref() == Some("full") { "Full size" } else { "Compact" },
        "6. Time Zone": "US/Eastern",
    });
    Ok(reply(200, json!({"Meta Data": meta, format!("Time Series ({interval})"): series(&rows, label)})))
}

fn keep_last(rows: &mut Vec<Bar>, call: &Call) {
    if call.outputsize.as_deref() != Some("full") {
        rows.drain(..rows.len().saturating_sub(100));
    }
}

fn series(rows: &[Bar], label: impl Fn(&Bar) -> String) -> Map<String, Value> {
    let row = |bar: &Bar| {
        let values = json!({
            "1. open": money(bar.open), "2. high": money(bar.high), "3. low": money(bar.low),
            "4. close": money(bar.close), "5. volume": bar.volume.to_string(),
        });
        (label(bar), values)
    };
    rows.iter().rev().map(row).collect()
}
