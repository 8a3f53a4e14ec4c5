//! The whole service on a real nats-server.

use std::time::Duration;

use bus::{Bus, Outgoing};
use bytes::Bytes;
use chassis::{CancellationToken, Loaded, Sources};
use domain::Event;
use recorder::Recording;
use recorder::store::Store;
use testkit::{NatsServer, Stores, on_sqlite_and_postgres};
use tokio::task::JoinHandle;

use crate::day;
use crate::support::{Dump, Fixture};

on_sqlite_and_postgres!(
    killed_at_any_moment_it_ends_with_the_same_rows,
    poison_becomes_an_error_row_and_holds_nothing_up,
    it_goes_on_after_the_bus_was_away,
);

/// Made by the recorder itself and different in every run.
const OWN: [&str; 4] = ["readiness", "progress", "errors", "events"];

fn load(server: &NatsServer, fixture: &Fixture, batch_max: u32) -> Loaded {
    let mut sources =
        Sources::built_in().set("bus.url", server.url()).set("recorder.store_url", fixture.place.url.clone());
    if let Some(file) = &fixture.place.password_file {
        sources = sources.set("recorder.store_password_file", file.to_str().unwrap());
    }
    sources.set("recorder.batch_max", batch_max).set("recorder.linger_ms", 1).load().unwrap()
}

fn start(loaded: &Loaded) -> (CancellationToken, JoinHandle<()>) {
    let stop = CancellationToken::new();
    let (loaded, token) = (loaded.clone(), stop.clone());
    (stop, tokio::spawn(async move { chassis::start::<Recording>(&loaded, token).await.unwrap() }))
}

async fn connect(loaded: &Loaded) -> Bus {
    let bus = Bus::connect(&loaded.settings.bus, "test").await.unwrap();
    bus::topology::ensure(&bus, &loaded.settings.bus.sizes).await.unwrap();
    bus
}

async fn publish(bus: &Bus, events: &[Event]) {
    for (n, event) in events.iter().enumerate() {
        bus.publisher().publish(event, &day::meta(n, event)).await.unwrap();
    }
}

/// Waits until the rows are there that `done` asks for.
async fn rows(fixture: &Fixture, done: impl Fn(&Dump) -> bool) -> Dump {
    for _ in 0..200 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        match fixture.try_dump(&OWN).await {
            Ok(rows) if done(&rows) => return rows,
            _ => {}
        }
    }
    panic!("not stored after 10 s");
}

/// Waits until the last rows of every stream are there.
async fn whole(fixture: &Fixture) -> Dump {
    rows(fixture, |rows| {
        rows["plans"].iter().any(|p| p.contains("\"state\":\"closed\""))
            && rows["audit"].len() == 1
            && rows["account"].iter().any(|a| a.contains("99989"))
    })
    .await
}

async fn killed_at_any_moment_it_ends_with_the_same_rows(stores: Stores) {
    let server = NatsServer::start().await.unwrap();
    let (calm, killed) = (Fixture::new(&stores), Fixture::new(&stores));
    let loaded = load(&server, &calm, 1_000);
    publish(&connect(&loaded).await, &day::events()).await;
    let (stop, task) = start(&loaded);
    let expected = whole(&calm).await;
    stop.cancel();
    task.await.unwrap();

    let loaded = load(&server, &killed, 2);
    for life_ms in [30, 45, 60, 80, 100, 120] {
        let (_stop, task) = start(&loaded);
        tokio::time::sleep(Duration::from_millis(life_ms)).await;
        task.abort();
        assert!(task.await.is_err(), "it ended by itself");
    }
    let (stop, task) = start(&loaded);
    assert_eq!(whole(&killed).await, expected);
    stop.cancel();
    task.await.unwrap();
}

async fn poison_becomes_an_error_row_and_holds_nothing_up(stores: Stores) {
    let server = NatsServer::start().await.unwrap();
    let fixture = Fixture::new(&stores);
    let loaded = load(&server, &fixture, 1_000);
    let bus = connect(&loaded).await;
    let meta = testkit::build::meta(&["poison"], "script");
    let poison = Outgoing::raw(
        "scan.v1.signal_generated.x",
        "finagent.scan.v1.SignalGenerated",
        Bytes::from_static(b"\xff"),
        meta,
    );
    bus.publisher().publish_raw(poison).await.unwrap();
    publish(&bus, &day::events()).await;
    let (stop, task) = start(&loaded);
    whole(&fixture).await;
    let mut errors = Vec::new();
    for _ in 0..100 {
        errors = fixture.docs("errors").await;
        if errors.iter().any(|e| e["code"] == "undecodable") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let error = errors.iter().find(|e| e["code"] == "undecodable").expect("an error row");
    assert_eq!((&error["severity"], &error["subject"]), (&"critical".into(), &"scan.v1.signal_generated.x".into()));
    stop.cancel();
    task.await.unwrap();
}

async fn it_goes_on_after_the_bus_was_away(stores: Stores) {
    let mut server = NatsServer::start().await.unwrap();
    let fixture = Fixture::new(&stores);
    let loaded = load(&server, &fixture, 1_000);
    let bus = connect(&loaded).await;
    let (stop, task) = start(&loaded);
    let events = day::events();
    publish(&bus, &events[..8]).await;
    rows(&fixture, |rows| rows["signals"].len() == 1).await;
    server.restart().await.unwrap();
    publish(&bus, &events).await;
    assert_eq!(whole(&fixture).await["fills"].len(), 3);
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_goes_on_after_postgres_was_away() {
    let server = NatsServer::start().await.unwrap();
    let mut stores = Stores::postgres();
    let fixture = Fixture::new(&stores);
    let loaded = load(&server, &fixture, 1_000);
    let bus = connect(&loaded).await;
    let (stop, task) = start(&loaded);
    let events = day::events();
    publish(&bus, &events[..8]).await;
    rows(&fixture, |rows| rows["signals"].len() == 1).await;
    stores.server().unwrap().stop().unwrap();
    publish(&bus, &events).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    stores.server().unwrap().launch().unwrap();
    assert_eq!(whole(&fixture).await["fills"].len(), 3);
    assert!(fixture.docs("errors").await.iter().all(|e| !e.to_string().contains(testkit::PostgresServer::PASSWORD)));
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_writer_waits_until_the_first_is_gone() {
    let stores = Stores::postgres();
    let fixture = Fixture::new(&stores);
    let first = Store::open(&fixture.url).await.unwrap();
    let second = tokio::time::timeout(Duration::from_millis(700), Store::open(&fixture.url)).await;
    assert!(second.is_err(), "two writers");
    drop(first);
    tokio::time::timeout(Duration::from_secs(5), Store::open(&fixture.url)).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_refused_login_names_the_store_and_no_password() {
    let stores = Stores::postgres();
    let wrong = Fixture::new(&stores).url.with_password(Some(chassis::Secret::new("opensesame")));
    let error = Store::open(&wrong).await.unwrap_err().to_string();
    assert!(error.contains("password authentication failed") && !error.contains("opensesame"), "{error}");
}
