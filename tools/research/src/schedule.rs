//! `fin schedule`: when a cron schedule falls due.

use anyhow::Context;
use chrono::{NaiveTime, TimeDelta, TimeZone};
use clap::{Args, Subcommand, value_parser};
use domain::schedule::Schedule;
use domain::{SessionDate, UnixNanos};

use crate::output;
use crate::usage::UsageError;

/// Looks into schedules as the strategy file writes them.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// What to show.
    #[command(subcommand)]
    pub command: Command,
}

/// What `fin schedule` can show.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// The instants at which a schedule falls due.
    Next(NextArguments),
}

/// The schedule, and where to start.
#[derive(Debug, Clone, Args)]
pub struct NextArguments {
    /// Five fields, minute hour day-of-month month day-of-week, such as "35 9 * * 1-5"; Sunday is 0 or 7.
    #[arg(long, value_name = "EXPRESSION")]
    pub cron: String,
    /// The IANA zone the fields are read in, such as Europe/Berlin.
    #[arg(long, value_name = "ZONE", default_value = "America/New_York")]
    pub tz: String,
    /// Only instants later than this: an RFC 3339 time, or a date for its midnight in the zone.
    #[arg(long, value_name = "TIME")]
    pub from: String,
    /// How many.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = value_parser!(u32).range(1..=10_000_000))]
    pub count: u32,
    /// Leave out days on which New York does not trade.
    #[arg(long)]
    pub trading_days_only: bool,
    /// Print a JSON array of UTC times instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// Prints the due instants. A schedule or a start that cannot be read is a [`UsageError`].
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let Command::Next(next) = &arguments.command;
    let (schedule, due) = upcoming(next)?;
    if due.len() < next.count as usize {
        eprintln!("fin: `{}` falls due {} times within fifty years", next.cron, due.len());
    }
    if next.json {
        return output::json(&due);
    }
    output::text(|out| {
        writeln!(out, "UTC                   {}", schedule.zone())?;
        due.iter().try_for_each(|instant| {
            let local = instant.to_utc().with_timezone(&schedule.zone());
            writeln!(out, "{instant}  {}", local.format("%Y-%m-%d %a %H:%M %:z"))
        })
    })
}

fn upcoming(next: &NextArguments) -> anyhow::Result<(Schedule, Vec<UnixNanos>)> {
    let schedule =
        Schedule::new(&next.cron, &next.tz, next.trading_days_only).map_err(|e| UsageError(e.to_string()))?;
    let from = start(&next.from, &schedule)?;
    let due = schedule.after(from).take(next.count as usize).collect();
    Ok((schedule, due))
}

/// The instant that `text` means; where midnight is skipped, the first one after it.
fn start(text: &str, schedule: &Schedule) -> anyhow::Result<UnixNanos> {
    const WHOLE_DAY_SKIPPED_MINUTES: i64 = 25 * 60;
    if let Ok(instant) = text.parse() {
        return Ok(instant);
    }
    let wrong = || UsageError(format!("--from `{text}` is neither an RFC 3339 time nor a date such as 2026-11-24"));
    let midnight = text.parse::<SessionDate>().map_err(|_| wrong())?.date().and_time(NaiveTime::MIN);
    (0..WHOLE_DAY_SKIPPED_MINUTES)
        .filter_map(|minutes| midnight.checked_add_signed(TimeDelta::minutes(minutes)))
        .find_map(|local| schedule.zone().from_local_datetime(&local).earliest())
        .and_then(|instant| instant.timestamp_nanos_opt())
        .map(UnixNanos::new)
        .context(UsageError(format!("--from {text} is not within 1678 to 2262")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(cron: &str, tz: &str, from: &str, trading_days_only: bool) -> anyhow::Result<Vec<String>> {
        let (cron, tz, from) = (cron.to_owned(), tz.to_owned(), from.to_owned());
        let next = NextArguments { cron, tz, from, count: 2, trading_days_only, json: true };
        Ok(upcoming(&next)?.1.iter().map(UnixNanos::to_string).collect())
    }

    #[test]
    fn a_date_is_its_midnight_in_the_zone_and_the_start_itself_is_left_out() {
        let berlin = |from| due("0 0,1 * * *", "Europe/Berlin", from, false).unwrap();
        assert_eq!(berlin("2026-11-24"), ["2026-11-24T00:00:00Z", "2026-11-24T23:00:00Z"]);
        assert_eq!(berlin("2026-11-23T23:00:00Z"), berlin("2026-11-24"));
        assert_eq!(berlin("2026-11-24T00:00:00+01:00"), berlin("2026-11-24"));
        let no_midnight = due("30 1 * * *", "America/Sao_Paulo", "2018-11-04", false).unwrap();
        assert_eq!(no_midnight, ["2018-11-04T03:30:00Z", "2018-11-05T03:30:00Z"]);
    }

    #[test]
    fn days_without_trading_are_left_out_when_asked() {
        let found = due("0 13 * * 1-5", "Europe/Berlin", "2026-11-25", true).unwrap();
        assert_eq!(found, ["2026-11-25T12:00:00Z", "2026-11-27T12:00:00Z"]);
    }

    #[test]
    fn what_cannot_be_read_is_wrong_usage_and_named() {
        for (cron, tz, from, named) in [
            ("0 13 * * 9", "UTC", "2026-11-24", "`9`"),
            ("0 13 * * 1", "Mars/Olympus", "2026-11-24", "`Mars/Olympus`"),
            ("0 13 * * 1", "UTC", "tomorrow", "`tomorrow`"),
            ("0 13 * * 1", "UTC", "9999-01-01", "9999-01-01"),
        ] {
            let error = due(cron, tz, from, false).unwrap_err();
            assert!(error.is::<UsageError>() && error.to_string().contains(named), "{error}");
        }
    }
}
