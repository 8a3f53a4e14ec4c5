//! `fin migrate` between files and a real Postgres server.

use std::process::{Output, Stdio};
use std::time::Duration;

use recorder::store::{Store, StoreUrl};
use serde_json::{Value as Json, json};
use store::tables::{EVENTS, TABLES, table};
use store::{Connection, Value, query};
use testkit::{PostgresServer, Stores, on_sqlite_and_postgres};

use crate::filled::{change, command, fill, fin, held, json, options, rows, told};
use crate::recorded::Fixture;

on_sqlite_and_postgres!(
    killed_in_the_middle_it_goes_on,
    what_the_target_holds_otherwise_is_found_and_left,
    a_target_that_a_recorder_holds_is_left_alone,
);

const EVENTS_FEW: i64 = 500;

fn between(from: &Fixture, to: &Fixture) -> Vec<String> {
    let mut arguments = vec!["migrate".to_owned(), "--json".to_owned()];
    arguments.extend(options(&from.place, "--from", "--from-password-file"));
    arguments.extend(options(&to.place, "--to", "--to-password-file"));
    arguments
}

async fn migrate(from: &Fixture, to: &Fixture) -> Output {
    fin(&between(from, to)).await
}

/// The report of a migration that succeeded.
async fn moved(from: &Fixture, to: &Fixture) -> Json {
    let output = migrate(from, to).await;
    assert!(output.status.success(), "{}", told(&output));
    let report = json(&output);
    assert_eq!(report["ok"], true);
    for table in report["tables"].as_array().unwrap() {
        assert_eq!((&table["rows_from"], &table["checksum_from"]), (&table["rows_to"], &table["checksum_to"]));
    }
    report
}

async fn holds_all(url: &StoreUrl, events: i64) {
    for table in &TABLES {
        assert!(held(url, table).await == rows(table, events), "{} is another", table.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_and_back_every_row_is_the_same() {
    let (files, databases) = (Stores::sqlite(), Stores::postgres());
    let (first, second) = (Fixture::new(&files), Fixture::new(&databases));
    let (third, fourth) = (Fixture::new(&files), Fixture::new(&databases));
    fill(&first.url, EVENTS_FEW).await;
    let report = moved(&first, &second).await;
    let named: Vec<&str> = TABLES.iter().map(|table| table.name).collect();
    let tables = report["tables"].as_array().unwrap();
    assert_eq!(tables.iter().map(|t| t["name"].as_str().unwrap()).collect::<Vec<_>>(), named);
    assert_eq!((&tables[0]["rows_to"], &tables[1]["rows_to"]), (&json!(EVENTS_FEW), &json!(150)));
    holds_all(&second.url, EVENTS_FEW).await;
    // Over every pair of databases, and once more over what is there.
    assert_eq!(moved(&second, &third).await, report);
    holds_all(&third.url, EVENTS_FEW).await;
    assert_eq!(moved(&second, &fourth).await, report);
    assert_eq!(moved(&third, &second).await, report);
    assert_eq!(moved(&first, &third).await, report);
    // A recorder takes it for its own.
    let batch = Store::open(&second.url).await.unwrap().progress().await.unwrap();
    assert_eq!(batch.len(), 0, "the filled store knows none of the suite's streams");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_with_u_0000_arrives_as_postgres_can_hold_it() {
    let (files, databases) = (Stores::sqlite(), Stores::postgres());
    let (first, second, third) = (Fixture::new(&files), Fixture::new(&databases), Fixture::new(&files));
    fill(&first.url, 20).await;
    change(&first.url, "UPDATE events SET summary = 'a' || char(0) || 'b' WHERE id = 'a5'").await;
    assert_eq!(moved(&first, &second).await, moved(&first, &third).await);
    for url in [&second.url, &third.url] {
        let events = held(url, &EVENTS).await;
        let place = EVENTS.place_of("summary").unwrap();
        let row = events.iter().find(|row| row[0] == Value::from("a5")).unwrap();
        assert_eq!(row[place], Value::from("a\u{fffd}b"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_store_moves_too() {
    let (files, databases) = (Stores::sqlite(), Stores::postgres());
    let (first, second) = (Fixture::new(&files), Fixture::new(&databases));
    Store::open(&first.url).await.unwrap().close().await.unwrap();
    let report = moved(&first, &second).await;
    assert_eq!(moved(&second, &first).await, report);
    let tables = report["tables"].as_array().unwrap();
    assert_eq!(tables.iter().filter(|table| table["rows_to"] == 0).count(), TABLES.len() - 1);
}

async fn count(url: &StoreUrl, sql: &'static str) -> Result<i64, store::Error> {
    let mut connection = Connection::reader(url, Duration::from_secs(5)).await?;
    Ok(query(sql).fetch_one(&mut connection).await?.get(0))
}

/// Waits until some events are in the target. A file that is being filled cannot be opened, only measured.
async fn begun(url: &StoreUrl) {
    const BYTES: u64 = 4 * 1024 * 1024;
    for _ in 0..4_000 {
        let some = match url.path() {
            Some(path) => {
                let size = |path: &std::path::Path| std::fs::metadata(path).map_or(0, |file| file.len());
                size(path) + size(&path.with_extension("db-wal")) > BYTES
            }
            None => count(url, "SELECT COUNT(*) FROM events").await.is_ok_and(|events| events > 0),
        };
        if some {
            return;
        }
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    panic!("nothing is copied");
}

async fn killed_in_the_middle_it_goes_on(stores: Stores) {
    const EVENTS_MANY: i64 = 60_000;
    let files = Stores::sqlite();
    let (source, target) = (Fixture::new(&files), Fixture::new(&stores));
    fill(&source.url, EVENTS_MANY).await;
    let mut run = command(&between(&source, &target)).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    begun(&target.url).await;
    run.start_kill().unwrap();
    assert!(!run.wait().await.unwrap().success(), "it had ended already");
    let held_then = count(&target.url, "SELECT COUNT(*) FROM events").await.unwrap();
    assert!(held_then > 0 && held_then < EVENTS_MANY, "{held_then}");
    // Nobody takes the part for a store.
    assert_eq!(count(&target.url, "SELECT COUNT(*) FROM store").await.unwrap(), 0);
    let mut export = vec!["export".to_owned(), "--table".into(), "events".into(), "--out".into(), "part.csv".into()];
    export.extend(options(&target.place, "--store", "--password-file"));
    let output = fin(&export).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(told(&output).contains("unfinished copy"), "{}", told(&output));

    let output = migrate(&source, &target).await;
    assert!(output.status.success(), "{}", told(&output));
    assert!(told(&output).contains(&format!("comparing: {held_then} rows")), "{}", told(&output));
    assert_eq!(json(&output)["ok"], true);
    holds_all(&target.url, EVENTS_MANY).await;
}

/// The names of the tables that a report tells to be different.
fn different(report: &Json) -> Vec<&str> {
    let tables = report["tables"].as_array().unwrap().iter();
    let other = tables.filter(|table| table["checksum_from"] != table["checksum_to"]);
    other.map(|table| table["name"].as_str().unwrap()).collect()
}

async fn what_the_target_holds_otherwise_is_found_and_left(stores: Stores) {
    let files = Stores::sqlite();
    let (source, target) = (Fixture::new(&files), Fixture::new(&stores));
    fill(&source.url, EVENTS_FEW).await;
    let check = async |sql: &'static str, table: &str, message: &str| {
        change(&target.url, sql).await;
        let output = migrate(&source, &target).await;
        assert_eq!(output.status.code(), Some(1), "{}", told(&output));
        let report = json(&output);
        assert_eq!((different(&report), &report["ok"]), (vec![table], &json!(false)));
        assert!(told(&output).contains(message), "{}", told(&output));
    };
    moved(&source, &target).await;
    let orders = table("orders").unwrap();
    check("UPDATE orders SET doc = 'other' WHERE id = 'a5'", "orders", "orders: the row of id `a5` has another doc")
        .await;
    let place = orders.place_of("doc").unwrap();
    assert!(held(&target.url, orders).await.iter().any(|row| row[place] == Value::from("other")), "it was mended");
    let missing = "orders: where the source has the row of id `a5`, the target has that of id `a50`";
    check("DELETE FROM orders WHERE id = 'a5'", "orders", missing).await;
    let back =
        "INSERT INTO orders SELECT id, day, at, symbol, plan_id, live, doc, store_seq FROM signals WHERE id = 'a5'";
    change(&target.url, back).await;
    moved(&source, &target).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_missing_at_the_end_are_brought_and_rows_behind_it_refused() {
    let (files, databases) = (Stores::sqlite(), Stores::postgres());
    let (source, target) = (Fixture::new(&files), Fixture::new(&databases));
    fill(&source.url, EVENTS_FEW).await;
    let report = moved(&source, &target).await;
    let last = rows(table("fills").unwrap(), EVENTS_FEW).pop().unwrap();
    assert_eq!(last[0], Value::from("😀99"));
    change(&target.url, "DELETE FROM fills WHERE id = '😀99'").await;
    assert_eq!(moved(&source, &target).await, report);
    change(&source.url, "DELETE FROM fills WHERE id = '😀99'").await;
    let output = migrate(&source, &target).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(told(&output).contains("fills: the source has no row of id `😀99`"), "{}", told(&output));
}

async fn a_target_that_a_recorder_holds_is_left_alone(stores: Stores) {
    let files = Stores::sqlite();
    let (source, target) = (Fixture::new(&files), Fixture::new(&stores));
    fill(&source.url, 20).await;
    let recorder = Store::open(&target.url).await.unwrap();
    let output = migrate(&source, &target).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(told(&output).contains("is in use: a recorder"), "{}", told(&output));
    recorder.close().await.unwrap();
    // The recorder that goes on reading the source is no hindrance.
    let _recorder = Store::open(&source.url).await.unwrap();
    moved(&source, &target).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_meant_or_reached_is_named_and_no_password_shown() {
    let server = PostgresServer::start().unwrap();
    server.create("fin").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (file, wrong, database) = (format!("sqlite:{}", path("store.db")), path("wrong"), server.url("fin"));
    std::fs::write(&wrong, "not it\n").unwrap();
    let target = format!("sqlite:{}", path("target.db"));
    let check = async |arguments: &[&str], code: i32, part: &str| {
        let output = fin(&[&["migrate"], arguments].concat()).await;
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", told(&output));
        assert!(told(&output).contains(part) && !told(&output).contains("hush"), "{arguments:?}: {}", told(&output));
    };
    check(&["--from", &file, "--to", &target], 3, "there is no store at").await;
    check(&["--from", "mysql://x:hush@y/z", "--to", &target], 2, "--from is `mysql://x:***@y/z`").await;
    check(&["--from", &file, "--to", "postgres://fin:hush@db/fin"], 2, "--to holds a password").await;
    check(&["--from", &file, "--to", &file], 2, "are the same store").await;
    check(&["--from", &database, "--to", &target, "--from-password-file", &wrong], 1, "cannot be read").await;
    check(&["--from", &database, "--to", &target, "--from-password-file", "/nowhere/x"], 1, "/nowhere/x").await;
    let password = server.password_file().unwrap().display().to_string();
    check(&["--from", &database, "--to", &target, "--from-password-file", &password], 3, "there is no store at").await;
    assert!(!folder.path().join("target.db").exists(), "nothing is made for a source that is not there");
}
