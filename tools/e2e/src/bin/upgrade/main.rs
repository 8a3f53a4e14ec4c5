//! `make upgrade`: a session that begins on the version before and ends on this one, service by service, in every order.
//!
//! Each order is a session of its own on one bus: at every standstill of the market one more service is asked to end, and
//! this version's program takes its place. The day must come to what the same day comes to on one version alone, with
//! nothing lost, doubled or unreadable.

mod orders;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Parser;
use domain::UnixNanos;
use e2e::disturbance::{Company, Moment};
use e2e::session::{Outcome, STOPS, Session};
use e2e::suite::{DATE, SERVICES, Setup};
use e2e::{Suite, say};

const SESSION_WITHIN: Duration = Duration::from_secs(240);

/// Upgrades a running suite in every order.
#[derive(Debug, Parser)]
#[command(name = "upgrade")]
struct Options {
    /// Folder of the version before; the session begins on its services.
    #[arg(long)]
    previous: PathBuf,
    /// Makes the market.
    #[arg(long, default_value_t = 13)]
    seed: u64,
    /// Orders to be played at most; those that show most come first.
    #[arg(long, default_value_t = usize::MAX)]
    orders: usize,
    /// Goes before every other service, as when the version before cannot store a new kind of event; may be repeated.
    #[arg(long)]
    first: Vec<String>,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    e2e::http::install_provider();
    let options = Options::parse();
    let first = first(&options.first)?;
    let allowed = |service: usize, done: u32| first >> service & 1 == 1 || done & first == first;
    let orders = orders::covering(SERVICES.len(), &allowed);
    let begun = Instant::now();

    let before = &play(&options, Some(&options.previous), &[]).await?;
    let now = &play(&options, None, &[]).await?;
    ensure!(!now.fills.is_empty(), "nothing is traded with seed {}: it proves little", options.seed);
    let comparable = before == now;
    if !comparable {
        say("the two versions decide differently: days of both are held against rules, not against each other")?;
    }

    let mut faults = 0;
    let count = orders.len().min(options.orders);
    for (at, order) in orders.iter().take(count).enumerate() {
        let names: Vec<&'static str> = order.iter().map(|service| SERVICES[*service]).collect();
        let result = play(&options, Some(&options.previous), &names).await.and_then(|outcome| {
            ensure!(!comparable || outcome == *now, "another outcome: {outcome:#?}\ninstead of {now:#?}");
            Ok(outcome)
        });
        let said = match &result {
            Ok(outcome) => {
                let as_alone = if comparable { ", as alone" } else { "" };
                format!("{} plans, {} fills{as_alone}", outcome.plans.len(), outcome.fills.len())
            }
            Err(error) => format!("WRONG: {error:#}"),
        };
        say(&format!("{:>2}/{count} {}: {said}", at + 1, names.join(" → ")))?;
        faults += usize::from(result.is_err());
    }
    let seconds = begun.elapsed().as_secs();
    say(&format!("upgrade: orders={count} of {} wrong={faults} seconds={seconds}", orders.len()))?;
    Ok(if faults == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The services that go first, as a set.
fn first(names: &[String]) -> anyhow::Result<u32> {
    names.iter().try_fold(0, |set, name| {
        let at = SERVICES.iter().position(|service| service == name);
        Ok(set | 1 << at.with_context(|| format!("--first {name}: no service of that name"))?)
    })
}

/// Plays the day on the services in `programs` (this version's if not given), and upgrades `order` on the way.
async fn play(options: &Options, programs: Option<&PathBuf>, order: &[&'static str]) -> anyhow::Result<Outcome> {
    let settings = [("FIN__EXECUTOR__PARTIAL_FILL_WAIT_S", "7200")];
    let morning = Setup::morning(&options.seed.to_string(), STOPS, &settings);
    let mut suite = Suite::run(Setup { programs: programs.cloned(), ..morning }).await?;
    let mut session = Session::watch(&suite, DATE.parse()?).await?;
    let mut upgrades = Upgrades { left: order.iter().copied().collect(), last: UnixNanos::default() };
    let outcome = session.play(&mut suite, SESSION_WITHIN, &mut upgrades).await?;
    ensure!(upgrades.left.is_empty(), "the day was over before {:?} were upgraded", upgrades.left);
    session.intends_once()?;
    let positions = suite.broker("/v2/positions").await?;
    ensure!(positions.as_array().is_some_and(Vec::is_empty), "not flat after the close: {positions}");
    suite.has_stored(&outcome).await?;
    let unreadable = suite.items("/api/v1/dead-letters").await?;
    ensure!(unreadable.is_empty(), "dead letters: {unreadable:?}");
    Ok(outcome)
}

/// One more service at every standstill.
struct Upgrades {
    left: VecDeque<&'static str>,
    last: UnixNanos,
}

impl Company for Upgrades {
    async fn disturb(&mut self, suite: &mut Suite, moment: &Moment<'_>) -> anyhow::Result<()> {
        if !moment.standing || moment.now <= self.last {
            return Ok(());
        }
        self.last = moment.now;
        let Some(service) = self.left.pop_front() else { return Ok(()) };
        suite.replace(service, &e2e::process::program(service)?).await
    }
}
