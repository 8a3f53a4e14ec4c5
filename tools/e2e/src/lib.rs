//! Whole-suite tests and benchmarks on real servers.

use std::io::Write;

pub mod disturbance;
pub mod http;
pub mod oracle;
pub mod process;
pub mod session;
pub mod suite;

pub use suite::Suite;

/// One line on standard output.
pub fn say(line: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{line}")?)
}
