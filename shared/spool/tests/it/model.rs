use std::collections::VecDeque;

use proptest::collection::vec;
use proptest::prelude::*;
use spool::{AppendError, RECORD_BYTES_MAX, Spool, SpoolError};

use crate::open;

const BYTES_MAX: u64 = 4_096;

#[derive(Debug, Clone)]
enum Step {
    Append(usize),
    Read,
    Skip,
    Release(u64),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..400_usize).prop_map(Step::Append),
        4 => Just(Step::Read),
        1 => Just(Step::Skip),
        3 => (0..8_u64).prop_map(Step::Release),
        1 => Just(Step::Reopen),
    ]
}

fn record(seq: u64, len: usize) -> Vec<u8> {
    (0..len).map(|at| (seq as usize * 31 + at) as u8).collect()
}

proptest! {
    #[test]
    fn it_is_a_bounded_queue_whatever_the_order_of_calls(steps in vec(step(), 1..120)) {
        let folder = tempfile::tempdir().unwrap();
        let (mut spool, _, _) = open(folder.path(), BYTES_MAX);
        // What is not released, and where reading stands.
        let mut kept: VecDeque<(u64, Vec<u8>)> = VecDeque::new();
        let (mut end, mut next) = (1, 1);
        for step in steps {
            match step {
                Step::Append(len) => {
                    let record = record(end, len);
                    match spool.append(&record[..len / 3], &record[len / 3..]) {
                        Ok(seq) => {
                            prop_assert_eq!(seq, end);
                            kept.push_back((end, record));
                            end += 1;
                        }
                        Err(AppendError::Full) => prop_assert!(spool.bytes() + len as u64 + 32 > BYTES_MAX),
                        Err(other) => panic!("{other}"),
                    }
                }
                Step::Read => {
                    let expected = kept.iter().find(|(seq, _)| *seq == next).cloned();
                    next += u64::from(expected.is_some());
                    prop_assert_eq!(spool.read().unwrap(), expected);
                }
                Step::Skip => {
                    spool.skip_to_end();
                    next = end;
                }
                Step::Release(more) => {
                    let below = kept.front().map_or(end, |(seq, _)| *seq) + more;
                    spool.release(below).unwrap();
                    kept.retain(|(seq, _)| *seq >= below.min(next));
                }
                Step::Reopen => {
                    drop(spool);
                    let (reopened, found, recovered) = open(folder.path(), BYTES_MAX);
                    spool = reopened;
                    prop_assert_eq!(recovered.cut_bytes, 0);
                    // Released records may come again as long as their segment has others.
                    let again = found.len() - kept.len();
                    prop_assert!(found.iter().skip(again).eq(kept.iter()));
                    prop_assert!(again == 0 || !kept.is_empty());
                    kept = found.into();
                    end = kept.back().map_or(1, |(seq, _)| seq + 1);
                    next = kept.front().map_or(1, |(seq, _)| *seq);
                }
            }
            prop_assert_eq!(spool.len(), kept.len() as u64);
            prop_assert_eq!(spool.next(), next);
            prop_assert!(spool.bytes() <= BYTES_MAX);
        }
    }
}

#[test]
fn segments_go_when_their_records_are_released_and_make_room() {
    let folder = tempfile::tempdir().unwrap();
    let (mut spool, _, _) = open(folder.path(), 16 * 1_024);
    while spool.append(&[1], &[0; 500]).is_ok() {}
    let (full, records) = (spool.bytes(), spool.len());
    assert!(full > 15 * 1_024);
    while spool.read().unwrap().is_some() {}
    spool.release(records / 2).unwrap();
    assert!(spool.bytes() < full * 6 / 10, "{} of {full}", spool.bytes());
    spool.append(&[1], &[0; 500]).unwrap();
    spool.read().unwrap().unwrap();
    spool.release(records + 2).unwrap();
    assert_eq!((spool.len(), spool.bytes()), (0, 0));
    assert!(spool.unsynced().unwrap().is_none(), "there is nothing left to sync");
    let files = std::fs::read_dir(folder.path()).unwrap().map(|f| f.unwrap().file_name()).collect::<Vec<_>>();
    assert_eq!(files, ["lock"]);
}

#[test]
fn a_second_owner_and_an_endless_record_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (mut spool, _, _) = open(folder.path(), u64::MAX);
    let second = Spool::open(folder.path(), BYTES_MAX, |_, _| {});
    assert!(matches!(second.err(), Some(SpoolError::Locked(path)) if path == folder.path()));
    let endless = vec![0; RECORD_BYTES_MAX];
    assert!(matches!(spool.append(&[0], &endless), Err(AppendError::TooLong(_))));
    spool.append(&[], &endless).unwrap();
    spool.unsynced().unwrap().unwrap().sync().unwrap();
    drop(spool);
    assert_eq!(open(folder.path(), BYTES_MAX).1.len(), 1);
}
