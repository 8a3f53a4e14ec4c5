//! What was measured, for people and for programs.

use std::fmt;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context;
use e2e::say;

/// How the market is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Lanes of trade batches.
    pub(crate) partitions: u32,
    /// Symbols that trade.
    pub(crate) symbols: usize,
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} × {}k", self.partitions, self.symbols / 1_000)
    }
}

/// The figures of one run.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
    speeds: Vec<(Layout, f64)>,
}

struct Row {
    key: String,
    value: f64,
    meaning: String,
}

const BEGIN: &str = "<!-- figures: begin -->";
const END: &str = "<!-- figures: end -->";

impl Report {
    /// Takes a figure down and prints it with what it means.
    pub(crate) fn add(&mut self, key: &str, value: f64, meaning: &str) -> anyhow::Result<()> {
        self.rows.push(Row { key: key.to_owned(), value, meaning: meaning.to_owned() });
        say(&format!("{:<40} {:>14}  {meaning}", key, shown(value)))
    }

    /// The same at `layout`, under a key of its own.
    pub(crate) fn add_at(&mut self, layout: Layout, key: &str, value: f64, meaning: &str) -> anyhow::Result<()> {
        let Layout { partitions, symbols } = layout;
        let meaning = format!("{partitions} partitions, {symbols} symbols; {meaning}");
        self.add(&format!("{key}_p{partitions}_s{symbols}"), value, &meaning)
    }

    /// A bar of the chart.
    pub(crate) fn at_layout(&mut self, layout: Layout, trades_per_second: f64) {
        self.speeds.push((layout, trades_per_second));
    }

    /// Writes every figure to `path` as one flat JSON object.
    pub(crate) fn write(&self, path: impl AsRef<Path>) -> anyhow::Result<()> {
        let path = path.as_ref();
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let values: std::collections::BTreeMap<_, _> = self.rows.iter().map(|row| (&row.key, row.value)).collect();
        std::fs::write(path, serde_json::to_string_pretty(&values)? + "\n")?;
        say(&format!("written to {}", path.display()))
    }

    /// Replaces the table and the chart between the two marks of `document`.
    pub(crate) fn record(&self, document: &Path) -> anyhow::Result<()> {
        let text = std::fs::read_to_string(document)?;
        let (before, rest) = text.split_once(BEGIN).context("no mark where the figures begin")?;
        let (_, after) = rest.split_once(END).context("no mark where the figures end")?;
        std::fs::write(document, format!("{before}{BEGIN}\n{}{END}{after}", self.markdown()?))?;
        say(&format!("recorded in {}", document.display()))
    }

    fn markdown(&self) -> Result<String, fmt::Error> {
        let mut text = String::from("\n| Figure | Value | Means |\n|---|---|---|\n");
        for Row { key, value, meaning } in &self.rows {
            writeln!(text, "| `{key}` | {} | {meaning} |", shown(*value))?;
        }
        let mut speeds = self.speeds.clone();
        speeds.sort_by_key(|(layout, _)| (layout.symbols, layout.partitions));
        let names: Vec<String> = speeds.iter().map(|(layout, _)| format!("\"{layout}\"")).collect();
        let bars: Vec<String> = speeds.iter().map(|(_, speed)| format!("{:.2}", speed / 1e6)).collect();
        writeln!(text, "\n```mermaid\nxychart-beta")?;
        writeln!(text, "  title \"Trades a second by partitions × symbols, millions\"")?;
        writeln!(text, "  x-axis [{}]", names.join(", "))?;
        writeln!(text, "  y-axis \"millions a second\" 0 --> 10")?;
        writeln!(text, "  bar [{}]\n```", bars.join(", "))?;
        Ok(text)
    }
}

/// The middle one.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn shown(value: f64) -> String {
    if value >= 1_000.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}
