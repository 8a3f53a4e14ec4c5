//! `fin migrate`: every row of a store into another one, in the same kind of database or the other.
//!
//! [`compare`] holds what the target has already against the source → [`copy`] brings the rest → [`sum`] counts and hashes
//! what then stands on both sides. Changes the target alone, and nothing in it that was there before.

mod compare;
mod copy;
mod progress;
mod sum;

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, anyhow, bail};
use recorder::store::{Store, StoreUrl};
use research::usage::UsageError;
use serde::Serialize;
use store::tables::{TABLES, Table};
use store::{Connection, Tx};

use self::compare::{Found, compare};
use self::progress::Progress;
use self::sum::{Sum, sum};
use crate::store_access::{address, open_to_read};

/// The command line of `fin migrate`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A second run goes on where the first was ended. The source is read as it is at the start; end its
recorder before, and let it write to the target afterwards. The target's recorder must not run.

Examples:
  fin migrate --from sqlite:.data/store.db --to postgres://fin@db.example/fin --to-password-file secrets/store_password
  fin migrate --from postgres:///fin?host=/run/postgresql --to sqlite:backup/store.db --json | jq .ok

Exit codes: 0 both hold the same, 1 they do not, or failed, 2 usage, 3 there is no source."
)]
pub struct Arguments {
    /// The store that is read, sqlite:PATH or postgres://USER@HOST:PORT/DATABASE, without a password.
    #[arg(long, value_name = "URL")]
    from: String,
    /// The store that is filled, of the same form. A file is made, a database must be there.
    #[arg(long, value_name = "URL")]
    to: String,
    /// File that holds the source's password; otherwise PGPASSWORD and ~/.pgpass count.
    #[arg(long, value_name = "FILE")]
    from_password_file: Option<PathBuf>,
    /// File that holds the target's password; otherwise PGPASSWORD and ~/.pgpass count.
    #[arg(long, value_name = "FILE")]
    to_password_file: Option<PathBuf>,
    /// Print one JSON object at the end: each table's rows and checksum on both sides, and whether all are equal.
    #[arg(long)]
    json: bool,
}

/// What stands on both sides at the end.
#[derive(Debug, Serialize)]
struct Report {
    tables: Vec<Compared>,
    ok: bool,
    /// Why nothing was copied, table by table; empty when it was.
    #[serde(skip)]
    refused: Vec<String>,
}

/// One table of both stores.
#[derive(Debug, Serialize)]
struct Compared {
    name: &'static str,
    rows_from: u64,
    rows_to: u64,
    /// SHA-256 of the rows in the order of their keys, the same in every kind of database.
    checksum_from: String,
    checksum_to: String,
}

impl Compared {
    fn is_same(&self) -> bool {
        self.rows_from == self.rows_to && self.checksum_from == self.checksum_to
    }
}

/// Carries the command out.
///
/// # Errors
/// An address that cannot be meant; a store that cannot be read or written, or is in use; stores that differ at the end.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    chassis::tls::install_provider();
    let from = address("--from", &arguments.from, arguments.from_password_file.as_deref())?;
    let to = address("--to", &arguments.to, arguments.to_password_file.as_deref())?;
    if is_same_place(&from, &to) {
        return Err(UsageError(format!("--from and --to are the same store, {to}")).into());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(migrate(&from, &to))?;
    let mut out = std::io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string(&report)?)?;
    } else {
        write!(out, "{}", lines(&report))?;
    }
    out.flush()?;
    verdict(&report, &from, &to)
}

fn is_same_place(from: &StoreUrl, to: &StoreUrl) -> bool {
    let real = |url: &StoreUrl| url.path().and_then(|path| path.canonicalize().ok());
    from.to_string() == to.to_string() || real(from).is_some_and(|path| Some(path) == real(to))
}

async fn migrate(from: &StoreUrl, to: &StoreUrl) -> anyhow::Result<Report> {
    let mut source = open_to_read(from).await?;
    let opened = Store::open_alone(to).await.with_context(|| format!("{to} cannot be opened"))?;
    let in_use = match to {
        StoreUrl::Sqlite(_) => "a recorder, an API or another program has it open",
        StoreUrl::Postgres(_) => "a recorder or another `fin migrate` writes to it",
    };
    let mut target = opened.ok_or_else(|| anyhow!("{to} is in use: {in_use}; end that first"))?;
    let mut snapshot = source.snapshot().await.with_context(|| format!("{from} cannot be read"))?;
    let report = fill(&mut snapshot, target.connection()).await?;
    drop(snapshot);
    // Only now is everything of a file on the disk.
    target.close().await.with_context(|| format!("{to} cannot be closed"))?;
    Ok(report)
}

async fn fill(from: &mut Tx<'_>, to: &mut Connection) -> anyhow::Result<Report> {
    let mut progress = Progress::default();
    let mut rows = 0;
    for table in &TABLES {
        rows += sum::count(table, &mut *from).await.with_context(|| counting(table))?;
    }
    progress.begin("comparing", rows);
    let (mut found, mut refused) = (Vec::new(), Vec::new());
    for table in &TABLES {
        match compare(table, from, to, &mut progress).await.with_context(|| format!("comparing {}", table.name))? {
            Found::Beginning(beginning) => found.push((table, beginning)),
            Found::Other(what) => refused.push(format!("{}: {what}", table.name)),
        }
    }
    progress.end();
    if refused.is_empty() {
        let held = found.iter().map(|(_, beginning)| beginning.rows).sum();
        progress.begin("copying", rows);
        progress.step(held);
        copy::prepare(to).await.context("preparing the target")?;
        for (table, beginning) in found {
            copy::copy(table, beginning.last, from, to, &mut progress)
                .await
                .with_context(|| format!("copying {}", table.name))?;
        }
        progress.end();
    }
    progress.begin("checking", 2 * rows);
    let mut tables = Vec::new();
    for table in &TABLES {
        let ours = sum(table, &mut *from, &mut progress).await.with_context(|| counting(table))?;
        let theirs = sum(table, &mut *to, &mut progress).await.with_context(|| counting(table))?;
        tables.push(compared(table, ours, theirs));
    }
    progress.end();
    let ok = refused.is_empty() && tables.iter().all(Compared::is_same);
    Ok(Report { tables, ok, refused })
}

fn counting(table: &Table) -> String {
    format!("counting {}", table.name)
}

fn compared(table: &Table, from: Sum, to: Sum) -> Compared {
    Compared {
        name: table.name,
        rows_from: from.rows,
        rows_to: to.rows,
        checksum_from: from.checksum,
        checksum_to: to.checksum,
    }
}

/// The report for a person.
fn lines(report: &Report) -> String {
    let line = |name: &str, rows: u64, checksum: &str| format!("{name:<14} {rows:>12} rows  {checksum}");
    let table = |table: &Compared| {
        let source = line(table.name, table.rows_from, &table.checksum_from);
        if table.is_same() {
            return format!("{source}\n");
        }
        let target = line("", table.rows_to, &table.checksum_to);
        format!("{source}  in the source\n{target}  in the target\n")
    };
    report.tables.iter().map(table).collect()
}

fn verdict(report: &Report, from: &StoreUrl, to: &StoreUrl) -> anyhow::Result<()> {
    if !report.refused.is_empty() {
        bail!(
            "{to} holds other rows than {from}, so nothing was copied: {}. Empty the target and begin again; end the source's \
             recorder first",
            report.refused.join("; ")
        );
    }
    let others: Vec<&str> = report.tables.iter().filter(|table| !table.is_same()).map(|table| table.name).collect();
    if !others.is_empty() {
        bail!("{to} does not hold what {from} holds, in {}", others.join(", "));
    }
    Ok(())
}
