//! The recorder beside a bare insert of the same rows, and the API over a store of a million events beside a bare server.
//!
//! The recorder's time is the whole way: from its start, with every event waiting on the bus, to the last commit. The bare
//! side has the rows ready in memory and only inserts them, in transactions of the same length.

mod bare;
mod requests;

use std::time::{Duration, Instant};

use anyhow::Context;
use bus::{Bus, Outgoing, Pipeline};
use domain::execution::{Leg, OrderState};
use domain::{ClientOrderId, Event, PlanId, RoundId, SessionDate, SignalId, Symbol, calendar};
use e2e::process::{Process, program};
use e2e::{http, say};
use store::{Connection, StoreSection, StoreUrl, query};
use testkit::{PostgresServer, build};

use crate::report::Report;
use crate::site::{self, Site};
use bare::Sample;

/// Plans that were ever made, and the events of each.
const PLANS: usize = 100_000;
const EVENTS_OF_A_PLAN: usize = 10;
const PLANS_A_DAY: usize = 400;
const STORED_WITHIN: Duration = Duration::from_secs(900);

/// Measures and reports.
pub(crate) async fn measure(report: &mut Report) -> anyhow::Result<()> {
    let site = Site::start().await?;
    publish(&site.bus).await?;

    let sqlite = StoreSection::default();
    let (recorded, rows) = record(&site, &sqlite).await?;
    let sqlite = sqlite.url(site.folder())?;
    let sample = Sample::read(&sqlite).await?;
    let bare = bare::into_sqlite(&sample, &site.folder().join("bare.db")).await?;
    report.add(
        "recorder_sqlite_rows_per_second",
        recorded,
        &format!("{rows} rows, from the bus to the last commit"),
    )?;
    report.add("recorder_sqlite_share", recorded / bare, "the same to single-row prepared inserts of the same rows")?;

    let server = PostgresServer::start()?;
    server.create("recorder")?;
    server.create("bare")?;
    let postgres = StoreSection {
        store_url: server.url("recorder"),
        store_password_file: Some(server.password_file()?),
        ..StoreSection::default()
    };
    let (recorded, rows) = record(&site, &postgres).await?;
    let bare = bare::into_postgres(&sample, &server, "bare").await?;
    report.add(
        "recorder_postgres_rows_per_second",
        recorded,
        &format!("{rows} rows, from the bus to the last commit"),
    )?;
    report.add("recorder_postgres_share", recorded / bare, "the same to COPY of the same rows")?;
    drop(server);

    requests::measure(&site, report).await
}

/// Starts `service` with `more` in its environment; its health is answered at the address.
fn start(site: &Site, service: &str, more: &[(&str, &str)]) -> anyhow::Result<(Process, String)> {
    let listen = format!("127.0.0.1:{}", testkit::free_port());
    let environment = site.environment(&[&[("FIN__HEALTH__LISTEN", listen.as_str())], more].concat());
    let process = Process::start(&program(service)?, service, &environment, site.folder())?;
    Ok((process, format!("http://{listen}")))
}

/// Has the recorder store everything where `store` says: rows a second, and how many rows there are then.
async fn record(site: &Site, store: &StoreSection) -> anyhow::Result<(f64, usize)> {
    let file = store.store_password_file.as_ref().map(|file| file.display().to_string());
    let mut own = vec![("FIN__RECORDER__STORE_URL", store.store_url.as_str())];
    own.extend(file.as_deref().map(|file| ("FIN__RECORDER__STORE_PASSWORD_FILE", file)));
    let begun = Instant::now();
    let (mut recorder, health) = start(site, "recorder", &own)?;
    http::eventually("every stream is stored", STORED_WITHIN, || async {
        Ok(http::text(&format!("{health}/readyz")).await.is_ok().then_some(()))
    })
    .await?;
    let took = begun.elapsed().as_secs_f64();
    let rows = count(&store.url(site.folder())?).await?;
    recorder.terminate(Duration::from_secs(15)).context("the recorder did not end by itself")?;
    Ok((rows as f64 / took, rows))
}

/// Rows of every table; every event must be there, beside what the recorder says of itself.
async fn count(url: &StoreUrl) -> anyhow::Result<usize> {
    let mut connection = Connection::reader(url, Duration::from_secs(5)).await?;
    let mut rows = 0;
    for table in &store::tables::TABLES {
        let sql = store::AssertSqlSafe(format!("SELECT count(*) FROM {}", table.name));
        let found: i64 = query(sql).fetch_one(&mut connection).await?.get(0);
        anyhow::ensure!(
            table.name != "events" || found as usize >= PLANS * EVENTS_OF_A_PLAN,
            "{found} of {} events are stored",
            PLANS * EVENTS_OF_A_PLAN
        );
        rows += found as usize;
    }
    Ok(rows)
}

/// A million events: plans with their signals, decisions, orders and fills, some hundred a session.
async fn publish(bus: &Bus) -> anyhow::Result<()> {
    let begun = Instant::now();
    let mut pipeline = Pipeline::new(bus.publisher(), 1_024);
    let mut session = build::session();
    for day in 0..PLANS / PLANS_A_DAY {
        for place in 0..PLANS_A_DAY as u32 {
            for (n, event) in plan(session, &site::symbol(place)?).into_iter().enumerate() {
                let (day, place, n) = (day.to_string(), place.to_string(), n.to_string());
                let meta = build::meta(&[event.name(), &day, &place, &n], "bench");
                pipeline.push(Outgoing::event(&event, &meta)).await?;
            }
        }
        session = calendar::previous_session(session).date;
    }
    pipeline.flush().await?;
    say(&format!(
        "  {} events are on the bus {:>22.0} a second",
        PLANS * EVENTS_OF_A_PLAN,
        (PLANS * EVENTS_OF_A_PLAN) as f64 / begun.elapsed().as_secs_f64()
    ))
}

/// One plan of `session`, from its signal to the entry's last fill.
fn plan(session: SessionDate, symbol: &Symbol) -> [Event; EVENTS_OF_A_PLAN] {
    let ticker = symbol.as_str();
    let mut signal = build::signal(ticker);
    signal.round.round_id = RoundId::new(session, "trade", 9, 35);
    signal.round.session_date = session;
    signal.round.due = session.at_hm(9, 35);
    signal.signal_id = SignalId::new(&signal.round.round_id, &signal.round.strategy, symbol);
    let (mut proposed, mut approved) = (build::plan_proposed(ticker), build::plan_approved(ticker));
    let plan_id = PlanId::new(&signal.signal_id);
    for plan in [&mut proposed.plan, &mut approved.plan] {
        plan.plan_id = plan_id.clone();
        plan.signal_id = signal.signal_id.clone();
        plan.round = signal.round.clone();
        plan.valid_until = session.at_hm(10, 30);
        plan.exit_by = session.at_hm(15, 50);
    }
    approved.decided_at = session.at_hm(9, 35);
    let order = ClientOrderId::new(&plan_id, Leg::Entry, 1);
    let mut intended = build::order_intended(ticker);
    (intended.client_order_id, intended.plan_id) = (order.clone(), plan_id.clone());
    (intended.session_date, intended.ts_event) = (session, session.at_hm(9, 35));
    let updated = |state: OrderState, filled_qty: u64, minute: u32| {
        let mut updated = build::order_updated(ticker);
        (updated.client_order_id, updated.plan_id) = (order.clone(), plan_id.clone());
        (updated.state, updated.filled_qty, updated.ts_event) = (state, filled_qty, session.at_hm(9, minute));
        Event::from(updated)
    };
    let venue = domain::VenueOrderId::from_wire(format!("venue-{plan_id}"));
    let filled = |quantity: u64, cumulative_qty: u64, minute: u32| {
        let mut fill = build::fill(ticker);
        (fill.client_order_id, fill.plan_id, fill.venue_order_id) = (order.clone(), plan_id.clone(), venue.clone());
        (fill.quantity, fill.cumulative_qty, fill.ts_event) = (quantity, cumulative_qty, session.at_hm(9, minute));
        Event::from(fill)
    };
    [
        signal.into(),
        proposed.into(),
        approved.into(),
        intended.into(),
        updated(OrderState::Accepted, 0, 35),
        updated(OrderState::PartiallyFilled, 40, 36),
        filled(40, 40, 36),
        updated(OrderState::PartiallyFilled, 70, 37),
        filled(30, 70, 37),
        updated(OrderState::Filled, 100, 38),
    ]
}
