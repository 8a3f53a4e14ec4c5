//! The names of the archive's files, and what they say.
//!
//! ```text
//! trades/date=2026-11-24/lane-03_1_000000000001-000000048210.parquet   a session that is over
//! open/2026-11-25/lane-03_1_000000048211-000000050000.parquet          pieces of one that is not
//! progress.json                                                        how far the stream is archived
//! ```

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use domain::SessionDate;

use super::table::UNFINISHED;

/// The trades of one lane in a stretch of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Piece {
    /// The partition, which is also the bucket of symbols.
    pub lane: u32,
    /// Counts the streams that the server has made anew, from 1.
    pub generation: u64,
    /// First sequence that may be in it.
    pub first: u64,
    /// Last sequence that may be in it.
    pub last: u64,
}

impl Piece {
    fn file_name(self) -> String {
        format!("lane-{:02}_{}_{:012}-{:012}.parquet", self.lane, self.generation, self.first, self.last)
    }

    fn parse(name: &str) -> Option<Self> {
        let (lane, rest) = name.strip_prefix("lane-")?.strip_suffix(".parquet")?.split_once('_')?;
        let (generation, range) = rest.split_once('_')?;
        let (first, last) = range.split_once('-')?;
        Some(Self {
            lane: lane.parse().ok()?,
            generation: generation.parse().ok()?,
            first: first.parse().ok()?,
            last: last.parse().ok()?,
        })
    }

    /// True when everything in here is in `whole`, too.
    pub(super) const fn is_within(&self, whole: &Self) -> bool {
        self.lane == whole.lane
            && self.generation == whole.generation
            && self.first >= whole.first
            && self.last <= whole.last
    }
}

/// The archive's folder.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    root: PathBuf,
}

impl Folder {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_path_buf() }
    }

    pub(super) fn progress(&self) -> PathBuf {
        self.root.join("progress.json")
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    pub(super) fn open_piece(&self, date: SessionDate, piece: Piece) -> PathBuf {
        self.root.join("open").join(date.to_string()).join(piece.file_name())
    }

    pub(super) fn closed_piece(&self, date: SessionDate, piece: Piece) -> PathBuf {
        self.closed_session(date).join(piece.file_name())
    }

    pub(super) fn closed_session(&self, date: SessionDate) -> PathBuf {
        self.root.join("trades").join(format!("date={date}"))
    }

    /// The pieces of the sessions that are not over, in the order of the stream.
    pub(super) fn open_sessions(&self) -> io::Result<BTreeMap<SessionDate, Vec<Piece>>> {
        sessions(&self.root.join("open"), |name| name.parse().ok())
    }

    /// The files of the sessions that are over.
    pub(super) fn closed_sessions(&self) -> io::Result<BTreeMap<SessionDate, Vec<Piece>>> {
        sessions(&self.root.join("trades"), |name| name.strip_prefix("date=")?.parse().ok())
    }
}

fn sessions(
    folder: &Path,
    date: impl Fn(&str) -> Option<SessionDate>,
) -> io::Result<BTreeMap<SessionDate, Vec<Piece>>> {
    let mut found = BTreeMap::new();
    for session in names(folder)? {
        let Some(date) = date(&session) else { continue };
        let mut pieces = Vec::new();
        for name in names(&folder.join(&session))? {
            if name.ends_with(UNFINISHED) {
                std::fs::remove_file(folder.join(&session).join(&name))?;
            }
            pieces.extend(Piece::parse(&name));
        }
        pieces.sort_unstable();
        found.insert(date, pieces);
    }
    Ok(found)
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    entries.map(|entry| entry.map(|e| e.file_name().to_string_lossy().into_owned())).collect()
}
