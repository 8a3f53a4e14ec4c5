//! Spoiled strategies and schedules: what people write, and what the API takes.

use domain::UnixNanos;
use domain::schedule::Schedule;

use super::strategy::{SHIPPED, read_strategy};

/// The shipped file without its comments: whole, and each of its tables alone.
fn strategies() -> Vec<String> {
    let is_data = |line: &&str| !line.trim_start().starts_with('#') && !line.trim().is_empty();
    let bare = |line: &str| line.split(" #").next().unwrap_or_default().trim_end().to_owned();
    let lines: Vec<String> = SHIPPED.lines().filter(is_data).map(bare).collect();
    let mut found = vec![lines.join("\n")];
    let mut tables: Vec<String> = Vec::new();
    for line in lines {
        match tables.last_mut() {
            Some(table) if line.starts_with(' ') => table.extend(["\n", &line]),
            _ => tables.push(line),
        }
    }
    found.append(&mut tables);
    found
}

#[test]
fn fuzz_strategy_files() {
    testkit::fuzz_slow("strategy files", &strategies(), |input| read_strategy(&String::from_utf8_lossy(input)).is_ok());
}

#[test]
fn fuzz_schedules() {
    let corpus = [
        "0 13 * * 1-5",
        "35 9 * * MON-FRI",
        "*/15 9-16 1,15 * *",
        "0 0 29 2 *",
        "*/30 */6 * jan-mar FRI-MON",
        "59 23 31 12 0",
        "0 0 31 2 *",
        "1-59/2 * * * *",
    ];
    let zones = ["America/New_York", "UTC", "Australia/Lord_Howe"];
    let from: UnixNanos = "2026-11-24T14:30:00Z".parse().unwrap();
    let mut turn = 0;
    testkit::fuzz("cron schedules", &corpus, |input| {
        turn += 1;
        let text = String::from_utf8_lossy(input);
        let Ok(schedule) = Schedule::new(&text, zones[turn % zones.len()], turn % 2 == 0) else { return false };
        if turn % 64 == 0 {
            let due: Vec<UnixNanos> = schedule.after(from).take(2).collect();
            assert!(due.is_sorted() && due.iter().all(|due| *due > from), "{text}: {due:?}");
        }
        true
    });
}
