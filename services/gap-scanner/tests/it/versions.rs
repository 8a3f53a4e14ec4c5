//! Strategies that are activated while the scanners run.

use std::collections::{BTreeMap, BTreeSet};

use domain::control::{Authorship, ConfigActivated};
use domain::scan::{Round, RoundOpened};
use domain::{Event, RoundId, UnixNanos};
use testkit::build;

use crate::world::{PARTITIONS, World, soon};

const STRATEGY: &str = include_str!("../../../../config/strategy.yaml");

/// Trades every minute of these from 09:30 New York on, and asks for such a gap.
fn strategy(minutes: &str, gap_pct: &str) -> String {
    let text = STRATEGY.replacen("cron: \"35 9 * * 1-5\"", &format!("cron: \"{minutes} 9 * * 1-5\""), 1);
    let text = text.replacen("gap_pct_min: 4.0 ", &format!("gap_pct_min: {gap_pct} "), 1);
    assert!(text.contains(minutes) && text.contains(gap_pct));
    text
}

fn version(text: &str) -> String {
    chassis::read_strategy(text).unwrap().version()
}

fn activation(text: &str, effective_from: UnixNanos) -> ConfigActivated {
    let version = version(text);
    let by = Authorship {
        author: "ann".to_owned(),
        reason: "better".to_owned(),
        requested_at: effective_from,
        request_id: format!("{version}-{effective_from}"),
    };
    ConfigActivated { config_version: version, strategy_yaml: text.to_owned(), effective_from, by, file: None }
}

async fn activate(world: &World, text: &str, effective_from: UnixNanos) {
    let event = Event::from(activation(text, effective_from));
    let id = format!("activation-{effective_from}-{}", version(text));
    world.bus.publisher().publish(&event, &build::meta(&[&id], "coordinator-api")).await.unwrap();
}

fn minute(minute: u32) -> UnixNanos {
    build::session().at_hm(9, minute)
}

/// The rounds that were opened, with their version; every partition that reports one says the same.
async fn rounds(world: &World) -> BTreeMap<RoundId, String> {
    let scan = world.scan().await;
    let mut opened = BTreeMap::new();
    let mut reported: BTreeMap<RoundId, BTreeSet<String>> = BTreeMap::new();
    for event in scan.into_values() {
        match event {
            Event::RoundOpened(e) => drop(opened.insert(e.round.round_id, e.round.config_version)),
            Event::ScanRoundCompleted(e) => {
                reported.entry(e.round.round_id).or_default().insert(e.round.config_version);
            }
            Event::CandidatesEvaluated(e) => {
                reported.entry(e.round.round_id).or_default().insert(e.round.config_version);
            }
            _ => {}
        }
    }
    for (round, versions) in reported {
        assert_eq!(versions, BTreeSet::from([opened[&round].clone()]), "{round}");
    }
    opened
}

fn expected(rounds: &[(u32, &str)]) -> BTreeMap<RoundId, String> {
    let id = |minute| RoundId::new(build::session(), "trade", 9, minute);
    rounds.iter().map(|(minute, text)| (id(*minute), version(text))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_activation_counts_from_the_next_round_on_for_every_replica() {
    let world = World::new().await;
    let (old, new) = (strategy("32-36", "4.0"), strategy("32-36", "5.5"));
    std::fs::write(world.config().join("strategy.yaml"), &old).unwrap();
    activate(&world, &old, UnixNanos::default()).await;
    let (first, second) = (world.start("a"), world.start("b"));
    world.held(|held| held.get("a") == Some(&2) && held.get("b") == Some(&2)).await;
    world.trade(1..8).await;
    world.rounds_completed(PARTITIONS as usize).await;
    activate(&world, &new, minute(32).plus_seconds(20)).await;
    world.trade(8..13).await;
    world.rounds_completed(3 * PARTITIONS as usize).await;
    assert_eq!(rounds(&world).await, expected(&[(32, &old), (33, &new), (34, &new)]));

    // Started again with the old file, it goes on under what was activated.
    first.stop().await;
    second.kill().await;
    let third = world.start("c");
    world.held(|held| held.get("c") == Some(&4)).await;
    world.trade(13..17).await;
    world.rounds_completed(4 * PARTITIONS as usize).await;
    assert_eq!(rounds(&world).await, expected(&[(32, &old), (33, &new), (34, &new), (35, &new)]));
    third.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_round_that_was_opened_is_evaluated_as_it_was_opened() {
    let world = World::new().await;
    let (old, new) = (strategy("32-36", "4.0"), strategy("32-36", "5.5"));
    activate(&world, &old, UnixNanos::default()).await;
    let name = chassis::read_strategy(&old).unwrap().name;
    let round = Round {
        round_id: RoundId::new(build::session(), "trade", 9, 32),
        session_date: build::session(),
        schedule: "trade".to_owned(),
        due: minute(32),
        config_version: version(&old),
        strategy: name,
    };
    let opened = Event::from(RoundOpened { round, inputs: Vec::new() });
    world.bus.publisher().publish(&opened, &build::meta(&["opened"], "gap-scanner")).await.unwrap();
    activate(&world, &new, minute(31)).await;
    let scanner = world.start("a");
    world.trade(1..11).await;
    world.rounds_completed(2 * PARTITIONS as usize).await;
    assert_eq!(rounds(&world).await, expected(&[(32, &old), (33, &new)]));
    scanner.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_schedule_and_range_count_from_their_activation_on_and_not_before() {
    let world = World::new().await;
    let old = strategy("32,36", "4.0");
    let new = strategy("31,34", "4.0").replacen("opening_range_minutes: 5 ", "opening_range_minutes: 3 ", 1);
    assert_ne!(version(&old), version(&new));
    activate(&world, &old, UnixNanos::default()).await;
    let scanner = world.start("a");
    world.held(|held| held.get("a") == Some(&4)).await;
    world.trade(1..8).await;
    world.rounds_completed(PARTITIONS as usize).await;
    activate(&world, &new, minute(32).plus_seconds(20)).await;
    world.trade(8..20).await;
    world.rounds_completed(2 * PARTITIONS as usize).await;
    // 09:31 fell due before it was activated, 09:36 does not fall due any more.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(rounds(&world).await, expected(&[(32, &old), (34, &new)]));
    // The fold under the new range is what a scanner has that never knew another.
    let alone = World::new().await;
    std::fs::write(alone.config().join("strategy.yaml"), &new).unwrap();
    let only = alone.start("a");
    alone.trade(1..20).await;
    alone.rounds_completed(2 * PARTITIONS as usize).await;
    let candidates = |scan: BTreeMap<String, Event>| -> Vec<Event> {
        let of_round = |event: &Event| matches!(event, Event::CandidatesEvaluated(e) if e.round.due == minute(34));
        scan.into_values().filter(of_round).collect()
    };
    assert_eq!(candidates(world.scan().await), candidates(alone.scan().await));
    soon(async { scanner.stop().await }).await;
    only.stop().await;
}
