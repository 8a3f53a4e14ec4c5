use proptest::prelude::*;

use super::*;

fn date(text: &str) -> SessionDate {
    text.parse().unwrap()
}

#[test]
fn published_holidays_are_closed_and_their_neighbours_are_not() {
    let closed_2027 = "2027-01-01 2027-01-18 2027-02-15 2027-03-26 2027-05-31 2027-06-18 2027-07-05 2027-09-06 \
                       2027-11-25 2027-12-24";
    let others = "2026-11-26 2026-12-25 2026-07-03 2025-01-09 1994-04-27 2001-09-14 2022-06-20 1998-01-19";
    for closed in closed_2027.split_whitespace().chain(others.split_whitespace()) {
        assert_eq!(session(date(closed)), None, "{closed}");
    }
    for open in "2026-11-24 2027-12-31 2021-12-31 2021-06-18 2027-03-25 1997-01-20 2001-09-17".split_whitespace() {
        assert!(session(date(open)).is_some(), "{open}");
    }
}

#[test]
fn hours_of_short_days_and_late_opens_are_those_of_their_year() {
    let check = |day: &str, open: (u32, u32), close: (u32, u32)| {
        let (day, found) = (date(day), session(date(day)).unwrap());
        assert_eq!((found.open, found.close), (day.at_hm(open.0, open.1), day.at_hm(close.0, close.1)), "{day}");
        assert_eq!(found.early_close, close != (16, 0), "{day}");
    };
    for day in "2026-11-27 2026-12-24 2027-11-26 2025-07-03 2013-07-03 2002-07-05 1999-12-31".split_whitespace() {
        check(day, (9, 30), (13, 0));
    }
    check("1992-11-27", (9, 30), (14, 0));
    check("1992-07-02", (9, 30), (16, 0));
    check("2002-07-03", (9, 30), (16, 0));
    check("2027-07-02", (9, 30), (16, 0));
    check("1996-01-08", (11, 0), (14, 0));
    check("2002-09-11", (12, 0), (16, 0));
}

#[test]
fn evening_prints_belong_to_the_next_session() {
    let check = |instant: UnixNanos, expected: &str| assert_eq!(trade_date(instant), date(expected));
    check(date("2026-11-24").at_hm(19, 59), "2026-11-24");
    check(date("2026-11-24").at_hm(20, 0), "2026-11-25");
    check(date("2026-11-25").at_hm(21, 0), "2026-11-27");
    check(date("2026-11-27").at_hm(19, 0), "2026-11-27");
    check(date("2026-11-28").at_hm(10, 0), "2026-11-30");
}

#[test]
fn parts_of_a_day_follow_one_another() {
    let short = session(date("2026-11-27")).unwrap();
    let at = |hour, minute| short.phase_at(short.date.at_hm(hour, minute));
    assert_eq!([at(3, 59), at(17, 0)], [None, None]);
    assert_eq!([at(4, 0), at(9, 29)], [Some(Phase::PreMarket); 2]);
    assert_eq!([at(9, 30), at(12, 59)], [Some(Phase::Regular); 2]);
    assert_eq!([at(13, 0), at(16, 59)], [Some(Phase::PostMarket); 2]);
}

#[test]
fn no_date_and_no_instant_is_out_of_reach() {
    for far in [NaiveDate::MIN, NaiveDate::MAX].map(SessionDate::new) {
        assert_eq!(session(far), None);
        assert!(!is_covered(far));
    }
    assert_eq!(next_session(SessionDate::new(NaiveDate::MIN)).date.date().year(), 1678);
    assert_eq!(previous_session(SessionDate::new(NaiveDate::MIN)).date.date().year(), 1678);
    assert_eq!(next_session(SessionDate::new(NaiveDate::MAX)).date.date().year(), 2261);
    assert_eq!(previous_session(SessionDate::new(NaiveDate::MAX)).date.date().year(), 2261);
    assert_eq!(session_at(UnixNanos::new(i64::MIN)).date.date().year(), 1678);
    assert_eq!(session_at(UnixNanos::new(i64::MAX)).date.date().year(), 2261);
}

/// Needs the folder that `FIN_TEST_DATA` names.
#[test]
fn an_independent_table_of_holidays_agrees_from_1998_to_2028() {
    const EARLY_CLOSES_IT_LEAVES_OUT: [&str; 3] = ["1998-11-27", "1998-12-24", "1999-12-31"];
    let Ok(folder) = std::env::var("FIN_TEST_DATA") else {
        println!("skipped: FIN_TEST_DATA is not set");
        return;
    };
    let text = std::fs::read_to_string(format!("{folder}/rules/market-hours-equity-usa.json")).unwrap();
    let table: serde_json::Value = serde_json::from_str(&text).unwrap();
    let entry = &table["entries"]["Equity-usa-[*]"];
    let day = |text: &str| SessionDate::new(NaiveDate::parse_from_str(text, "%m/%d/%Y").unwrap());
    let holidays: Vec<_> = entry["holidays"].as_array().unwrap().iter().map(|d| day(d.as_str().unwrap())).collect();
    let early: Vec<_> = entry["earlyCloses"].as_object().unwrap().keys().map(|d| day(d)).collect();
    let left_out = EARLY_CLOSES_IT_LEAVES_OUT.map(date);
    for day in date("1998-01-01").date().iter_days().map(SessionDate::new).take_while(|d| *d <= date("2028-12-31")) {
        let weekday = day.date().weekday().num_days_from_monday() < 5;
        assert_eq!(session(day).is_some(), weekday && !holidays.contains(&day), "{day}");
        if let Some(found) = session(day) {
            assert_eq!(found.early_close, early.contains(&day) || left_out.contains(&day), "{day}");
        }
    }
}

proptest! {
    #[test]
    fn neighbours_are_neighbours(days in 0..100_000_i32) {
        let day = SessionDate::from_epoch_days(days).unwrap();
        let (before, after) = (previous_session(day), next_session(day));
        prop_assert!(before.date < day && day < after.date);
        prop_assert_eq!(next_session(before.date).date, session(day).map_or(after.date, |s| s.date));
        prop_assert_eq!(previous_session(after.date).date, session(day).map_or(before.date, |s| s.date));
    }

    #[test]
    fn an_instant_belongs_to_the_session_that_ends_next(seconds in 0..8_000_000_000_i64) {
        let instant = UnixNanos::default().plus_seconds(seconds);
        let found = session_at(instant);
        prop_assert!(instant < found.date.at_hm(20, 0));
        prop_assert!(instant >= previous_session(found.date).date.at_hm(20, 0));
    }
}
