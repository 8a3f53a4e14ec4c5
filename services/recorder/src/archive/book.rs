//! What has been read of MARKET and is not on the disk yet, and how it gets there.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

use domain::market::TradeBatch;
use domain::{SessionDate, UnixNanos};
use parquet::errors::ParquetError;
use serde::{Deserialize, Serialize};

use super::folder::{Folder, Piece};
use super::table::{self, Rows};

/// Prints that come later than this after their session's end make a file of their own, ns.
const LATE: i64 = 600_000_000_000;

/// Why the archive does not take what it should.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArchiveError {
    #[error("the archive's folder cannot be used")]
    Folder(#[from] io::Error),
    #[error("a file of the archive cannot be written")]
    Write(#[from] ParquetError),
    #[error("another recorder writes into the archive's folder")]
    Taken,
    #[error("progress.json of the archive is damaged; without it the archive is begun anew")]
    Progress(#[from] serde_json::Error),
}

/// How far the stream is archived. Pieces behind it are void: the process ended before it could say that they count.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Progress {
    generation: u64,
    seq: u64,
    watermark: i64,
    /// The newest batch of each lane; the gateway sends batches again whose acknowledgement it missed.
    lanes: BTreeMap<String, (u64, u64)>,
    /// Stretches that the stream had dropped before they were read: generation, first and last sequence.
    missing: Vec<(u64, u64, u64)>,
}

/// The archive of one folder, which it holds alone.
#[derive(Debug)]
pub(crate) struct Archive {
    folder: Folder,
    /// What is on the disk.
    stored: Progress,
    /// What has been read.
    read: Progress,
    rows: BTreeMap<(SessionDate, u32), Rows>,
    waiting: usize,
    /// Sessions to keep; 0: all.
    sessions_max: usize,
    _lock: File,
}

impl Archive {
    /// Opens the archive where it ended, whatever ended it.
    ///
    /// # Errors
    /// The folder cannot be used, or another recorder has it.
    pub(crate) fn open(root: &Path, sessions_max: usize) -> Result<Self, ArchiveError> {
        std::fs::create_dir_all(root)?;
        let folder = Folder::new(root);
        let lock = File::create(folder.lock())?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => ArchiveError::Taken,
            TryLockError::Error(error) => error.into(),
        })?;
        let stored = match std::fs::read(folder.progress()) {
            Ok(text) => serde_json::from_slice(&text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Progress { generation: 1, seq: 0, watermark: i64::MIN, lanes: BTreeMap::new(), missing: Vec::new() }
            }
            Err(error) => return Err(error.into()),
        };
        let archive =
            Self { folder, read: stored.clone(), stored, rows: BTreeMap::new(), waiting: 0, sessions_max, _lock: lock };
        archive.drop_void_pieces()?;
        Ok(archive)
    }

    /// The last sequence of MARKET that has been read.
    pub(crate) const fn seq(&self) -> u64 {
        self.read.seq
    }

    /// Trades that are not on the disk yet.
    pub(crate) const fn waiting(&self) -> usize {
        self.waiting
    }

    /// Takes what stands at `seq`: trades, or something else (`None`). Returns the sequences that the stream has dropped
    /// before it.
    pub(crate) fn take(&mut self, seq: u64, batch: Option<&TradeBatch>) -> Option<(u64, u64)> {
        let missing = self.skip_to(seq.saturating_sub(1));
        self.read.seq = self.read.seq.max(seq);
        let Some(batch) = batch else { return missing };
        let lane = format!("{}/{}", batch.source, batch.partition);
        let number = (batch.epoch, batch.batch_no);
        if self.read.lanes.get(&lane).is_some_and(|seen| *seen >= number) {
            return missing;
        }
        self.read.lanes.insert(lane, number);
        self.read.watermark = self.read.watermark.max(batch.watermark.nanos());
        let scheme = format!("{:?}", batch.scheme).to_lowercase();
        // Neighbours are nearly always of one session, and the calendar is not asked for each trade.
        let mut session: Option<(i64, i64, SessionDate)> = None;
        for (at, ts_event) in batch.trades.ts_event.iter().copied().enumerate() {
            let date = match session {
                Some((from, to, date)) if (from..to).contains(&ts_event) => date,
                _ => {
                    let found = domain::calendar::session_at(UnixNanos::new(ts_event));
                    session = Some((found.premarket_open.nanos(), found.close.nanos(), found.date));
                    found.date
                }
            };
            let rows = self.rows.entry((date, batch.partition)).or_default();
            self.waiting += usize::from(rows.push(batch, &scheme, at, seq));
        }
        missing
    }

    /// Goes on behind `seq`, and returns what is left out if anything was read before.
    pub(crate) fn skip_to(&mut self, seq: u64) -> Option<(u64, u64)> {
        let missing = (self.read.seq > 0 && seq > self.read.seq).then_some((self.read.seq + 1, seq));
        self.read.seq = self.read.seq.max(seq);
        if let Some((first, last)) = missing {
            self.read.missing.push((self.read.generation, first, last));
        }
        missing
    }

    /// Begins a stream that the server has made anew. What waits must have been flushed.
    pub(crate) fn begin_anew(&mut self) {
        self.read.generation += 1;
        self.read.seq = 0;
        self.read.lanes.clear();
    }

    /// Brings what waits to the disk, closes the sessions that are over and forgets the oldest; how many trades were written.
    ///
    /// # Errors
    /// Everything waits on, and may be flushed again.
    pub(crate) fn flush(&mut self) -> Result<usize, ArchiveError> {
        let (generation, first, last) = (self.read.generation, self.stored.seq + 1, self.read.seq);
        // In a stream made anew the stored sequence is of the one before.
        let first = if generation == self.stored.generation { first } else { 1 };
        for ((date, lane), rows) in self.rows.iter().filter(|(_, rows)| rows.len() > 0) {
            rows.write(&self.folder.open_piece(*date, Piece { lane: *lane, generation, first, last }))?;
        }
        table::put_bytes(&self.folder.progress(), &serde_json::to_vec_pretty(&self.read)?)?;
        self.stored = self.read.clone();
        self.rows.clear();
        let written = std::mem::take(&mut self.waiting);
        self.close_sessions()?;
        Ok(written)
    }

    /// Joins the pieces of each session that is over into one file a lane.
    fn close_sessions(&self) -> Result<(), ArchiveError> {
        if self.stored.watermark == i64::MIN {
            return Ok(());
        }
        let now = domain::calendar::trade_date(UnixNanos::new(self.stored.watermark.saturating_sub(LATE)));
        for (date, pieces) in self.folder.open_sessions()?.into_iter().filter(|(date, _)| *date < now) {
            for of_lane in pieces.chunk_by(|a, b| (a.lane, a.generation) == (b.lane, b.generation)) {
                let (Some(head), Some(tail)) = (of_lane.first(), of_lane.last()) else { continue };
                let whole = Piece { last: tail.last, ..*head };
                let parts: Vec<_> = of_lane.iter().map(|piece| self.folder.open_piece(date, *piece)).collect();
                table::join(&parts, &self.folder.closed_piece(date, whole))?;
                for part in parts {
                    std::fs::remove_file(part)?;
                }
            }
            std::fs::remove_dir(self.folder.open_piece(date, NO_PIECE).with_file_name(""))?;
        }
        if self.sessions_max > 0 {
            let closed = self.folder.closed_sessions()?;
            for date in closed.keys().rev().skip(self.sessions_max) {
                std::fs::remove_dir_all(self.folder.closed_session(*date))?;
            }
        }
        Ok(())
    }

    /// Removes pieces that the progress does not count yet, and those that a closed file holds already.
    fn drop_void_pieces(&self) -> io::Result<()> {
        let closed = self.folder.closed_sessions()?;
        for (date, pieces) in self.folder.open_sessions()? {
            let whole = closed.get(&date).map_or(&[][..], Vec::as_slice);
            for piece in pieces {
                let counts = (piece.generation, piece.last) <= (self.stored.generation, self.stored.seq);
                if !counts || whole.iter().any(|whole| piece.is_within(whole)) {
                    std::fs::remove_file(self.folder.open_piece(date, piece))?;
                }
            }
        }
        Ok(())
    }
}

const NO_PIECE: Piece = Piece { lane: 0, generation: 0, first: 0, last: 0 };
