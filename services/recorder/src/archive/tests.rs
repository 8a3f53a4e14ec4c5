#![allow(clippy::unwrap_used, reason = "a panic here is a failed test")]

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use domain::market::{ConditionScheme, Tape, TradeBatch, TradeColumns};
use domain::{SessionDate, UnixNanos};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;

use super::book::{Archive, ArchiveError};
use super::folder::Folder;

const DAY: &str = "2026-11-24";

fn day() -> SessionDate {
    DAY.parse().unwrap()
}

fn at(second: i64) -> i64 {
    domain::calendar::session(day()).unwrap().open.nanos() + second * 1_000_000_000
}

/// Batch `no` of a lane: ten trades, the last one late.
fn batch(lane: u32, no: u64) -> TradeBatch {
    let base = no as i64;
    let mut ts_event: Vec<i64> = (0..10).map(|n| at(base) + n).collect();
    ts_event[9] = at(base - 60);
    TradeBatch {
        source: "finnhub".to_owned(),
        tape: Tape::Simulated,
        scheme: ConditionScheme::Finnhub,
        epoch: 1,
        batch_no: no,
        partition: lane,
        watermark: UnixNanos::new(at(base)),
        ts_recv: UnixNanos::new(at(base)),
        symbols: vec!["GME".parse().unwrap(), "BRK.B".parse().unwrap()],
        condition_sets: vec![String::new(), "1,12".to_owned()],
        trades: TradeColumns {
            symbol: (0..10).map(|n| n % 2).collect(),
            ts_event,
            price: (0..10).map(|n| 1_000_000_001 + base * 100 + n).collect(),
            size: (0..10).map(|n| n + 1).collect(),
            conditions: (0..10).map(|n| u32::from(n > 4)).collect(),
        },
    }
}

/// The end of the day after: everything before is over.
fn next_day(lane: u32, no: u64) -> TradeBatch {
    let mut batch = batch(lane, no);
    batch.watermark = UnixNanos::new(at(86_400));
    batch.trades = TradeColumns::default();
    batch
}

type Row = (i64, String, i64, i64, String, i64);

/// Every row below `folder`, by lane, in the order of the files.
fn rows(folder: &Path) -> BTreeMap<String, Vec<Row>> {
    let mut found: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    let mut files: Vec<_> =
        std::fs::read_dir(folder).map_or_else(|_| Vec::new(), |d| d.map(|e| e.unwrap().path()).collect());
    files.sort();
    for path in files {
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(name.ends_with(".parquet"), "{name}");
        let lane = name.split('_').next().unwrap().to_owned();
        let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
        for row in reader.get_row_iter(None).unwrap().map(Result::unwrap) {
            let price = i64::from_be_bytes(row.get_decimal(2).unwrap().data().try_into().unwrap());
            let text = |n| row.get_string(n).unwrap().clone();
            let ts = match row.get_column_iter().next().unwrap().1 {
                parquet::record::Field::Long(t) => *t,
                other => panic!("{other:?}"),
            };
            found.entry(lane.clone()).or_default().push((
                ts,
                text(1),
                price,
                row.get_long(3).unwrap(),
                text(4),
                row.get_long(7).unwrap(),
            ));
        }
    }
    found
}

fn expected(lane: u32, batches: &[(u64, u64)]) -> Vec<Row> {
    let mut rows = Vec::new();
    for (seq, no) in batches {
        let b = batch(lane, *no);
        let t = &b.trades;
        for n in 0..10 {
            let symbol = b.symbols[t.symbol[n] as usize].to_string();
            let conditions = b.condition_sets[t.conditions[n] as usize].clone();
            rows.push((t.ts_event[n], symbol, t.price[n], i64::from(t.size[n]), conditions, *seq as i64));
        }
    }
    rows
}

fn closed(root: &Path) -> BTreeMap<String, Vec<Row>> {
    rows(&Folder::new(root).closed_session(day()))
}

#[test]
fn a_closed_session_holds_every_trade_once_in_the_order_of_the_stream() {
    let home = tempfile::tempdir().unwrap();
    let mut archive = Archive::open(home.path(), 0).unwrap();
    for (seq, no) in [(1, 1), (3, 2), (5, 3)] {
        assert_eq!(archive.take(seq, Some(&batch(0, no))), None);
        assert_eq!(archive.take(seq + 1, Some(&batch(1, no))), None);
        assert_eq!(archive.flush().unwrap(), 20);
    }
    // Sent again, because its acknowledgement was lost.
    archive.take(7, Some(&batch(0, 3)));
    archive.take(8, None);
    assert_eq!(archive.waiting(), 0);
    assert!(closed(home.path()).is_empty(), "the session is not over");
    archive.take(9, Some(&next_day(0, 4)));
    archive.flush().unwrap();
    let found = closed(home.path());
    assert_eq!(found["lane-00"], expected(0, &[(1, 1), (3, 2), (5, 3)]));
    assert_eq!(found["lane-01"], expected(1, &[(2, 1), (4, 2), (6, 3)]));
    assert_eq!(std::fs::read_dir(home.path().join("open")).unwrap().count(), 0);
}

#[test]
fn ended_between_any_two_steps_it_loses_and_doubles_nothing() {
    let home = tempfile::tempdir().unwrap();
    let progress = home.path().join("progress.json");
    let mut archive = Archive::open(home.path(), 0).unwrap();
    archive.take(1, Some(&batch(0, 1)));
    archive.flush().unwrap();
    let counted = std::fs::read(&progress).unwrap();
    archive.take(2, Some(&batch(0, 2)));
    archive.flush().unwrap();
    drop(archive);

    // The pieces are there, but the process ended before the progress counted them; and in the middle of another file.
    std::fs::write(&progress, counted).unwrap();
    std::fs::write(home.path().join("open").join(DAY).join("lane-00_1_1-2.unfinished"), "PAR1").unwrap();
    let mut archive = Archive::open(home.path(), 0).unwrap();
    assert_eq!(archive.seq(), 1, "what does not count is read again");
    archive.take(2, Some(&batch(0, 2)));
    archive.flush().unwrap();

    // The closed file has its name, and the process ended before it removed the pieces.
    let copy = home.path().join("copy");
    std::fs::create_dir(&copy).unwrap();
    let open = home.path().join("open").join(DAY);
    for piece in std::fs::read_dir(&open).unwrap().map(|e| e.unwrap()) {
        std::fs::copy(piece.path(), copy.join(piece.file_name())).unwrap();
    }
    archive.take(3, Some(&next_day(0, 3)));
    archive.flush().unwrap();
    drop(archive);
    std::fs::rename(&copy, &open).unwrap();
    let mut archive = Archive::open(home.path(), 0).unwrap();
    archive.take(4, Some(&next_day(0, 4)));
    archive.flush().unwrap();
    assert_eq!(closed(home.path())["lane-00"], expected(0, &[(1, 1), (2, 2)]));
    assert_eq!(std::fs::read_dir(home.path().join("trades").join(format!("date={DAY}"))).unwrap().count(), 1);
}

#[test]
fn what_the_stream_has_dropped_is_named_and_kept_in_mind() {
    let home = tempfile::tempdir().unwrap();
    let mut archive = Archive::open(home.path(), 0).unwrap();
    assert_eq!(archive.take(5, Some(&batch(0, 1))), None, "an archive begins where the stream does");
    assert_eq!(archive.take(9, Some(&batch(0, 2))), Some((6, 8)));
    archive.flush().unwrap();
    archive.begin_anew();
    assert_eq!(archive.take(1, Some(&batch(0, 3))), None);
    archive.flush().unwrap();
    archive.take(2, Some(&next_day(0, 4)));
    archive.flush().unwrap();
    assert_eq!(closed(home.path())["lane-00"], expected(0, &[(5, 1), (9, 2), (1, 3)]));
    let progress: serde_json::Value =
        serde_json::from_slice(&std::fs::read(home.path().join("progress.json")).unwrap()).unwrap();
    assert_eq!(progress["missing"], serde_json::json!([[1, 6, 8]]));
}

#[test]
fn a_folder_has_one_writer() {
    let home = tempfile::tempdir().unwrap();
    let first = Archive::open(home.path(), 0).unwrap();
    assert!(matches!(Archive::open(home.path(), 0), Err(ArchiveError::Taken)));
    drop(first);
    assert!(Archive::open(home.path(), 0).is_ok());
}

#[test]
fn a_disk_that_refuses_loses_nothing() {
    let home = tempfile::tempdir().unwrap();
    let mut archive = Archive::open(home.path(), 0).unwrap();
    archive.take(1, Some(&batch(0, 1)));
    // A file stands where a folder must be.
    std::fs::write(home.path().join("open"), "").unwrap();
    assert!(archive.flush().is_err());
    assert_eq!(archive.waiting(), 10);
    std::fs::remove_file(home.path().join("open")).unwrap();
    assert_eq!(archive.flush().unwrap(), 10);
    archive.take(2, Some(&next_day(0, 2)));
    archive.flush().unwrap();
    assert_eq!(closed(home.path())["lane-00"], expected(0, &[(1, 1)]));
}
