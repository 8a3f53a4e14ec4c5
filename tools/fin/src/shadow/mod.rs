//! `fin shadow`: a strategy on trial beside the suite, and what it would have done otherwise.

mod report;
mod run;

use std::path::PathBuf;

/// A strategy on trial.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  fin shadow run my/strategy.yaml
  fin shadow report
  fin shadow report --json | jq '.differ[] | select(.field == \"quantity\")'
  fin shadow report --api https://desk.example:8080 --token-file read.token

Exit codes: 0 ok, 1 failed, 2 usage, 4 token or scope.")]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Let a strategy decide on what the suite that runs here sees, until it is interrupted. It writes SHADOW alone, and
    /// nothing of it is ever sent to a broker.
    Run {
        /// The strategy file.
        file: PathBuf,
        /// Simulated vendors (dev), the broker's paper account (paper) or real money (prod).
        #[arg(long, default_value = "dev", env = "FIN__PROFILE")]
        profile: String,
        /// Address of the bus; by default the configured one, or that of the `fin up` that runs here.
        #[arg(long, value_name = "URL")]
        bus: Option<String>,
    },
    /// Hold what it decided against what the suite did.
    Report {
        /// Print `{"active", "shadow", "rounds", "agree", "differ": [{"round_id", "symbol", "field", "active", "shadow",
        /// "why"}]}`.
        #[arg(long)]
        json: bool,
        /// Address of the API; by default the configured one.
        #[arg(long, value_name = "URL")]
        api: Option<String>,
        /// File with the token that opens the API.
        #[arg(long, value_name = "FILE", env = "FIN_TOKEN_FILE")]
        token_file: Option<PathBuf>,
    },
}

/// Carries the command out.
///
/// # Errors
/// A file or address that cannot be meant; a bus or API that does not answer.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    chassis::tls::install_provider();
    match &arguments.command {
        Command::Run { file, profile, bus } => run::run(file, profile, bus.as_deref()),
        Command::Report { json, api, token_file } => report::run(*json, api.as_deref(), token_file.as_deref()),
    }
}
