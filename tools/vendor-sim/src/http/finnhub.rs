//! Finnhub's REST calls.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use chrono::{Datelike, Days, NaiveDate};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Outcome, reply, text};
use crate::calendar;
use crate::decimal;
use crate::rng;
use crate::session::{Listing, News, World};
use crate::sim::Sim;
use crate::ws;

/// The key as a query parameter.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Token {
    token: Option<String>,
}

#[derive(Debug, Deserialize)]
struct BySymbol {
    #[serde(default)]
    symbol: String,
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
}

/// Paths below `/finnhub`.
pub(crate) fn routes() -> Router<Arc<Sim>> {
    let calls = [
        ("/quote", get(quote)),
        ("/company-news", get(company_news)),
        ("/stock/symbol", get(symbols)),
        ("/stock/profile2", get(profile)),
        ("/stock/market-status", get(market_status)),
        ("/stock/market-holiday", get(market_holiday)),
        ("/stock/candle", get(not_in_the_plan)),
    ];
    // Clients exist that ask for `/api/v1//quote`, and Finnhub answers them.
    let both = |router: Router<Arc<Sim>>, (path, call): (&str, MethodRouter<Arc<Sim>>)| {
        router.route(path, call.clone()).route(&format!("/{path}"), call)
    };
    let rest = calls.into_iter().fold(Router::new(), both).layer(axum::middleware::from_fn(authorize));
    Router::new().route("/", get(ws::finnhub::upgrade)).nest("/api/v1", rest)
}

/// Keys of the simulator begin with `sim`; header or query, as Finnhub takes them.
pub(crate) fn is_authorized(token: &Token, headers: &HeaderMap) -> bool {
    let header = headers.get("x-finnhub-token").and_then(|v| v.to_str().ok());
    header.or(token.token.as_deref()).is_some_and(|key| key.starts_with("sim"))
}

async fn authorize(Query(token): Query<Token>, request: Request, next: Next) -> Response {
    if is_authorized(&token, request.headers()) {
        next.run(request).await
    } else {
        reply(401, json!({"error": "Invalid API key"}))
    }
}

/// What only a paid plan may ask for.
async fn not_in_the_plan() -> Response {
    reply(403, json!({"error": "You don't have access to this resource."}))
}

async fn quote(State(sim): State<Arc<Sim>>, Query(query): Query<BySymbol>) -> Outcome {
    let market = sim.market()?;
    let known = sim.world.index_of(&query.symbol).map(|i| market.quotes[usize::from(i)]);
    let Some(quote) = known.filter(|q| q.last > 0 || q.prev_close > 0) else {
        return Ok(reply(200, json!({"c": 0, "d": null, "dp": null, "h": 0, "l": 0, "o": 0, "pc": 0, "t": 0})));
    };
    let last = if quote.last > 0 { quote.last } else { quote.prev_close };
    let change = last - quote.prev_close;
    let percent = if quote.prev_close > 0 { change as f64 / quote.prev_close as f64 * 100.0 } else { 0.0 };
    let fields =
        [("c", last), ("d", change), ("h", quote.high), ("l", quote.low), ("o", quote.open), ("pc", quote.prev_close)];
    let numbers = fields.map(|(name, nanos)| format!("\"{name}\":{},", decimal::text(nanos))).concat();
    let body = format!("{{{numbers}\"dp\":{percent:.4},\"t\":{}}}", quote.last_ms / 1000);
    Ok(text("application/json", body))
}

async fn company_news(State(sim): State<Arc<Sim>>, Query(query): Query<BySymbol>) -> Outcome {
    let (today, now, session) = {
        let market = sim.market()?;
        (market.session.hours.date, market.clock.now, Arc::clone(&market.session))
    };
    let Some(symbol) = sim.world.index_of(&query.symbol) else { return Ok(reply(200, json!([]))) };
    let within = |item: &News| {
        let date = calendar::date_of(item.at);
        query.from.is_none_or(|from| date >= from) && query.to.is_none_or(|to| date <= to)
    };
    let published = session.news.iter().filter(|n| n.symbol == symbol && n.at <= now && within(n));
    let mut items: Vec<Value> = published.map(|n| news_item(&query.symbol, n)).collect();
    items.reverse();
    if let World::Made(made) = &*sim.world
        && query.from.is_some_and(|from| from < today)
    {
        for date in made.prior_sessions(today, 3).into_iter().rev() {
            let earlier = made.news(date)?;
            let of_symbol = earlier.iter().rev().filter(|n| n.symbol == symbol && within(n));
            items.extend(of_symbol.map(|n| news_item(&query.symbol, n)));
        }
    }
    Ok(reply(200, items))
}

fn news_item(ticker: &str, news: &News) -> Value {
    let id = rng::hash(&format!("{ticker}{}{}", news.at, news.headline)) % 1_000_000_000;
    json!({
        "category": news.category, "datetime": news.at / 1_000_000_000, "headline": news.headline, "id": id,
        "image": "", "related": ticker, "source": news.source, "summary": news.headline,
        "url": format!("https://news.invalid/{id}"),
    })
}

async fn symbols(State(sim): State<Arc<Sim>>) -> Response {
    let item = |l: &Listing| {
        json!({
            "currency": "USD", "description": l.name.to_uppercase(), "displaySymbol": l.ticker, "figi": "",
            "figiComposite": null, "isin": "", "mic": if l.exchange == "NYSE" { "XNYS" } else { "XNAS" },
            "shareClassFIGI": "", "symbol": l.ticker, "symbol2": "", "type": "Common Stock",
        })
    };
    reply(200, sim.world.listings().iter().map(item).collect::<Vec<_>>())
}

async fn profile(State(sim): State<Arc<Sim>>, Query(query): Query<BySymbol>) -> Outcome {
    let Some(symbol) = sim.world.index_of(&query.symbol) else { return Ok(reply(200, json!({}))) };
    let listing = &sim.world.listings()[usize::from(symbol)];
    let price = sim.market()?.quotes[usize::from(symbol)].prev_close as f64 / 1e9;
    Ok(reply(
        200,
        json!({
            "country": "US", "currency": "USD", "estimateCurrency": "USD", "exchange": listing.exchange,
            "finnhubIndustry": "N/A", "ipo": "2012-05-18", "logo": "", "name": listing.name, "phone": "",
            "marketCapitalization": price * f64::from(listing.shares_outstanding),
            "shareOutstanding": listing.shares_outstanding, "ticker": listing.ticker, "weburl": "",
        }),
    ))
}

async fn market_status(State(sim): State<Arc<Sim>>) -> Outcome {
    let market = sim.market()?;
    let (now, hours) = (market.clock.now, market.session.hours);
    let session = match now {
        n if (hours.pre_open..hours.open).contains(&n) => Some("pre-market"),
        n if (hours.open..hours.close).contains(&n) => Some("regular"),
        n if (hours.close..hours.post_close).contains(&n) => Some("post-market"),
        _ => None,
    };
    Ok(reply(
        200,
        json!({
            "exchange": "US", "timezone": "America/New_York", "session": session, "holiday": null,
            "isOpen": session == Some("regular"), "t": now / 1_000_000_000,
        }),
    ))
}

async fn market_holiday(State(sim): State<Arc<Sim>>) -> Outcome {
    let today = sim.market()?.session.hours.date;
    let mut data = Vec::new();
    let mut day = today.with_month(1).and_then(|d| d.with_day(1)).unwrap_or(today);
    for _ in 0..730 {
        if let Some(name) = calendar::holiday(day) {
            data.push(json!({"eventName": name, "atDate": day, "tradingHour": ""}));
        } else if calendar::hours(day).is_some_and(|h| h.is_early_close()) {
            data.push(json!({"eventName": "Early close", "atDate": day, "tradingHour": "09:30-13:00"}));
        }
        day = day + Days::new(1);
    }
    Ok(reply(200, json!({"data": data, "exchange": "US", "timezone": "America/New_York"})))
}
