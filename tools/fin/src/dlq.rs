//! `fin dlq`: messages that could not be handled.

use std::io::Write;

use bus::Bus;
use bus::dead_letter::{self, DeadLetter, HandleError, Handled, Request, Way};
use domain::UnixNanos;
use domain::control::Authorship;
use serde_json::Value;

use crate::connection::{Connection, market_time, wall_time};
use crate::exit::NotFound;

/// Dead letters.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// One line for each, oldest first.
    List {
        /// Print a JSON array.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        connection: Connection,
    },
    /// One of them whole, with its event as far as it can be read.
    Show {
        /// Its number, as `list` shows it.
        id: u64,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        connection: Connection,
    },
    /// Give one to the reader that failed again; an approval only until its entry deadline.
    Redrive(Handling),
    /// Throw one away for good.
    Discard(Handling),
}

#[derive(Debug, clap::Args)]
struct Handling {
    /// Its number.
    id: u64,
    /// Why; stands in the audit.
    #[arg(long, default_value = "from the command line")]
    reason: String,
    #[command(flatten)]
    connection: Connection,
}

/// Carries the command out.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match &arguments.command {
        Command::List { json, connection } => {
            let letters = connection.with_bus(async |bus| Ok(dead_letter::list(&bus, 0, usize::MAX).await?))?;
            if *json {
                writeln!(out, "{:#}", Value::Array(letters.iter().map(DeadLetter::row).collect()))?;
            } else {
                writeln!(out, "{:>6}  {:<30}  {:<24}  {:<40}  REASON", "ID", "AT", "READER", "SUBJECT")?;
                for letter in &letters {
                    let DeadLetter { seq, buried_at, reader, origin_subject, reason, .. } = letter;
                    writeln!(
                        out,
                        "{seq:>6}  {:<30}  {reader:<24}  {origin_subject:<40}  {reason}",
                        buried_at.to_string()
                    )?;
                }
            }
        }
        Command::Show { id, json, connection } => {
            let letter = connection
                .with_bus(async |bus| Ok(dead_letter::show(&bus, *id).await?))?
                .ok_or_else(|| missing(*id))?;
            if *json {
                writeln!(out, "{:#}", letter.whole())?;
            } else if let Value::Object(fields) = letter.whole() {
                for (name, value) in fields {
                    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    writeln!(out, "{name:<16} {text}")?;
                }
            }
        }
        Command::Redrive(handling) => {
            let handled =
                handling.carry_out(async |bus, seq, request| dead_letter::redrive(bus, seq, request).await)?;
            writeln!(out, "{}", told(handling.id, &handled))?;
        }
        Command::Discard(handling) => {
            let handled =
                handling.carry_out(async |bus, seq, request| dead_letter::discard(bus, seq, request).await)?;
            writeln!(out, "{}", told(handling.id, &handled))?;
        }
    }
    Ok(())
}

impl Handling {
    fn carry_out(
        &self,
        act: impl AsyncFnOnce(&Bus, u64, &Request) -> Result<Handled, HandleError>,
    ) -> anyhow::Result<Handled> {
        self.connection.with_bus(async |bus| {
            let now = wall_time()?;
            let request = Request {
                by: Authorship {
                    author: std::env::var("USER").unwrap_or_else(|_| "fin".to_owned()),
                    reason: self.reason.clone(),
                    requested_at: now,
                    request_id: request_id(now),
                },
                source: "fin".to_owned(),
                now: market_time(&bus).await?,
            };
            act(&bus, self.id, &request).await.map_err(|error| match error {
                HandleError::NotFound(id) => missing(id).into(),
                other => other.into(),
            })
        })
    }
}

fn told(id: u64, handled: &Handled) -> String {
    match &handled.way {
        Way::Durable(reader) => format!("dead letter {id} goes to {reader} again"),
        Way::NextStart(reader) => {
            format!("dead letter {id} is read again when {reader} starts next: it reads its stream in order")
        }
        Way::Discarded => format!("dead letter {id} is gone"),
    }
}

/// Unlike any other process's or moment's.
fn request_id(now: UnixNanos) -> String {
    domain::id::content_hash(&["fin", &std::process::id().to_string(), &now.nanos().to_string()])
}

fn missing(id: u64) -> NotFound {
    NotFound(format!("there is no dead letter {id}"))
}
