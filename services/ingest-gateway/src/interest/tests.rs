use domain::execution::{CloseReason, PlanClosed};
use domain::plan::RoundClosed;
use domain::{Micro, Usd};
use testkit::build;

use super::*;

fn round_closed(plans: &[&str]) -> Event {
    Event::RoundClosed(RoundClosed {
        round: build::round(),
        partitions: vec![0, 1, 2, 3],
        missing: Vec::new(),
        ranking: Vec::new(),
        plans: plans.iter().map(|ticker| build::plan(ticker)).collect(),
        inputs: Vec::new(),
    })
}

fn closed(ticker: &str) -> Event {
    Event::PlanClosed(PlanClosed {
        plan_id: build::plan(ticker).plan_id,
        symbol: build::symbol(ticker),
        session_date: build::session(),
        reason: CloseReason::TakeProfit,
        quantity: 0,
        avg_entry_price: None,
        avg_exit_price: None,
        realized_pnl: Usd::ZERO,
        fees: Usd::ZERO,
        r_multiple: Micro::from_int(0),
        ts_event: build::session().at_hm(10, 0),
    })
}

fn symbols(events: &[Event]) -> Vec<(String, Interest)> {
    let mut book = Book::default();
    events.iter().for_each(|event| book.apply(event));
    book.symbols().into_iter().map(|(symbol, interest)| (symbol.to_string(), interest)).collect()
}

fn expected(symbols: &[(&str, Interest)]) -> Vec<(String, Interest)> {
    symbols.iter().map(|(ticker, interest)| ((*ticker).to_owned(), *interest)).collect()
}

#[test]
fn a_symbol_matters_from_its_signal_to_the_end_of_its_plan() {
    use Interest::{Held, InRound, Planned};
    let signal = |ticker: &str| Event::SignalGenerated(build::signal(ticker));
    let proposed = |ticker: &str| Event::PlanProposed(build::plan_proposed(ticker));
    let fill = |ticker: &str| Event::FillRecorded(build::fill(ticker));
    let mut day = vec![signal("AAA"), signal("BBB"), signal("CCC")];
    assert_eq!(symbols(&day), expected(&[("AAA", InRound), ("BBB", InRound), ("CCC", InRound)]));
    day.extend([round_closed(&["AAA", "BBB"]), proposed("AAA"), proposed("BBB")]);
    assert_eq!(symbols(&day), expected(&[("AAA", Planned), ("BBB", Planned)]));
    day.extend([fill("BBB"), closed("AAA")]);
    assert_eq!(symbols(&day), expected(&[("BBB", Held)]));
    day.push(proposed("AAA"));
    assert_eq!(symbols(&day), expected(&[("BBB", Held)]), "a plan that is over stays so");
    day.push(closed("BBB"));
    assert_eq!(symbols(&day), []);
}

#[test]
fn a_signal_that_is_told_after_its_round_was_closed_matters_no_more() {
    let signal = Event::SignalGenerated(build::signal("AAA"));
    assert_eq!(symbols(&[round_closed(&[]), signal]), []);
}

#[test]
fn a_new_session_begins_with_nothing_and_an_old_one_is_passed_over() {
    let of = |ticker: &str, day: &str| {
        let mut signal = build::signal(ticker);
        signal.round.session_date = day.parse().unwrap();
        Event::SignalGenerated(signal)
    };
    let days = [of("AAA", "2026-11-23"), of("BBB", "2026-11-24"), of("CCC", "2026-11-20")];
    assert_eq!(symbols(&days), expected(&[("BBB", Interest::InRound)]));
}
