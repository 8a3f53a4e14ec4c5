//! `fin alerts`: does a message reach the people whom the configuration names?

use std::io::Write;
use std::path::PathBuf;

use anyhow::bail;
use chassis::Sources;
use coordinator_api::alerts::{self, Alerts};

use crate::connection::wall_time;
use crate::exit::NotFound;

/// The command line of `fin alerts`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  fin alerts test
  fin alerts test --profile prod --target pager --json

Exit codes: 0 every target took it, 1 one did not or the configuration is refused, 2 usage, 3 no such target.")]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Send a test message to each target, once, and say what came back.
    Test {
        /// Only to the target of this name.
        #[arg(long, value_name = "NAME")]
        target: Option<String>,
        /// Print a JSON array of `target`, `kind`, `delivered` and `answer`.
        #[arg(long)]
        json: bool,
        /// dev, paper or prod; the configured one by default.
        #[arg(long, value_parser = ["dev", "paper", "prod"], hide_possible_values = true)]
        profile: Option<String>,
        /// Folder with files of our own. Without it the built-in ones hold.
        #[arg(long = "config", value_name = "DIR", env = "FIN_CONFIG_DIR")]
        folder: Option<PathBuf>,
    },
}

/// Carries the command out.
///
/// # Errors
/// A configuration that cannot be used, a target that is not there, or one that did not take the message.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let Command::Test { target, json, profile, folder } = &arguments.command;
    let mut sources = Sources::process();
    if let Some(folder) = folder {
        sources = sources.folder(folder);
    }
    if let Some(profile) = profile {
        sources = sources.set("profile", profile.as_str());
    }
    let loaded = sources.load()?;
    let table: Alerts = loaded.section(Alerts::SECTION)?;
    if let Some(fault) = table.check().into_iter().next() {
        return Err(loaded.refuse(fault).into());
    }
    match target {
        Some(name) if !table.targets.iter().any(|t| t.name == *name) => {
            let known: Vec<_> = table.targets.iter().map(|t| t.name.as_str()).collect();
            return Err(NotFound(format!(
                "there is no target {name} in alerts.targets; there are: {}",
                known.join(", ")
            ))
            .into());
        }
        None if table.targets.is_empty() => return Err(NotFound("alerts.targets is empty".to_owned()).into()),
        _ => {}
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mode = loaded.settings.profile.mode();
    let testing = alerts::test(&table, target.as_deref(), mode, wall_time()?);
    let tested = runtime.block_on(testing).map_err(|fault| loaded.refuse(fault))?;
    let mut out = std::io::stdout().lock();
    if *json {
        writeln!(out, "{}", serde_json::to_string_pretty(&tested)?)?;
    } else {
        for one in &tested {
            let word = if one.delivered { "delivered" } else { "FAILED" };
            writeln!(out, "{:<20} {:<9} {word:<9} {}", one.target, one.kind, one.answer)?;
        }
    }
    let failed = tested.iter().filter(|one| !one.delivered).count();
    if failed > 0 {
        bail!("{failed} of {} targets did not take the message", tested.len());
    }
    Ok(())
}
