//! Which files of a folder are what.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use domain::SessionDate;

/// Which layouts to look for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Layout {
    /// All of them; the documented one goes before the others.
    #[default]
    Auto,
    /// `trades`, `minute`, `daily`, `news`, `reference` with the documented headers.
    Files,
    /// Vendors' downloads: `ticks-taq`, `minute-yahoo`, `minute-alphavantage`, `daily-yahoo`.
    Vendor,
    /// LEAN's `equity/usa` with zipped CSV.
    Lean,
}

/// The folders of vendors' downloads.
pub(super) const VENDOR_FOLDERS: [&str; 4] = ["ticks-taq", "minute-yahoo", "minute-alphavantage", "daily-yahoo"];

/// Files of one kind: those of one session by its date, the others by name.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Files with a date in their name or folder.
    pub dated: BTreeMap<SessionDate, Vec<PathBuf>>,
    /// Files that may hold any dates.
    pub undated: Vec<PathBuf>,
}

impl Found {
    /// True where there is no file at all.
    pub(super) fn is_empty(&self) -> bool {
        self.dated.is_empty() && self.undated.is_empty()
    }
}

/// What a folder holds in the documented layout.
#[derive(Debug, Default)]
pub(super) struct Folder {
    /// Trades.
    pub trades: Found,
    /// Minute bars.
    pub minute: Found,
    /// Daily bars.
    pub daily: Found,
    /// Headlines.
    pub news: Found,
    /// Facts of symbols.
    pub reference: Found,
}

impl Folder {
    /// Looks through `root` and the folders below it.
    pub(super) fn read(root: &Path) -> anyhow::Result<Self> {
        let mut folder = Self::default();
        folder.visit(root, Path::new(""))?;
        Ok(folder)
    }

    fn visit(&mut self, root: &Path, below: &Path) -> anyhow::Result<()> {
        let here = root.join(below);
        let mut entries: Vec<PathBuf> = std::fs::read_dir(&here)
            .and_then(|entries| entries.map(|entry| entry.map(|e| e.path())).collect())
            .with_context(|| here.display().to_string())?;
        entries.sort();
        for path in entries {
            let relative = below.join(path.file_name().unwrap_or_default());
            if path.is_dir() {
                let at_top = below.as_os_str().is_empty();
                if !at_top || self.kind(&relative).is_some() {
                    self.visit(root, &relative)?;
                }
            } else if path.extension().is_some_and(|ending| ending == "csv" || ending == "parquet") {
                let date = date_in(&relative.to_string_lossy());
                if let Some(found) = self.kind(&relative) {
                    match date {
                        Some(date) => found.dated.entry(date).or_default().push(path),
                        None => found.undated.push(path),
                    }
                }
            }
        }
        Ok(())
    }

    /// The kind that the first part of a path names: `trades`, `trades.csv` or `trades-…`, but no vendor's folder.
    fn kind(&mut self, relative: &Path) -> Option<&mut Found> {
        let first = relative.components().next()?.as_os_str().to_str()?;
        if VENDOR_FOLDERS.contains(&first) {
            return None;
        }
        match first.split(['.', '-', '_']).next()? {
            "trades" => Some(&mut self.trades),
            "minute" => Some(&mut self.minute),
            "daily" => Some(&mut self.daily),
            "news" => Some(&mut self.news),
            "reference" => Some(&mut self.reference),
            _ => None,
        }
    }
}

/// The first date of the form 2026-11-24 in `text`.
fn date_in(text: &str) -> Option<SessionDate> {
    (0..text.len()).find_map(|at| text.get(at..at + 10)?.parse().ok())
}

/// The folder of LEAN's US equities under `root`, if there is one.
pub(super) fn lean_root(root: &Path) -> Option<PathBuf> {
    ["equity/usa", "lean/equity/usa", "usa", "."]
        .map(|below| root.join(below))
        .into_iter()
        .find(|folder| ["minute", "daily"].iter().any(|kind| holds_zips(&folder.join(kind))))
}

fn holds_zips(folder: &Path) -> bool {
    let is_zip = |path: &Path| path.extension().is_some_and(|ending| ending == "zip");
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries.flatten().map(|entry| entry.path()).any(|path| {
        is_zip(&path) || std::fs::read_dir(&path).is_ok_and(|inner| inner.flatten().any(|e| is_zip(&e.path())))
    })
}
