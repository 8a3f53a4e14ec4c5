//! `fin keys`: the key with which the risk engine signs.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// Keys of the suite.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a signing key: the seed goes into FILE (readable by you alone), the public key is printed.
    Create {
        /// Where the seed goes; must not exist.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Print the public key of the seed in FILE.
    Show {
        /// The seed.
        #[arg(long, value_name = "FILE")]
        seed: PathBuf,
    },
}

/// Carries the command out.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let public_key = match &arguments.command {
        Command::Create { out } => create(out)?,
        Command::Show { seed } => show(seed)?,
    };
    writeln!(std::io::stdout(), "{public_key}")?;
    Ok(())
}

/// Makes a key whose seed goes into the new file `path`; the public key.
pub fn create(path: &Path) -> anyhow::Result<String> {
    let (seed, public_key) = bus::signature::new_key()?;
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    let mut file = file.with_context(|| format!("cannot create {}", path.display()))?;
    file.write_all(seed.as_bytes())?;
    file.sync_all()?;
    Ok(public_key)
}

/// The public key of the seed in the file `path`.
pub fn show(path: &Path) -> anyhow::Result<String> {
    let seed = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    bus::signature::public_key(&seed).with_context(|| format!("{} holds no signing seed", path.display()))
}

/// The public key of the seed in the file `path`, which is made when it is not there.
pub fn create_or_show(path: &Path) -> anyhow::Result<String> {
    if path.exists() { show(path) } else { create(path) }
}
