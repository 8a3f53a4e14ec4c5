//! Positions that leave in parts or by the clock. The entry is bought at 107.07, R is 0.40.

use crate::world::{Run, World};

const MINUTE_BY_MINUTE: &str = "time_stop: {minutes: 60, gain_r_min: 0.5}";

fn exit_of(run: &Run) -> (f64, String) {
    let trade = run.trade();
    (trade["exit"].as_f64().unwrap(), trade["reason"].as_str().unwrap().to_owned())
}

#[test]
fn half_leaves_at_its_target_and_the_rest_at_the_close() {
    let rest = [(12, 0, 10_800), (15, 54, 10_900), (15, 55, 10_900)];
    let mut world = World::new(&[100_000], &rest);
    world.plan_with(&["targets: [{r: 2.0, percent: 50}]"]);
    let run = world.write_csv().run(&[]);
    let quantity = run.trade()["quantity"].as_u64().unwrap();
    let half = quantity / 2;
    let close = World::new(&[100_000], &rest).write_csv().run(&[]).trade()["exit"].as_f64().unwrap();
    let expected = (half as f64).mul_add(107.87, (quantity - half) as f64 * close) / quantity as f64;
    let (exit, reason) = exit_of(&run);
    assert!((exit - expected).abs() < 1e-6, "{exit}, {expected} expected");
    assert_eq!((reason.as_str(), run.document["input"]["alerts"].as_u64()), ("flat_by_close", Some(0)));
}

#[test]
fn what_is_left_after_the_target_still_has_its_stop() {
    let mut world = World::new(&[100_000], &[(12, 0, 10_800), (13, 0, 10_600)]);
    world.plan_with(&["targets: [{r: 2.0, percent: 50}]"]);
    let (exit, reason) = exit_of(&world.write_csv().run(&[]));
    assert_eq!(reason, "stop_loss");
    assert!((exit - f64::midpoint(107.87, 105.99)).abs() < 0.01, "{exit}");
}

#[test]
fn a_trade_that_goes_nowhere_is_closed_after_its_time() {
    let mut world = World::new(&[100_000], &[(15, 55, 10_900)]);
    world.trade_until(120, 10_712);
    world.plan_with(&[MINUTE_BY_MINUTE]);
    let run = world.write_csv().run(&[]);
    let (exit, reason) = exit_of(&run);
    assert_eq!((reason.as_str(), exit), ("time_stop", 107.11));
    assert!(run.trade()["exit_at"].as_str().unwrap().starts_with("2026-03-10T14:40"), "{}", run.trade()["exit_at"]);

    let mut moved = World::new(&[100_000], &[(15, 55, 10_900)]);
    moved.trade_until(120, 10_727);
    moved.plan_with(&[MINUTE_BY_MINUTE]);
    assert_eq!(exit_of(&moved.write_csv().run(&[])).1, "flat_by_close", "0.20 is half an R");
}

#[test]
fn silence_is_a_halt_that_the_time_stop_does_not_count() {
    let mut world = World::new(&[100_000], &[(15, 55, 10_900)]);
    world.trade_until(50, 10_712);
    world.after_open.extend(World::new(&[], &[(11, 0, 10_712), (11, 1, 10_712), (11, 2, 10_712)]).after_open);
    world.after_open.sort_by_key(|tick| tick.ts_event);
    world.plan_with(&[MINUTE_BY_MINUTE]);
    assert_eq!(exit_of(&world.write_csv().run(&[])).1, "flat_by_close", "twelve minutes of trading since the entry");
}
