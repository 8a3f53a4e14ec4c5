//! Time stops, and what waits after a halt.

use super::desk::{Desk, approval, day, price};
use crate::execution::CloseReason;
use crate::plan::{ExitRules, TimeStop};
use crate::{Event, UnixNanos};

/// Half an hour to gain 0.10; a minute of silence is a halt, after which half a minute has to pass.
fn rules() -> ExitRules {
    let time_stop = Some(TimeStop { after_seconds: 1_800, gain: price("0.10") });
    ExitRules { time_stop, halt_resume_seconds: 30, halt_silence_seconds: 60, ..ExitRules::default() }
}

fn approved() -> Desk {
    let mut approval = approval(Vec::new());
    approval.plan.exits = rules();
    Desk::new(vec![approval.into()])
}

/// 100 shares held at 50.00 since 09:36.
fn opened() -> Desk {
    let mut desk = approved();
    desk.run();
    let (entry, now) = (desk.entry_id(), desk.now);
    desk.broker.fill(&entry, 100, "50.00", now);
    desk.run();
    desk
}

fn at(minute: u32, second: i64) -> UnixNanos {
    day().at_hm(9 + minute / 60, minute % 60).plus_seconds(second)
}

fn mark(desk: &mut Desk, minute: u32, second: i64, last: &str) {
    desk.now = at(minute, second);
    desk.state.observe_mark(&"GME".parse().unwrap(), price(last), desk.now);
    desk.run();
}

/// Prints every half minute from 09:36 on until `minute`, as far from a halt as can be.
fn trade_until(desk: &mut Desk, minute: u32, last: &str) {
    for half in 72..minute * 2 {
        desk.now = at(half / 2, i64::from(half % 2) * 30);
        desk.state.observe_mark(&"GME".parse().unwrap(), price(last), desk.now);
    }
    desk.run();
}

#[test]
fn what_has_gained_too_little_by_its_time_is_closed() {
    let check = |last: &str, minute: u32, closes: bool| {
        let mut desk = opened();
        trade_until(&mut desk, minute, last);
        mark(&mut desk, minute, 0, last);
        assert_eq!(desk.requests("POST", "-X1"), usize::from(closes), "{last} at {minute}");
        if !closes {
            return;
        }
        // The price comes back while the exit is on its way: it stays decided.
        mark(&mut desk, minute, 5, "50.30");
        let exit = desk.broker.orders.keys().find(|id| id.contains("-X1")).cloned().unwrap();
        let now = desk.now;
        desk.broker.fill(&exit, 100, "50.09", now);
        desk.run();
        assert_eq!(desk.closed().unwrap().reason, CloseReason::TimeStop);
        let why = desk.log.iter().find_map(|e| if let Event::OrderIntended(i) = e { i.reason } else { None });
        assert_eq!(why, Some(CloseReason::TimeStop));
    };
    check("50.09", 65, false);
    check("50.09", 66, true);
    check("50.10", 66, false);
    check("49.90", 66, true);
}

#[test]
fn a_time_stop_that_is_killed_at_any_step_closes_once() {
    let mut steps = 0;
    loop {
        let mut desk = opened();
        trade_until(&mut desk, 66, "50.05");
        desk.now = at(66, 0);
        desk.state.observe_mark(&"GME".parse().unwrap(), price("50.05"), desk.now);
        desk.fuel = steps;
        let killed = desk.settle().is_err();
        desk.restart();
        mark(&mut desk, 66, 10, "50.05");
        let exits: Vec<_> = desk.broker.orders.keys().filter(|id| id.contains("-X")).cloned().collect();
        assert_eq!(exits.len(), 1, "killed after {steps}");
        let now = desk.now;
        desk.broker.fill(&exits[0], 100, "50.05", now);
        desk.run();
        assert_eq!((desk.closed().unwrap().reason, desk.broker.position), (CloseReason::TimeStop, 0));
        if !killed {
            break;
        }
        steps += 1;
    }
    assert!(steps > 5, "{steps} steps");
}

#[test]
fn a_halt_stops_the_clock_and_the_time_stop_waits_after_it() {
    let mut desk = opened();
    trade_until(&mut desk, 60, "50.05");
    // Nothing from 09:59:30 to 10:04:30: 300 s more, and half a minute of rest.
    mark(&mut desk, 64, 30, "50.05");
    for half in 130..142 {
        mark(&mut desk, half / 2, i64::from(half % 2) * 30, "50.05");
    }
    assert_eq!(desk.requests("POST", "-X1"), 0, "10:10:30 is five minutes too early");
    mark(&mut desk, 71, 0, "50.05");
    assert_eq!(desk.requests("POST", "-X1"), 1);

    let mut late = opened();
    trade_until(&mut late, 66, "50.20");
    mark(&mut late, 75, 0, "50.05");
    assert_eq!(late.requests("POST", "-X1"), 0, "the reopening print alone closes nothing");
    mark(&mut late, 75, 30, "50.05");
    assert_eq!(late.requests("POST", "-X1"), 1);
}

#[test]
fn an_entry_is_not_sent_during_a_halt_nor_shortly_after_it() {
    let mut desk = approved();
    desk.state.observe_stream(false);
    mark(&mut desk, 36, 0, "49.90");
    desk.state.observe_stream(true);
    desk.now = at(37, 1);
    desk.run();
    assert_eq!(desk.broker.requests.len(), 0, "61 s of silence");
    mark(&mut desk, 41, 0, "49.90");
    assert_eq!(desk.broker.requests.len(), 0, "just reopened");
    mark(&mut desk, 41, 29, "49.90");
    assert_eq!(desk.broker.requests.len(), 0);
    mark(&mut desk, 41, 30, "49.90");
    assert_eq!(desk.requests("POST", "-E1"), 1);
}
