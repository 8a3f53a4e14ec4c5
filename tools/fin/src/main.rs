//! The `fin` command line.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "fin", version, about = "Runs and looks into the fin-agent suite")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start the whole suite on this machine: bus, services and, in the dev profile, simulated vendors.
    Up(fin::up::Arguments),
    /// Look for what would keep the suite from trading; exit code 7 if a check fails.
    Doctor(fin::doctor::Arguments),
    /// Mind the executor: cancel entries and close positions at the broker when it falls silent in market hours.
    Watchdog(fin::watchdog::Arguments),
    /// The sessions of the exchange.
    Calendar(research::calendar::Arguments),
    /// When cron schedules fall due.
    Schedule(research::schedule::Arguments),
    /// The indicators of a symbol's daily bars.
    Indicators(research::indicators::Arguments),
    /// Play the strategy over files of trades or bars, with simulated fills.
    Backtest(research::backtest::Arguments),
    /// Write one row a candidate, with its outcome, as Parquet.
    Features(research::features::Arguments),
    /// Decide a recorded day of the bus again and compare; exit code 1 if anything differs.
    Replay(fin::replay::Arguments),
    /// What the recorded trades amount to: a page that one can mail, JSON, or a few lines.
    Report(fin::report::Arguments),
    /// Move a store, from SQLite to Postgres, back, or to another place; exit code 1 unless both hold the same at the end.
    Migrate(fin::migrate::Arguments),
    /// Write a table of the store as CSV or Parquet.
    Export(fin::export::Arguments),
    /// The configuration and the strategy: check them, show them, print their schema.
    Config(fin::config::Arguments),
    /// The strategy's versions: list them, check and compare a file, put it in force.
    Strategy(fin::strategy::Arguments),
    /// A strategy on trial: let it decide beside the suite, and hold its decisions against the suite's.
    Shadow(fin::shadow::Arguments),
    /// Create and show keys.
    Keys(fin::keys::Arguments),
    /// What must exist on the bus: streams, consumers, buckets, users.
    Topology(fin::topology::Arguments),
    /// Messages that could not be handled.
    Dlq(fin::dlq::Arguments),
    /// Alerts to where people are: send a test message.
    Alerts(fin::alerts::Arguments),
    /// Who may use the API.
    Token(fin::token::Arguments),
}

fn main() -> ExitCode {
    let Cli { command } = Cli::parse();
    let outcome = match command {
        Command::Up(arguments) => fin::up::run(&arguments),
        Command::Doctor(arguments) => fin::doctor::run(&arguments),
        Command::Watchdog(arguments) => fin::watchdog::run(&arguments),
        Command::Calendar(arguments) => research::calendar::run(&arguments),
        Command::Schedule(arguments) => research::schedule::run(&arguments),
        Command::Indicators(arguments) => research::indicators::run(&arguments),
        Command::Backtest(arguments) => research::backtest::run(&arguments),
        Command::Features(arguments) => research::features::run(&arguments),
        Command::Replay(arguments) => fin::replay::run(&arguments),
        Command::Report(arguments) => fin::report::run(&arguments),
        Command::Migrate(arguments) => fin::migrate::run(&arguments),
        Command::Export(arguments) => fin::export::run(&arguments),
        Command::Config(arguments) => fin::config::run(&arguments),
        Command::Strategy(arguments) => fin::strategy::run(&arguments),
        Command::Shadow(arguments) => fin::shadow::run(&arguments),
        Command::Keys(arguments) => fin::keys::run(&arguments),
        Command::Topology(arguments) => fin::topology::run(&arguments),
        Command::Dlq(arguments) => fin::dlq::run(&arguments),
        Command::Alerts(arguments) => fin::alerts::run(&arguments),
        Command::Token(arguments) => fin::token::run(&arguments),
    };
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    eprintln!("fin: {error:#}");
    fin::exit::code(&error)
}
