use std::time::Duration;

use async_nats::{ConnectOptions, HeaderMap, jetstream};
use bus::permissions::{ADMIN, server_config};
use bus::topology::{ALERTS_CONTROL, ALERTS_OPS, ALERTS_ORDER, ALERTS_RISK, Durable, EXECUTOR_RISK};
use bus::{
    Appended, Bus, BusConfig, Consumer, Created, Fold, FoldSpec, Holder, Item, Kind, Lease, Poison, Register,
    dead_letter, signature, topology,
};
use domain::control::FlattenRequested;
use domain::{Event, StreamName, UnixNanos};
use futures_util::future::join_all;
use testkit::{NatsServer, build};

use crate::support::{self, soon};

/// Each user and acts it must not be able to do, written by hand.
const FORBIDDEN: &[(&str, &[&str])] = &[
    (
        "ingest-gateway",
        &[
            "control.v1.config_activated.x",
            "scan.v1.signal_generated.x",
            "plan.v1.plan_proposed.x",
            "risk.v1.plan_approved.x",
            "order.v1.order_intended.x",
            "control.v1.flatten_requested.x",
        ],
    ),
    (
        "gap-scanner",
        &[
            "$KV.budgets.ingest-gateway.finnhub",
            "control.v1.config_activated.x",
            "market.v1.trade_batch.0",
            "plan.v1.plan_proposed.x",
            "risk.v1.plan_approved.x",
            "order.v1.order_intended.x",
            "control.v1.flatten_requested.x",
        ],
    ),
    (
        "planner",
        &[
            "$KV.budgets.ingest-gateway.finnhub",
            "control.v1.config_activated.x",
            "market.v1.trade_batch.0",
            "scan.v1.signal_generated.x",
            "risk.v1.plan_approved.x",
            "order.v1.order_intended.x",
            "control.v1.trading_state_changed.x",
        ],
    ),
    (
        "risk-engine",
        &[
            "$KV.budgets.ingest-gateway.finnhub",
            "control.v1.config_activated.x",
            "market.v1.trade_batch.0",
            "scan.v1.signal_generated.x",
            "plan.v1.plan_proposed.x",
            "order.v1.fill_recorded.x",
            "control.v1.trading_state_changed.x",
        ],
    ),
    (
        "executor",
        &[
            "$KV.budgets.ingest-gateway.finnhub",
            "control.v1.config_activated.x",
            "market.v1.trade_batch.0",
            "scan.v1.signal_generated.x",
            "plan.v1.plan_proposed.x",
            "risk.v1.plan_approved.x",
            "control.v1.trading_state_changed.x",
        ],
    ),
    (
        "recorder",
        &[
            "$KV.budgets.ingest-gateway.finnhub",
            "control.v1.config_activated.x",
            "market.v1.trade_batch.0",
            "scan.v1.x",
            "plan.v1.x",
            "risk.v1.plan_approved.x",
            "order.v1.x",
            "control.v1.flatten_cancelled.x",
        ],
    ),
    (
        "coordinator-api",
        &[
            "$KV.budgets.ingest-gateway.finnhub",
            "market.v1.trade_batch.0",
            "scan.v1.x",
            "plan.v1.x",
            "risk.v1.plan_approved.x",
            "order.v1.order_intended.x",
            "$KV.leases.executor.account",
            "$JS.API.CONSUMER.MSG.NEXT.RISK.executor-risk",
            "$JS.API.CONSUMER.CREATE.ORDER.spy",
            "$JS.API.STREAM.MSG.GET.ORDER",
        ],
    ),
    (
        "shadow-gap-scanner",
        &[
            "market.v1.trade_batch.0",
            "scan.v1.signal_generated.x",
            "plan.v1.plan_proposed.x",
            "risk.v1.plan_approved.x",
            "order.v1.order_intended.x",
            "control.v1.config_activated.x",
            "ops.v1.error_raised.gap-scanner.x",
            "$KV.leases.gap-scanner.partition.0",
            "$KV.budgets.ingest-gateway.finnhub",
            "snap.gap-scanner.0.head",
            "dead.gap-scanner-scan.1",
            "heartbeat.executor",
            "$JS.API.CONSUMER.CREATE.ORDER",
            "$JS.API.STREAM.MSG.GET.RISK",
            "shadow.plan.v1.plan_proposed.x",
            "shadow.risk.v1.plan_approved.x",
            "shadow.market.v1.trade_batch.0",
            "$JS.API.CONSUMER.CREATE.CONTROL",
            "$JS.API.CONSUMER.CREATE.RISK",
            "$JS.API.CONSUMER.DELETE.MARKET.gap-scanner-market-0",
        ],
    ),
    (
        "shadow-planner",
        &[
            "market.v1.trade_batch.0",
            "scan.v1.signal_generated.x",
            "plan.v1.plan_proposed.x",
            "risk.v1.plan_approved.x",
            "order.v1.order_intended.x",
            "control.v1.config_activated.x",
            "ops.v1.error_raised.planner.x",
            "$KV.leases.planner.partition.0",
            "$KV.budgets.ingest-gateway.finnhub",
            "snap.gap-scanner.0.head",
            "dead.planner-scan.1",
            "heartbeat.executor",
            "$JS.API.CONSUMER.CREATE.ORDER",
            "$JS.API.STREAM.MSG.GET.RISK",
            "shadow.scan.v1.signal_generated.x",
            "shadow.risk.v1.plan_approved.x",
            "snap.shadow-gap-scanner.0.head",
            "$KV.leases.shadow-gap-scanner.partition.0",
            "$JS.API.CONSUMER.CREATE.MARKET",
        ],
    ),
    (
        "shadow-risk-engine",
        &[
            "market.v1.trade_batch.0",
            "scan.v1.signal_generated.x",
            "plan.v1.plan_proposed.x",
            "risk.v1.plan_approved.x",
            "order.v1.order_intended.x",
            "control.v1.config_activated.x",
            "ops.v1.error_raised.risk-engine.x",
            "$KV.leases.risk-engine.partition.0",
            "$KV.budgets.ingest-gateway.finnhub",
            "snap.gap-scanner.0.head",
            "dead.risk-engine-plan.1",
            "heartbeat.executor",
            "$JS.API.CONSUMER.CREATE.ORDER",
            "$JS.API.STREAM.MSG.GET.RISK",
            "shadow.scan.v1.signal_generated.x",
            "shadow.plan.v1.plan_proposed.x",
            "shadow.order.v1.order_intended.x",
            "snap.shadow-gap-scanner.0.head",
            "$KV.leases.shadow-gap-scanner.partition.0",
            "$JS.API.CONSUMER.CREATE.MARKET",
        ],
    ),
    (
        "watchdog",
        &[
            "$KV.budgets.ingest-gateway.finnhub",
            "market.v1.trade_batch.0",
            "scan.v1.x",
            "plan.v1.x",
            "risk.v1.plan_approved.x",
            "order.v1.order_intended.x",
            "control.v1.flatten_requested.x",
            "ops.v1.readiness_reported.watchdog.x",
            "ops.v1.error_raised.executor.x",
            "dead.watchdog-risk.1",
            "$JS.API.STREAM.INFO.ORDER",
            "$JS.API.STREAM.MSG.GET.DEAD",
        ],
    ),
];

/// What only the coordinator does, who carries out what a person decided about a dead letter.
const FORBIDDEN_BUT_TO_COORDINATOR: &[&str] = &["dead.other-risk.1", "redrive.executor-risk.1", "$KV.tokens.mallory"];

/// What is a strategy's on trial alone.
const FORBIDDEN_BUT_ON_TRIAL: &[&str] =
    &["shadow.scan.v1.x", "shadow.plan.v1.x", "shadow.risk.v1.x", "shadow.ops.v1.x", "shadow.x"];

/// Requests to the server that nobody but the administrator may make.
const ADMINISTRATION: &[&str] = &[
    "$JS.API.STREAM.DELETE.RISK",
    "$JS.API.STREAM.PURGE.RISK",
    "$JS.API.STREAM.UPDATE.RISK",
    "$JS.API.STREAM.CREATE.OTHER",
    "$JS.API.STREAM.MSG.DELETE.RISK",
    "$JS.API.CONSUMER.DELETE.RISK.executor-risk",
];

async fn secured() -> (NatsServer, Bus) {
    let server = NatsServer::start_with(&server_config(|user| format!("\"{user}-password\""))).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let password_file = folder.path().join("password");
    std::fs::write(&password_file, format!("{ADMIN}-password")).unwrap();
    let config = BusConfig {
        url: server.url(),
        user: Some(ADMIN.to_owned()),
        password_file: Some(password_file),
        ..BusConfig::default()
    };
    let bus = Bus::connect(&config, ADMIN).await.unwrap();
    topology::ensure(&bus, &config.sizes).await.unwrap();
    (server, bus)
}

async fn raw(server: &NatsServer, user: &str) -> async_nats::Client {
    ConnectOptions::new()
        .user_and_password(user.to_owned(), format!("{user}-password"))
        .custom_inbox_prefix(format!("_INBOX_{user}"))
        .request_timeout(Some(Duration::from_millis(300)))
        .connect(server.url())
        .await
        .unwrap()
}

async fn messages(admin: &async_nats::Client) -> u64 {
    let context = jetstream::new(admin.clone());
    let mut total = 0;
    for stream in topology::STREAMS {
        total += context.get_stream(stream.name).await.unwrap().cached_info().state.messages;
    }
    total
}

#[tokio::test]
async fn nobody_writes_what_is_not_his_nor_administers_the_server() {
    let (server, _bus) = secured().await;
    let admin = raw(&server, ADMIN).await;
    let before = messages(&admin).await;
    for (user, subjects) in FORBIDDEN {
        let client = raw(&server, user).await;
        let others = match *user {
            "coordinator-api" => &["$KV.tokens.mallory", "redrive.planner-scan.1"],
            _ => FORBIDDEN_BUT_TO_COORDINATOR,
        };
        let on_trial = FORBIDDEN_BUT_ON_TRIAL.iter().filter(|_| !user.starts_with("shadow-"));
        let forbidden = subjects.iter().chain(ADMINISTRATION).chain(others).chain(on_trial);
        // A refusal is a silence, so that all are waited for at once.
        join_all(forbidden.map(async |subject| {
            let answer = client.request((*subject).to_owned(), "x".into()).await;
            assert!(answer.is_err(), "{user} got an answer to {subject}: {answer:?}");
        }))
        .await;
    }
    assert_eq!(messages(&admin).await, before);
    assert_eq!(topology::STREAMS.len() as u64, count_streams(&admin).await);
}

async fn count_streams(admin: &async_nats::Client) -> u64 {
    let context = jetstream::new(admin.clone());
    let mut count = 0;
    for stream in topology::STREAMS {
        count += u64::from(context.get_stream(stream.name).await.is_ok());
    }
    count
}

async fn connect_as(server: &NatsServer, user: &str) -> Bus {
    let folder = tempfile::tempdir().unwrap();
    let password_file = folder.path().join("password");
    std::fs::write(&password_file, format!("{user}-password")).unwrap();
    let (user, password_file) = (Some(user.to_owned()), Some(password_file));
    let config = BusConfig { url: server.url(), user, password_file, ..BusConfig::default() };
    Bus::connect(&config, "test").await.unwrap()
}

#[tokio::test]
async fn the_coordinators_user_sends_a_dead_letter_again_and_the_executors_user_gets_it() {
    let (server, admin) = secured().await;
    let (coordinator, executor) = (connect_as(&server, "coordinator-api").await, connect_as(&server, "executor").await);
    let approved = Event::from(build::plan_approved("GME"));
    admin.publisher().publish(&approved, &build::meta(&["approved"], "risk-engine")).await.unwrap();
    let mut consumer = Consumer::open(&executor, &EXECUTOR_RISK);
    let delivery = soon(consumer.next()).await.unwrap();
    consumer.give_up(delivery, "the broker is on fire").await.unwrap();
    let letters = dead_letter::list(&coordinator, 0, 10).await.unwrap();
    let request = dead_letter::Request { now: UnixNanos::new(0), ..support::request("r1") };
    dead_letter::redrive(&coordinator, letters[0].seq, &request).await.unwrap();
    let again = soon(consumer.next()).await.unwrap();
    assert_eq!(again.event, approved);
    again.double_ack().await.unwrap();
    assert!(bus::tokens::list(&coordinator).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_coordinators_user_leads_and_reads_what_people_are_told_of() {
    let (server, admin) = secured().await;
    let coordinator = connect_as(&server, "coordinator-api").await;
    let lease = soon(Lease::acquire(&coordinator, "coordinator-api.alerts", &Holder::new("a"))).await.unwrap();
    let told: [(Event, &Durable); 4] = [
        (build::error_raised("executor", "uncovered").into(), &ALERTS_OPS),
        (FlattenRequested { by: support::request("r1").by }.into(), &ALERTS_CONTROL),
        (build::day_opened().into(), &ALERTS_RISK),
        (build::fill("GME").into(), &ALERTS_ORDER),
    ];
    for (event, durable) in told {
        admin.publisher().publish(&event, &build::meta(&[durable.name], "test")).await.unwrap();
        let delivery = soon(Consumer::open(&coordinator, durable).next()).await.unwrap();
        assert_eq!(delivery.event, event);
        delivery.double_ack().await.unwrap();
    }
    lease.release().await;
}

/// A planner that asks for its own message to be delivered to RISK gets it stored there, past every permission; and
/// somebody with the right to publish there still lacks the key.
#[tokio::test]
async fn an_approval_forged_through_a_reply_subject_does_not_count() {
    let (server, bus) = secured().await;
    let (seed, public_key) = signature::new_key().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let seed_file = folder.path().join("risk.seed");
    std::fs::write(&seed_file, seed).unwrap();
    let password_file = folder.path().join("password");
    std::fs::write(&password_file, "risk-engine-password").unwrap();
    let config = BusConfig {
        url: server.url(),
        user: Some("risk-engine".to_owned()),
        password_file: Some(password_file),
        signing_seed_file: Some(seed_file),
        risk_public_key: Some(public_key),
        ..BusConfig::default()
    };
    let engine = Bus::connect(&config, "risk-engine").await.unwrap();

    let forged = Event::from(build::plan_approved("GME"));
    let subject = bus::subject::subject_of(&forged);
    let planner = raw(&server, "planner").await;
    let context = jetstream::new(planner.clone());
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("ce-specversion", "1.0"),
        ("ce-id", "forged"),
        ("ce-type", "finagent.risk.v1.PlanApproved"),
        ("ce-source", "risk-engine"),
        ("ce-time", "2026-11-24T14:35:00Z"),
    ] {
        headers.insert(name, value);
    }
    let payload = events::encode(&forged);
    let stored = context.publish_with_headers("plan.v1.plan_proposed.forged", headers, payload).await.unwrap();
    stored.await.unwrap();
    let consumer =
        r#"{"stream_name":"PLAN","config":{"ack_policy":"none","mem_storage":true,"inactive_threshold":60000000000}}"#;
    let made = planner.request("$JS.API.CONSUMER.CREATE.PLAN", consumer.into()).await.unwrap();
    let made: serde_json::Value = serde_json::from_slice(&made.payload).unwrap();
    let next = format!("$JS.API.CONSUMER.MSG.NEXT.PLAN.{}", made["name"].as_str().unwrap());
    planner.publish_with_reply(next, subject.clone(), "".into()).await.unwrap();
    planner.flush().await.unwrap();

    let mut fold = Fold::open(&engine, FoldSpec::stream(StreamName::Risk)).unwrap();
    let poison = poison(&mut fold).await;
    assert_eq!((poison.stream, poison.subject.as_str()), (StreamName::Risk, "plan.v1.plan_proposed.forged"));

    bus.publisher().publish(&forged, &build::meta(&["unsigned"], "risk-engine")).await.unwrap();
    let unsigned = self::poison(&mut fold).await;
    assert_eq!(unsigned.subject, subject);
    assert!(unsigned.reason.contains("fin-signature"), "{}", unsigned.reason);

    let genuine = Event::from(build::plan_approved("TSLA"));
    let created = engine.publisher().create(&genuine, &build::meta(&["genuine"], "risk-engine")).await.unwrap();
    assert!(matches!(created, Created::New { .. }), "{created:?}");
    let Item::Event(folded) = soon(fold.next()).await.unwrap() else { panic!("no event") };
    assert_eq!(folded.event, genuine);

    let context = jetstream::new(raw(&server, ADMIN).await);
    let mut stream = context.get_stream("RISK").await.unwrap();
    let last = stream.info().await.unwrap().state.last_sequence;
    let signed = stream.get_raw_message(last).await.unwrap();
    let mut headers = HeaderMap::new();
    for (name, values) in signed.headers.iter().filter(|(name, _)| !name.to_string().starts_with("Nats-")) {
        values.iter().for_each(|value| headers.append(name.clone(), value.clone()));
    }
    headers.insert("ce-id", "copied");
    headers.insert("Nats-Msg-Id", "copied");
    let stored = context.publish_with_headers(signed.subject, headers, signed.payload).await.unwrap();
    stored.await.unwrap();
    let copied = self::poison(&mut fold).await;
    assert!(copied.reason.contains("was not made by the risk engine for this message"), "{}", copied.reason);
}

/// The next message, which must not count.
async fn poison(fold: &mut Fold) -> Poison {
    loop {
        match soon(fold.next()).await.unwrap() {
            Item::Poison(poison) => return poison,
            Item::CaughtUp => {}
            Item::Event(folded) => panic!("it counts: {folded:?}"),
        }
    }
}

#[tokio::test]
async fn the_watchdog_hears_the_executor_and_nobody_in_its_name_and_reports_its_own_errors() {
    let (server, _admin) = secured().await;
    let folder = tempfile::tempdir().unwrap();
    let login = async |user: &str| {
        let password_file = folder.path().join(user);
        std::fs::write(&password_file, format!("{user}-password")).unwrap();
        let (url, user) = (server.url(), user.to_owned());
        let config =
            BusConfig { url, user: Some(user.clone()), password_file: Some(password_file), ..BusConfig::default() };
        Bus::connect(&config, &user).await.unwrap()
    };
    let (watchdog, executor, planner) = (login("watchdog").await, login("executor").await, login("planner").await);
    let mut beats = watchdog.heartbeats("executor").await.unwrap();
    let heard = soon(async {
        loop {
            planner.beat("executor", "mallory");
            executor.beat("executor", "e1");
            if let Ok(instance) = tokio::time::timeout(Duration::from_millis(100), beats.next()).await {
                return instance;
            }
        }
    });
    assert_eq!(heard.await.as_deref(), Some("e1"));
    let error = Event::from(build::error_raised("watchdog", "executor_silent"));
    watchdog.publisher().publish(&error, &build::meta(&["w"], "watchdog")).await.unwrap();
}

#[tokio::test]
async fn the_users_of_a_strategy_on_trial_decide_in_shadow_and_the_coordinator_reads_it() {
    let (server, admin) = secured().await;
    let scanner = connect_as(&server, "shadow-gap-scanner").await.on_trial();
    let planner = connect_as(&server, "shadow-planner").await.on_trial();
    let engine = connect_as(&server, "shadow-risk-engine").await.on_trial();
    let opened = Event::from(build::day_opened());
    admin.publisher().publish(&opened, &build::meta(&["opened"], "risk-engine")).await.unwrap();
    let mut inputs =
        Fold::open(&engine, FoldSpec::stream(StreamName::Plan).and_live_kinds(&[Kind::DayOpened])).unwrap();
    let Item::Event(day) = soon(inputs.next()).await.unwrap() else { panic!("no day") };
    assert_eq!((day.event, day.on_trial), (opened, false));

    let signal = Event::from(build::signal("GME"));
    let proposed = Event::from(domain::plan::PlanProposed { plan: build::plan("GME") });
    let approved = Event::from(build::plan_approved("GME"));
    for (bus, event) in [(&scanner, &signal), (&planner, &proposed)] {
        let created = bus.publisher().create(event, &build::meta(&[event.name()], "test")).await.unwrap();
        assert!(matches!(created, Created::New { .. }), "{created:?}");
        let error = Event::from(build::error_raised("shadow-test", event.name()));
        bus.publisher().publish(&error, &build::meta(&["error", event.name()], "test")).await.unwrap();
    }
    let appended = engine.publisher().append(&approved, &build::meta(&["approved"], "test"), 0).await.unwrap();
    assert!(matches!(appended, Appended::Stored { .. }), "{appended:?}");
    let coordinator = connect_as(&server, "coordinator-api").await.on_trial();
    let spec = FoldSpec::stream(StreamName::Scan).and(StreamName::Plan).and(StreamName::Risk);
    let mut all = Fold::open(&coordinator, spec).unwrap();
    let mut seen = Vec::new();
    while let Item::Event(folded) = soon(all.next()).await.unwrap() {
        assert!(folded.on_trial);
        seen.push(folded.event);
    }
    assert_eq!(seen, [signal, proposed, approved]);
}

#[tokio::test]
async fn the_gateways_user_keeps_its_budgets() {
    let (server, _admin) = secured().await;
    let gateway = connect_as(&server, "ingest-gateway").await;
    let register = Register::budget(&gateway, "ingest-gateway", "finnhub");
    let seen = register.change(|found| (Some("1".into()), found.map(<[u8]>::to_vec))).await.unwrap();
    let again = register.change(|found| (None, found.map(<[u8]>::to_vec))).await.unwrap();
    assert_eq!((seen, again.as_deref()), (None, Some(b"1".as_slice())));
}
