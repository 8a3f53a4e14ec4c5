use crate::world::{PARTITIONS, World};

const STRATEGY: &str = include_str!("../../../../config/strategy.yaml");
const MODEL: &[u8] = include_bytes!("../../../../shared/learned-score/tests/models/linear.onnx");
const SHA256: &str = "6724fd899628c52faf147385ac331f2b6c2f96bd133e72b1dd25aa20521278e9";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_learned_model_must_be_there_and_the_one_that_the_strategy_names() {
    let world = World::new().await;
    let named = format!("learned: {{file: score.onnx, sha256: \"{SHA256}\"}}");
    let strategy = STRATEGY.replace("model: weighted", "model: learned").replace("learned: null", &named);
    std::fs::write(world.config().join("strategy.yaml"), strategy).unwrap();
    let missing = world.start("a").ended().await;
    assert!(missing.contains("score.onnx: cannot be read"), "{missing}");
    std::fs::write(world.config().join("score.onnx"), &MODEL[1..]).unwrap();
    let other = world.start("a").ended().await;
    assert!(other.contains("score.onnx: has SHA-256") && other.contains(SHA256), "{other}");
    std::fs::write(world.config().join("score.onnx"), MODEL).unwrap();
    let scanner = world.start("a");
    world.trade(1..20).await;
    world.rounds_completed(PARTITIONS as usize).await;
    scanner.stop().await;
}
