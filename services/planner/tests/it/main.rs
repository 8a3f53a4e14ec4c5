//! The planner on a real nats-server.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic here is a failed test")]

use std::time::Duration;

use bus::{Bus, Fold, FoldSpec, Item, topology};
use chassis::{CancellationToken, Sources};
use domain::control::{Authorship, ConfigActivated, StrategyPaused};
use domain::plan::{NotSelected, RoundClosed};
use domain::scan::{Round, ScanRoundCompleted};
use domain::{Event, RoundId, SignalId, StreamName, UnixNanos};
use testkit::{NatsServer, build};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_strategy_gets_no_plan_until_it_is_resumed() {
    let server = NatsServer::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().to_str().unwrap();
    let loaded = Sources::built_in().set("bus.url", server.url()).set("data_dir", data_dir).load().unwrap();
    let bus = Bus::connect(&loaded.settings.bus, "test").await.unwrap();
    topology::ensure(&bus, &loaded.settings.bus.sizes).await.unwrap();
    let stop = CancellationToken::new();
    let token = stop.clone();
    let planner = tokio::spawn(async move { chassis::start::<planner::Planner>(&loaded, token).await });
    let mut plans = Fold::open(&bus, FoldSpec::stream(StreamName::Plan)).unwrap();

    set_paused(&bus, true).await;
    scan(&bus, &round(35), "GME").await;
    let closed = next_closed(&mut plans).await;
    assert_eq!(closed.ranking[0].not_selected, Some(NotSelected::StrategyPaused));
    assert!(closed.plans.is_empty(), "{:?}", closed.plans);

    set_paused(&bus, false).await;
    scan(&bus, &round(40), "AMC").await;
    let closed = next_closed(&mut plans).await;
    assert_ne!(closed.ranking[0].not_selected, Some(NotSelected::StrategyPaused), "{:?}", closed.ranking);
    stop.cancel();
    planner.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_round_is_planned_under_its_own_version_and_waits_until_that_is_known() {
    let server = NatsServer::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().to_str().unwrap();
    let loaded = Sources::built_in().set("bus.url", server.url()).set("data_dir", data_dir).load().unwrap();
    let bus = Bus::connect(&loaded.settings.bus, "test").await.unwrap();
    topology::ensure(&bus, &loaded.settings.bus.sizes).await.unwrap();
    let own = loaded.strategy_file.text().to_owned();
    let wide = own.replacen("stop_atr_fraction: 0.10 ", "stop_atr_fraction: 0.30 ", 1);
    assert_ne!(own, wide);
    activate(&bus, "narrow", &own).await;
    let stop = CancellationToken::new();
    let token = stop.clone();
    let planner = tokio::spawn(async move { chassis::start::<planner::Planner>(&loaded, token).await });
    let mut plans = Fold::open(&bus, FoldSpec::stream(StreamName::Plan)).unwrap();

    scan(&bus, &Round { config_version: "narrow".to_owned(), ..round(35) }, "GME").await;
    let narrow = next_closed(&mut plans).await;
    // The second round's version is not activated yet: nothing is planned by another's numbers meanwhile.
    scan(&bus, &Round { config_version: "wide".to_owned(), ..round(40) }, "AMC").await;
    assert!(tokio::time::timeout(Duration::from_secs(1), next_closed(&mut plans)).await.is_err());
    activate(&bus, "wide", &wide).await;
    let closed = next_closed(&mut plans).await;
    assert_eq!(closed.round.config_version, "wide");
    let distance = |closed: &RoundClosed| closed.plans[0].stop_distance.nanos();
    assert_eq!(distance(&closed), 3 * distance(&narrow));
    stop.cancel();
    planner.await.unwrap().unwrap();
}

async fn activate(bus: &Bus, version: &str, text: &str) {
    let by = Authorship {
        author: "ann".to_owned(),
        reason: "better".to_owned(),
        requested_at: build::session().at_hm(9, 0),
        request_id: version.to_owned(),
    };
    let event = Event::from(ConfigActivated {
        config_version: version.to_owned(),
        strategy_yaml: text.to_owned(),
        effective_from: UnixNanos::default(),
        by,
        file: None,
    });
    bus.publisher().publish(&event, &build::meta(&[version], "coordinator-api")).await.unwrap();
}

fn round(minute: u32) -> Round {
    let round_id = RoundId::new(build::session(), "trade", 9, minute);
    Round { round_id, due: build::session().at_hm(9, minute), ..build::round() }
}

/// Waits until the planner, which reads CONTROL and SCAN in no common order, has read this.
async fn set_paused(bus: &Bus, paused: bool) {
    let strategy = build::round().strategy;
    let by = Authorship {
        author: "ann".to_owned(),
        reason: "lunch".to_owned(),
        requested_at: build::session().at_hm(9, 0),
        request_id: format!("paused-{paused}"),
    };
    let event = Event::from(StrategyPaused { strategy, paused, by });
    let id = format!("paused-{paused}");
    bus.publisher().publish(&event, &build::meta(&[&id], "coordinator-api")).await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
}

/// One symbol passes in the only partition.
async fn scan(bus: &Bus, round: &Round, ticker: &str) {
    let mut signal = build::signal(ticker);
    signal.partition = 0;
    signal.round = round.clone();
    signal.signal_id = SignalId::new(&round.round_id, &round.strategy, &signal.candidate.symbol);
    let signal_ids = vec![signal.signal_id.clone()];
    let completed = ScanRoundCompleted { round: round.clone(), partition: 0, partitions: 1, evaluated: 1, signal_ids };
    for (event, name) in [(Event::from(signal), "signal"), (completed.into(), "completed")] {
        let meta = build::meta(&[name, round.round_id.as_str()], "gap-scanner");
        bus.publisher().publish(&event, &meta).await.unwrap();
    }
}

async fn next_closed(plans: &mut Fold) -> RoundClosed {
    loop {
        let item = tokio::time::timeout(Duration::from_secs(20), plans.next()).await.expect("no round was closed");
        let Item::Event(folded) = item.unwrap() else { continue };
        if let Event::RoundClosed(closed) = folded.event {
            return closed;
        }
    }
}
