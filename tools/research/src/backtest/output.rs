//! Writes what a run decides while it runs, and the tables at its end.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use domain::Event;
use domain::decision_log::DecisionLog;
use sha2::{Digest, Sha256};

use super::outcome::{Outcome, Statistics};
use super::report;
use super::rows::{Cell, CriterionRow, Row, candidate_json};
use super::run::Witness;
use super::summary::Summary;

/// Where a run's results go.
pub(super) struct Output {
    folder: Option<PathBuf>,
    candidates: Option<csv::Writer<File>>,
    decisions: Option<BufWriter<File>>,
    /// `backtest.json` and stdout, as far as they are wanted.
    documents: Vec<Box<dyn Write>>,
    first: bool,
    log: DecisionLog,
    hasher: Sha256,
}

impl Output {
    /// Opens the files of `folder` and, with `print`, the document on stdout; `head` is how the document begins.
    pub(super) fn open(folder: Option<&Path>, print: bool, head: &serde_json::Value) -> anyhow::Result<Self> {
        let mut documents: Vec<Box<dyn Write>> = Vec::new();
        let mut output = Self {
            folder: folder.map(Path::to_owned),
            candidates: None,
            decisions: None,
            documents: Vec::new(),
            first: true,
            log: DecisionLog::default(),
            hasher: Sha256::new(),
        };
        if let Some(folder) = folder {
            std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
            let mut candidates = csv::Writer::from_writer(create(folder, "candidates.csv")?);
            candidates.write_record(CriterionRow::COLUMNS)?;
            output.candidates = Some(candidates);
            output.decisions = Some(BufWriter::new(create(folder, "decisions.log")?));
            documents.push(Box::new(BufWriter::new(create(folder, "backtest.json")?)));
        }
        if print {
            documents.push(Box::new(BufWriter::new(std::io::stdout())));
        }
        output.documents = documents;
        let opened = head.to_string();
        output.document(format_args!("{},\n\"candidates\":[", opened.trim_end_matches('}')))?;
        Ok(output)
    }

    /// Ends the run: the tables, the summary and the report.
    pub(super) fn finish(
        mut self,
        outcome: &Outcome,
        statistics: &Statistics,
        summary: &mut Summary,
    ) -> anyhow::Result<()> {
        let sha256 = std::mem::take(&mut self.hasher).finalize();
        summary.decisions_sha256 = sha256.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        let equity = outcome.equity();
        let tables = [
            ("plans", table(&outcome.plans)),
            ("trades", table(&outcome.trades)),
            ("equity", table(&equity)),
            ("daily", table(&outcome.days)),
        ];
        self.document(format_args!("\n]"))?;
        for (name, rows) in &tables {
            self.document(format_args!(",\n\"{name}\":[\n{}\n]", rows.join(",\n")))?;
        }
        let numbers = serde_json::to_string(statistics)?;
        let (input, sha256) = (serde_json::to_string(&summary.input)?, summary.decisions_sha256.clone());
        if let Some(comparison) = &summary.comparison {
            self.document(format_args!(",\n\"comparison\":{}", serde_json::to_string(comparison)?))?;
        }
        self.document(format_args!(
            ",\n\"statistics\":{numbers},\n\"input\":{input},\n\"decisions_sha256\":\"{sha256}\"}}\n"
        ))?;
        for mut document in self.documents {
            document.flush()?;
        }
        let Some(folder) = &self.folder else { return Ok(()) };
        if let Some(mut file) = self.candidates {
            file.flush()?;
        }
        if let Some(mut file) = self.decisions {
            file.flush()?;
        }
        csv_table(folder, "plans.csv", &outcome.plans)?;
        csv_table(folder, "trades.csv", &outcome.trades)?;
        csv_table(folder, "equity.csv", &equity)?;
        csv_table(folder, "daily.csv", &outcome.days)?;
        let text = serde_json::to_string_pretty(&summary.with(statistics)?)?;
        create(folder, "summary.json")?.write_all(text.as_bytes())?;
        let page = report::page(outcome, statistics, summary);
        create(folder, "report.html")?.write_all(page.as_bytes())?;
        Ok(())
    }

    fn document(&mut self, text: std::fmt::Arguments<'_>) -> anyhow::Result<()> {
        for document in &mut self.documents {
            document.write_fmt(text)?;
        }
        Ok(())
    }
}

impl Witness for Output {
    fn decided(&mut self, event: &Event) -> anyhow::Result<()> {
        self.log.apply(event);
        let Event::CandidatesEvaluated(evaluated) = event else { return Ok(()) };
        let round = &evaluated.round;
        for candidate in &evaluated.candidates {
            let separator = if std::mem::take(&mut self.first) { "\n" } else { ",\n" };
            if !self.documents.is_empty() {
                let json = candidate_json(round.session_date, &round.schedule, candidate);
                self.document(format_args!("{separator}{json}"))?;
            }
            if let Some(file) = &mut self.candidates {
                for criterion in &candidate.criteria {
                    let row = CriterionRow {
                        session_date: round.session_date,
                        schedule: &round.schedule,
                        candidate,
                        criterion,
                    };
                    file.write_record(row.cells().into_iter().map(Cell::csv))?;
                }
            }
        }
        Ok(())
    }

    fn end_session(&mut self) -> anyhow::Result<()> {
        let text = std::mem::take(&mut self.log).to_string();
        self.hasher.update(text.as_bytes());
        if let Some(file) = &mut self.decisions {
            file.write_all(text.as_bytes())?;
        }
        Ok(())
    }
}

fn table<R: Row>(rows: &[R]) -> Vec<String> {
    rows.iter().map(Row::json).collect()
}

fn csv_table<R: Row>(folder: &Path, name: &str, rows: &[R]) -> anyhow::Result<()> {
    let mut file = csv::Writer::from_writer(create(folder, name)?);
    file.write_record(R::COLUMNS)?;
    for row in rows {
        file.write_record(row.cells().into_iter().map(Cell::csv))?;
    }
    file.flush()?;
    Ok(())
}

fn create(folder: &Path, name: &str) -> anyhow::Result<File> {
    let path = folder.join(name);
    File::create(&path).with_context(|| path.display().to_string())
}
