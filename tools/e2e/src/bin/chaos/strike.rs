//! Carries faults out, and undoes them.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use e2e::Suite;
use e2e::process::signal;
use e2e::suite::SERVICES;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::door::State;
use crate::fault::{Fault, Kind, Strike, Victim};
use crate::record::Record;
use crate::site::{Site, clock_file};

/// A service that drains has so long.
const GRACE: Duration = Duration::from_secs(12);
/// Into a recovery, for the second blow.
const RECOVERING: Duration = Duration::from_millis(150);

/// Faults that are under way and need undoing.
#[derive(Default)]
pub(crate) struct Underway {
    /// Nodes of the bus that are killed or stopped.
    nodes: Vec<usize>,
    bursts: Option<JoinHandle<()>>,
    /// Services that run the previous commit's program.
    on_previous: Vec<&'static str>,
}

/// Carries `strike` out, undoes it and waits until everybody is back.
///
/// Recovery counts from the moment the fault is over; where the bus was hit, from the moment each of its streams has
/// a leader again.
pub(crate) async fn carry_out(
    site: &mut Site,
    suite: &mut Suite,
    underway: &mut Underway,
    strike: &Strike,
    record: &mut Record,
) -> anyhow::Result<()> {
    let mut faults = strike.faults.clone();
    // What waits until a service is ready comes before what may keep it from being so.
    faults.sort_by_key(|fault| !matches!(fault.kind, Kind::SecondReplica | Kind::FullSpool));
    for fault in &faults {
        begin(site, suite, underway, fault).await.with_context(|| format!("beginning {strike}"))?;
    }
    let begun = Instant::now();
    faults.sort_by_key(|fault| fault.length);
    for fault in &faults {
        sleep(fault.length.saturating_sub(begun.elapsed())).await;
        end(site, suite, underway, fault).await.with_context(|| format!("ending {strike}"))?;
    }
    if faults.iter().any(|fault| fault.victim == Victim::Bus) {
        site.bus_is_back().await.with_context(|| strike.to_string())?;
    }
    let over = Instant::now();
    for (service, took) in SERVICES.iter().zip(join_all(SERVICES.map(|s| site.ready(s, over))).await) {
        record.recovered(service, took.with_context(|| strike.to_string())?, strike);
    }
    record.injected(strike);
    Ok(())
}

async fn begin(site: &mut Site, suite: &mut Suite, underway: &mut Underway, fault: &Fault) -> anyhow::Result<()> {
    match (fault.kind, fault.victim) {
        (Kind::Kill | Kind::KillTwice, Victim::Service(service)) => suite.kill9(service),
        (Kind::Restart | Kind::Roll, Victim::Service(service)) => terminate(suite, service)?,
        (Kind::Freeze, Victim::Service(service)) => signal(pid(suite, service)?, "STOP")?,
        (Kind::Cut, Victim::Service(service)) => set(site, service, State::Shut),
        (Kind::Silence, Victim::Service(service)) => set(site, service, State::Silent),
        (Kind::Delay, Victim::Service(service)) => set(site, service, State::Slow(Duration::from_millis(50))),
        (Kind::ClockJump, Victim::Service(service)) => {
            // Up to two hours, forwards or backwards; which follows from the length, and so from the seed.
            let seconds = (fault.length.as_millis() as i64 * 7_919) % 14_400 - 7_200;
            std::fs::write(clock_file(suite, service), format!("{seconds:+}"))?;
        }
        (Kind::FullSpool, Victim::Service(service)) => {
            suite.set(service, "FIN__GATEWAY__SPOOL__MIB_MAX", "1");
            terminate(suite, service)?;
            start(site, suite, underway, service)?;
            site.ready(service, Instant::now()).await?;
            set(site, service, State::Shut);
        }
        (Kind::SecondReplica, Victim::Service(service)) => {
            let second = second(service);
            site.prepare(suite, &second).await?;
            let program = suite.program(service)?;
            suite.start_replica(service, &second, &program)?;
            site.ready(&second, Instant::now()).await?;
        }
        (Kind::BusDown, Victim::Bus) => {
            suite.nodes().iter_mut().for_each(testkit::NatsServer::kill9);
            underway.nodes = (0..suite.nodes().len()).collect();
        }
        (Kind::LeaderLost, Victim::Bus) => {
            let leader = site.leader("ORDER").await?;
            suite.nodes()[leader].kill9();
            underway.nodes.push(leader);
        }
        (Kind::Freeze, Victim::Bus) => {
            let leader = site.leader("ORDER").await?;
            signal(suite.nodes()[leader].pid().context("no such node")?, "STOP")?;
            underway.nodes.push(leader);
        }
        (Kind::SlowDisk, Victim::Bus) => {
            let pids: Vec<u32> = suite.nodes().iter().filter_map(testkit::NatsServer::pid).collect();
            underway.bursts = Some(tokio::spawn(stutter(pids)));
        }
        (Kind::DuplicateFrames, Victim::Vendor) => {
            // A trade that came twice alone is two trades to everybody.
            mangle(suite, json!({"on": "SEND /finnhub", "frame": "duplicate", "containing": "},{"})).await?;
        }
        (Kind::SwappedFrames, Victim::Vendor) => mangle(suite, json!({"on": "SEND /finnhub", "frame": "swap"})).await?,
        (Kind::DuplicateUpdates, Victim::Vendor) => {
            mangle(suite, json!({"on": "SEND /alpaca/stream", "frame": "duplicate"})).await?;
        }
        (kind, victim) => anyhow::bail!("{} is not for {victim}", kind.name()),
    }
    Ok(())
}

async fn end(site: &mut Site, suite: &mut Suite, underway: &mut Underway, fault: &Fault) -> anyhow::Result<()> {
    match (fault.kind, fault.victim) {
        (Kind::Kill | Kind::Restart, Victim::Service(service)) => start(site, suite, underway, service)?,
        (Kind::KillTwice, Victim::Service(service)) => {
            start(site, suite, underway, service)?;
            sleep(RECOVERING).await;
            suite.kill9(service);
            start(site, suite, underway, service)?;
        }
        (Kind::Roll, Victim::Service(service)) => {
            match underway.on_previous.iter().position(|s| *s == service) {
                Some(at) => drop(underway.on_previous.remove(at)),
                None => underway.on_previous.push(service),
            }
            start(site, suite, underway, service)?;
        }
        (Kind::Freeze, Victim::Service(service)) => signal(pid(suite, service)?, "CONT")?,
        (Kind::Cut | Kind::Silence | Kind::Delay, Victim::Service(service)) => set(site, service, State::Open),
        (Kind::ClockJump, Victim::Service(service)) => std::fs::write(clock_file(suite, service), "+0")?,
        (Kind::FullSpool, Victim::Service(service)) => {
            set(site, service, State::Open);
            suite.unset(service, "FIN__GATEWAY__SPOOL__MIB_MAX");
            site.ready(service, Instant::now()).await?;
            terminate(suite, service)?;
            start(site, suite, underway, service)?;
        }
        (Kind::SecondReplica, Victim::Service(service)) => {
            let second = second(service);
            suite.kill9(service);
            sleep(RECOVERING).await;
            site.ready(&second, Instant::now()).await?;
            start(site, suite, underway, service)?;
            site.ready(service, Instant::now()).await?;
            terminate(suite, &second)?;
        }
        (Kind::BusDown | Kind::LeaderLost, Victim::Bus) => {
            for node in std::mem::take(&mut underway.nodes) {
                suite.nodes()[node].restart().await?;
            }
        }
        (Kind::Freeze, Victim::Bus) => {
            for node in std::mem::take(&mut underway.nodes) {
                signal(suite.nodes()[node].pid().context("no such node")?, "CONT")?;
            }
        }
        (Kind::SlowDisk, Victim::Bus) => {
            if let Some(bursts) = underway.bursts.take() {
                bursts.abort();
            }
            for pid in suite.nodes().iter().filter_map(testkit::NatsServer::pid) {
                signal(pid, "CONT")?;
            }
        }
        (_, Victim::Vendor | Victim::Bus | Victim::Service(_)) => {}
    }
    Ok(())
}

fn start(site: &Site, suite: &mut Suite, underway: &Underway, service: &'static str) -> anyhow::Result<()> {
    let previous = site.programs.previous.as_ref().filter(|_| underway.on_previous.contains(&service));
    let program = previous.map_or_else(|| suite.program(service), |folder| Ok(folder.join(service)))?;
    suite.start_replica(service, service, &program)
}

fn terminate(suite: &mut Suite, replica: &str) -> anyhow::Result<()> {
    let process = suite.service(replica).with_context(|| format!("{replica} does not run"))?;
    let code = process.terminate(GRACE);
    ensure!(code == Some(0), "{replica} ended with {code:?} after SIGTERM");
    Ok(())
}

fn set(site: &Site, service: &str, state: State) {
    if let Some(door) = site.doors.get(service) {
        door.set(state);
    }
}

fn pid(suite: &mut Suite, service: &str) -> anyhow::Result<u32> {
    Ok(suite.service(service).with_context(|| format!("{service} does not run"))?.pid())
}

fn second(service: &str) -> String {
    format!("{service}-2")
}

/// Frames or updates that one fault mangles.
const MANGLED: u32 = 3;

async fn mangle(suite: &Suite, mut fault: Value) -> anyhow::Result<()> {
    fault["count"] = json!(MANGLED);
    suite.sim_post("/faults", &fault).await.map(|_| ())
}

/// Stops and continues processes: 60 ms of every 100 they wait.
async fn stutter(pids: Vec<u32>) {
    loop {
        for (name, pause) in [("STOP", 60), ("CONT", 40)] {
            for pid in &pids {
                // A server that is gone needs no stopping.
                let _ = signal(*pid, name);
            }
            sleep(Duration::from_millis(pause)).await;
        }
    }
}
