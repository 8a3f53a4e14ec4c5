//! Alpaca's trading REST: reading here, changing calls handed to the broker.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use chrono::{DateTime, Days, NaiveDate, SecondsFormat, Utc};
use chrono_tz::America::New_York;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Outcome, reply};
use crate::broker::order::{asset_id, rfc3339};
use crate::broker::{Broker, Call, Fill};
use crate::calendar;
use crate::session::Listing;
use crate::sim::Sim;
use crate::ws;

/// Paths below `/alpaca`.
pub(crate) fn routes() -> Router<Arc<Sim>> {
    let rest = Router::new()
        .route("/account", get(account))
        .route("/account/configurations", get(configurations).patch(change))
        .route("/account/activities/FILL", get(fills))
        .route("/clock", get(clock))
        .route("/calendar", get(trading_days))
        .route("/assets", get(assets))
        .route("/assets/{symbol}", get(asset))
        .route("/positions", get(positions).delete(change))
        .route("/positions/{symbol}", get(position).delete(change))
        .route("/orders", get(orders).post(change).delete(change))
        .route("/orders/{id}", get(order).patch(change).delete(change))
        .route("/orders:by_client_order_id", get(order_by_client_id))
        .fallback(any(|| async { not_found("endpoint not found.") }))
        .layer(axum::middleware::from_fn(authorize));
    let data = super::alpaca_data::routes().merge(super::alpaca_trades::routes());
    let data = data.layer(axum::middleware::from_fn(authorize));
    let streams = Router::new()
        .route("/stream", get(ws::alpaca::upgrade))
        .route("/v2/sip", get(ws::alpaca_data::upgrade))
        .route("/v2/iex", get(ws::alpaca_data::upgrade));
    streams.merge(data).nest("/v2", rest)
}

/// Keys and secrets of the simulator begin with `sim`.
pub(crate) fn is_sim_key(key: &str) -> bool {
    key.starts_with("sim")
}

async fn authorize(headers: HeaderMap, request: Request, next: Next) -> Response {
    let given = |name| headers.get(name).and_then(|v| v.to_str().ok()).is_some_and(is_sim_key);
    if given("apca-api-key-id") && given("apca-api-secret-key") {
        next.run(request).await
    } else {
        reply(401, json!({"code": 40_110_000, "message": "request is not authorized"}))
    }
}

fn not_found(message: &str) -> Response {
    reply(404, json!({"code": 40_410_000, "message": message}))
}

async fn change(State(sim): State<Arc<Sim>>, uri: Uri, method: Method, body: String) -> Outcome {
    let path = format!("/v2{}", uri.path_and_query().map_or(uri.path(), |p| p.as_str()));
    let fault = sim.faults.hit(method.as_str(), &path, &body);
    let hit = |before| fault.as_ref().filter(|fault| fault.is_before() == before);
    if let Some(fault) = hit(true) {
        fault.wait().await;
        if let Some(refusal) = fault.answer() {
            return Ok(refusal);
        }
    }
    let reject = fault.as_ref().is_some_and(|fault| fault.reject);
    let mut answer = sim.order_call(Call { method: method.to_string(), path, body, reject })?;
    if let Some(fault) = hit(false) {
        fault.wait().await;
        if let Some(lost) = fault.answer() {
            return Ok(lost);
        }
    }
    if let Some(fault) = &fault {
        answer.body = fault.patched(answer.body);
    }
    if answer.body.is_null() {
        let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::NO_CONTENT);
        return Ok(status.into_response());
    }
    Ok(reply(answer.status, answer.body))
}

async fn account(State(sim): State<Arc<Sim>>) -> Outcome {
    Ok(reply(200, sim.market()?.broker.account_view()))
}

async fn configurations(State(sim): State<Arc<Sim>>) -> Outcome {
    Ok(reply(200, sim.market()?.broker.configuration_view()))
}

async fn positions(State(sim): State<Arc<Sim>>) -> Outcome {
    Ok(reply(200, sim.market()?.broker.positions_view()))
}

async fn position(State(sim): State<Arc<Sim>>, Path(symbol): Path<String>) -> Outcome {
    let market = sim.market()?;
    let held = market.broker.ledger.positions.get(&symbol).copied();
    Ok(held
        .map_or_else(|| not_found("position does not exist"), |p| reply(200, market.broker.position_view(&symbol, p))))
}

#[derive(Debug, Deserialize)]
struct OrderQuery {
    #[serde(default, deserialize_with = "flag")]
    nested: bool,
    client_order_id: Option<String>,
}

async fn order(State(sim): State<Arc<Sim>>, Path(id): Path<String>, Query(query): Query<OrderQuery>) -> Outcome {
    let market = sim.market()?;
    let found = market.broker.find(&id);
    Ok(show(&market.broker, found, &id, &query))
}

async fn order_by_client_id(State(sim): State<Arc<Sim>>, Query(query): Query<OrderQuery>) -> Outcome {
    let market = sim.market()?;
    let id = query.client_order_id.clone().unwrap_or_default();
    let found = market.broker.find_client(&id);
    Ok(show(&market.broker, found, &id, &query))
}

fn show(broker: &Broker, found: Option<usize>, id: &str, query: &OrderQuery) -> Response {
    match found {
        Some(at) => reply(200, broker.order_view(at, query.nested)),
        None => not_found(&format!("order not found for {id}")),
    }
}

/// `true` or `false` as clients in several languages write it.
fn flag<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(serde::de::Error::custom(format!("`{text}` is not true or false"))),
    }
}

#[derive(Debug, Deserialize)]
struct ListQuery {
    status: Option<String>,
    limit: Option<usize>,
    after: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    direction: Option<String>,
    #[serde(default, deserialize_with = "flag")]
    nested: bool,
    symbols: Option<String>,
    side: Option<String>,
}

async fn orders(State(sim): State<Arc<Sim>>, Query(query): Query<ListQuery>) -> Outcome {
    let market = sim.market()?;
    let broker = &market.broker;
    let limit = query.limit.unwrap_or(50);
    if !(1..=500).contains(&limit) {
        return Ok(reply(422, json!({"code": 42_210_000, "message": "limit must be between 1 and 500"})));
    }
    let status = query.status.as_deref().unwrap_or("open");
    let nanos = |t: DateTime<Utc>| t.timestamp_nanos_opt().unwrap_or(i64::MAX);
    let symbols: Option<Vec<&str>> = query.symbols.as_deref().map(|s| s.split(',').collect());
    let is_open = |at: usize| {
        let order = &broker.ledger.orders[at];
        order.status.is_open()
            || (query.nested && order.legs.iter().any(|leg| broker.ledger.orders[*leg].status.is_open()))
    };
    let wanted = |at: &usize| {
        let order = &broker.ledger.orders[*at];
        let by_status = match status {
            "open" => is_open(*at),
            "closed" => !is_open(*at),
            _ => true,
        };
        by_status
            && !(query.nested && order.parent.is_some())
            && query.after.is_none_or(|after| order.created_at > nanos(after))
            && query.until.is_none_or(|until| order.created_at < nanos(until))
            && symbols.as_ref().is_none_or(|s| s.contains(&order.symbol.as_str()))
            && query.side.as_deref().is_none_or(|side| json!(order.side) == side)
    };
    let all = 0..broker.ledger.orders.len();
    let chosen: Vec<usize> = if query.direction.as_deref() == Some("asc") {
        all.filter(wanted).take(limit).collect()
    } else {
        all.rev().filter(wanted).take(limit).collect()
    };
    Ok(reply(200, chosen.into_iter().map(|at| broker.order_view(at, query.nested)).collect::<Vec<_>>()))
}

#[derive(Debug, Deserialize)]
struct FillQuery {
    after: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    date: Option<NaiveDate>,
    direction: Option<String>,
    page_size: Option<usize>,
    page_token: Option<String>,
}

async fn fills(State(sim): State<Arc<Sim>>, Query(query): Query<FillQuery>) -> Outcome {
    let market = sim.market()?;
    let nanos = |t: DateTime<Utc>| t.timestamp_nanos_opt().unwrap_or(i64::MAX);
    let wanted = |fill: &&Fill| {
        query.after.is_none_or(|t| fill.at > nanos(t))
            && query.until.is_none_or(|t| fill.at < nanos(t))
            && query.date.is_none_or(|d| calendar::date_of(fill.at) == d)
    };
    let mut found: Vec<&Fill> = market.broker.ledger.fills.iter().filter(wanted).collect();
    if query.direction.as_deref() != Some("asc") {
        found.reverse();
    }
    if let Some(token) = &query.page_token {
        let past = found.iter().position(|fill| activity_id(fill) == *token).map_or(found.len(), |at| at + 1);
        found.drain(..past);
    }
    found.truncate(query.page_size.unwrap_or(100).min(100));
    Ok(reply(200, found.into_iter().map(activity).collect::<Vec<_>>()))
}

fn activity_id(fill: &Fill) -> String {
    let at = DateTime::from_timestamp_nanos(fill.at);
    format!("{}::{}", at.format("%Y%m%d%H%M%S%3f"), fill.execution_id)
}

fn activity(fill: &Fill) -> Value {
    json!({
        "id": activity_id(fill),
        "activity_type": "FILL",
        "transaction_time": rfc3339(fill.at),
        "type": if fill.leaves_qty == 0 { "fill" } else { "partial_fill" },
        "price": crate::broker::order::money(fill.price),
        "qty": fill.qty.to_string(),
        "side": fill.side,
        "symbol": fill.symbol,
        "leaves_qty": fill.leaves_qty.to_string(),
        "cum_qty": fill.cum_qty.to_string(),
        "order_id": fill.order_id,
        "order_status": if fill.leaves_qty == 0 { "filled" } else { "partially_filled" },
    })
}

async fn clock(State(sim): State<Arc<Sim>>) -> Outcome {
    let market = sim.market()?;
    let (now, hours) = (market.clock.now, market.session.hours);
    let following = sim.world.next(hours.date).and_then(calendar::hours);
    let next_open = if now < hours.open { Some(hours) } else { following };
    let next_close = if now < hours.close { Some(hours) } else { following };
    Ok(reply(
        200,
        json!({
            "timestamp": new_york(now),
            "is_open": (hours.open..hours.close).contains(&now),
            "next_open": next_open.map(|h| new_york(h.open)),
            "next_close": next_close.map(|h| new_york(h.close)),
        }),
    ))
}

fn new_york(nanos: i64) -> String {
    DateTime::from_timestamp_nanos(nanos).with_timezone(&New_York).to_rfc3339_opts(SecondsFormat::Nanos, false)
}

#[derive(Debug, Deserialize)]
struct Span {
    start: Option<NaiveDate>,
    end: Option<NaiveDate>,
}

async fn trading_days(State(sim): State<Arc<Sim>>, Query(span): Query<Span>) -> Outcome {
    let today = sim.market()?.session.hours.date;
    let start = span.start.unwrap_or(today - Days::new(30));
    let end = span.end.unwrap_or(today + Days::new(365)).min(start + Days::new(3_700));
    let time = |nanos: i64| DateTime::from_timestamp_nanos(nanos).with_timezone(&New_York).format("%H:%M").to_string();
    let days = start.iter_days().take_while(|day| *day <= end).filter_map(calendar::hours);
    let item = |h: calendar::Hours| {
        json!({
            "date": h.date, "open": time(h.open), "close": time(h.close),
            "session_open": time(h.pre_open).replace(':', ""), "session_close": time(h.post_close).replace(':', ""),
        })
    };
    Ok(reply(200, days.map(item).collect::<Vec<_>>()))
}

async fn assets(State(sim): State<Arc<Sim>>) -> Response {
    reply(200, sim.world.listings().iter().map(asset_view).collect::<Vec<_>>())
}

async fn asset(State(sim): State<Arc<Sim>>, Path(symbol): Path<String>) -> Response {
    let found = sim.world.index_of(&symbol).map(|i| asset_view(&sim.world.listings()[usize::from(i)]));
    found.map_or_else(|| not_found(&format!("asset not found for {symbol}")), |view| reply(200, view))
}

fn asset_view(listing: &Listing) -> Value {
    json!({
        "id": asset_id(&listing.ticker),
        "class": "us_equity",
        "exchange": listing.exchange,
        "symbol": listing.ticker,
        "name": listing.name,
        "status": "active",
        "tradable": true,
        "marginable": true,
        "shortable": true,
        "easy_to_borrow": true,
        "fractionable": false,
        "maintenance_margin_requirement": 30,
        "attributes": [],
    })
}
