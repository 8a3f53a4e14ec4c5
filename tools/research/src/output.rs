//! Standard output.

use std::io::{self, BufWriter, Write};

use anyhow::Context;
use serde::Serialize;

/// Writes `value` to stdout as one line of JSON.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    text(|out| {
        serde_json::to_writer(&mut *out, value)?;
        writeln!(out)
    })
}

/// Lets `write` write to stdout. That whoever reads has seen enough (`fin calendar … | head`) is no failure.
pub(crate) fn text(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error).context("writing to stdout"),
        _ => Ok(()),
    }
}
