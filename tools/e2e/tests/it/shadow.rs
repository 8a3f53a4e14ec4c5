//! A strategy on trial beside the whole suite, as processes of its own under users of its own.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use bus::{Bus, Fold, FoldSpec, Item};
use domain::{Event, StreamName};
use e2e::Suite;
use e2e::http::eventually;
use e2e::process::program;
use e2e::suite::Setup;
use serde_json::Value;

const STRATEGY: &str = include_str!("../../../../config/strategy.yaml");
const SERVICES: [&str; 3] = ["gap-scanner", "planner", "risk-engine"];
const WITHIN: Duration = Duration::from_secs(90);

/// The suite with `strategy` on trial beside it, a minute after the trade round.
async fn after_the_round(strategy: &str) -> anyhow::Result<Suite> {
    let mut suite = Suite::run(Setup::morning("11", "09:34:30,09:36:00", &[])).await?;
    stands_at(&suite, "14:34").await?;
    let file = suite.folder().join("trial.yaml");
    std::fs::write(&file, strategy)?;
    for service in SERVICES {
        let (trial, program) = (format!("shadow-{service}"), suite.program(service)?);
        suite.set(&trial, "FIN__SHADOW__ENABLED", "true");
        suite.set(&trial, "FIN__SHADOW__STRATEGY", file.display().to_string());
        suite.start_replica(&trial, &trial, &program)?;
    }
    suite.resume().await?;
    stands_at(&suite, "14:36").await?;
    Ok(suite)
}

async fn stands_at(suite: &Suite, minute: &str) -> anyhow::Result<()> {
    eventually(&format!("the market stands at {minute} UTC"), WITHIN, || async {
        let clock = suite.sim("/clock").await?;
        let now = clock["now"].as_str().context("clock")?;
        ensure!(clock["paused"] == true && now.contains(&format!("T{minute}:")), "{clock}");
        Ok(Some(()))
    })
    .await
}

/// Everything that the decision streams of one side hold, with who said it.
async fn said(bus: &Bus) -> anyhow::Result<Vec<(Event, String)>> {
    let spec = FoldSpec::stream(StreamName::Scan).and(StreamName::Plan).and(StreamName::Risk);
    let mut fold = Fold::open(bus, spec)?;
    let mut all = Vec::new();
    loop {
        match fold.next().await? {
            Item::CaughtUp => return Ok(all),
            Item::Event(folded) => all.push((folded.event, folded.meta.source)),
            Item::Poison(poison) => anyhow::bail!("{}: {}", poison.subject, poison.reason),
        }
    }
}

fn rounds(all: &[(Event, String)]) -> usize {
    all.iter().filter(|(event, _)| matches!(event, Event::RoundClosed(_))).count()
}

fn approved(all: &[(Event, String)]) -> BTreeSet<String> {
    let symbol = |(event, _): &(Event, String)| match event {
        Event::PlanApproved(approved) => Some(approved.plan.symbol.to_string()),
        _ => None,
    };
    all.iter().filter_map(symbol).collect()
}

/// The report once both sides have decided as many rounds as the suite has closed.
async fn report(suite: &Suite, bus: &Bus) -> anyhow::Result<Value> {
    eventually("both sides have decided every round", WITHIN, || async {
        let report = suite.api("/api/v1/shadow/report").await?;
        let closed = rounds(&said(bus).await?);
        ensure!(closed > 0 && report["rounds"] == closed, "{closed} rounds closed: {report}");
        Ok(Some(report))
    })
    .await
}

/// Nothing that the suite acts on was said on trial, nor the other way round.
async fn worlds(bus: &Bus) -> anyhow::Result<(Vec<(Event, String)>, Vec<(Event, String)>)> {
    let (suite, trial) = (said(bus).await?, said(&bus.on_trial()).await?);
    let strange = suite.iter().find(|(_, source)| source.starts_with("shadow-"));
    ensure!(strange.is_none(), "among the suite's own: {strange:?}");
    let strange = trial.iter().find(|(_, source)| !source.starts_with("shadow-"));
    ensure!(strange.is_none(), "in SHADOW: {strange:?}");
    Ok((suite, trial))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suites_own_strategy_on_trial_agrees_in_every_round() -> anyhow::Result<()> {
    let suite = after_the_round(STRATEGY).await?;
    let bus = suite.bus().await?;
    let report = report(&suite, &bus).await?;
    ensure!(report["agree"] == report["rounds"] && report["differ"] == Value::Array(vec![]), "{report:#}");
    ensure!(report["active"].is_string() && report["active"] == report["shadow"], "{report:#}");
    let (live, trial) = worlds(&bus).await?;
    ensure!(!approved(&live).is_empty() && approved(&live) == approved(&trial), "nothing was approved: {live:?}");

    let fin = Command::new(program("fin")?).args(["shadow", "report", "--json", "--api", suite.api_url()]).output()?;
    ensure!(fin.status.success(), "{}", String::from_utf8_lossy(&fin.stderr));
    let printed: Value = serde_json::from_slice(&fin.stdout)?;
    ensure!(printed == report, "{printed:#}\n{report:#}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn another_gap_on_trial_differs_with_its_reason_and_sends_no_order() -> anyhow::Result<()> {
    let looser = [
        ("gap_pct_min: 4.0 ", "gap_pct_min: 0.1 "),
        ("watch_gap_pct_min: 2.0 ", "watch_gap_pct_min: 0.5 "),
        ("rvol_min: 1.0 ", "rvol_min: 0.1 "),
        ("atr_14_min: 0.50 ", "atr_14_min: 0.05 "),
        ("adv_14_min: 1000000 ", "adv_14_min: 1000 "),
    ];
    let mut wider = STRATEGY.to_owned();
    for (shipped, other) in looser {
        ensure!(wider.contains(shipped), "the shipped strategy has another {shipped}");
        wider = wider.replacen(shipped, other, 1);
    }
    let suite = after_the_round(&wider).await?;
    let bus = suite.bus().await?;
    let report = report(&suite, &bus).await?;
    ensure!(report["active"] != report["shadow"], "{report:#}");
    ensure!(report["agree"].as_u64() < report["rounds"].as_u64(), "{report:#}");
    let differ = report["differ"].as_array().context("differ")?;
    let mut signals = differ.iter().filter(|d| d["field"] == "signal" && d["shadow"] == "passed");
    let because = |d: &Value| {
        d["why"].as_str().is_some_and(|why| why.starts_with("the suite: gap is ") && why.contains("must be >= "))
    };
    ensure!(signals.any(because), "{report:#}");
    ensure!(differ.iter().all(|d| d["why"].as_str().is_some_and(|why| !why.is_empty())), "{report:#}");

    let (live, trial) = worlds(&bus).await?;
    let only_on_trial: BTreeSet<_> = approved(&trial).difference(&approved(&live)).cloned().collect();
    ensure!(!only_on_trial.is_empty(), "nothing but the suite's own was approved on trial");
    let orders = eventually("the suite's own orders are at the broker", WITHIN, || async {
        let orders = suite.broker("/v2/orders?status=all&limit=500&nested=false").await?;
        let orders = orders.as_array().cloned().unwrap_or_default();
        let sent: BTreeSet<_> = orders.iter().filter_map(|order| order["symbol"].as_str()).collect();
        let missing: Vec<_> = approved(&live).into_iter().filter(|symbol| !sent.contains(symbol.as_str())).collect();
        ensure!(missing.is_empty(), "no order of {missing:?}");
        Ok(Some(orders))
    })
    .await?;
    let of_trial = orders.iter().find(|order| order["symbol"].as_str().is_some_and(|s| only_on_trial.contains(s)));
    ensure!(of_trial.is_none(), "sent for a strategy on trial: {of_trial:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strategy_on_trial_that_is_refused_does_not_start_nor_does_a_service_without_part_in_one()
-> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("trial.yaml");
    std::fs::write(&file, STRATEGY.replacen("gap_pct_min: 4.0 ", "gap_pct_min: wide ", 1))?;
    let server = testkit::NatsServer::start().await?;
    let start = |service: &str| -> anyhow::Result<(bool, String)> {
        let out = Command::new(program(service)?)
            .env("FIN__BUS__URL", server.url())
            .env("FIN__DATA_DIR", folder.path())
            .env("FIN__SHADOW__ENABLED", "true")
            .env("FIN__SHADOW__STRATEGY", &file)
            .output()?;
        Ok((out.status.success(), String::from_utf8_lossy(&out.stderr).into_owned()))
    };
    for service in SERVICES {
        let (started, error) = start(service)?;
        ensure!(!started && error.contains("scan.gap_pct_min") && error.contains("trial.yaml"), "{service}: {error}");
    }
    for service in ["executor", "recorder", "ingest-gateway", "coordinator-api"] {
        let (started, error) = start(service)?;
        ensure!(!started && error.contains("shadow.enabled"), "{service}: {error}");
    }
    Ok(())
}
