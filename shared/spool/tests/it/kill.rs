use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::open;

const FOLDER: &str = "SPOOL_TEST_FOLDER";
const BYTES_MAX: u64 = 1 << 20;

fn record(seq: u64) -> Vec<u8> {
    (0..seq % 997).map(|at| (seq ^ at) as u8).collect()
}

/// Appends for ever, releases the older ones, and says each number once its record is appended.
fn append_for_ever(folder: &str) {
    let (mut spool, _, _) = open(folder.as_ref(), BYTES_MAX);
    spool.skip_to_end();
    let mut out = std::io::stderr();
    loop {
        let seq = spool.next();
        spool.append(&[], &record(seq)).unwrap();
        spool.skip_to_end();
        spool.release(seq.saturating_sub(500)).unwrap();
        writeln!(out, "appended {seq}").unwrap();
    }
}

#[test]
fn what_a_killed_process_has_appended_is_found() {
    if let Ok(folder) = std::env::var(FOLDER) {
        append_for_ever(&folder);
    }
    let folder = tempfile::tempdir().unwrap();
    let mut end = 1;
    for round in 0..6_u32 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::what_a_killed_process_has_appended_is_found", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        assert_eq!(said.find(|line| line.starts_with("appended")), Some(format!("appended {end}")));
        // The pipe holds the writer up when nobody reads, so the kill comes at any moment of its work.
        let mut appended: Vec<String> = said.by_ref().take(700 + 13 * round as usize).collect();
        std::thread::sleep(Duration::from_millis(u64::from(round)));
        child.kill().unwrap();
        child.wait().unwrap();
        appended.extend(said.filter(|line| line.starts_with("appended")));
        let said = appended.iter().filter_map(|line| line.strip_prefix("appended ")?.parse::<u64>().ok());
        // The kill may have torn the last line.
        let last = said.rev().nth(1).unwrap();

        let (_, found, _) = open(folder.path(), BYTES_MAX);
        let numbers: Vec<u64> = found.iter().map(|(seq, _)| *seq).collect();
        let (from, to) = (numbers[0], numbers[numbers.len() - 1]);
        assert!((last..=last + 2).contains(&to), "said {last}, found {to}");
        assert!(from <= last, "what was said last is there");
        assert_eq!(numbers, (from..=to).collect::<Vec<_>>());
        assert!(found.iter().all(|(seq, bytes)| *bytes == record(*seq)));
        end = to + 1;
    }
}
