use chrono::{Datelike, Timelike};
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const NEW_YORK: &str = "America/New_York";

fn at(text: &str) -> UnixNanos {
    text.parse().unwrap()
}

fn due(cron: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
    let schedule = Schedule::new(cron, zone, false).unwrap();
    schedule.after(at(after)).take(count).map(|t| t.to_utc().format("%m-%d %H:%M").to_string()).collect()
}

#[test]
fn weekdays_count_from_sunday_as_unix_does() {
    let check = |cron: &str, days: [&str; 3]| assert_eq!(due(cron, "UTC", "2026-11-26T13:00:00Z", 3), days, "{cron}");
    check("0 13 * * 1-5", ["11-27 13:00", "11-30 13:00", "12-01 13:00"]);
    check("0 13 * * mon-FRI", ["11-27 13:00", "11-30 13:00", "12-01 13:00"]);
    check("0 13 * * 0", ["11-29 13:00", "12-06 13:00", "12-13 13:00"]);
    check("0 13 * * 7", ["11-29 13:00", "12-06 13:00", "12-13 13:00"]);
    check("0 13 * * 6-7", ["11-28 13:00", "11-29 13:00", "12-05 13:00"]);
    check("0 13 * * SUN-TUE", ["11-29 13:00", "11-30 13:00", "12-01 13:00"]);
    check("0 13 * * FRI-MON/2", ["11-27 13:00", "11-29 13:00", "12-04 13:00"]);
    check("0 13 * * */3", ["11-28 13:00", "11-29 13:00", "12-02 13:00"]);
}

#[test]
fn lists_ranges_steps_and_names_stand_for_their_values() {
    let check = |cron: &str, times: &[&str]| {
        assert_eq!(due(cron, "UTC", "2026-11-24T00:00:00Z", times.len()), times, "{cron}");
    };
    check("5/20 */12 * * *", &["11-24 00:05", "11-24 00:25", "11-24 00:45", "11-24 12:05"]);
    check("0,30 9-10,16 * * *", &["11-24 09:00", "11-24 09:30", "11-24 10:00", "11-24 10:30", "11-24 16:00"]);
    check("10-30/10 0 31 JAN,mar *", &["01-31 00:10", "01-31 00:20", "01-31 00:30", "03-31 00:10"]);
    check("0 0 29 2 *", &["02-29 00:00"]);
}

#[test]
fn either_day_field_may_match_when_neither_starts_with_a_star() {
    let check = |cron: &str, days: [&str; 3]| assert_eq!(due(cron, "UTC", "2026-12-01T00:00:00Z", 3), days, "{cron}");
    check("0 0 13 * 5", ["12-04 00:00", "12-11 00:00", "12-13 00:00"]);
    check("0 0 */2 * 1", ["12-07 00:00", "12-21 00:00", "01-11 00:00"]);
    check("0 0 13 * */2", ["12-13 00:00", "02-13 00:00", "03-13 00:00"]);
}

#[test]
fn days_without_a_session_are_passed_over_when_asked() {
    let schedule = Schedule::new("35 9 * * 1-5", NEW_YORK, true).unwrap();
    let due: Vec<_> = schedule.after(at("2026-11-24T14:35:00Z")).take(2).collect();
    assert_eq!(due, [at("2026-11-25T14:35:00Z"), at("2026-11-27T14:35:00Z")]);
    let christmas = Schedule::new("0 12 25 12 *", NEW_YORK, true).unwrap();
    assert_eq!(christmas.next_after(at("2026-11-24T14:35:00Z")), None);
    let monday_morning_in_tokyo = Schedule::new("0 8 * * 1", "Asia/Tokyo", true).unwrap();
    assert_eq!(monday_morning_in_tokyo.next_after(at("2026-11-24T14:35:00Z")), None, "Sunday evening in New York");
}

#[test]
fn times_of_day_are_due_once_over_both_changes() {
    let spring = |cron: &str, times: [&str; 3]| assert_eq!(due(cron, NEW_YORK, "2027-03-13T12:00:00Z", 3), times);
    spring("30 2 * * *", ["03-14 07:00", "03-15 06:30", "03-16 06:30"]);
    spring("0,30 2 * * *", ["03-14 07:00", "03-15 06:00", "03-15 06:30"]);
    spring("0 2,3 * * *", ["03-14 07:00", "03-15 06:00", "03-15 07:00"]);
    let autumn = |cron: &str, times: [&str; 3]| assert_eq!(due(cron, NEW_YORK, "2027-11-07T04:00:00Z", 3), times);
    autumn("30 1 * * *", ["11-07 05:30", "11-08 06:30", "11-09 06:30"]);
    autumn("0 1,2 * * *", ["11-07 05:00", "11-07 07:00", "11-08 06:00"]);
}

#[test]
fn wildcards_follow_the_clock_on_the_wall() {
    let spring = |cron: &str, times: [&str; 4]| assert_eq!(due(cron, NEW_YORK, "2027-03-14T05:30:00Z", 4), times);
    spring("0 * * * *", ["03-14 06:00", "03-14 07:00", "03-14 08:00", "03-14 09:00"]);
    spring("*/30 * * * *", ["03-14 06:00", "03-14 06:30", "03-14 07:00", "03-14 07:30"]);
    spring("*/30 2 * * *", ["03-15 06:00", "03-15 06:30", "03-16 06:00", "03-16 06:30"]);
    let autumn = |cron: &str, times: [&str; 4]| assert_eq!(due(cron, NEW_YORK, "2027-11-07T04:30:00Z", 4), times);
    autumn("0 * * * *", ["11-07 05:00", "11-07 06:00", "11-07 07:00", "11-07 08:00"]);
    autumn("*/30 1 * * *", ["11-07 05:00", "11-07 05:30", "11-07 06:00", "11-07 06:30"]);
}

#[test]
fn changes_at_midnight_of_half_an_hour_and_of_a_day_are_no_exception() {
    assert_eq!(due("0 0 * * *", "America/Sao_Paulo", "2018-11-03T12:00:00Z", 2), ["11-04 03:00", "11-05 02:00"]);
    // 00:01 became 23:01 of the day before
    let newfoundland = due("0,30 * * * *", "America/St_Johns", "2010-11-07T02:00:00Z", 4);
    assert_eq!(newfoundland, ["11-07 02:30", "11-07 03:00", "11-07 03:30", "11-07 04:00"]);
    assert_eq!(due("15 2 * * *", "Australia/Lord_Howe", "2027-10-02T12:00:00Z", 1), ["10-02 15:30"]);
    assert_eq!(due("0 9 * * *", "Pacific/Apia", "2011-12-29T20:00:00Z", 2), ["12-30 10:00", "12-30 19:00"]);
}

#[test]
fn bad_schedules_are_refused_by_name() {
    for (cron, zone, part) in [
        ("0 13 * *", "UTC", "five fields"),
        ("0 0 13 * * 1", "UTC", "five fields"),
        ("@daily", "UTC", "five fields"),
        ("0 13 * * 8", "UTC", "day of week `8` is not 0 to 7"),
        ("61 13 * * 1", "UTC", "minute `61`"),
        ("0 +1 * * 1", "UTC", "hour `+1`"),
        ("0 22-2 * * 1", "UTC", "hour `22-2` runs backwards"),
        ("*/0 13 * * 1", "UTC", "minute `0` is not a step"),
        ("*/90 * * * *", "UTC", "minute `90` is not a step"),
        ("0 13 ? * 1", "UTC", "day of month `?`"),
        ("0 13 , * 1", "UTC", "day of month ``"),
        ("0 13 * MON 1", "UTC", "month `MON`"),
        ("0 13 30 2 *", "UTC", "no day `30` in month `2`"),
        ("0 13 * * 1", "Mars/Olympus", "`Mars/Olympus`"),
    ] {
        let error = Schedule::new(cron, zone, false).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn the_ends_of_time_have_no_next_instant_and_no_panic() {
    let schedule = Schedule::new("*/7 3 * * *", NEW_YORK, false).unwrap();
    assert!(schedule.next_after(UnixNanos::new(i64::MIN)).is_some());
    assert_eq!(schedule.next_after(UnixNanos::new(i64::MAX)), None);
}

/// Fields, and one of the two days restricted at most: there the `cron` crate means the same, but for Sunday.
fn expression() -> impl Strategy<Value = [&'static str; 5]> {
    let minute = select(vec!["*", "0", "*/7", "3,58", "10-40/15"]);
    let hour = select(vec!["*", "0", "1", "2", "1-3", "*/2", "0,23", "9-17/4"]);
    let days =
        select(vec![("*", "*"), ("1", "*"), ("*/9", "*"), ("28-31", "*"), ("*", "1-5"), ("*", "0"), ("*", "2,6")]);
    let month = select(vec!["*", "3", "11", "FEB", "*/5", "4-10"]);
    (minute, hour, days, month).prop_map(|(minute, hour, (day, weekday), month)| [minute, hour, day, month, weekday])
}

proptest! {
    #[test]
    fn the_cron_crate_agrees_where_clocks_do_not_change(fields in expression(), seconds in 0..4_000_000_000_i64) {
        let instant = UnixNanos::default().plus_seconds(seconds);
        let [minute, hour, day, month, weekday] = fields;
        let weekday = weekday.replace('6', "7").replace('5', "6").replace('2', "3").replace("1-", "2-").replace('0', "1");
        let other = ::cron::Schedule::from_str(&format!("0 {minute} {hour} {day} {month} {weekday}")).unwrap();
        let expected = other.after(&instant.to_utc()).next().unwrap();
        let found = Schedule::new(&fields.join(" "), "UTC", false).unwrap().next_after(instant).unwrap();
        prop_assert_eq!(found.to_utc(), expected);
    }

    /// Minute by minute around a change of clocks, by looking at the clock on the wall.
    #[test]
    fn wildcards_are_due_at_every_minute_that_matches(
        zone in select(vec![NEW_YORK, "Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns", "Africa/Casablanca"]),
        change in select(vec!["2027-03-14", "2027-11-07", "2027-03-28", "2027-10-31", "2027-10-03", "2010-11-07"]),
        offset_minutes in -1_500..1_500_i64,
        step in select(vec![7_u32, 15, 30]),
    ) {
        let start = at(&format!("{change}T06:00:00Z")).plus_seconds(offset_minutes * 60);
        let schedule = Schedule::new(&format!("*/{step} 0-3,23 * * *"), zone, false).unwrap();
        let wall = |t: &UnixNanos| t.to_utc().with_timezone(&schedule.zone());
        let expected = (1..=2_000).map(|minute| start.plus_seconds(minute * 60)).find(|t| {
            wall(t).minute() % step == 0 && matches!(wall(t).hour(), 0..=3 | 23)
        });
        prop_assert_eq!(schedule.next_after(start), expected);
    }

    #[test]
    fn times_of_day_are_due_exactly_once_a_day(
        zone in select(vec![NEW_YORK, "Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Tokyo"]),
        hour in 0..24_u32,
        minute in 0..60_u32,
        year in 2000..2040_i32,
    ) {
        let schedule = Schedule::new(&format!("{minute} {hour} * * *"), zone, false).unwrap();
        let start = schedule.zone().with_ymd_and_hms(year, 1, 1, 12, 0, 0).unwrap().timestamp_nanos_opt().unwrap();
        let dates: Vec<_> = schedule.after(UnixNanos::new(start)).take(365).map(|t| schedule.local_date(t)).collect();
        prop_assert!(dates.windows(2).all(|pair| pair[1].num_days_from_ce() == pair[0].num_days_from_ce() + 1));
    }
}
