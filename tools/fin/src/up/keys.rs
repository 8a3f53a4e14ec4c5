//! The key with which this suite's risk engine signs; made at the first start and kept beside what it signed.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// The file of the signing seed under `folder`, and its public key.
pub(super) fn risk_engine(folder: &Path) -> anyhow::Result<(PathBuf, String)> {
    let path = folder.join("risk.seed");
    match std::fs::read_to_string(&path) {
        Ok(seed) => {
            let public_key = bus::signature::public_key(&seed).with_context(|| path.display().to_string())?;
            Ok((path, public_key))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let (seed, public_key) = bus::signature::new_key()?;
            let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            file.write_all(seed.as_bytes())?;
            file.sync_all()?;
            Ok((path, public_key))
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}
