use std::fs;
use std::path::{Path, PathBuf};

use spool::{Spool, SpoolError};

use crate::open;

const BYTES_MAX: u64 = 8_192;

/// Records whose lengths and contents all differ, empty ones included.
fn records() -> Vec<Vec<u8>> {
    (0..14_u8).map(|n| (0..usize::from(n) * 17 % 90).map(|at| n ^ at as u8).collect()).collect()
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut segments: Vec<_> = files.filter(|path| path.extension().is_some()).collect();
    segments.sort();
    segments
}

/// A folder of several segments with [`records`] in them.
fn written() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (mut spool, _, _) = open(folder.path(), BYTES_MAX);
    for record in records() {
        spool.append(&[], &record).unwrap();
    }
    assert!(segments(folder.path()).len() >= 2);
    folder
}

/// Opens a folder whose segment `segment` holds `bytes` instead, and checks that a beginning of what was appended is
/// found, and that appending goes on behind it; gives the number of records found.
fn check(folder: &Path, segment: &Path, bytes: &[u8]) -> usize {
    let copy = tempfile::tempdir().unwrap();
    for path in segments(folder) {
        fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
    }
    fs::write(copy.path().join(segment.file_name().unwrap()), bytes).unwrap();
    let (mut spool, found, _) = open(copy.path(), BYTES_MAX);
    let begun: Vec<_> = records().into_iter().take(found.len()).collect();
    assert_eq!(found.iter().map(|(_, record)| record.clone()).collect::<Vec<_>>(), begun);
    spool.append(b"next", b"").unwrap();
    drop(spool);
    let (_, again, recovered) = open(copy.path(), BYTES_MAX);
    assert_eq!((again.len(), recovered.cut_bytes), (found.len() + 1, 0));
    assert_eq!(again.last().unwrap().1, b"next");
    found.len()
}

#[test]
fn a_segment_torn_at_any_byte_ends_with_its_last_whole_record() {
    let folder = written();
    for segment in segments(folder.path()) {
        let whole = fs::read(&segment).unwrap();
        let mut found = Vec::new();
        for len in 0..=whole.len() {
            found.push(check(folder.path(), &segment, &whole[..len]));
        }
        assert!(found.is_sorted());
        assert_eq!(found.last(), Some(&records().len()));
    }
}

#[test]
fn a_bit_flipped_at_any_byte_costs_that_record_and_those_behind_it() {
    let folder = written();
    for segment in segments(folder.path()) {
        let whole = fs::read(&segment).unwrap();
        let mut found = Vec::new();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            found.push(check(folder.path(), &segment, &bytes));
        }
        assert!(found.is_sorted());
        assert!(*found.last().unwrap() < records().len(), "the last record's damage is found too");
    }
}

#[test]
fn a_lost_segment_ends_the_spool_before_it() {
    let folder = written();
    let lost = segments(folder.path()).remove(1);
    let first: u64 = lost.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    fs::remove_file(lost).unwrap();
    let (_, found, recovered) = open(folder.path(), BYTES_MAX);
    assert_eq!(found.len() as u64, first - 1);
    assert!(recovered.cut_bytes > 0 || segments(folder.path()).len() == 1);
}

#[test]
fn a_record_that_changes_while_the_spool_is_open_is_not_given_out() {
    let folder = tempfile::tempdir().unwrap();
    let (mut spool, _, _) = open(folder.path(), BYTES_MAX);
    spool.append(b"price ", b"10.00").unwrap();
    let segment = segments(folder.path()).remove(0);
    let mut bytes = fs::read(&segment).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&segment, bytes).unwrap();
    assert!(matches!(spool.read(), Err(SpoolError::Damaged { seq: 1, .. })));
    drop(spool);
    assert!(Spool::open(folder.path(), BYTES_MAX, |_, _| panic!("it is cut off")).is_ok());
}
