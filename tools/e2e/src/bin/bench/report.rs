//! What was measured, for people and for programs.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

/// The figures of one run.
#[derive(Default)]
pub(crate) struct Report {
    values: BTreeMap<&'static str, f64>,
}

impl Report {
    /// Takes a figure down and prints it with what it means.
    pub(crate) fn add(&mut self, key: &'static str, value: f64, meaning: &str) -> anyhow::Result<()> {
        self.values.insert(key, value);
        say(&format!("{:<28} {:>14}  {meaning}", key, shown(value)))
    }

    /// Writes every figure to `path` as one flat JSON object.
    pub(crate) fn write(&self, path: impl AsRef<Path>) -> anyhow::Result<()> {
        let path = path.as_ref();
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, serde_json::to_string_pretty(&self.values)? + "\n")?;
        say(&format!("written to {}", path.display()))
    }
}

/// One line on standard output.
pub(crate) fn say(line: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{line}")?)
}

/// The middle one.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn shown(value: f64) -> String {
    if value >= 1_000.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}
