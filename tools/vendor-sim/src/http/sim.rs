//! The simulator's own calls: its clock, its books, and its session as data.

use std::fmt::Write;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::routing::get;
use axum::{Json, Router};
use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Failure, Outcome, reply, text};
use crate::broker::Fill;
use crate::broker::order::rfc3339;
use crate::calendar;
use crate::clock::PauseOn;
use crate::decimal;
use crate::firehose::Plan;
use crate::market::Market;
use crate::session::World;
use crate::sim::Sim;

/// Paths below `/sim/v1`.
pub(crate) fn routes() -> Router<Arc<Sim>> {
    Router::new()
        .route("/clock", get(clock).post(set_clock))
        .route("/orders", get(orders))
        .route("/fills", get(fills))
        .route("/book", get(book))
        .route("/session", get(session))
        .route("/session/trades.csv", get(trades))
        .route("/session/daily.csv", get(daily))
        .route("/session/opening.csv", get(opening))
        .route("/session/news.csv", get(news))
        .route("/faults", get(faults).post(add_faults).delete(clear_faults))
        .route("/firehose", get(firehose).post(start_firehose).delete(stop_firehose))
}

fn clock_view(market: &Market) -> Value {
    let clock = &market.clock;
    json!({
        "now": rfc3339(clock.now),
        "session_date": market.session.hours.date,
        "speed": clock.speed,
        "paused": clock.paused,
        "pause_at": clock.pause_at.iter().map(|at| rfc3339(*at)).collect::<Vec<_>>(),
        "pause_on": clock.pause_on,
        "waiting": clock.waiting,
        "ended": clock.ended,
        "prints": market.cursor,
    })
}

async fn clock(State(sim): State<Arc<Sim>>) -> Outcome {
    Ok(reply(200, clock_view(&*sim.market()?)))
}

/// Body of `POST /sim/v1/clock`; what is absent stays.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockChange {
    paused: Option<bool>,
    speed: Option<f64>,
    pause_at: Option<Vec<DateTime<Utc>>>,
    pause_on: Option<PauseWish>,
}

/// What `pause_on` takes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PauseWish {
    Fill,
    PartialFill,
    Never,
}

async fn set_clock(State(sim): State<Arc<Sim>>, Json(change): Json<ClockChange>) -> Outcome {
    if change.speed.is_some_and(|speed| !(speed > 0.0 && speed.is_finite())) {
        return Ok(reply(422, json!({"message": "speed must be above 0"})));
    }
    let mut market = sim.market()?;
    let now = market.clock.now;
    let clock = &mut market.clock;
    if let Some(instants) = change.pause_at {
        clock.pause_at = instants.iter().filter_map(DateTime::timestamp_nanos_opt).filter(|at| *at > now).collect();
    }
    match change.pause_on {
        Some(PauseWish::Fill) => clock.pause_on = Some(PauseOn::Fill),
        Some(PauseWish::PartialFill) => clock.pause_on = Some(PauseOn::PartialFill),
        Some(PauseWish::Never) => clock.pause_on = None,
        None => {}
    }
    clock.speed = change.speed.unwrap_or(clock.speed);
    clock.paused = change.paused.unwrap_or(clock.paused);
    if change.paused == Some(false) {
        clock.waiting = false;
    }
    Ok(reply(200, clock_view(&market)))
}

async fn orders(State(sim): State<Arc<Sim>>) -> Outcome {
    Ok(reply(200, json!({"items": &sim.market()?.broker.ledger.log})))
}

async fn fills(State(sim): State<Arc<Sim>>) -> Outcome {
    let items: Vec<Value> = sim.market()?.broker.ledger.fills.iter().map(Fill::view).collect();
    Ok(reply(200, json!({"items": items})))
}

/// The broker's books at one instant, out of reach of every fault.
async fn book(State(sim): State<Arc<Sim>>) -> Outcome {
    let market = sim.market()?;
    let broker = &market.broker;
    let open = (0..broker.ledger.orders.len()).filter(|at| broker.ledger.orders[*at].status.is_open());
    Ok(reply(
        200,
        json!({
            "now": rfc3339(market.clock.now),
            "positions": broker.positions_view(),
            "orders": open.map(|at| broker.order_view(at, false)).collect::<Vec<_>>(),
        }),
    ))
}

async fn session(State(sim): State<Arc<Sim>>) -> Outcome {
    let market = sim.market()?;
    let hours = market.session.hours;
    Ok(reply(
        200,
        json!({
            "seed": sim.seed,
            "kind": match &*sim.world { World::Made(_) => "made", World::Recorded(_) => "recorded" },
            "made_trades": sim.world.has_made_trades(hours.date),
            "session_date": hours.date,
            "dates": match &*sim.world { World::Made(_) => None, World::Recorded(r) => Some(r.dates()) },
            "open": rfc3339(hours.open),
            "close": rfc3339(hours.close),
            "symbols": sim.world.listings().len(),
            "trades": market.session.trades.len(),
            "participation_percent": market.broker.participation(),
        }),
    ))
}

#[derive(Debug, Deserialize)]
struct Day {
    date: Option<NaiveDate>,
}

/// Makes a CSV away from the market, for the given date or today.
async fn csv(
    sim: Arc<Sim>,
    day: Day,
    make: impl FnOnce(&Sim, NaiveDate) -> anyhow::Result<String> + Send + 'static,
) -> Outcome {
    let today = sim.market()?.session.hours.date;
    let date = day.date.unwrap_or(today);
    if calendar::hours(date).is_none() {
        return Ok(reply(404, json!({"message": format!("{date} is not a trading day")})));
    }
    let body = tokio::task::spawn_blocking(move || make(&sim, date)).await.map_err(Failure::from)??;
    Ok(text("text/csv", body))
}

async fn trades(State(sim): State<Arc<Sim>>, Query(day): Query<Day>) -> Outcome {
    csv(sim, day, |sim, date| {
        let session = sim.world.session(date)?;
        let mut out = "ts_ns,symbol,price,size,conditions\n".to_owned();
        for trade in &session.trades {
            let ticker = &sim.world.listings()[usize::from(trade.symbol)].ticker;
            write!(out, "{},{ticker},", trade.ts_ms * 1_000_000)?;
            decimal::write(&mut out, trade.price);
            write!(out, ",{},", trade.size)?;
            for (at, code) in trade.conditions.codes().enumerate() {
                write!(out, "{}{code}", if at == 0 { "" } else { " " })?;
            }
            out.push('\n');
        }
        Ok(out)
    })
    .await
}

async fn daily(State(sim): State<Arc<Sim>>, Query(day): Query<Day>) -> Outcome {
    csv(sim, day, |sim, date| {
        let mut out = "symbol,date,open,high,low,close,volume\n".to_owned();
        for (symbol, listing) in sim.world.listings().iter().enumerate() {
            for bar in sim.world.daily(symbol as u16, date)? {
                let [open, high, low, close] = [bar.open, bar.high, bar.low, bar.close].map(decimal::text);
                let date = calendar::date_of(bar.start);
                writeln!(out, "{},{date},{open},{high},{low},{close},{}", listing.ticker, bar.volume)?;
            }
        }
        Ok(out)
    })
    .await
}

async fn opening(State(sim): State<Arc<Sim>>, Query(day): Query<Day>) -> Outcome {
    csv(sim, day, |sim, date| {
        let mut out = "symbol,date,volume\n".to_owned();
        for (symbol, listing) in sim.world.listings().iter().enumerate() {
            for earlier in sim.world.prior_sessions(symbol as u16, date) {
                let volume = sim.world.opening_volume(symbol as u16, earlier)?;
                writeln!(out, "{},{earlier},{volume}", listing.ticker)?;
            }
        }
        Ok(out)
    })
    .await
}

async fn news(State(sim): State<Arc<Sim>>, Query(day): Query<Day>) -> Outcome {
    csv(sim, day, |sim, date| {
        let mut out = "published_ns,symbol,source,headline\n".to_owned();
        for item in &sim.world.session(date)?.news {
            let ticker = &sim.world.listings()[usize::from(item.symbol)].ticker;
            let headline = item.headline.replace('"', "\"\"");
            writeln!(out, "{},{ticker},{},\"{headline}\"", item.at, item.source)?;
        }
        Ok(out)
    })
    .await
}

fn faults_view(sim: &Sim) -> anyhow::Result<Value> {
    Ok(json!({"items": sim.faults.list(), "rules": sim.market()?.broker.ledger.rules}))
}

async fn faults(State(sim): State<Arc<Sim>>) -> Outcome {
    Ok(reply(200, faults_view(&sim)?))
}

/// One fault or a whole scenario, as JSON or YAML; all of it or nothing.
async fn add_faults(State(sim): State<Arc<Sim>>, scenario: String) -> Outcome {
    let refused = |why: String| Ok(reply(422, json!({"message": why})));
    let faults = match crate::faults::read(&scenario) {
        Ok(faults) => faults,
        Err(refusal) => return refused(refusal.to_string()),
    };
    if let Some(unknown) = faults.iter().find_map(|fault| sim.unknown_symbol(fault)) {
        return refused(unknown);
    }
    for fault in faults {
        sim.ask_for(fault)?;
    }
    Ok(reply(202, faults_view(&sim)?))
}

async fn clear_faults(State(sim): State<Arc<Sim>>) -> Outcome {
    sim.forgive()?;
    Ok(reply(200, faults_view(&sim)?))
}

async fn firehose(State(sim): State<Arc<Sim>>) -> Outcome {
    Ok(reply(200, sim.firehose.report()))
}

async fn start_firehose(State(sim): State<Arc<Sim>>, body: Bytes) -> Outcome {
    let plan: Plan = match serde_json::from_slice(if body.is_empty() { b"{}" } else { &body }) {
        Ok(plan) => plan,
        Err(error) => return Ok(reply(422, json!({"message": error.to_string()}))),
    };
    sim.start_firehose(plan)?;
    Ok(reply(202, sim.firehose.report()))
}

async fn stop_firehose(State(sim): State<Arc<Sim>>) -> Outcome {
    let report = sim.firehose.report();
    sim.firehose.stop();
    Ok(reply(200, report))
}
