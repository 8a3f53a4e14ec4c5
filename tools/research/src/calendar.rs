//! `fin calendar`: the sessions of the New York Stock Exchange.

use anyhow::bail;
use clap::Args;
use domain::calendar::{self, Session};
use domain::{SessionDate, UnixNanos};
use serde::Serialize;

use crate::output;
use crate::usage::UsageError;

/// When the New York Stock Exchange trades, day by day, as the suite reckons with it.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// First day, such as 2026-11-24; not before 1990.
    #[arg(long, value_name = "DATE")]
    pub from: SessionDate,
    /// Last day.
    #[arg(long, value_name = "DATE")]
    pub to: SessionDate,
    /// Print a JSON array with times in UTC instead of a table in New York time.
    #[arg(long)]
    pub json: bool,
}

#[derive(Serialize)]
struct Row {
    date: SessionDate,
    open: UnixNanos,
    close: UnixNanos,
    early_close: bool,
}

/// Prints the sessions. Refuses, with a [`UsageError`], days that the calendar does not cover.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let sessions = sessions(arguments.from, arguments.to)?;
    if arguments.json {
        let row = |s: Session| Row { date: s.date, open: s.open, close: s.close, early_close: s.early_close };
        return output::json(&sessions.into_iter().map(row).collect::<Vec<_>>());
    }
    output::text(|out| {
        writeln!(out, "date            open   close  (New York)")?;
        for session in sessions {
            let (open, close) = (session.open.to_new_york(), session.close.to_new_york());
            let remark = if session.early_close { "  early close" } else { "" };
            writeln!(
                out,
                "{}  {}  {}{remark}",
                open.format("%Y-%m-%d %a"),
                open.format("%H:%M"),
                close.format("%H:%M")
            )?;
        }
        Ok(())
    })
}

fn sessions(from: SessionDate, to: SessionDate) -> anyhow::Result<Vec<Session>> {
    if let Some(outside) = [from, to].into_iter().find(|date| !calendar::is_covered(*date)) {
        let (first, last) = (calendar::FIRST_DAY, calendar::LAST_DAY);
        bail!(UsageError(format!("{outside} is outside the calendar, which covers {first} to {last}")));
    }
    if from > to {
        bail!(UsageError(format!("--from {from} is later than --to {to}")));
    }
    let days = from.date().iter_days().map(SessionDate::new);
    Ok(days.take_while(|date| *date <= to).filter_map(calendar::session).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(from: &str, to: &str) -> anyhow::Result<Vec<String>> {
        let found = sessions(from.parse()?, to.parse()?)?;
        Ok(found.iter().map(|s| s.date.to_string()).collect())
    }

    #[test]
    fn both_ends_are_included_and_closed_days_are_not() {
        assert_eq!(check("2026-11-25", "2026-11-30").unwrap(), ["2026-11-25", "2026-11-27", "2026-11-30"]);
        assert_eq!(check("2026-11-26", "2026-11-26").unwrap(), [""; 0]);
    }

    #[test]
    fn days_outside_and_swapped_ends_are_wrong_usage() {
        for (from, to, named) in [
            ("1989-12-29", "1990-01-05", "1989-12-29"),
            ("2026-11-24", "2100-01-01", "2100-01-01"),
            ("2026-11-25", "2026-11-24", "--from 2026-11-25"),
        ] {
            let error = check(from, to).unwrap_err();
            assert!(error.is::<UsageError>() && error.to_string().contains(named), "{error}");
        }
    }
}
