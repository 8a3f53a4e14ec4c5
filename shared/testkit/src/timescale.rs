//! Timescale, compiled to WebAssembly: one session, in memory, no background jobs. What it accepts a real one does; how
//! it fares under load says nothing.

use std::io::{self, BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A server with one empty database; ended when dropped.
pub(crate) struct TimescaleServer {
    child: Child,
    port: u16,
}

impl TimescaleServer {
    /// Starts one, which takes some seconds.
    ///
    /// # Errors
    /// Node.js or its packages are not there.
    pub(crate) fn start() -> io::Result<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("timescale");
        if !folder.join("node_modules").is_dir() {
            return Err(io::Error::other("no Timescale: `make setup` installs shared/testkit/timescale"));
        }
        let program = folder.join("serve.mjs");
        let mut child = Command::new("node")
            .arg(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut line = String::new();
        if let Some(out) = child.stdout.take() {
            BufReader::new(out).read_line(&mut line)?;
        }
        let port = line.trim().parse().map_err(|_| io::Error::other("Timescale does not start"))?;
        Ok(Self { child, port })
    }

    /// The address of its database; any password opens it.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres?sslmode=disable", self.port)
    }
}

impl Drop for TimescaleServer {
    fn drop(&mut self) {
        // Fails only if it has ended already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
