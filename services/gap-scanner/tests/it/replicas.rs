use crate::world::{PARTITIONS, World};

/// What one scanner that nobody disturbs finds.
async fn undisturbed() -> World {
    let world = World::new().await;
    let scanner = world.start("only");
    world.trade(1..20).await;
    world.rounds_completed(PARTITIONS as usize).await;
    scanner.stop().await;
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_share_the_partitions_and_one_that_dies_is_replaced_with_its_state() {
    let expected = undisturbed().await.scan().await;
    let world = World::new().await;
    let (first, second) = (world.start("a"), world.start("b"));
    world.held(|held| held.get("a") == Some(&2) && held.get("b") == Some(&2)).await;
    world.trade(1..10).await;
    // One snapshot at least, and trades after it.
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    world.trade(10..12).await;
    first.kill().await;
    world.trade(12..20).await;
    world.rounds_completed(PARTITIONS as usize).await;
    assert_eq!(world.scan().await, expected);
    world.held(|held| held.get("b") == Some(&4)).await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_and_started_again_it_goes_on_from_its_snapshots() {
    let expected = undisturbed().await.scan().await;
    let world = World::new().await;
    for numbers in [1..6, 6..7, 7..15, 15..20] {
        let scanner = world.start("a");
        world.held(|held| held.get("a") == Some(&4)).await;
        world.trade(numbers).await;
        tokio::time::sleep(std::time::Duration::from_millis(400)).await;
        scanner.kill().await;
    }
    let scanner = world.start("a");
    world.rounds_completed(PARTITIONS as usize).await;
    assert_eq!(world.scan().await, expected);
    scanner.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_comes_or_goes_in_peace_hands_over_without_a_pause() {
    let expected = undisturbed().await.scan().await;
    let world = World::new().await;
    let first = world.start("a");
    world.held(|held| held.get("a") == Some(&4)).await;
    world.trade(1..8).await;
    let second = world.start("b");
    world.held(|held| held.get("a") == Some(&2) && held.get("b") == Some(&2)).await;
    world.trade(8..12).await;
    let since = std::time::Instant::now();
    first.stop().await;
    world.held(|held| held.get("b") == Some(&4)).await;
    assert!(since.elapsed() < bus::lease::TTL, "waited for leases to lapse: {:?}", since.elapsed());
    world.trade(12..20).await;
    world.rounds_completed(PARTITIONS as usize).await;
    assert_eq!(world.scan().await, expected);
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_that_nobody_would_read_stop_the_start() {
    let world = World::new().await;
    let mut batch = testkit::build::trade_batch(PARTITIONS, 1, &[("ACME", 2_500)]);
    batch.partition = PARTITIONS;
    let meta = testkit::build::meta(&["batch"], "ingest-gateway");
    world.bus.publisher().publish(&batch.into(), &meta).await.unwrap();
    let error = world.start("a").ended().await;
    assert!(error.contains("scanner.partitions is 4") && error.contains("trade_batch.4"), "{error}");
}
