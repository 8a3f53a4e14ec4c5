//! The queue over its segments.

use std::collections::VecDeque;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{AppendError, SpoolError};
use crate::frame::{Frame, RECORD_BYTES_MAX};
use crate::segment::Segment;

/// Segments of a spool that is full.
const SEGMENTS: u64 = 16;
const SEGMENT_BYTES_MAX: u64 = 64 << 20;

/// A folder of records, open in this process alone.
///
/// Every method works on the calling thread. Appending writes to the page cache; [`Self::unsynced`] makes it last.
pub struct Spool {
    folder: PathBuf,
    bytes_max: u64,
    segments: VecDeque<Segment>,
    bytes: u64,
    /// Number of the first record that is not released.
    head: u64,
    next: Cursor,
    unsynced: Vec<Arc<File>>,
    // Held for its lock.
    _lock: File,
}

/// The record that is read next.
struct Cursor {
    seq: u64,
    offset: u64,
}

/// What was found in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recovered {
    /// Whole records.
    pub records: u64,
    /// Bytes behind them that were torn or damaged, and are cut off.
    pub cut_bytes: u64,
}

impl Spool {
    /// Opens the spool in `folder`, which is made if it is missing; all segments together hold at most `bytes_max`.
    /// Every record found is shown to `inspect` with its number, in order.
    ///
    /// # Errors
    /// `Locked`: another process has it open. `Io`: the folder cannot be used.
    pub fn open(
        folder: &Path,
        bytes_max: u64,
        mut inspect: impl FnMut(u64, &[u8]),
    ) -> Result<(Self, Recovered), SpoolError> {
        fs::create_dir_all(folder).map_err(SpoolError::io("cannot create", folder))?;
        let lock = lock(folder)?;
        let mut recovered = Recovered::default();
        let mut segments = VecDeque::new();
        let mut expected = None;
        for (first, path) in Segment::list(folder).map_err(SpoolError::io("cannot list", folder))? {
            let continues = recovered.cut_bytes == 0 && expected.is_none_or(|seq| seq == first);
            if !continues {
                recovered.cut_bytes += fs::metadata(&path).map_err(SpoolError::io("cannot read", &path))?.len();
                fs::remove_file(&path).map_err(SpoolError::io("cannot delete", &path))?;
                continue;
            }
            let (segment, cut) = Segment::open(path, first, &mut inspect)?;
            recovered.cut_bytes += cut;
            recovered.records += segment.end - segment.first;
            expected = Some(segment.end);
            if segment.end == segment.first {
                segment.delete()?;
            } else {
                segments.push_back(segment);
            }
        }
        let head = segments.front().map_or(1, |segment: &Segment| segment.first);
        let bytes = segments.iter().map(|segment| segment.len).sum();
        let next = Cursor { seq: head, offset: Segment::begin() };
        let folder = folder.to_owned();
        Ok((Self { folder, bytes_max, segments, bytes, head, next, unsynced: Vec::new(), _lock: lock }, recovered))
    }

    /// Appends the record made of `head` and `body` and gives its number, one above the record before.
    ///
    /// # Errors
    /// `Full` when the bound or the disk leaves no room. Whatever the error, the spool is as it was.
    pub fn append(&mut self, head: &[u8], body: &[u8]) -> Result<u64, AppendError> {
        let seq = self.end();
        let frame = Frame::of(seq, &[head, body]).ok_or(AppendError::TooLong(head.len() + body.len()))?;
        let segment_max = (self.bytes_max / SEGMENTS).clamp(1, SEGMENT_BYTES_MAX);
        let fits = self.segments.back().is_some_and(|last| last.len < segment_max);
        let added = frame.total() + if fits { 0 } else { Segment::begin() };
        if self.bytes + added > self.bytes_max {
            return Err(AppendError::Full);
        }
        if !fits {
            let segment = Segment::create(&self.folder, seq)?;
            self.bytes += segment.len;
            if self.next.seq == seq {
                self.next.offset = Segment::begin();
            }
            self.segments.push_back(segment);
        }
        if let Some(last) = self.segments.back_mut() {
            last.append(frame, head, body)?;
            let file = last.file();
            if !self.unsynced.iter().any(|known| Arc::ptr_eq(known, &file)) {
                self.unsynced.push(file);
            }
        }
        self.bytes += frame.total();
        Ok(seq)
    }

    /// The next record and its number; `None` when all were read.
    ///
    /// # Errors
    /// `Io` or `Damaged`: the disk does not give back what was written.
    pub fn read(&mut self) -> Result<Option<(u64, Vec<u8>)>, SpoolError> {
        let seq = self.next.seq;
        let Some(position) = self.segments.iter().position(|segment| seq < segment.end) else { return Ok(None) };
        let segment = &self.segments[position];
        let (record, offset) = segment.read(seq, self.next.offset)?;
        let offset =
            if seq + 1 == segment.end && position + 1 < self.segments.len() { Segment::begin() } else { offset };
        self.next = Cursor { seq: seq + 1, offset };
        Ok(Some((seq, record)))
    }

    /// Reads nothing of what was appended so far: somebody has it already, though not released.
    pub fn skip_to_end(&mut self) {
        self.next = Cursor { seq: self.end(), offset: self.segments.back().map_or(Segment::begin(), |last| last.len) };
    }

    /// Lets the records before number `seq` go, of those that were read or skipped.
    ///
    /// # Errors
    /// `Io`: a file cannot be deleted.
    pub fn release(&mut self, seq: u64) -> Result<(), SpoolError> {
        self.head = self.head.max(seq.min(self.next.seq));
        while self.segments.front().is_some_and(|first| first.end <= self.head)
            && let Some(done) = self.segments.pop_front()
        {
            self.bytes -= done.len;
            let file = done.file();
            self.unsynced.retain(|known| !Arc::ptr_eq(known, &file));
            done.delete()?;
        }
        Ok(())
    }

    /// Records that are not released.
    pub fn len(&self) -> u64 {
        self.end() - self.head
    }

    /// True when every record is released.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of the record that [`Self::read`] gives next.
    pub const fn next(&self) -> u64 {
        self.next.seq
    }

    /// Bytes on disk.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What was written since the last call, to be synced on a thread that may wait; `None` when nothing was.
    ///
    /// # Errors
    /// `Io`: the folder cannot be opened.
    pub fn unsynced(&mut self) -> Result<Option<Unsynced>, SpoolError> {
        if self.unsynced.is_empty() {
            return Ok(None);
        }
        let folder = File::open(&self.folder).map_err(SpoolError::io("cannot open", &self.folder))?;
        Ok(Some(Unsynced { files: std::mem::take(&mut self.unsynced), folder }))
    }

    fn end(&self) -> u64 {
        self.segments.back().map_or(self.head, |last| last.end)
    }
}

/// Files whose latest records a loss of power would take.
#[derive(Debug)]
pub struct Unsynced {
    files: Vec<Arc<File>>,
    folder: File,
}

impl Unsynced {
    /// Syncs them; blocks until the disk has everything.
    ///
    /// # Errors
    /// The disk's: what was appended since the last success may be lost with the power.
    pub fn sync(self) -> io::Result<()> {
        self.files.iter().try_for_each(|file| file.sync_data())?;
        self.folder.sync_all()
    }
}

fn lock(folder: &Path) -> Result<File, SpoolError> {
    let path = folder.join("lock");
    let file = File::options().write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(SpoolError::io("cannot create", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(SpoolError::Locked(folder.to_owned())),
        Err(TryLockError::Error(error)) => Err(SpoolError::io("cannot lock", &path)(error)),
    }
}

const _: () = assert!(RECORD_BYTES_MAX as u64 <= SEGMENT_BYTES_MAX);
