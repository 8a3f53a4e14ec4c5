//! `fin config`: what the services would run with, before they do.

mod check;
mod schema;
mod show;

pub(crate) use check::check;

use std::io::Write;
use std::path::PathBuf;

use anyhow::bail;
use chassis::Sources;
use serde_json::json;

use crate::exit::NotFound;

/// The configuration and the strategy.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  fin config check --profile paper --config my\n  fin config show --profile prod \
                        --service executor\n  fin config schema --strategy")]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Read everything as the services do and name what is wrong: file, line, key; exit code 1 if anything is.
    Check {
        /// Print a JSON object: `ok`, and `problems` with `file`, `line`, `key`, `problem` and, where known, `fix`.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        origin: Origin,
    },
    /// Show every value in force and where it comes from; secrets are hidden.
    Show {
        /// Only what this service reads.
        #[arg(long, value_name = "SERVICE", value_parser = show::service_names())]
        service: Option<String>,
        /// Print a JSON array of `key`, `value` and `source`.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        origin: Origin,
    },
    /// Print the JSON Schema (2020-12) of the configuration's files, for editors.
    Schema {
        /// That of strategy files instead.
        #[arg(long)]
        strategy: bool,
    },
}

/// Which configuration.
#[derive(Debug, clap::Args)]
struct Origin {
    /// dev, paper or prod; the configured one by default.
    #[arg(long, value_parser = ["dev", "paper", "prod"], hide_possible_values = true)]
    profile: Option<String>,
    /// Folder with files of our own: default.yaml, the profile's, strategy.yaml. Without it the built-in ones hold.
    #[arg(long = "config", value_name = "DIR", env = "FIN_CONFIG_DIR")]
    folder: Option<PathBuf>,
}

impl Origin {
    fn sources(&self) -> anyhow::Result<Sources> {
        let mut sources = Sources::process();
        if let Some(folder) = &self.folder {
            if !folder.is_dir() {
                return Err(NotFound(format!("{} is not a folder", folder.display())).into());
            }
            sources = sources.folder(folder);
        }
        Ok(match &self.profile {
            Some(profile) => sources.set("profile", profile.as_str()),
            None => sources,
        })
    }
}

/// Carries the command out.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match &arguments.command {
        Command::Check { json, origin } => {
            let (problems, files) = check(origin.sources()?);
            if *json {
                writeln!(out, "{:#}", json!({ "ok": problems.is_empty(), "problems": problems }))?;
            } else {
                problems.iter().try_for_each(|problem| writeln!(out, "{problem}"))?;
                if problems.is_empty() {
                    writeln!(out, "ok: {}", files.join(", "))?;
                }
            }
            refuse(problems.len())
        }
        Command::Show { service, json, origin } => {
            let (rows, problems) = show::rows(origin.sources()?, service.as_deref())?;
            if *json {
                writeln!(out, "{}", serde_json::to_string_pretty(&rows)?)?;
            } else {
                write!(out, "{}", show::table(&rows))?;
            }
            problems.iter().try_for_each(|problem| writeln!(std::io::stderr(), "{problem}"))?;
            refuse(problems.len())
        }
        Command::Schema { strategy } => {
            let schema = if *strategy { schema::strategy() } else { schema::files() };
            writeln!(out, "{}", serde_json::to_string_pretty(&schema)?)?;
            Ok(())
        }
    }
}

fn refuse(problems: usize) -> anyhow::Result<()> {
    match problems {
        0 => Ok(()),
        1 => bail!("the configuration has a problem"),
        many => bail!("the configuration has {many} problems"),
    }
}
