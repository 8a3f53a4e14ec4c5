//! `fin report`: what trading amounts to, as a page that one can mail, as JSON, or in a few lines.

mod page;
mod source;
mod summary;

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use coordinator_api::analytics::{Analytics, RangeQuery, Trade};
use domain::{SessionDate, Symbol};
use research::usage::UsageError;
use serde::Serialize;

use self::source::Source;

/// The command line of `fin report`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  fin report --from 2026-11-02 --to 2026-11-27 --html november.html
  fin report --to 2026-11-24 --from 2026-11-24 --json | jq .trades.net_pnl
  fin report --store sqlite:backup/store.db --symbol GME
  fin report --api https://desk.example:8080 --token-file read.token --html week.html

Exit codes: 0 ok, 1 failed, 2 usage, 3 no such store, 4 token or scope.")]
pub struct Arguments {
    /// First session, 2026-11-02; a year before the last unless given.
    #[arg(long, value_name = "DATE")]
    from: Option<SessionDate>,
    /// Last session; the current one unless given.
    #[arg(long, value_name = "DATE")]
    to: Option<SessionDate>,
    /// Only trades of the strategy of this name.
    #[arg(long, value_name = "NAME")]
    strategy: Option<String>,
    /// Only trades of this symbol.
    #[arg(long, value_name = "TICKER")]
    symbol: Option<Symbol>,
    /// Write one page with everything in it: no script, nothing to load.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Print a JSON object: what `GET /api/v1/analytics` answers, and `closed_trades`.
    #[arg(long)]
    json: bool,
    /// Read this store, sqlite:PATH or postgres://…, which is never written; by default the configured one, or that of the
    /// `fin up` that runs here. The password of Postgres is the configured one.
    #[arg(long, value_name = "URL", conflicts_with = "api")]
    store: Option<String>,
    /// Ask the API at this address instead.
    #[arg(long, value_name = "URL")]
    api: Option<String>,
    /// File with the token that opens the API.
    #[arg(long, value_name = "FILE", env = "FIN_TOKEN_FILE")]
    token_file: Option<PathBuf>,
}

/// What a report tells.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The numbers, as the API answers them.
    #[serde(flatten)]
    pub analytics: Analytics,
    /// The trades behind them, the last to end first.
    pub closed_trades: Vec<Trade>,
}

/// Carries the command out.
///
/// # Errors
/// A range, address or file that cannot be meant; a store or API that cannot be read.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    chassis::tls::install_provider();
    let source = Source::of(arguments.store.as_deref(), arguments.api.as_deref(), arguments.token_file.as_deref())?;
    let range = RangeQuery {
        from: arguments.from,
        to: arguments.to,
        strategy: arguments.strategy.clone(),
        symbol: arguments.symbol.clone(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(source.report(range))?;
    if let Some(file) = &arguments.html {
        std::fs::write(file, page::page(&report, &source.to_string())).with_context(|| file.display().to_string())?;
        eprintln!("{} is written", file.display());
    }
    let mut out = std::io::stdout().lock();
    if arguments.json {
        writeln!(out, "{:#}", serde_json::to_value(&report)?)?;
    } else if arguments.html.is_none() {
        write!(out, "{}", summary::lines(&report.analytics))?;
    }
    out.flush()?;
    Ok(())
}

fn usage(text: impl Into<String>) -> anyhow::Error {
    UsageError(text.into()).into()
}
