//! What outlives the process: the broker's calls since the day began, and where the market clock stood.
//!
//! The journal is one line of opening state and a line per call; a restart makes the same market again, plays it
//! up to the stored place and repeats the calls in between, which must and do lead to the same state. The clock
//! stands in a small file of its own, written over in place before anything of that instant is sent.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::broker::{Call, Ledger};

const SLOT: usize = 1024;

/// First line: the state at the beginning of a session.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct DayLine {
    /// What the market is made from; another market cannot go on from this file.
    pub(crate) world: String,
    pub(crate) date: NaiveDate,
    pub(crate) ledger: Ledger,
}

/// Any later line: a call and the place in the session at which it came.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CallLine {
    pub(crate) now: i64,
    pub(crate) prints: usize,
    pub(crate) call: Call,
}

/// Where the clock stood.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) date: NaiveDate,
    pub(crate) now: i64,
    pub(crate) prints: usize,
    pub(crate) paused: bool,
    pub(crate) pause_at: Vec<i64>,
}

/// Everything that a restart needs.
#[derive(Debug)]
pub(crate) struct Resumed {
    pub(crate) day: DayLine,
    pub(crate) calls: Vec<CallLine>,
    pub(crate) place: Option<Place>,
}

/// An open state file.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    clock: File,
    place: Option<Place>,
}

impl Journal {
    /// Reads what is there; `None` when the file does not exist yet.
    ///
    /// # Errors
    /// A line that cannot be read, unless it is the last one, which a kill may have cut short.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Option<Resumed>> {
        let Ok(text) = std::fs::read_to_string(path) else { return Ok(None) };
        let mut lines = text.lines();
        let Some(first) = lines.next() else { return Ok(None) };
        let day = serde_json::from_str(first).with_context(|| format!("{} line 1", path.display()))?;
        let rest: Vec<&str> = lines.collect();
        let mut calls = Vec::new();
        for (at, line) in rest.iter().enumerate() {
            match serde_json::from_str(line) {
                Ok(call) => calls.push(call),
                Err(_) if at + 1 == rest.len() && !text.ends_with('\n') => break,
                Err(error) => return Err(error).with_context(|| format!("{} line {}", path.display(), at + 2)),
            }
        }
        let place = std::fs::read_to_string(clock_path(path)).ok();
        let place = place.and_then(|text| serde_json::from_str(text.trim_end()).ok());
        Ok(Some(Resumed { day, calls, place }))
    }

    /// Begins a session's journal; what the file held before is replaced in one step.
    pub(crate) fn begin(path: &Path, day: &DayLine, calls: &[CallLine]) -> anyhow::Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        let fresh = path.with_extension("next");
        let mut text = serde_json::to_string(day)? + "\n";
        for call in calls {
            text += &(serde_json::to_string(call)? + "\n");
        }
        std::fs::write(&fresh, text).with_context(|| fresh.display().to_string())?;
        std::fs::rename(&fresh, path).with_context(|| path.display().to_string())?;
        let open = |path: &Path| OpenOptions::new().append(true).open(path).with_context(|| path.display().to_string());
        let clock = clock_path(path);
        let clock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&clock)
            .with_context(|| clock.display().to_string())?;
        Ok(Self { path: path.to_owned(), file: open(path)?, clock, place: None })
    }

    /// Replaces the journal by the next day's.
    pub(crate) fn roll(&mut self, day: &DayLine) -> anyhow::Result<()> {
        *self = Self::begin(&self.path, day, &[])?;
        Ok(())
    }

    pub(crate) fn append(&mut self, call: &CallLine) -> anyhow::Result<()> {
        let line = serde_json::to_string(call)? + "\n";
        self.file.write_all(line.as_bytes()).context("journal")
    }

    /// Stores the clock if it moved.
    pub(crate) fn store(&mut self, place: Place) -> anyhow::Result<()> {
        if self.place.as_ref() == Some(&place) {
            return Ok(());
        }
        let text = serde_json::to_string(&place)?;
        anyhow::ensure!(text.len() < SLOT, "too many instants to pause at");
        self.clock.write_all_at(format!("{text:<SLOT$}").as_bytes(), 0).context("market clock file")?;
        self.place = Some(place);
        Ok(())
    }
}

fn clock_path(path: &Path) -> PathBuf {
    path.with_extension("clock")
}
