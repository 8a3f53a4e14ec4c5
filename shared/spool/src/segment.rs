//! One file of records with consecutive numbers.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::SpoolError;
use crate::frame::{Frame, HEADER, RECORD_BYTES_MAX};

/// First bytes of every segment: the format and its version.
const MAGIC: &[u8; 8] = b"FASPOOL1";
const SUFFIX: &str = "seg";

/// A segment: the file, and the records in it that are whole.
pub(crate) struct Segment {
    path: PathBuf,
    file: Arc<File>,
    /// Number of the first record.
    pub(crate) first: u64,
    /// Number after the last record.
    pub(crate) end: u64,
    /// Bytes up to the end of the last record.
    pub(crate) len: u64,
}

impl Segment {
    /// Makes an empty segment in `folder` for records from number `first`.
    pub(crate) fn create(folder: &Path, first: u64) -> Result<Self, SpoolError> {
        let path = folder.join(format!("{first:020}.{SUFFIX}"));
        let create = || {
            let file = File::options().read(true).write(true).create(true).truncate(true).open(&path)?;
            file.write_all_at(MAGIC, 0).inspect_err(|_| _ = fs::remove_file(&path))?;
            io::Result::Ok(file)
        };
        let file = create().map_err(SpoolError::io("cannot create", &path))?;
        Ok(Self { path, file: Arc::new(file), first, end: first, len: MAGIC.len() as u64 })
    }

    /// The segments in `folder` by their first record's number.
    pub(crate) fn list(folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|suffix| suffix == SUFFIX)
                && let Some(first) = path.file_stem().and_then(|name| name.to_str()?.parse().ok())
            {
                found.push((first, path));
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// Opens the file at `path`, shows each whole record to `inspect` and cuts off what follows the last of them;
    /// gives the number of bytes cut.
    pub(crate) fn open(
        path: PathBuf,
        first: u64,
        inspect: &mut impl FnMut(u64, &[u8]),
    ) -> Result<(Self, u64), SpoolError> {
        let failed = |what| SpoolError::io(what, &path);
        let file = File::options().read(true).write(true).open(&path).map_err(failed("cannot open"))?;
        let size = file.metadata().map_err(failed("cannot read"))?.len();
        let (end, len) = scan(&file, size, first, inspect).map_err(failed("cannot read"))?;
        if len < size {
            file.set_len(len).map_err(failed("cannot cut"))?;
        }
        Ok((Self { path, file: Arc::new(file), first, end, len }, size - len))
    }

    /// Appends a record; after a failure the segment is as it was.
    pub(crate) fn append(&mut self, frame: Frame, head: &[u8], body: &[u8]) -> Result<(), SpoolError> {
        let mut start = Vec::with_capacity(HEADER + head.len());
        start.extend_from_slice(&frame.to_bytes());
        start.extend_from_slice(head);
        let written = self
            .file
            .write_all_at(&start, self.len)
            .and_then(|()| self.file.write_all_at(body, self.len + start.len() as u64));
        if let Err(error) = written {
            // What is left behind is overwritten by the next record, or cut off when the segment is opened.
            let _ = self.file.set_len(self.len);
            return Err(SpoolError::io("cannot write", &self.path)(error));
        }
        self.len += frame.total();
        self.end += 1;
        Ok(())
    }

    /// Reads record `seq`, which begins at `offset`; gives it and where the next one begins.
    pub(crate) fn read(&self, seq: u64, offset: u64) -> Result<(Vec<u8>, u64), SpoolError> {
        let failed = || SpoolError::io("cannot read", &self.path);
        let damaged = || SpoolError::Damaged { seq, path: self.path.clone() };
        let mut header = [0; HEADER];
        self.file.read_exact_at(&mut header, offset).map_err(failed())?;
        let frame = Frame::from_bytes(&header);
        if frame.seq != seq || frame.len as usize > RECORD_BYTES_MAX {
            return Err(damaged());
        }
        let mut record = vec![0; frame.len as usize];
        self.file.read_exact_at(&mut record, offset + HEADER as u64).map_err(failed())?;
        if frame.fits(&record) { Ok((record, offset + frame.total())) } else { Err(damaged()) }
    }

    /// Where the first record begins.
    pub(crate) const fn begin() -> u64 {
        MAGIC.len() as u64
    }

    pub(crate) fn file(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    pub(crate) fn delete(self) -> Result<(), SpoolError> {
        fs::remove_file(&self.path).map_err(SpoolError::io("cannot delete", &self.path))
    }
}

/// Number and offset after the last whole record.
fn scan(records: impl Read, size: u64, first: u64, inspect: &mut impl FnMut(u64, &[u8])) -> io::Result<(u64, u64)> {
    let mut reader = BufReader::with_capacity(1 << 18, records);
    let (mut seq, mut offset) = (first, Segment::begin());
    if size < offset || !read_magic(&mut reader)? {
        return Ok((first, 0));
    }
    let mut record = Vec::new();
    while offset + HEADER as u64 <= size {
        let mut header = [0; HEADER];
        reader.read_exact(&mut header)?;
        let frame = Frame::from_bytes(&header);
        if frame.seq != seq || frame.len as usize > RECORD_BYTES_MAX || offset + frame.total() > size {
            break;
        }
        record.resize(frame.len as usize, 0);
        reader.read_exact(&mut record)?;
        if !frame.fits(&record) {
            break;
        }
        inspect(seq, &record);
        (seq, offset) = (seq + 1, offset + frame.total());
    }
    Ok((seq, offset))
}

fn read_magic(reader: &mut impl Read) -> io::Result<bool> {
    let mut magic = [0; MAGIC.len()];
    reader.read_exact(&mut magic)?;
    Ok(&magic == MAGIC)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::AppendError;

    #[test]
    fn a_full_disk_is_told_apart_and_leaves_nothing_behind() {
        let path = PathBuf::from("/dev/full");
        let file = Arc::new(File::options().read(true).write(true).open(&path).unwrap());
        let mut segment = Segment { path, file, first: 1, end: 1, len: Segment::begin() };
        let error = segment.append(Frame::of(1, &[b"abc"]).unwrap(), b"a", b"bc").unwrap_err();
        assert_eq!((segment.end, segment.len), (1, Segment::begin()));
        assert!(matches!(AppendError::from(error), AppendError::Full));
    }

    /// A segment of `records`, numbered from 1.
    fn written(records: &[&[u8]]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        for (seq, record) in (1..).zip(records) {
            bytes.extend_from_slice(&Frame::of(seq, &[record]).unwrap().to_bytes());
            bytes.extend_from_slice(record);
        }
        bytes
    }

    /// What is read is a beginning of what was written, whatever has become of the file since.
    #[test]
    fn fuzz_spool_records() {
        let records: [&[u8]; 4] = [b"", b"first", &[0xff; 300], b"last"];
        let corpus: Vec<_> = (0..=records.len()).map(|count| written(&records[..count])).collect();
        testkit::fuzz("spool records", &corpus, |bytes| {
            let mut found = 0;
            let mut inspect = |seq, record: &[u8]| {
                found += 1;
                assert_eq!((seq, record), (found as u64, records[found - 1]));
            };
            let (end, len) = scan(bytes, bytes.len() as u64, 1, &mut inspect).unwrap();
            assert!(end == found as u64 + 1 && len <= bytes.len() as u64);
            found > 0 && len == bytes.len() as u64
        });
    }
}
