//! `make chaos`: sessions at ten times the live rate while everything that may go wrong does, held against the same
//! sessions undisturbed.
//!
//! Faults, victims and moments follow from the seed. The market stands still wherever the suite has to act, until it
//! has; so a right suite comes to the same signals, plans, decisions, orders and fills whatever happens to it, and
//! MARKET holds every trade once, or a `FeedGapDetected` says that it is missing. `docs/chaos.md` describes the
//! faults and what is only simulated.

mod company;
mod door;
mod facts;
mod fault;
mod record;
mod report;
mod run;
mod schedule;
mod site;
mod strike;
mod tape;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use e2e::say;

use crate::company::Break;
use crate::fault::Need;
use crate::record::Record;
use crate::report::Findings;
use crate::run::{Played, Run, SESSIONS_MAX};
use crate::schedule::Deck;
use crate::site::Programs;

/// Breaks the suite in every way there is and compares what it did with an undisturbed run.
#[derive(Debug, Parser)]
#[command(name = "chaos")]
struct Options {
    /// Makes the market, the faults, their victims and moments.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Faults in all.
    #[arg(long, default_value_t = 200)]
    faults: usize,
    /// How long the disturbed sessions take together, about; a session is always played to its end.
    #[arg(long, default_value_t = 420)]
    seconds: u64,
    /// Trades a second while the market runs.
    #[arg(long, default_value_t = 10_000.0)]
    rate: f64,
    /// Servers of the bus: 1, 3, or first 1 and then 3.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 3])]
    nodes: Vec<u16>,
    /// Folder of the services to be tested; that of this program if not given.
    #[arg(long)]
    programs: Option<PathBuf>,
    /// Folder of the previous commit's services, to roll to and from.
    #[arg(long)]
    previous: Option<PathBuf>,
    /// A service is to be ready again so soon after a fault is over, ms.
    #[arg(long, default_value_t = 15_000)]
    recovery_ms_max: u128,
    /// Breaks a rule from outside, to see that it is found; then the run must fail.
    #[arg(long = "break", value_enum, value_delimiter = ',')]
    breaks: Vec<Break>,
}

/// A disturbed session with its share of faults takes about so long.
const SESSION_SECONDS: u64 = 45;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    e2e::http::install_provider();
    let options = Options::parse();
    let (mut findings, mut record) = (Findings::default(), Record::default());
    let begun = Instant::now();
    let mut left = options.faults;
    let mut seed = options.seed;
    while left > 0 || seed == options.seed {
        let share = cycle_share(&options, left);
        left -= share;
        if let Err(error) = cycle(&options, seed, share, &mut findings, &mut record).await {
            findings.failures.push(format!("seed {seed}: {error:#}"));
            break;
        }
        seed += 1;
    }
    if record.worst_ms() > options.recovery_ms_max {
        findings.failures.push(format!("a recovery took longer than {} ms", options.recovery_ms_max));
    }
    say(&format!("\nseed {}, {} s", options.seed, begun.elapsed().as_secs()))?;
    let right = findings.print(&record)?;
    Ok(if right { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One trade in so many may be in a recorded gap: a gateway that is away misses what is sent meanwhile, but not a day.
const GAPS_MAX: usize = 10;

/// A long run is cut into cycles, each with a seed and an undisturbed run of its own.
fn cycle_share(options: &Options, left: usize) -> usize {
    let sessions = (options.seconds / SESSION_SECONDS).max(1) as usize;
    let cycles = sessions.div_ceil(SESSIONS_MAX);
    options.faults.div_ceil(cycles).min(left)
}

/// Disturbed sessions on each bus in turn, then the same sessions undisturbed.
async fn cycle(
    options: &Options,
    seed: u64,
    faults: usize,
    findings: &mut Findings,
    record: &mut Record,
) -> anyhow::Result<()> {
    let programs = Programs {
        current: options.programs.clone(),
        previous: options.previous.clone(),
        fake_time: site::find_fake_time(),
    };
    let sessions = (options.seconds / SESSION_SECONDS).max(1) as usize;
    if programs.fake_time.is_none() {
        say("faketime is not installed: no clock jumps")?;
    }
    let runs = shares(sessions.min(SESSIONS_MAX), faults, &options.nodes);
    let mut disturbed: Vec<Played> = Vec::new();
    for (nodes, counts) in &runs {
        let mut deck = Deck::new(seed ^ (u64::from(*nodes) << 32), &available(&programs, *nodes));
        let run = Run {
            name: if *nodes == 1 { "one-node" } else { "three-nodes" },
            seed,
            nodes: *nodes,
            rate: options.rate,
            programs: &programs,
            sessions: counts.iter().map(|count| deck.deal(*count)).collect(),
            breaks: if disturbed.is_empty() { options.breaks.clone() } else { Vec::new() },
        };
        disturbed.push(run.play(record).await?);
    }
    let longest = runs.iter().map(|(_, counts)| counts.len()).max().unwrap_or(1);
    let run = Run {
        name: "undisturbed",
        seed,
        nodes: 1,
        rate: options.rate,
        programs: &programs,
        sessions: vec![VecDeque::new(); longest],
        breaks: Vec::new(),
    };
    let undisturbed = run.play(&mut Record::default()).await?;
    if undisturbed.trades.in_gaps > 0 {
        findings.failures.push(format!("the undisturbed run misses {} trades", undisturbed.trades.in_gaps));
    }
    for played in disturbed {
        let (missing, all) = (played.trades.in_gaps, played.trades.checked);
        if missing > all / GAPS_MAX {
            findings.failures.push(format!("{missing} of {all} trades are in gaps, more than one in {GAPS_MAX}"));
        }
        findings.add(played.trades);
        for row in played.facts.against(&undisturbed.facts, &played.last.to_string()) {
            findings.add(row);
        }
    }
    findings.add(undisturbed.trades);
    if undisturbed.facts.count("fills") == 0 {
        say("nothing was traded with this seed: it proves little")?;
    }
    Ok(())
}

/// Sessions on each bus, two thirds of them on the first, and the faults of each session.
fn shares(sessions: usize, faults: usize, nodes: &[u16]) -> Vec<(u16, Vec<usize>)> {
    let first = if nodes.len() == 1 { sessions } else { (sessions * 2 / 3).max(1) };
    let counts: Vec<(u16, usize)> =
        nodes.iter().enumerate().map(|(at, n)| (*n, if at == 0 { first } else { (sessions - first).max(1) })).collect();
    let all: usize = counts.iter().map(|(_, count)| count).sum();
    let mut dealt = 0;
    let mut played = 0;
    let mut share = || {
        played += 1;
        let until = faults * played / all;
        let count = until - dealt;
        dealt = until;
        count
    };
    counts.into_iter().map(|(nodes, count)| (nodes, (0..count).map(|_| share()).collect())).collect()
}

fn available(programs: &Programs, nodes: u16) -> Vec<Need> {
    let found = [
        (nodes > 1, Need::Cluster),
        (programs.fake_time.is_some(), Need::FakeTime),
        (programs.previous.is_some(), Need::Previous),
    ];
    found.into_iter().filter(|(is, _)| *is).map(|(_, need)| need).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_dealt_and_every_bus_has_a_session() {
        let check = |sessions, faults, nodes: &[u16]| {
            let shares = shares(sessions, faults, nodes);
            assert_eq!(shares.iter().flat_map(|(_, counts)| counts).sum::<usize>(), faults);
            assert!(shares.iter().all(|(_, counts)| !counts.is_empty()));
        };
        check(12, 200, &[1, 3]);
        check(1, 20, &[1, 3]);
        check(5, 7, &[3]);
    }
}
