//! Batches into the store, without a bus.

use domain::{Event, StreamName, UnixNanos};
use recorder::recorder::Message;

use crate::day;
use crate::support::{Fixture, docs, dump, messages, store_seq};

const NOW: UnixNanos = UnixNanos::new(1);

async fn store_in_batches_of(size: usize, messages: &[Message]) -> Fixture {
    let fixture = Fixture::new();
    let mut recorder = fixture.recorder().await;
    for batch in messages.chunks(size) {
        assert_eq!(recorder.commit(batch, NOW).await.unwrap(), []);
    }
    recorder.close().await.unwrap();
    fixture
}

#[tokio::test]
async fn a_day_ends_in_the_rows_that_it_should() {
    let fixture = store_in_batches_of(1_000, &messages(&day::events(), day::meta)).await;
    let path = fixture.path();
    let plan = &docs(&path, "plans").await[0];
    assert_eq!((&plan["state"], &plan["closed_reason"]), (&"closed".into(), &"stop_loss".into()));
    assert_eq!((&plan["pnl"], &plan["r_multiple"]), (&"-11.00".into(), &"-1.1".into()));
    assert_eq!(
        (&plan["quantity"], &plan["binding_cap"], &plan["stop"]),
        (&100.into(), &"risk".into(), &"25.42".into())
    );
    let candidates = docs(&path, "candidates").await;
    let seen: Vec<_> = candidates
        .iter()
        .map(|c| (c["symbol"].as_str().unwrap(), c["rank"].as_u64(), c["refused_by"].as_str()))
        .collect();
    assert_eq!(seen, [("AMC", None, Some("gap")), ("GME", Some(1), None)]);
    let filled: u64 = docs(&path, "fills").await.iter().map(|f| f["quantity"].as_u64().unwrap()).sum();
    assert_eq!((docs(&path, "fills").await.len(), filled), (3, 200));
    let account = &docs(&path, "account").await[0];
    assert_eq!((&account["day_pnl"], &account["day_r"]), (&"-11.00".into(), &"-1.1".into()));
    assert_eq!(account["daily_loss_limit"], "3000.00");
    assert_eq!(docs(&path, "trading_state").await[0]["asked"], "no_entry");
    assert_eq!(docs(&path, "audit").await[0]["author"], "ann");
    let bars = &dump(&path, &[]).await["bars"];
    assert_eq!(bars.len(), 2, "{bars:?}");
}

#[tokio::test]
async fn a_held_position_is_valued_at_the_newest_price_and_covered_by_its_stop() {
    let events: Vec<Event> = day::events().into_iter().take(day::until_held()).collect();
    let fixture = store_in_batches_of(1_000, &messages(&events, day::meta)).await;
    let position = &docs(&fixture.path(), "positions").await[0];
    assert_eq!((&position["quantity"], &position["avg_entry_price"]), (&100.into(), &"25.52".into()));
    assert_eq!(
        (&position["last"], &position["unrealized_pnl"], &position["r_multiple"]),
        (&"25.62".into(), &"10.00".into(), &"1".into())
    );
    assert_eq!((&position["stop"], &position["covered"]), (&"25.42".into(), &true.into()));
    assert_eq!(docs(&fixture.path(), "plans").await[0]["state"], "open");
    let uncovered: Vec<Event> = events
        .into_iter()
        .filter(|e| !matches!(e, Event::OrderUpdated(o) if o.leg == domain::execution::Leg::Stop))
        .collect();
    let fixture = store_in_batches_of(1_000, &messages(&uncovered, day::meta)).await;
    assert_eq!(docs(&fixture.path(), "positions").await[0]["covered"], false);
}

#[tokio::test]
async fn the_size_of_batches_and_a_restart_between_them_change_no_row() {
    let messages = messages(&day::events(), day::meta);
    let whole = dump(&store_in_batches_of(1_000, &messages).await.path(), &[]).await;
    for size in [1, 2, 7] {
        assert_eq!(dump(&store_in_batches_of(size, &messages).await.path(), &[]).await, whole, "batches of {size}");
    }
    let fixture = Fixture::new();
    for message in &messages {
        let mut recorder = fixture.recorder().await;
        recorder.commit(std::slice::from_ref(message), NOW).await.unwrap();
    }
    assert_eq!(dump(&fixture.path(), &[]).await, whole);
}

#[tokio::test]
async fn the_order_in_which_streams_arrive_changes_no_row() {
    let messages = messages(&day::events(), day::meta);
    let whole = dump(&store_in_batches_of(1_000, &messages).await.path(), &["positions"]).await;
    let mut apart = messages;
    apart.sort_by_key(|m| std::cmp::Reverse(m.stream));
    let found = dump(&store_in_batches_of(3, &apart).await.path(), &["positions"]).await;
    // The account's row knows the plans' results only as far as they were stored when it was last observed.
    let without_account = |mut d: crate::support::Dump| {
        d.remove("account");
        d
    };
    assert_eq!(without_account(found), without_account(whole));
}

#[tokio::test]
async fn reading_a_stream_again_changes_nothing() {
    let messages = messages(&day::events(), day::meta);
    let fixture = store_in_batches_of(5, &messages).await;
    let (before, seq) = (dump(&fixture.path(), &[]).await, store_seq(&fixture.path()).await);
    let mut recorder = fixture.recorder().await;
    for stream in StreamName::ALL {
        recorder.forget(stream, 0);
    }
    recorder.commit(&messages, NOW).await.unwrap();
    recorder.close().await.unwrap();
    assert_eq!(dump(&fixture.path(), &[]).await, before);
    assert_eq!(store_seq(&fixture.path()).await, seq);
}

#[tokio::test]
async fn a_message_that_cannot_be_understood_is_kept_as_it_came() {
    let mut messages = messages(&day::events(), day::meta);
    let spoiled = messages.iter().position(|m| m.stream == StreamName::Scan).unwrap();
    messages[spoiled].payload = bytes::Bytes::from_static(b"\xff\xff");
    messages[spoiled + 1].meta = Err("no header ce-id".to_owned());
    messages[spoiled + 2].subject = "scan.v1.scan_round_completed.elsewhere".to_owned();
    let fixture = Fixture::new();
    let mut recorder = fixture.recorder().await;
    let reported = recorder.commit(&messages, NOW).await.unwrap();
    let seqs: Vec<u64> = reported.iter().map(|u| u.seq).collect();
    assert_eq!(seqs, [1, 2, 3], "{reported:?}");
    recorder.close().await.unwrap();
    let rows = dump(&fixture.path(), &[]).await;
    assert_eq!(rows["events"].iter().filter(|e| e.contains("not understood") && e.ends_with("null")).count(), 3);
    assert_eq!(rows["plans"].len(), 1, "the rest goes on");
}
