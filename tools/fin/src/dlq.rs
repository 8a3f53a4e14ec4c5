//! `fin dlq`: messages that could not be handled.

use std::io::Write;

use bus::dead_letter::{self, DeadLetter};
use serde_json::{Value, json};

use crate::connection::Connection;
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
    /// Throw one away for good.
    Discard {
        /// Its number.
        id: u64,
        #[command(flatten)]
        connection: Connection,
    },
}

/// Carries the command out.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match &arguments.command {
        Command::List { json, connection } => {
            let letters = connection.with_bus(async |bus| Ok(dead_letter::list(&bus, 0, usize::MAX).await?))?;
            if *json {
                writeln!(out, "{:#}", Value::Array(letters.iter().map(row).collect()))?;
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
                writeln!(out, "{:#}", whole(&letter))?;
            } else if let Value::Object(fields) = whole(&letter) {
                for (name, value) in fields {
                    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    writeln!(out, "{name:<16} {text}")?;
                }
            }
        }
        Command::Discard { id, connection } => {
            let discarded = connection.with_bus(async |bus| Ok(dead_letter::discard(&bus, *id).await?))?;
            if !discarded {
                return Err(missing(*id).into());
            }
            writeln!(out, "dead letter {id} is gone")?;
        }
    }
    Ok(())
}

fn missing(id: u64) -> NotFound {
    NotFound(format!("there is no dead letter {id}"))
}

fn row(letter: &DeadLetter) -> Value {
    json!({
        "id": letter.seq.to_string(),
        "at": letter.buried_at.to_string(),
        "reader": letter.reader,
        "stream": letter.stream.map(domain::StreamName::as_str),
        "seq": letter.origin_seq,
        "subject": letter.origin_subject,
        "type": letter.type_name,
        "event_id": letter.event_id,
        "delivered": letter.delivered,
        "reason": letter.reason,
    })
}

fn whole(letter: &DeadLetter) -> Value {
    let mut shown = row(letter);
    shown["payload_base64"] = data_encoding::BASE64.encode(&letter.payload).into();
    if let Some(type_name) = &letter.type_name {
        shown["event"] = match events::decode(type_name, &letter.payload) {
            Ok(event) => format!("{event:?}").into(),
            Err(error) => format!("cannot be read: {error}").into(),
        };
    }
    shown
}
