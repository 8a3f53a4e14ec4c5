//! `fin report` over stores that a recorder wrote: against the backtest that the trades come from, and against the API.

use std::net::TcpListener;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use bus::tokens::{self, Scope};
use chassis::{CancellationToken, Sources};
use coordinator_api::CoordinatorApi;
use domain::execution::{AccountObserved, FillRecorded, Leg, PlanClosed};
use domain::plan::{PlanProposed, Side};
use domain::risk::DayOpened;
use domain::scan::{Features, Round, SignalGenerated, TradeCandidate};
use domain::{ClientOrderId, Event, PlanId, RoundId, SessionDate, SignalId, UnixNanos, Usd, calendar};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use testkit::{NatsServer, Stores, build};
use tokio::process::Command;

use crate::recorded::{Fixture, messages};
use crate::world::{World, strategy_file};

async fn fin(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fin"));
    command.args(arguments).env_remove("FIN__PROFILE").env_remove("FIN_TOKEN_FILE");
    command.output().await.unwrap()
}

async fn json_of(arguments: &[&str]) -> Value {
    let output = fin(arguments).await;
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A backtest's document.
async fn backtest(data: &Path, from: &str, to: &str) -> Value {
    let (data, strategy) = (data.display().to_string(), strategy_file());
    json_of(&["backtest", "--data", &data, "--strategy", &strategy, "--from", from, "--to", to, "--json"]).await
}

fn field<T: DeserializeOwned>(row: &Value, name: &str) -> T {
    serde_json::from_value(row[name].clone()).unwrap_or_else(|error| panic!("{name}: {error}: {row}"))
}

/// What the suite would have published, had it done these trades.
fn events_of(document: &Value) -> Vec<Event> {
    let mut events = Vec::new();
    for day in document["daily"].as_array().unwrap() {
        let session_date: SessionDate = field(day, "session_date");
        let opened = DayOpened { session_date, start_equity: field(day, "start_equity"), ..build::day_opened() };
        events.push(DayOpened { at: session_date.at_hm(9, 0), ..opened }.into());
    }
    for trade in document["trades"].as_array().unwrap() {
        events.extend(trade_of(trade));
    }
    for day in document["daily"].as_array().unwrap() {
        let session_date: SessionDate = field(day, "session_date");
        let (end, fees): (Usd, Usd) = (field(day, "end_equity"), field(day, "fees"));
        // The broker books a day's fees after its close.
        let equity = end.plus(fees, "equity").unwrap();
        let ts_event = session_date.at_hm(16, 1);
        events.push(AccountObserved { session_date, equity, ts_event, ..build::account_observed() }.into());
    }
    events
}

fn trade_of(trade: &Value) -> Vec<Event> {
    let symbol: domain::Symbol = field(trade, "symbol");
    let session_date: SessionDate = field(trade, "session_date");
    let round = Round { round_id: RoundId::new(session_date, "trade", 9, 35), session_date, ..build::round() };
    let round = Round { due: session_date.at_hm(9, 35), ..round };
    let signal_id = SignalId::new(&round.round_id, &round.strategy, &symbol);
    let features = Features { gap_pct: field(trade, "gap_pct"), ..Features::default() };
    let candidate = TradeCandidate { symbol: symbol.clone(), features, ..build::candidate("GME") };
    let signal =
        SignalGenerated { signal_id: signal_id.clone(), round: round.clone(), candidate, ..build::signal("GME") };
    let plan_id: PlanId = field(trade, "plan_id");
    let mut plan = build::plan("GME");
    (plan.plan_id, plan.signal_id, plan.round, plan.symbol) = (plan_id.clone(), signal_id, round, symbol.clone());
    (plan.stop_distance, plan.side) = (field(trade, "stop_distance"), field(trade, "side"));
    let (quantity, side): (u64, Side) = (field(trade, "quantity"), plan.side);
    let entry = FillRecorded {
        client_order_id: ClientOrderId::new(&plan_id, Leg::Entry, 1),
        plan_id: plan_id.clone(),
        symbol: symbol.clone(),
        side,
        quantity,
        cumulative_qty: quantity,
        price: field(trade, "entry"),
        slippage_r: Some(field(trade, "slippage_r")),
        ts_event: field(trade, "entry_at"),
        ..build::fill("GME")
    };
    let exit = FillRecorded {
        client_order_id: ClientOrderId::new(&plan_id, Leg::Exit, 1),
        leg: Leg::Exit,
        side: side.opposite(),
        price: field(trade, "exit"),
        fees: field(trade, "fees"),
        slippage_r: None,
        ts_event: field(trade, "exit_at"),
        ..entry.clone()
    };
    let closed = PlanClosed {
        plan_id,
        symbol,
        session_date,
        reason: field(trade, "reason"),
        quantity,
        avg_entry_price: Some(entry.price),
        avg_exit_price: Some(exit.price),
        realized_pnl: field(trade, "pnl"),
        fees: exit.fees,
        r_multiple: field(trade, "r"),
        ts_event: exit.ts_event,
    };
    vec![signal.into(), PlanProposed { plan }.into(), entry.into(), exit.into(), closed.into()]
}

/// A store in which a recorder has put `events`.
async fn store_with(events: &[Event]) -> Kept {
    let stores = Stores::sqlite();
    let fixture = Fixture::new(&stores);
    let mut recorder = fixture.recorder().await;
    let meta = |n: usize, event: &Event| build::meta(&["report", event.name(), &n.to_string()], "test");
    let refused = recorder.commit(&messages(events, meta), UnixNanos::new(1)).await.unwrap();
    assert_eq!(refused, []);
    recorder.close().await.unwrap();
    Kept { fixture, _stores: stores }
}

/// A store, and the place that goes with it.
struct Kept {
    fixture: Fixture,
    _stores: Stores,
}

impl Kept {
    fn url(&self) -> String {
        self.fixture.place.url.clone()
    }

    fn path(&self) -> &Path {
        self.fixture.url.path().unwrap()
    }

    fn folder(&self) -> &Path {
        self.path().parent().unwrap()
    }
}

/// The report's number is the backtest's, to the sixth decimal.
fn same(what: &str, report: &Value, backtest: &Value, scale: f64) {
    let ours = report.as_str().map(|text| text.parse::<f64>().unwrap());
    let theirs = backtest.as_f64().map(|number| number * scale);
    let equal = match (ours, theirs) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-6 * b.abs().max(1.0),
        (a, b) => a == b,
    };
    assert!(equal, "{what} is {report} in the report, {backtest} in the backtest");
}

fn same_numbers(report: &Value, document: &Value) {
    let statistics = &document["statistics"];
    let (returns, trades) = (&report["returns"], &report["trades"]);
    assert_eq!(returns["sessions"], statistics["sessions"]);
    assert_eq!((&trades["count"], &trades["wins"]), (&statistics["trades"], &statistics["wins"]));
    for name in ["total_return", "cagr", "annual_volatility", "max_drawdown"] {
        same(name, &returns[format!("{name}_pct")], &statistics[name], 100.0);
    }
    for name in ["sharpe", "sortino", "calmar"] {
        same(name, &returns[name], &statistics[name], 1.0);
    }
    same("win_rate", &trades["win_rate_pct"], &statistics["win_rate"], 100.0);
    same("expectancy", &trades["expectancy"], &statistics["expectancy_usd"], 1.0);
    for name in ["net_pnl", "fees", "profit_factor", "expectancy_r", "win_r", "loss_r"] {
        same(name, &trades[name], &statistics[name], 1.0);
    }
    same("slippage_r", &trades["slippage"]["mean_r"], &statistics["slippage_r"], 1.0);
    for name in ["deviation", "min", "p25", "median", "p75", "max"] {
        same(name, &trades["r"][name], &statistics["r"][name], 1.0);
    }
    for by in ["by_symbol", "by_hour", "by_gap"] {
        let (ours, theirs) = (trades[by].as_array().unwrap(), statistics[by].as_array().unwrap());
        assert_eq!(ours.len(), theirs.len(), "{by}");
        for (group, other) in ours.iter().zip(theirs) {
            assert_eq!((&group["key"], &group["trades"]), (&other["key"], &other["trades"]), "{by}");
            same(by, &group["pnl"], &other["pnl"], 1.0);
            same(by, &group["expectancy_r"], &other["expectancy_r"], 1.0);
        }
    }
    let counts = |bins: &Value| bins.as_array().unwrap().iter().map(|b| b["trades"].clone()).collect::<Vec<_>>();
    assert_eq!(counts(&trades["histogram"]), counts(&statistics["histogram"]));
    let curve = document["equity"].as_array().unwrap();
    for (session, point) in report["sessions"].as_array().unwrap().iter().zip(&curve[1..]) {
        assert_eq!(session["session_date"], point["session_date"]);
        same("equity", &session["end_equity"], &point["equity"], 1.0);
        same("drawdown", &session["drawdown_pct"], &point["drawdown"], 100.0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_trade_is_told_as_by_its_backtest() {
    let world = World::new(&[100_000], &[(12, 0, 10_800), (15, 54, 10_900), (15, 55, 10_900)]);
    world.write_csv();
    let day = world.day.to_string();
    let document = backtest(&world.data(), &day, &day).await;
    assert_eq!(document["statistics"]["trades"], 1);
    let kept = store_with(&events_of(&document)).await;
    let report = json_of(&["report", "--store", &kept.url(), "--from", &day, "--to", &day, "--json"]).await;
    same_numbers(&report, &document);
    assert_eq!(report["closed_trades"][0]["plan_id"], document["trades"][0]["plan_id"]);
    assert_eq!((&report["running"], &report["open_trades"]), (&json!(false), &json!(0)));
}

/// The world's day and five more like it; on every other one the price falls through the stop.
fn six_days(world: &World) -> Vec<SessionDate> {
    let next = |day: &SessionDate| Some(calendar::next_session(*day).date);
    let days: Vec<SessionDate> = std::iter::successors(Some(world.day), next).take(6).collect();
    world.write_csv();
    let mut daily = std::fs::read_to_string(world.data().join("daily.csv")).unwrap();
    let mut symbols: Vec<_> = world.tape(world.day).iter().map(|tick| tick.symbol).collect();
    symbols.sort_unstable();
    symbols.dedup();
    for (number, day) in (0_i64..).zip(&days) {
        let later = day.at_hm(9, 30).since(world.day.at_hm(9, 30));
        let mut tape = String::from("ts_event,symbol,price,size,conditions\n");
        for tick in world.tape(world.day) {
            let after_entry = tick.ts_event > world.day.at_hm(9, 45).nanos() && tick.cents > 10_100;
            let fallen = 10_600 - number;
            let cents =
                if after_entry && number % 2 == 1 { fallen } else { tick.cents + i64::from(after_entry) * number };
            let at = tick.ts_event + later;
            let price = format!("{}.{:02}", cents / 100, cents % 100);
            tape.push_str(&[at.to_string(), tick.symbol.into(), price, tick.size.to_string(), "1\n".into()].join(","));
        }
        world.write(&format!("trades/{day}.csv"), &tape);
        for symbol in &symbols {
            daily.push_str(&[&day.to_string(), *symbol, "100.00,102.00,98.00,100.00,2000000\n"].join(","));
        }
    }
    world.write("daily.csv", &daily);
    days
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trades_that_win_and_lose_are_told_as_by_their_backtest() {
    let world = World::new(&[100_000], &[(12, 0, 10_800), (15, 54, 10_900), (15, 55, 10_900)]);
    let days = six_days(&world);
    let (from, to) = (days[0].to_string(), days[5].to_string());
    let document = backtest(&world.data(), &from, &to).await;
    let statistics = &document["statistics"];
    assert!(statistics["trades"].as_u64() > Some(3), "{statistics:#}");
    assert!(statistics["profit_factor"].as_f64() > Some(0.0) && statistics["sortino"].is_number(), "{statistics:#}");
    let kept = store_with(&events_of(&document)).await;
    let report = json_of(&["report", "--store", &kept.url(), "--from", &from, "--to", &to, "--json"]).await;
    same_numbers(&report, &document);
    assert_eq!(report["missing_sessions"], json!([]));
}

/// Two trades of one session, one that won and one that lost, and a third that is still held.
fn three_trades() -> Vec<Event> {
    let row = |symbol: &str, pnl: &str, r: &str| {
        json!({
            "plan_id": format!("plan-{symbol}"), "session_date": "2026-11-20", "symbol": symbol, "side": "buy",
            "quantity": 100, "entry_at": "2026-11-20T14:45:00Z", "entry": 25.5, "exit_at": "2026-11-20T20:45:00Z",
            "exit": 25.6, "stop_distance": 0.1, "fees": 1.0, "pnl": pnl, "r": r, "reason": "flat_by_close",
            "slippage_r": 0.05, "gap_pct": 8.0,
        })
    };
    let daily = json!([{ "session_date": "2026-11-20", "start_equity": 100_000, "end_equity": 100_020, "fees": 2.0 }]);
    let trades = [row("GME", "30", "3"), row("AMC", "-10", "-1")];
    let mut events = events_of(&json!({ "daily": daily, "trades": trades }));
    let held = trade_of(&row("BB", "0", "0"));
    // The proposal and the entry, without an exit.
    events.extend(held.into_iter().take(3));
    events
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_and_store_tell_the_same_and_a_token_opens_the_api() {
    chassis::tls::install_provider();
    let kept = store_with(&three_trades()).await;
    let nats = NatsServer::start().await.unwrap();
    // Without loopback every request needs a token.
    let port = TcpListener::bind(("0.0.0.0", 0)).unwrap().local_addr().unwrap().port();
    let loaded = Sources::built_in()
        .set("bus.url", nats.url())
        .set("data_dir", kept.folder().to_str().unwrap())
        .set("api.listen", format!("0.0.0.0:{port}"))
        .load()
        .unwrap();
    let bus = bus::Bus::connect(&loaded.settings.bus, "test").await.unwrap();
    bus::topology::ensure(&bus, &loaded.settings.bus.sizes).await.unwrap();
    let token = tokens::create(&bus, "reader", Scope::Read, UnixNanos::new(0)).await.unwrap();
    let file = kept.folder().join("token");
    std::fs::write(&file, format!("{token}\n")).unwrap();
    let stop = CancellationToken::new();
    let (config, cancel) = (loaded.clone(), stop.clone());
    let service = tokio::spawn(async move { chassis::start::<CoordinatorApi>(&config, cancel).await });
    let (api, file) = (format!("http://127.0.0.1:{port}"), file.display().to_string());

    let range = ["--from", "2026-11-02", "--to", "2026-11-20", "--json"];
    let with_token = [&["report", "--api", &api, "--token-file", &file], &range[..]].concat();
    let mut by_api = fin(&with_token).await;
    for _ in 0..100 {
        if by_api.status.success() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        by_api = fin(&with_token).await;
    }
    assert!(by_api.status.success(), "{}", String::from_utf8_lossy(&by_api.stderr));
    let by_api: Value = serde_json::from_slice(&by_api.stdout).unwrap();
    let url = kept.url();
    let by_store = json_of(&[&["report", "--store", &url], &range[..]].concat()).await;
    assert_eq!(by_api, by_store);
    let told = (&by_store["trades"]["count"], &by_store["open_trades"], &by_store["trades"]["net_pnl"]);
    assert_eq!(told, (&json!(2), &json!(1), &json!("20.00")));

    let without = fin(&[&["report", "--api", &api], &range[..]].concat()).await;
    assert_eq!(without.status.code(), Some(4), "{}", String::from_utf8_lossy(&without.stderr));
    stop.cancel();
    service.await.unwrap().unwrap();
    let nobody = fin(&with_token).await;
    assert_eq!(nobody.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("does not answer"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_holds_everything_and_loads_nothing() {
    let kept = store_with(&three_trades()).await;
    let (url, file) = (kept.url(), kept.folder().join("report.html"));
    let day = ["--from", "2026-11-20", "--to", "2026-11-20"];
    let file_text = file.display().to_string();
    let output = fin(&[&["report", "--store", &url, "--html", &file_text], &day[..]].concat()).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.is_empty(), "the page is the output");
    let page = std::fs::read_to_string(&file).unwrap();
    for part in ["<svg", "20.00", "3.00", "AMC", "1 trade still holds shares", "Sharpe", "Definitions"] {
        assert!(page.contains(part), "{part}");
    }
    for foreign in ["<script", "http://", "https://", "src=", "@import", "url("] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    let lines = fin(&[&["report", "--store", &url], &day[..]].concat()).await;
    let lines = String::from_utf8(lines.stdout).unwrap();
    assert!(lines.contains("2, 1 won") && lines.contains("20.00 USD after 2.00 USD of fees"), "{lines}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_meant_is_named_and_an_empty_day_is_no_error() {
    let kept = store_with(&three_trades()).await;
    let url = kept.url();
    let check = async |arguments: &[&str], code: i32, part: &str| {
        let output = fin(&[&["report"], arguments].concat()).await;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        assert!(text.contains(part), "{arguments:?}: {text}");
    };
    check(&["--store", &url, "--from", "2026-11-21", "--to", "2026-11-20"], 2, "`2026-11-21`").await;
    check(&["--store", &url, "--from", "soon"], 2, "soon").await;
    check(&["--store", "mysql://x"], 2, "`mysql://x`").await;
    check(&["--store", "sqlite:/nowhere/store.db"], 3, "/nowhere/store.db").await;
    check(&["--api", "ftp://x"], 2, "`ftp://x`").await;
    check(&["--store", &url, "--html", "/nowhere/report.html"], 1, "/nowhere/report.html").await;
    let day = ["--from", "2026-11-19", "--to", "2026-11-19", "--json"];
    let empty = json_of(&[&["report", "--store", &url], &day[..]].concat()).await;
    assert_eq!((&empty["trades"]["count"], &empty["closed_trades"]), (&json!(0), &json!([])));
    assert_eq!(empty["returns"]["total_return_pct"], Value::Null);
    let (page, text) = (kept.folder().join("empty.html"), kept.path());
    let page_text = page.display().to_string();
    let output =
        fin(&["report", "--store", &url, "--from", "2026-11-19", "--to", "2026-11-19", "--html", &page_text]).await;
    assert!(output.status.success() && page.exists() && text.exists());
}
