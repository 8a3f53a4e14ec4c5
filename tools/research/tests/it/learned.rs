//! A learned score in place of the weighted one.

use std::path::Path;

use crate::world::{World, strategy_file};

const MODELS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/learned-score/tests/models");
/// Of `linear.onnx`: 0.5 × gap in ATR + 0.25 × RVOL + 0.1, trained to 2026-02-27.
const SHA256: &str = "6724fd899628c52faf147385ac331f2b6c2f96bd133e72b1dd25aa20521278e9";

/// The shipped strategy with `linear.onnx` beside it, in the folder of the market.
fn strategy(world: &World, model: &str, sha256: &str) -> String {
    let shipped = std::fs::read_to_string(strategy_file()).unwrap();
    let named = format!("learned: {{file: linear.onnx, sha256: \"{sha256}\"}}");
    let text = shipped.replace("model: weighted", &format!("model: {model}")).replace("learned: null", &named);
    let file = world.data().parent().unwrap().join("strategy.yaml");
    std::fs::copy(Path::new(MODELS).join("linear.onnx"), file.with_file_name("linear.onnx")).unwrap();
    std::fs::write(&file, text).unwrap();
    file.display().to_string()
}

fn world() -> World {
    let world = World::new(&[100_000], &[(12, 0, 10_800), (15, 55, 10_900)]);
    world.write_csv();
    world
}

#[test]
fn candidates_are_ranked_by_the_file_that_the_strategy_names() {
    let world = world();
    let weighted = world.run(&[]);
    let learned = world.run(&["--strategy", &strategy(&world, "learned", SHA256)]);
    let scores = |document: &serde_json::Value| {
        let candidates = document["candidates"].as_array().unwrap().iter();
        candidates.filter_map(|c| Some((c["schedule"].as_str()?.to_owned(), c["score"].as_f64()?))).collect::<Vec<_>>()
    };
    let rvol = scores(&weighted.document).pop().unwrap().1;
    let found = scores(&learned.document).pop().unwrap();
    assert_eq!(found.0, "trade");
    assert!((found.1 - (0.5 * 1.5 + 0.25 * rvol + 0.1)).abs() < 2e-6, "{found:?}, rvol {rvol}");
    assert_eq!(weighted.document.get("comparison"), None);
    assert_eq!(learned.trade()["r"], weighted.trade()["r"], "the same trade, however it was ranked");
}

#[test]
fn a_backtest_says_what_the_learned_score_is_worth() {
    let world = world();
    let run = world.run(&["--strategy", &strategy(&world, "weighted", SHA256)]);
    let comparison = &run.document["comparison"];
    assert_eq!((comparison["sessions"].as_u64(), comparison["candidates"].as_u64()), (Some(1), Some(1)));
    assert_eq!(
        (comparison["verdict"].as_str(), comparison["model"]["hash"].as_str()),
        (Some("same_choice"), Some(SHA256))
    );
    assert_eq!(comparison["learned"]["mean_r"], run.trade()["r"]);
    let report = std::fs::read_to_string(world.out().join("report.html")).unwrap();
    assert!(report.contains("The learned score makes no difference"), "it says so");
}

#[test]
fn another_file_than_named_is_refused_before_anything_is_played() {
    let world = world();
    let error = world.try_run(&["--strategy", &strategy(&world, "learned", &"0".repeat(64))]).err().unwrap();
    let error = format!("{error:#}");
    assert!(error.contains("linear.onnx: has SHA-256") && error.contains(SHA256), "{error}");
    assert!(!world.out().exists(), "nothing was written");
}
