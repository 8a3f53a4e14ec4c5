//! Batches into the store, without a bus.

use domain::{Event, StreamName, UnixNanos};
use recorder::recorder::Message;
use store::tables::Kind;
use testkit::{Stores, on_sqlite_and_postgres, on_stores};

use crate::day;
use crate::support::{Fixture, messages};

const NOW: UnixNanos = UnixNanos::new(1);

macro_rules! on_every_store {
    ($($name:ident),+ $(,)?) => {
        on_sqlite_and_postgres!($($name),+);
        on_stores!(timescale: $($name),+, late_bars_reach_compressed_chunks);
    };
}

on_every_store!(
    a_day_ends_in_the_rows_that_it_should,
    a_held_position_is_valued_at_the_newest_price_and_covered_by_its_stop,
    the_size_of_batches_and_a_restart_between_them_change_no_row,
    the_order_in_which_streams_arrive_changes_no_row,
    reading_a_stream_again_changes_nothing,
    a_message_that_cannot_be_understood_is_kept_as_it_came,
    the_tables_are_those_of_the_catalogue,
);

async fn store_in_batches_of(stores: &Stores, size: usize, messages: &[Message]) -> Fixture {
    let fixture = Fixture::new(stores);
    let mut recorder = fixture.recorder().await;
    for batch in messages.chunks(size) {
        assert_eq!(recorder.commit(batch, NOW).await.unwrap(), []);
    }
    recorder.close().await.unwrap();
    fixture
}

async fn a_day_ends_in_the_rows_that_it_should(stores: Stores) {
    let fixture = store_in_batches_of(&stores, 1_000, &messages(&day::events(), day::meta)).await;
    let plan = &fixture.docs("plans").await[0];
    assert_eq!((&plan["state"], &plan["closed_reason"]), (&"closed".into(), &"stop_loss".into()));
    assert_eq!((&plan["pnl"], &plan["r_multiple"]), (&"-11.00".into(), &"-1.1".into()));
    assert_eq!(
        (&plan["quantity"], &plan["binding_cap"], &plan["stop"]),
        (&100.into(), &"risk".into(), &"25.42".into())
    );
    let candidates = fixture.docs("candidates").await;
    let seen: Vec<_> = candidates
        .iter()
        .map(|c| (c["symbol"].as_str().unwrap(), c["rank"].as_u64(), c["refused_by"].as_str()))
        .collect();
    assert_eq!(seen, [("AMC", None, Some("gap")), ("GME", Some(1), None)]);
    let filled: u64 = fixture.docs("fills").await.iter().map(|f| f["quantity"].as_u64().unwrap()).sum();
    assert_eq!((fixture.docs("fills").await.len(), filled), (3, 200));
    let account = &fixture.docs("account").await[0];
    assert_eq!((&account["day_pnl"], &account["day_r"]), (&"-11.00".into(), &"-1.1".into()));
    assert_eq!(account["daily_loss_limit"], "3000.00");
    assert_eq!(fixture.docs("trading_state").await[0]["asked"], "no_entry");
    assert_eq!(fixture.docs("audit").await[0]["author"], "ann");
    let bars = &fixture.dump(&[]).await["bars"];
    assert_eq!(bars.len(), 2, "{bars:?}");
}

async fn a_held_position_is_valued_at_the_newest_price_and_covered_by_its_stop(stores: Stores) {
    let events: Vec<Event> = day::events().into_iter().take(day::until_held()).collect();
    let fixture = store_in_batches_of(&stores, 1_000, &messages(&events, day::meta)).await;
    let position = &fixture.docs("positions").await[0];
    assert_eq!((&position["quantity"], &position["avg_entry_price"]), (&100.into(), &"25.52".into()));
    assert_eq!(
        (&position["last"], &position["unrealized_pnl"], &position["r_multiple"]),
        (&"25.62".into(), &"10.00".into(), &"1".into())
    );
    assert_eq!((&position["stop"], &position["covered"]), (&"25.42".into(), &true.into()));
    assert_eq!(fixture.docs("plans").await[0]["state"], "open");
    let uncovered: Vec<Event> = events
        .into_iter()
        .filter(|e| !matches!(e, Event::OrderUpdated(o) if o.leg == domain::execution::Leg::Stop))
        .collect();
    let fixture = store_in_batches_of(&stores, 1_000, &messages(&uncovered, day::meta)).await;
    assert_eq!(fixture.docs("positions").await[0]["covered"], false);
}

async fn the_size_of_batches_and_a_restart_between_them_change_no_row(stores: Stores) {
    let messages = messages(&day::events(), day::meta);
    let whole = store_in_batches_of(&stores, 1_000, &messages).await.dump(&[]).await;
    for size in [1, 2, 7] {
        assert_eq!(store_in_batches_of(&stores, size, &messages).await.dump(&[]).await, whole, "batches of {size}");
    }
    let fixture = Fixture::new(&stores);
    for message in &messages {
        let mut recorder = fixture.recorder().await;
        recorder.commit(std::slice::from_ref(message), NOW).await.unwrap();
    }
    assert_eq!(fixture.dump(&[]).await, whole);
}

async fn the_order_in_which_streams_arrive_changes_no_row(stores: Stores) {
    let messages = messages(&day::events(), day::meta);
    let whole = store_in_batches_of(&stores, 1_000, &messages).await.dump(&["positions"]).await;
    let mut apart = messages;
    apart.sort_by_key(|m| std::cmp::Reverse(m.stream));
    let found = store_in_batches_of(&stores, 3, &apart).await.dump(&["positions"]).await;
    // The account's row knows the plans' results only as far as they were stored when it was last observed.
    let without_account = |mut d: crate::support::Dump| {
        d.remove("account");
        d
    };
    assert_eq!(without_account(found), without_account(whole));
}

async fn reading_a_stream_again_changes_nothing(stores: Stores) {
    let messages = messages(&day::events(), day::meta);
    let fixture = store_in_batches_of(&stores, 5, &messages).await;
    let (before, seq) = (fixture.dump(&[]).await, fixture.store_seq().await);
    let mut recorder = fixture.recorder().await;
    for stream in StreamName::ALL {
        recorder.forget(stream, 0);
    }
    recorder.commit(&messages, NOW).await.unwrap();
    recorder.close().await.unwrap();
    assert_eq!(fixture.dump(&[]).await, before);
    assert_eq!(fixture.store_seq().await, seq);
}

async fn a_message_that_cannot_be_understood_is_kept_as_it_came(stores: Stores) {
    let mut messages = messages(&day::events(), day::meta);
    let spoiled = messages.iter().position(|m| m.stream == StreamName::Scan).unwrap();
    messages[spoiled].payload = bytes::Bytes::from_static(b"\xff\xff");
    messages[spoiled + 1].meta = Err("no header ce-id".to_owned());
    "scan.v1.scan_round_completed.elsewhere".clone_into(&mut messages[spoiled + 2].subject);
    let fixture = Fixture::new(&stores);
    let mut recorder = fixture.recorder().await;
    let reported = recorder.commit(&messages, NOW).await.unwrap();
    let seqs: Vec<u64> = reported.iter().map(|u| u.seq).collect();
    assert_eq!(seqs, [1, 2, 3], "{reported:?}");
    recorder.close().await.unwrap();
    let rows = fixture.dump(&[]).await;
    assert_eq!(rows["events"].iter().filter(|e| e.contains("not understood") && e.ends_with("null")).count(), 3);
    assert_eq!(rows["plans"].len(), 1, "the rest goes on");
}

/// The catalogue that other programs copy by is what the migrations make.
async fn the_tables_are_those_of_the_catalogue(stores: Stores) {
    let fixture = Fixture::new(&stores);
    fixture.recorder().await.close().await.unwrap();
    let (names, columns) = match &fixture.url {
        recorder::store::StoreUrl::Sqlite(_) => (
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\' ORDER BY name",
            "SELECT name, type, pk FROM pragma_table_info('TABLE') ORDER BY cid",
        ),
        recorder::store::StoreUrl::Postgres(_) => (
            "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE '\\_%'
             ORDER BY tablename COLLATE \"C\"",
            "SELECT c.column_name::text, upper(c.data_type)::text || coalesce(' ' || c.collation_name::text, ''),
                    coalesce(k.ordinal_position::bigint, 0)
             FROM information_schema.columns c LEFT JOIN information_schema.key_column_usage k
             ON k.table_name = c.table_name AND k.column_name = c.column_name
             WHERE c.table_name = 'TABLE' ORDER BY c.ordinal_position",
        ),
    };
    let found: Vec<String> = fixture.ask(names.to_owned()).await.iter().map(|r| r.get(0)).collect();
    let mut known = store::tables::TABLES.map(|table| table.name);
    known.sort_unstable();
    assert_eq!(found, known);
    for table in store::tables::TABLES {
        let rows = fixture.ask(columns.replace("TABLE", table.name)).await;
        let found: Vec<(String, Kind, bool)> =
            rows.iter().map(|r| (r.get(0), kind(r.get(1)), r.get::<i64>(2) > 0)).collect();
        let expected: Vec<(String, Kind, bool)> = table
            .columns
            .iter()
            .enumerate()
            .map(|(place, (name, kind))| ((*name).to_owned(), *kind, place < table.key))
            .collect();
        assert_eq!(found, expected, "{}", table.name);
    }
}

/// Where the extension is, bars are a compressed hypertable, and a print that comes after the compression still counts.
async fn late_bars_reach_compressed_chunks(stores: Stores) {
    let trades: Vec<Event> = day::events().into_iter().filter(|e| matches!(e, Event::TradeBatch(_))).collect();
    let batches = messages(&trades, day::meta);
    assert!(batches.len() > 1);
    let whole = store_in_batches_of(&stores, 1_000, &batches).await.dump(&[]).await;
    let fixture = store_in_batches_of(&stores, 1_000, &batches[..1]).await;
    let series =
        "SELECT hypertable_name::text, compression_enabled FROM timescaledb_information.hypertables ORDER BY 1";
    let found: Vec<(String, bool)> =
        fixture.ask(series.to_owned()).await.iter().map(|r| (r.get(0), r.get(1))).collect();
    assert_eq!(found, [("account_curve".to_owned(), true), ("bars".to_owned(), true)]);
    let policies = "SELECT count(*) FROM timescaledb_information.jobs WHERE proc_name = 'policy_compression'";
    assert_eq!(fixture.ask(policies.to_owned()).await[0].get::<i64>(0), 2);
    let mut writer = store::Connection::writer(&fixture.url).await.unwrap();
    let compress = store::query("SELECT compress_chunk(c)::text FROM show_chunks('bars') c");
    assert_eq!(compress.fetch_all(&mut writer).await.unwrap().len(), 1);
    writer.close().await.unwrap();
    let mut recorder = fixture.recorder().await;
    recorder.commit(&batches, NOW).await.unwrap();
    recorder.close().await.unwrap();
    assert_eq!(fixture.dump(&[]).await, whole);
}

/// Postgres' texts compare by bytes, so their collation stands behind.
fn kind(declared: &str) -> Kind {
    match declared {
        "TEXT" | "TEXT C" => Kind::Text,
        "BIGINT" => Kind::Int,
        "BOOLEAN" => Kind::Bool,
        "BLOB" | "BYTEA" => Kind::Bytes,
        other => panic!("{other}"),
    }
}
