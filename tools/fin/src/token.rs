//! `fin token`: who may use the API.

use std::io::Write;

use bus::tokens::{self, Scope, Token};
use domain::UnixNanos;
use serde_json::{Value, json};

use crate::connection::{Connection, wall_time};
use crate::exit::NotFound;

/// Tokens of the API.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a token and print it, this once: only its hash is kept.
    Create {
        /// Whose it is; the author of every command that comes with it.
        #[arg(long)]
        name: String,
        /// What it opens; operate includes read, admin both.
        #[arg(long, value_enum)]
        scope: ScopeArgument,
        /// Print a JSON object.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        connection: Connection,
    },
    /// The valid tokens' names, oldest first.
    List {
        /// Print a JSON array.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        connection: Connection,
    },
    /// Make a token worthless, within a second or two.
    Revoke {
        /// Its name.
        #[arg(value_name = "NAME")]
        name: Option<String>,
        /// The same.
        #[arg(long = "name", value_name = "NAME", conflicts_with = "name", required_unless_present = "name")]
        called: Option<String>,
        #[command(flatten)]
        connection: Connection,
    },
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum ScopeArgument {
    Read,
    Operate,
    Admin,
}

impl From<ScopeArgument> for Scope {
    fn from(argument: ScopeArgument) -> Self {
        match argument {
            ScopeArgument::Read => Self::Read,
            ScopeArgument::Operate => Self::Operate,
            ScopeArgument::Admin => Self::Admin,
        }
    }
}

/// Carries the command out.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match &arguments.command {
        Command::Create { name, scope, json, connection } => {
            let (scope, now) = (Scope::from(*scope), wall_time()?);
            let token = connection.with_bus(async |bus| Ok(tokens::create(&bus, name, scope, now).await?))?;
            if *json {
                let shown = json!({ "name": name, "scope": scope, "created_at": now.to_string(), "token": token });
                writeln!(out, "{shown}")?;
            } else {
                writeln!(out, "{token}")?;
            }
        }
        Command::List { json, connection } => {
            let tokens = connection.with_bus(async |bus| Ok(tokens::list(&bus).await?))?;
            if *json {
                writeln!(out, "{:#}", Value::Array(tokens.iter().map(row).collect()))?;
            } else {
                writeln!(out, "{:<40}  {:<8}  CREATED", "NAME", "SCOPE")?;
                for token in &tokens {
                    writeln!(out, "{:<40}  {:<8}  {}", token.name, token.scope.as_str(), created_at(token))?;
                }
            }
        }
        Command::Revoke { name, called, connection } => {
            let name = name.as_ref().or(called.as_ref()).map_or("", String::as_str);
            if !connection.with_bus(async |bus| Ok(tokens::revoke(&bus, name).await?))? {
                return Err(NotFound(format!("there is no token `{name}`")).into());
            }
            writeln!(out, "token {name} is revoked")?;
        }
    }
    Ok(())
}

fn row(token: &Token) -> Value {
    json!({ "name": token.name, "scope": token.scope, "created_at": created_at(token) })
}

fn created_at(token: &Token) -> String {
    UnixNanos::new(token.created_at).to_string()
}
