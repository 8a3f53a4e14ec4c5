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
}

fn main() -> ExitCode {
    let Cli { command } = Cli::parse();
    let outcome = match command {
        Command::Up(arguments) => fin::up::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fin: {error:#}");
            ExitCode::FAILURE
        }
    }
}
