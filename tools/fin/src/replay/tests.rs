//! The stages on records that are right, doubled, cut short and changed.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use bus::subject::subject_of;
use bus::topology::{self, Sizes};
use bus::{Bus, BusConfig, Outgoing};
use domain::control::{Authorship, ConfigActivated};
use domain::market::TradeBatch;
use domain::plan::PlannerState;
use domain::risk::RiskState;
use domain::scan::{Input, RoundOpened, ScanRoundCompleted};
use domain::strategy::Strategy;
use domain::{Event, StreamName, UnixNanos, Usd};
use serde_json::{Value, json};
use testkit::{NatsServer, build};

use super::findings::Findings;
use super::recording::{Recorded, Recording};
use super::{plan, risk, scan, versions};
use crate::exit::NotFound;

fn strategy() -> Arc<Strategy> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/strategy.yaml");
    Arc::new(research::backtest::read_strategy(&file).unwrap())
}

fn record(stream: StreamName, events: &[Event]) -> Recording {
    let recorded = |(seq, event): (u64, &Event)| Recorded {
        seq,
        subject: subject_of(event),
        event: event.clone(),
        payload: events::encode(event),
    };
    let tail = events.len() as u64;
    Recording { stream, events: (1..).zip(events).map(recorded).collect(), messages: tail, tail }
}

fn seen(stream: StreamName, last_seq: u64) -> Input {
    Input { stream: stream.as_str().to_owned(), last_seq }
}

/// Stream, sequence, field and whether anything came out, of every difference.
fn differences(findings: &Findings) -> Vec<(Value, Value, String, bool)> {
    let rows = serde_json::to_value(&findings.differences).unwrap();
    let row = |row: &Value| {
        let field = row["field"].as_str().unwrap().to_owned();
        (row["stream"].clone(), row["seq"].clone(), field, !row["computed"].is_null())
    };
    rows.as_array().unwrap().iter().map(row).collect()
}

fn left_out(findings: &Findings) -> Value {
    serde_json::to_value(&findings.left_out).unwrap()
}

/// A round of one partition with one signal, and what the planner made of it.
fn planned() -> (Recording, Vec<Event>) {
    let signal = build::signal("GME");
    let signal_ids = vec![signal.signal_id.clone()];
    let completed =
        ScanRoundCompleted { round: signal.round.clone(), partition: 0, partitions: 1, evaluated: 1, signal_ids };
    let scan = [Event::from(signal), completed.into()];
    let mut state = PlannerState::new(strategy());
    scan.iter().for_each(|event| state.apply(event));
    let mut decided = Vec::new();
    while let Some(effect) = state.decide(&[seen(StreamName::Scan, 2), seen(StreamName::Control, 0)]).into_iter().next()
    {
        let event = effect.into_event();
        state.apply(&event);
        decided.push(event);
    }
    (record(StreamName::Scan, &scan), decided)
}

fn replay_plan(scan: &Recording, decided: &[Event]) -> Findings {
    let mut findings = Findings::default();
    let (control, plan) = (record(StreamName::Control, &[]), record(StreamName::Plan, decided));
    plan::compare(&strategy(), build::session(), scan, &control, &plan, &mut findings);
    findings
}

#[test]
fn plans_come_out_again_and_a_missing_or_doubled_one_is_named() {
    let (scan, decided) = planned();
    let findings = replay_plan(&scan, &decided);
    assert_eq!((differences(&findings), findings.decisions), (vec![], decided.len() as u64));
    assert!(findings.log.to_string().contains(" rank 1 GME "), "{}", findings.log);

    let none_recorded = differences(&replay_plan(&scan, &[]));
    assert_eq!(none_recorded[0], ("PLAN".into(), Value::Null, String::new(), true));
    let doubled = replay_plan(&scan, &[&decided[..], &decided[..1]].concat());
    assert_eq!(differences(&doubled), [("PLAN".into(), (decided.len() + 1).into(), String::new(), false)]);
}

#[test]
fn a_changed_ranking_is_named_by_its_field() {
    let (scan, mut decided) = planned();
    if let Event::RoundClosed(closed) = &mut decided[0] {
        closed.ranking[0].rank = 2;
    }
    let named = differences(&replay_plan(&scan, &decided));
    assert_eq!(named, [("PLAN".into(), 1.into(), "ranking[GME].rank".to_owned(), true)]);
}

#[test]
fn what_rests_on_events_that_were_not_read_is_left_out_by_name() {
    let (mut scan, decided) = planned();
    (scan.tail, scan.events) = (1, scan.events[..1].to_vec());
    let findings = replay_plan(&scan, &decided);
    assert_eq!((findings.decisions, left_out(&findings)), (0, json!([{"stream": "PLAN", "seq": 1}])));
    assert!(findings.to_string().contains("PLAN 1 and later: not compared"), "{findings}");
}

/// The account's morning, a plan, and what the risk engine made of both.
fn ledger() -> (Recording, Recording, Vec<Event>) {
    let order = [Event::from(build::account_observed())];
    let plans = [Event::from(build::plan_proposed("GME"))];
    let mut state = RiskState::new(strategy());
    order.iter().chain(&plans).for_each(|event| state.apply(event));
    let inputs = [(StreamName::Plan, 1), (StreamName::Order, 1), (StreamName::Control, 0)].map(|(s, seq)| seen(s, seq));
    let mut ledger = Vec::new();
    while let Some(decision) = state.decide(&inputs) {
        let event = decision.into_event();
        state.apply(&event);
        ledger.push(event);
    }
    assert_eq!(ledger.len(), 2);
    (record(StreamName::Order, &order), record(StreamName::Plan, &plans), ledger)
}

fn replay_ledger(order: &Recording, plan: &Recording, ledger: &[Event]) -> Findings {
    let mut findings = Findings::default();
    let inputs = risk::Inputs { plan, order, control: &record(StreamName::Control, &[]) };
    risk::compare(&strategy(), build::session(), &inputs, &record(StreamName::Risk, ledger), &mut findings);
    findings
}

#[test]
fn the_ledger_comes_out_again_and_a_changed_entry_is_named() {
    let (order, plan, mut ledger) = ledger();
    let replay = |ledger: &[Event]| differences(&replay_ledger(&order, &plan, ledger));
    assert_eq!(replay(&ledger), []);
    assert_eq!(replay(&ledger[..1]), [("RISK".into(), Value::Null, String::new(), true)]);
    if let Event::DayOpened(opened) = &mut ledger[0] {
        opened.start_equity = Usd::from_cents(1);
    }
    assert_eq!(replay(&ledger)[0], ("RISK".into(), 1.into(), "start_equity".to_owned(), true));
}

#[test]
fn a_decision_behind_the_opening_of_the_next_day_is_compared() {
    let (order, plan, mut ledger) = ledger();
    let tomorrow = "2026-11-25".parse().unwrap();
    for _ in 0..2 {
        ledger.insert(1, domain::risk::DayOpened { session_date: tomorrow, ..build::day_opened() }.into());
    }
    let findings = replay_ledger(&order, &plan, &ledger);
    assert_eq!((differences(&findings), findings.decisions), (vec![], 2));
}

#[test]
fn a_ledger_that_rests_on_orders_that_were_not_read_is_left_out_by_name() {
    let (mut order, plan, ledger) = ledger();
    order.tail = 0;
    let findings = replay_ledger(&order, &plan, &ledger);
    assert_eq!((differences(&findings), left_out(&findings)), (vec![], json!([{"stream": "RISK", "seq": 2}])));
}

#[test]
fn a_round_is_opened_again_under_what_its_record_says_was_known() {
    let text = include_str!("../../../../config/strategy.yaml");
    let by = Authorship {
        author: "ann".to_owned(),
        reason: "better".to_owned(),
        requested_at: build::session().at_hm(9, 0),
        request_id: "1".to_owned(),
    };
    let activated = |version: &str, hour| ConfigActivated {
        config_version: version.to_owned(),
        strategy_yaml: text.to_owned(),
        effective_from: build::session().at_hm(hour, 0),
        by: by.clone(),
        file: None,
    };
    let control = record(StreamName::Control, &[activated("first", 4).into(), activated("later", 23).into()]);
    let versions = versions::Versions::new(&strategy(), &control);
    let check = |known: u64, version: String| {
        let opened = RoundOpened { round: build::round(), inputs: vec![seen(StreamName::Control, known)] };
        assert_eq!(versions.opening(&opened).unwrap().round.config_version, version, "{known}");
    };
    check(0, strategy().version());
    check(1, "first".to_owned());
    check(2, "first".to_owned());
    let unknown = versions.of_day(build::session(), &BTreeSet::from(["gone".to_owned()]), Path::new(""));
    assert!(unknown.err().unwrap().to_string().contains("strategy version gone"));
}

/// MARKET holds one batch of trades with this watermark, and has dropped what came before.
async fn rounds_after_a_drop(watermark: UnixNanos) -> anyhow::Result<scan::Made> {
    let server = NatsServer::start().await?;
    let bus = Bus::connect(&BusConfig { url: server.url(), ..BusConfig::default() }, "test").await?;
    topology::ensure(&bus, &Sizes { market_mib: 1, ..Sizes::default() }).await?;
    let filler = |id: &str| {
        let news = vec![0xff; 600_000].into();
        Outgoing::raw(
            format!("market.v1.news_published.{id}"),
            "finagent.market.v1.NewsPublished",
            news,
            build::meta(&[id], "test"),
        )
    };
    let batch = TradeBatch { watermark, ..build::trade_batch(0, 1, &[("GME", 2_540)]) };
    bus.publisher().publish_raw(filler("first")).await?;
    bus.publisher().publish(&batch.into(), &build::meta(&["batch"], "test")).await?;
    bus.publisher().publish_raw(filler("second")).await?;
    let control = record(StreamName::Control, &[]);
    let scorings =
        versions::Versions::new(&strategy(), &control).of_day(build::session(), &BTreeSet::new(), Path::new(""))?;
    scan::rounds(&bus, &scorings, 1, build::session(), &mut Findings::default()).await
}

#[tokio::test]
async fn a_day_whose_first_trades_market_has_dropped_is_not_found() {
    let day = build::session();
    let refused = rounds_after_a_drop(day.at_hm(4, 0)).await.unwrap_err();
    assert!(refused.is::<NotFound>(), "{refused:#}");
    rounds_after_a_drop(day.at_hm(3, 59)).await.unwrap();
}
