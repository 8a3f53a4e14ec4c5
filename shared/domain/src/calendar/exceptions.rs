//! Reads `nyse.csv` while compiling, so that a wrong row does not compile.

use chrono::{NaiveDate, NaiveTime};

/// A day whose hours the rules do not give.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exception {
    pub(super) date: NaiveDate,
    /// When regular trading starts and ends, New York time; `None` when the exchange is closed.
    pub(super) hours: Option<(NaiveTime, NaiveTime)>,
}

/// The exception for `date`, if there is one.
pub(super) fn exception(date: NaiveDate) -> Option<&'static Exception> {
    EXCEPTIONS.binary_search_by_key(&date, |e| e.date).ok().map(|at| &EXCEPTIONS[at])
}

static EXCEPTIONS: [Exception; count(TEXT)] = parse(TEXT);

const TEXT: &[u8] = include_bytes!("nyse.csv");

const fn count(text: &[u8]) -> usize {
    let (mut rows, mut at) = (0, 0);
    while at < text.len() {
        rows += is_row(text, at) as usize;
        at = next_line(text, at);
    }
    rows
}

const fn parse<const N: usize>(text: &[u8]) -> [Exception; N] {
    let mut rows = [Exception { date: NaiveDate::MIN, hours: None }; N];
    let (mut row, mut at) = (0, 0);
    while at < text.len() {
        if is_row(text, at) {
            let date = date(text, at);
            let hours = if text[at + 11] == b'c' { None } else { Some((time(text, at + 11), time(text, at + 17))) };
            rows[row] = Exception { date, hours };
            row += 1;
        }
        at = next_line(text, at);
    }
    rows
}

const fn is_row(text: &[u8], at: usize) -> bool {
    text[at].is_ascii_digit()
}

const fn next_line(text: &[u8], mut at: usize) -> usize {
    while at < text.len() && text[at] != b'\n' {
        at += 1;
    }
    at + 1
}

/// `2001-09-11` at `at`.
const fn date(text: &[u8], at: usize) -> NaiveDate {
    let year = number(text, at, 4) as i32;
    match NaiveDate::from_ymd_opt(year, number(text, at + 5, 2), number(text, at + 8, 2)) {
        Some(date) => date,
        None => panic!("a row of nyse.csv does not start with a date"),
    }
}

/// `09:30` at `at`.
const fn time(text: &[u8], at: usize) -> NaiveTime {
    match NaiveTime::from_hms_opt(number(text, at, 2), number(text, at + 3, 2), 0) {
        Some(time) => time,
        None => panic!("a row of nyse.csv has a wrong time"),
    }
}

const fn number(text: &[u8], at: usize, digits: usize) -> u32 {
    let (mut value, mut i) = (0, 0);
    while i < digits {
        assert!(text[at + i].is_ascii_digit(), "a row of nyse.csv has a letter where a digit belongs");
        value = value * 10 + (text[at + i] - b'0') as u32;
        i += 1;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_in_order_of_date_and_each_departs_from_the_rules() {
        assert!(EXCEPTIONS.is_sorted_by(|a, b| a.date < b.date));
        for row in &EXCEPTIONS {
            let ruled = super::super::rules::hours(row.date).map(|h| (h.open, h.close));
            assert_ne!(row.hours, ruled, "{}", row.date);
        }
    }
}
