//! `fin replay`: decides a recorded day again and holds every decision against what the services published.
//!
//! Each stage is given the recorded events of the stages before it, as far as its decisions say that it had seen them,
//! so a difference shows where it arose: rounds from MARKET; rankings and plans from SCAN and CONTROL; sizes, denials
//! and locks from PLAN, ORDER, CONTROL and the ledger before them; entry orders from their approvals. What else
//! execution does depends on the broker's answers and is a record, not a decision.

mod findings;
mod order;
mod plan;
mod recording;
mod risk;
mod scan;
#[cfg(test)]
mod tests;
mod versions;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, ensure};
use bus::Bus;
use chassis::{ConfigError, Sources};
use domain::strategy::Strategy;
use domain::{SessionDate, StreamName, calendar};
use research::usage::UsageError;
use serde_json::json;

use self::findings::Findings;
use self::recording::{Recording, Rounds};
use self::versions::Versions;
use crate::connection::{Connection, market_time};
use crate::exit::NotFound;

/// What `fin replay` takes on its command line.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The session, for example 2026-11-24.
    #[arg(long, value_name = "DATE")]
    date: SessionDate,
    /// The strategy that was in force, where the bus does not hold its activation; the configuration's when not given.
    #[arg(long, value_name = "FILE")]
    strategy: Option<PathBuf>,
    /// File for the decision log: one line a decision, as `fin backtest --out` writes it.
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

/// Carries the command out.
///
/// # Errors
/// A decision differs, or one of a session that is over cannot be compared; the date is no session or nothing of it is recorded; the strategy is not the one in force.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let day = arguments.date;
    let Some(session) = calendar::session(day) else {
        return Err(UsageError(format!("--date {day} is not a session")).into());
    };
    let (strategy, folder) = match &arguments.strategy {
        Some(file) => (Ok(research::backtest::read_strategy(file)?), PathBuf::new()),
        None => {
            let loaded = Sources::process().load()?;
            (loaded.strategy(), loaded.strategy_folder)
        }
    };
    let strategy = strategy.map(Arc::new);
    let given = arguments.strategy.is_some();
    let (findings, is_over) = arguments.connection.with_bus(async |bus| {
        let is_over = market_time(&bus).await? >= session.close;
        Ok((replay(&bus, strategy, given, &folder, day).await?, is_over))
    })?;
    if let Some(file) = &arguments.log {
        std::fs::write(file, findings.log.to_string()).with_context(|| file.display().to_string())?;
    }
    let mut out = std::io::stdout().lock();
    if arguments.json {
        let document = json!({
            "events": findings.events,
            "decisions": findings.decisions,
            "decisions_sha256": findings.log.sha256(),
            "differences": findings.differences,
            "left_out": findings.left_out,
        });
        writeln!(out, "{document}")?;
    } else {
        write!(out, "{day} under {}\n{findings}", findings.versions.join(", "))?;
    }
    out.flush()?;
    ensure!(findings.differences.is_empty(), "{} decisions differ from the record", findings.differences.len());
    ensure!(findings.left_out.is_empty() || !is_over, "the bus does not hold all that the decisions of {day} rest on");
    Ok(())
}

/// Streams are read in the order data moves, so that on a day still going on no stage seems to lack an answer that had
/// not been given yet. `given` says that the strategy was named for this day; one that is refused counts only where nothing
/// was activated.
async fn replay(
    bus: &Bus,
    strategy: Result<Arc<Strategy>, ConfigError>,
    given: bool,
    folder: &Path,
    day: SessionDate,
) -> anyhow::Result<Findings> {
    let Some(rounds) = Rounds::find(bus, day).await? else {
        return Err(NotFound(format!("no round of {day} is recorded on the bus")).into());
    };
    let control = Recording::read(bus, StreamName::Control, |_| true).await?;
    let strategy = match strategy {
        Ok(strategy) => strategy,
        Err(refused) => versions::newest(&control).ok_or(refused)?,
    };
    if given && !rounds.versions.contains(&strategy.version()) {
        let recorded = rounds.versions.iter().cloned().collect::<Vec<_>>().join(", ");
        let (version, name) = (strategy.version(), &strategy.name);
        let text = format!("{day} was decided under strategy version {recorded}; --strategy is {version} ({name})");
        return Err(UsageError(text).into());
    }
    let versions = Versions::new(&strategy, &control);
    let scorings = versions.of_day(day, &rounds.versions, folder)?;
    let mut findings = Findings { versions: rounds.versions.into_iter().collect(), ..Findings::default() };
    let made = scan::rounds(bus, &scorings, rounds.partitions, day, &mut findings).await?;
    let of_day = |event: &domain::Event| recording::session_of(event) == Some(day);
    let scan = Recording::read(bus, StreamName::Scan, of_day).await?;
    scan::compare(&made, &scan, &versions, &mut findings);
    // What was asked for since may have been seen by what is read now.
    let control = Recording::read(bus, StreamName::Control, |_| true).await?;
    let plan = Recording::read(bus, StreamName::Plan, |_| true).await?;
    plan::compare(&strategy, day, &scan, &control, &plan, &mut findings);
    let order = Recording::read(bus, StreamName::Order, |_| true).await?;
    let risk = Recording::read(bus, StreamName::Risk, |_| true).await?;
    risk::compare(
        &strategy,
        day,
        &risk::Inputs { plan: &plan, order: &order, control: &control },
        &risk,
        &mut findings,
    );
    order::compare(day, &risk, &order, &mut findings);
    findings.events += [&scan, &control, &plan, &order, &risk].map(|recording| recording.messages).iter().sum::<u64>();
    Ok(findings)
}
