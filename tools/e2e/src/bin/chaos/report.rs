//! What the run found, for people and for programs.

use e2e::say;

use crate::record::Record;

/// What became of one kind of event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) what: &'static str,
    /// Events that there should be.
    pub(crate) checked: usize,
    pub(crate) lost: usize,
    pub(crate) doubled: usize,
    /// Missing, and said to be missing by a `FeedGapDetected`.
    pub(crate) in_gaps: usize,
    /// The first few that are wrong.
    pub(crate) examples: Vec<String>,
}

/// Rows of the same kind added up.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    rows: Vec<Row>,
    /// What went wrong beside losses, such as a service that did not come back.
    pub(crate) failures: Vec<String>,
}

/// Wrong events of each kind that one run shows.
const EXAMPLES: usize = 6;
const EXAMPLE_LENGTH: usize = 220;

impl Findings {
    /// Adds a run's row.
    pub(crate) fn add(&mut self, mut row: Row) {
        row.examples.truncate(EXAMPLES);
        let Some(known) = self.rows.iter_mut().find(|r| r.what == row.what) else { return self.rows.push(row) };
        known.checked += row.checked;
        known.lost += row.lost;
        known.doubled += row.doubled;
        known.in_gaps += row.in_gaps;
        known.examples.extend(row.examples);
    }

    /// Prints the closing table and the one line for programs; true when nothing is wrong.
    pub(crate) fn print(&self, record: &Record) -> anyhow::Result<bool> {
        record.print()?;
        say(&format!("\n{:<22}{:>10}{:>8}{:>8}{:>10}", "events", "checked", "lost", "doubled", "in gaps"))?;
        for row in &self.rows {
            let Row { what, checked, lost, doubled, in_gaps, examples } = row;
            say(&format!("{what:<22}{checked:>10}{lost:>8}{doubled:>8}{in_gaps:>10}"))?;
            for example in examples {
                say(&format!("    {}", example.chars().take(EXAMPLE_LENGTH).collect::<String>()))?;
            }
        }
        for failure in &self.failures {
            say(&format!("\nfailed: {failure}"))?;
        }
        let sum = |figure: fn(&Row) -> usize| self.rows.iter().map(figure).sum::<usize>();
        let (events, lost, doubled) = (sum(|r| r.checked), sum(|r| r.lost), sum(|r| r.doubled));
        say(&format!(
            "\nchaos: faults={} events={events} lost={lost} doubled={doubled} worst_recovery_ms={}",
            record.count(),
            record.worst_ms()
        ))?;
        Ok(lost == 0 && doubled == 0 && self.failures.is_empty())
    }
}
