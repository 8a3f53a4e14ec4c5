//! `fin backtest`: the rules over recorded sessions, with simulated fills.

mod broker;
mod comparison;
mod desk;
mod desks;
mod engine;
mod fills;
mod history;
mod options;
mod outcome;
mod output;
mod report;
mod rows;
mod run;
mod summary;

use std::io::Write;
use std::path::PathBuf;

use domain::SessionDate;
use learned_score::Learned;

pub use fills::{Distance, FillModel};
pub use options::{AccountArguments, MarketArguments};
pub use run::read_strategy;
pub(crate) use run::{Run, Witness};

use self::output::Output;

/// The command line of `fin backtest`.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub market: MarketArguments,
    /// First session, 2026-11-24.
    #[arg(long, value_name = "DATE")]
    pub from: SessionDate,
    /// Last session.
    #[arg(long, value_name = "DATE")]
    pub to: SessionDate,
    /// Folder for decisions, tables and the report.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Print everything as one JSON document.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub account: AccountArguments,
}

/// Runs the backtest.
///
/// # Errors
/// A strategy or file that cannot be read, with its name and line; orders that do not settle.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut run = Run::open(&arguments.market, &arguments.account, arguments.from..=arguments.to)?;
    let named = run.strategy().scoring.learned.as_ref();
    let learned = named.map(|named| Learned::open(named, arguments.market.strategy_folder())).transpose()?;
    let mut output = Output::open(arguments.out.as_deref(), arguments.json, &run.summary.head())?;
    let outcome = run.play(&mut output)?;
    if let Some(learned) = &learned {
        run.summary.comparison = Some(comparison::compare(arguments, learned)?);
    }
    let statistics = outcome.statistics();
    output.finish(&outcome, &statistics, &mut run.summary)?;
    if !arguments.json {
        writeln!(std::io::stdout(), "{}", run.summary.lines(&statistics))?;
    }
    Ok(())
}
