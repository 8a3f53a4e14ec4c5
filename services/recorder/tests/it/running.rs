//! The whole service on a real nats-server.

use std::path::Path;
use std::time::Duration;

use bus::{Bus, Outgoing};
use bytes::Bytes;
use chassis::{CancellationToken, Loaded, Sources};
use domain::Event;
use recorder::Recording;
use testkit::NatsServer;
use tokio::task::JoinHandle;

use crate::day;
use crate::support::{Dump, Fixture, docs, try_dump};

/// Made by the recorder itself and different in every run.
const OWN: [&str; 4] = ["readiness", "progress", "errors", "events"];

fn load(server: &NatsServer, fixture: &Fixture, batch_max: u32) -> Loaded {
    let folder = fixture.folder.path().to_str().unwrap().to_owned();
    let sources = Sources::built_in().set("bus.url", server.url()).set("data_dir", folder);
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
async fn rows(path: &Path, done: impl Fn(&Dump) -> bool) -> Dump {
    for _ in 0..200 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        match try_dump(path, &OWN).await {
            Ok(rows) if done(&rows) => return rows,
            _ => {}
        }
    }
    panic!("not stored after 10 s");
}

/// Waits until the last rows of every stream are there.
async fn whole(path: &Path) -> Dump {
    rows(path, |rows| {
        rows["plans"].iter().any(|p| p.contains("\"state\":\"closed\""))
            && rows["audit"].len() == 1
            && rows["account"].iter().any(|a| a.contains("99989"))
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_moment_it_ends_with_the_same_rows() {
    let server = NatsServer::start().await.unwrap();
    let (calm, killed) = (Fixture::new(), Fixture::new());
    let loaded = load(&server, &calm, 1_000);
    publish(&connect(&loaded).await, &day::events()).await;
    let (stop, task) = start(&loaded);
    let expected = whole(&calm.path()).await;
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
    assert_eq!(whole(&killed.path()).await, expected);
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn poison_becomes_an_error_row_and_holds_nothing_up() {
    let server = NatsServer::start().await.unwrap();
    let fixture = Fixture::new();
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
    whole(&fixture.path()).await;
    let mut errors = Vec::new();
    for _ in 0..100 {
        errors = docs(&fixture.path(), "errors").await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_goes_on_after_the_bus_was_away() {
    let mut server = NatsServer::start().await.unwrap();
    let fixture = Fixture::new();
    let loaded = load(&server, &fixture, 1_000);
    let bus = connect(&loaded).await;
    let (stop, task) = start(&loaded);
    let events = day::events();
    publish(&bus, &events[..8]).await;
    rows(&fixture.path(), |rows| rows["signals"].len() == 1).await;
    server.restart().await.unwrap();
    publish(&bus, &events).await;
    assert_eq!(whole(&fixture.path()).await["fills"].len(), 3);
    stop.cancel();
    task.await.unwrap();
}
