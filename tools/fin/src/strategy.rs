//! `fin strategy`: which versions of the strategy were activated, and another put in force.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use bus::{Bus, Created, Fold, FoldSpec, Item, Kind};
use chassis::{Sources, StrategyFile};
use coordinator_api::strategy::{Change, activation, changes, check, effective_from};
use domain::control::{Authorship, ConfigActivated};
use domain::id::content_hash;
use domain::strategy::Strategy;
use domain::{Event, UnixNanos};
use serde_json::{Value, json};

use crate::connection::{Connection, wall_time};
use crate::exit::FaultsFound;

/// The strategy.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  fin strategy check my/strategy.yaml\n  fin strategy diff my/strategy.yaml\n  \
                        fin strategy activate my/strategy.yaml --reason 'wider gaps'")]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// What keeps a file from being activated, with its lines; exit code 7 if anything does.
    Check {
        /// The strategy file.
        file: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// The keys in which a file differs from the version in force.
    Diff {
        /// The strategy file.
        file: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        connection: Connection,
    },
    /// Put a file's strategy in force from the next round on.
    Activate {
        /// The strategy file.
        file: PathBuf,
        /// Why; stands in the audit.
        #[arg(long, default_value = "from the command line")]
        reason: String,
        #[command(flatten)]
        connection: Connection,
    },
    /// Every activation, the newest first.
    List {
        /// Print a JSON array.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        connection: Connection,
    },
}

/// Carries the command out.
///
/// # Errors
/// The file is refused, or the bus does not answer.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match &arguments.command {
        Command::Check { file, json } => {
            let (strategy, problems) = check(&read(file)?, folder_of(file));
            if *json {
                let version = strategy.filter(|_| problems.is_empty()).map(|strategy| strategy.version());
                writeln!(out, "{:#}", json!({ "ok": problems.is_empty(), "version": version, "problems": problems }))?;
            } else {
                for problem in &problems {
                    writeln!(out, "{problem}")?;
                }
                if let Some(strategy) = strategy.filter(|_| problems.is_empty()) {
                    writeln!(out, "{}: {} version {}", file.display(), strategy.name, strategy.version())?;
                }
            }
            if !problems.is_empty() {
                return Err(FaultsFound(problems.len()).into());
            }
        }
        Command::Diff { file, json, connection } => {
            let (_, strategy) = accepted(file, folder_of(file))?;
            let newest = connection.with_bus(async |bus| Ok(activations(&bus).await?.pop()))?;
            let (version, before) = match &newest {
                Some(newest) => (newest.config_version.clone(), meaning(newest)?),
                None => {
                    let own = Sources::process().load()?.strategy()?;
                    (own.version(), own)
                }
            };
            let changes = changes(&before, &strategy);
            if *json {
                let document = json!({ "active": version, "file": strategy.version(), "changes": changes });
                writeln!(out, "{document:#}")?;
            } else {
                writeln!(out, "{version} in force, {} in {}", strategy.version(), file.display())?;
                for change in &changes {
                    writeln!(out, "  {}", sentence(change))?;
                }
            }
        }
        Command::Activate { file, reason, connection } => {
            // What the strategy names must lie where the services look for it.
            let (text, strategy) = accepted(file, &Sources::process().load()?.strategy_folder)?;
            let version = strategy.version();
            let from = connection.with_bus(async |bus| activate(&bus, &text, &version, reason).await)?;
            let from = if from > UnixNanos::default() { format!(", market time {from}") } else { String::new() };
            writeln!(out, "{} version {version} is in force from the next round on{from}", strategy.name)?;
        }
        Command::List { json, connection } => {
            let all = connection.with_bus(async |bus| activations(&bus).await)?;
            if *json {
                writeln!(out, "{:#}", Value::Array(all.iter().rev().map(row).collect()))?;
            } else {
                writeln!(out, "{:<14}  {:<30}  {:<16}  REASON", "VERSION", "ACTIVATED", "AUTHOR")?;
                for ConfigActivated { config_version, by, .. } in all.iter().rev() {
                    let at = by.requested_at.to_string();
                    writeln!(out, "{config_version:<14}  {at:<30}  {:<16}  {}", by.author, by.reason)?;
                }
            }
        }
    }
    Ok(())
}

fn read(file: &Path) -> anyhow::Result<StrategyFile> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    Ok(StrategyFile::new(file.display().to_string(), &text))
}

/// Files that a strategy names are beside it.
fn folder_of(file: &Path) -> &Path {
    file.parent().unwrap_or(Path::new(""))
}

fn accepted(file: &Path, folder: &Path) -> anyhow::Result<(String, Strategy)> {
    let read = read(file)?;
    let (strategy, problems) = check(&read, folder);
    match strategy {
        Some(strategy) if problems.is_empty() => Ok((read.text().to_owned(), strategy)),
        _ => bail!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
    }
}

fn meaning(activated: &ConfigActivated) -> anyhow::Result<Strategy> {
    Ok(StrategyFile::new(format!("strategy {}", activated.config_version), &activated.strategy_yaml).read()?)
}

async fn activations(bus: &Bus) -> anyhow::Result<Vec<ConfigActivated>> {
    let mut fold = Fold::open(bus, FoldSpec::kinds(&[Kind::ConfigActivated]))?;
    let mut all = Vec::new();
    loop {
        match fold.next().await? {
            Item::Event(folded) => {
                if let Event::ConfigActivated(activated) = folded.event {
                    all.push(activated);
                }
            }
            Item::CaughtUp => return Ok(all),
            Item::Poison(poison) => tracing::warn!(seq = poison.seq, reason = poison.reason, "passed over"),
        }
    }
}

/// Appends the activation; from which market time on it is in force.
async fn activate(bus: &Bus, text: &str, version: &str, reason: &str) -> anyhow::Result<UnixNanos> {
    let before = activations(bus).await?;
    let in_force = before.last().map(|newest| newest.config_version.as_str());
    ensure!(in_force != Some(version), "version {version} is in force already");
    let effective_from = effective_from(bus, in_force.is_none()).await?;
    let now = wall_time()?;
    let request_id = content_hash(&["fin", &std::process::id().to_string(), &now.nanos().to_string()]);
    let by = Authorship {
        author: std::env::var("USER").unwrap_or_else(|_| "fin".to_owned()),
        reason: reason.to_owned(),
        requested_at: now,
        request_id,
    };
    let activated = ConfigActivated {
        config_version: version.to_owned(),
        strategy_yaml: text.to_owned(),
        effective_from,
        by,
        file: None,
    };
    let (event, meta) = activation(activated, "fin");
    match bus.publisher().create(&event, &meta).await? {
        Created::New { .. } | Created::Exists { same: true, .. } => Ok(effective_from),
        Created::Exists { same: false, seq } => bail!("CONTROL {seq} holds another command under the same id"),
    }
}

fn row(activated: &ConfigActivated) -> Value {
    json!({
        "version": activated.config_version,
        "name": meaning(activated).ok().map(|strategy| strategy.name),
        "activated_at": activated.by.requested_at,
        "effective_from": activated.effective_from,
        "author": activated.by.author,
        "reason": activated.by.reason,
        "file": activated.file,
    })
}

fn sentence(Change { key, before, after }: &Change) -> String {
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
    format!("{key}: {} → {}", shown(before), shown(after))
}
