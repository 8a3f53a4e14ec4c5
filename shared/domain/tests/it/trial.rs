//! The ledger of a strategy on trial.

use domain::UnixNanos;
use domain::event::Event;
use domain::plan::PlanProposed;
use domain::risk::{DayOpened, Decision, RiskState};

use super::ledger::{day, plan, proposed, usd};
use super::strategy;

fn opened() -> DayOpened {
    DayOpened {
        session_date: day(),
        account: "SIM1".into(),
        start_equity: usd(100_000),
        buying_power: usd(400_000),
        observe_only: Vec::new(),
        day_trade_count: None,
        pattern_day_trader: None,
        at: day().at_hm(9, 0),
    }
}

#[test]
fn days_begin_as_the_suite_opened_them_and_plans_are_sized_by_that() {
    let mut state = RiskState::on_trial(strategy());
    state.apply(&proposed("GME"));
    assert_eq!(state.decide(&[]), None, "without a day there is nothing to size by");
    state.suite_opened(&opened());
    let day = state.decide(&[]).unwrap();
    assert_eq!(day, Decision::OpenDay(opened()));
    state.apply(&day.into_event());
    let mut suite = RiskState::new(strategy());
    suite.apply(&opened().into());
    suite.apply(&proposed("GME"));
    let decision = state.decide(&[]).unwrap();
    assert!(matches!(decision, Decision::Approve(_)), "{decision:?}");
    assert_eq!(Some(decision), suite.decide(&[]));
}

#[test]
fn a_plan_that_nobody_carries_out_ties_up_its_money_until_its_end() {
    let mut state = RiskState::on_trial(strategy());
    state.suite_opened(&opened());
    state.apply(&proposed("GME"));
    while let Some(decision) = state.decide(&[]) {
        state.apply(&decision.into_event());
    }
    let end = plan("GME").exit_by;
    let open_after = |due: UnixNanos| {
        let mut later = plan("AMC");
        later.round.due = due;
        let mut state = state.clone();
        state.apply(&Event::from(PlanProposed { plan: later }));
        state.ledger().open_plans()
    };
    assert_eq!(open_after(end.plus_seconds(-1)), 1);
    assert_eq!(open_after(end), 0);
}

#[test]
fn the_suite_opens_no_day_twice_by_hearing_of_its_own() {
    let mut state = RiskState::new(strategy());
    state.suite_opened(&opened());
    assert_eq!(state.decide(&[]), None);
}
