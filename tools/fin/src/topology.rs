//! `fin topology`: makes the server, Kubernetes and the documentation agree with what the suite declares.

use std::io::Write;

use bus::topology::Report;
use bus::{export, permissions, topology};

use crate::connection::Connection;

/// The topology of the bus.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show what differs on the server; exit code 1 if anything does.
    Diff(Connection),
    /// Create what is missing and change what differs; nothing that holds messages is removed.
    Apply(Connection),
    /// Print the topology.
    Export {
        /// json, markdown, nack (Kubernetes resources) or nats (users for the server's configuration; passwords come
        /// from the environment, `$FIN_NATS_PLANNER` and so on).
        #[arg(long, value_enum, default_value = "markdown")]
        format: Format,
        #[command(flatten)]
        connection: Connection,
    },
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    Json,
    Markdown,
    Nack,
    Nats,
}

/// Carries the command out.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match &arguments.command {
        Command::Diff(connection) => {
            let sizes = connection.bus_config()?.sizes;
            let report = connection.with_bus(async |bus| Ok(topology::diff(&bus, &sizes).await?))?;
            write!(out, "{}", shown(&report, ["missing", "differs", "agrees"]))?;
            anyhow::ensure!(report.created.is_empty() && report.updated.is_empty(), "the server differs");
        }
        Command::Apply(connection) => {
            let sizes = connection.bus_config()?.sizes;
            let report = connection.with_bus(async |bus| Ok(topology::ensure(&bus, &sizes).await?))?;
            write!(out, "{}", shown(&report, ["created", "changed", "agrees"]))?;
        }
        Command::Export { format, connection } => {
            let sizes = connection.bus_config()?.sizes;
            match format {
                Format::Json => writeln!(out, "{:#}", export::json(&sizes))?,
                Format::Markdown => write!(out, "{}", export::markdown(&sizes))?,
                Format::Nack => write!(out, "{}", export::nack(&sizes))?,
                Format::Nats => write!(out, "{}", permissions::server_config(password_variable))?,
            }
        }
    }
    Ok(())
}

fn password_variable(user: &str) -> String {
    format!("$FIN_NATS_{}", user.to_ascii_uppercase().replace('-', "_"))
}

fn shown(report: &Report, [created, updated, unchanged]: [&str; 3]) -> String {
    let parts = [(created, &report.created), (updated, &report.updated), (unchanged, &report.unchanged)];
    let lines = parts.iter().flat_map(|(word, names)| names.iter().map(move |name| format!("{word:<8} {name}\n")));
    lines.collect()
}
