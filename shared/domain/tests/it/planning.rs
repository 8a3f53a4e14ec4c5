use domain::event::Event;
use domain::id::SignalId;
use domain::plan::{Effect, NotSelected, PlannerState, RoundClosed, rank};
use domain::scan::{Features, Round, ScanRoundCompleted, SignalGenerated, TradeCandidate};
use domain::{Micro, Price, RoundId, SessionDate, Symbol};
use proptest::prelude::*;

use super::strategy;

fn round() -> Round {
    let date: SessionDate = "2026-11-24".parse().unwrap();
    Round {
        round_id: RoundId::new(date, "trade", 9, 35),
        session_date: date,
        schedule: "trade".into(),
        due: date.at_hm(9, 35),
        config_version: "v1".into(),
        strategy: "orb_stocks_in_play".into(),
    }
}

/// A range from 100.00 to 102.00 with an ATR of 4.00.
pub(crate) fn signal(symbol: &str, score: i64, closed_up: bool) -> SignalGenerated {
    let symbol: Symbol = symbol.parse().unwrap();
    let price = Price::from_cents;
    let features = Features {
        or_open: Some(price(10_100)),
        or_high: Some(price(10_200)),
        or_low: Some(price(10_000)),
        or_close: Some(price(if closed_up { 10_150 } else { 10_050 })),
        or_volume: 500_000,
        atr_14: Some(price(400)),
        adv_14: Some(5_000_000),
        ..Features::default()
    };
    let candidate = TradeCandidate {
        symbol: symbol.clone(),
        features,
        criteria: Vec::new(),
        refused_by: None,
        score: Some(Micro::from_int(score)),
        score_parts: Vec::new(),
        news_ids: Vec::new(),
    };
    SignalGenerated {
        signal_id: SignalId::new(&round().round_id, "orb", &symbol),
        round: round(),
        partition: 0,
        candidate,
        model: None,
    }
}

fn completed(partition: u32, signals: &[SignalGenerated]) -> Event {
    let signal_ids = signals.iter().map(|s| s.signal_id.clone()).collect();
    ScanRoundCompleted { round: round(), partition, partitions: 2, evaluated: 9, signal_ids }.into()
}

pub(crate) fn close(signals: &[SignalGenerated]) -> RoundClosed {
    let mut state = PlannerState::new(strategy());
    state.apply(&completed(1, &[]));
    signals.iter().for_each(|s| state.apply(&s.clone().into()));
    assert_eq!(state.decide(&[]), [], "a partition is missing");
    state.apply(&completed(0, signals));
    match state.decide(&[]).remove(0) {
        Effect::Close(closed) => closed,
        Effect::Propose(plan) => panic!("proposed before the round was closed: {plan:?}"),
    }
}

#[test]
fn rounds_that_are_complete_at_once_do_not_plan_a_symbol_twice() {
    let first = signal("AAA", 2, true);
    let later = Round { round_id: RoundId::new(round().session_date, "trade", 9, 50), ..round() };
    let signal_id = SignalId::new(&later.round_id, "orb", &first.candidate.symbol);
    let second = SignalGenerated { round: later, signal_id, ..first.clone() };
    let mut state = PlannerState::new(strategy());
    for signal in [first, second] {
        let signal_ids = vec![signal.signal_id.clone()];
        let round = signal.round.clone();
        state.apply(&signal.into());
        state.apply(&ScanRoundCompleted { round, partition: 0, partitions: 1, evaluated: 1, signal_ids }.into());
    }
    let mut closed = Vec::new();
    while let Some(Effect::Close(round)) = state.decide(&[]).into_iter().find(|e| matches!(e, Effect::Close(_))) {
        state.apply(&round.clone().into());
        closed.push((round.plans.len(), round.ranking[0].not_selected));
    }
    assert_eq!(closed, [(1, None), (0, Some(NotSelected::AlreadyPlanned))]);
}

#[test]
fn a_round_ranks_by_score_then_symbol_whatever_the_order_of_arrival() {
    let mut signals = vec![signal("AAA", 2, true), signal("CCC", 5, true), signal("BBB", 5, true)];
    let expected = close(&signals);
    let ranked: Vec<_> = expected.ranking.iter().map(|r| r.symbol.as_str()).collect();
    assert_eq!(ranked, ["BBB", "CCC", "AAA"]);
    signals.reverse();
    assert_eq!(close(&signals), expected);
}

proptest! {
    #[test]
    fn the_ranking_does_not_depend_on_the_order_of_the_signals(
        scores in prop::collection::vec(0_i64..4, 1..8),
        seed in any::<prop::sample::Index>(),
    ) {
        let ordered: Vec<_> = (b'A'..).zip(&scores).map(|(c, s)| signal(&char::from(c).to_string(), *s, true)).collect();
        let mut turned = ordered.clone();
        turned.rotate_left(seed.index(ordered.len()));
        turned.reverse();
        let (mut one, mut other) = (ordered, turned);
        rank(&mut one);
        rank(&mut other);
        prop_assert_eq!(&one, &other);
        let key = |s: &SignalGenerated| (std::cmp::Reverse(s.candidate.score), s.candidate.symbol.clone());
        prop_assert!(one.is_sorted_by_key(key));
    }
}

#[test]
fn a_round_after_the_time_for_entries_plans_nothing() {
    let late = |hour, minute| {
        let mut signal = signal("GME", 1, true);
        signal.round.due = signal.round.session_date.at_hm(hour, minute);
        let mut state = PlannerState::new(strategy());
        state.apply(&signal.clone().into());
        let signal_ids = vec![signal.signal_id.clone()];
        let round = signal.round.clone();
        state.apply(&ScanRoundCompleted { round, partition: 0, partitions: 1, evaluated: 1, signal_ids }.into());
        match state.decide(&[]).remove(0) {
            Effect::Close(closed) => closed.ranking[0].not_selected,
            Effect::Propose(plan) => panic!("proposed before the round was closed: {plan:?}"),
        }
    };
    assert_eq!(late(11, 29), None);
    assert_eq!(late(11, 30), Some(NotSelected::TooLate));
}

#[test]
fn an_opening_range_break_is_priced_by_the_rules() {
    let plan = close(&[signal("GME", 1, true)]).plans.remove(0);
    // buffer: min(2 % of 4.00, 0.05 % of 102.00) = 0.051; stop: 10 % of 4.00; cap: min(25 % of 0.40, 0.15 % of 102.06)
    assert_eq!(plan.entry.trigger.to_string(), "102.06");
    assert_eq!(plan.stop_distance.to_string(), "0.40");
    assert_eq!(plan.entry.limit.to_string(), "102.16");
    assert_eq!(plan.planned_stop().to_string(), "101.66");
    assert_eq!(plan.exit_by, round().session_date.at_hm(16, 0));
}

#[test]
fn stop_after_a_fill_is_never_farther_than_planned() {
    let plan = close(&[signal("GME", 1, true)]).plans.remove(0);
    let executed: Price = "102.0833".parse().unwrap();
    assert_eq!(plan.stop_for(executed).to_string(), "101.69");
}

#[test]
fn a_range_that_closed_down_is_not_traded_short_by_default() {
    let closed = close(&[signal("GME", 1, false)]);
    assert_eq!(closed.ranking[0].not_selected, Some(NotSelected::ShortsDisabled));
    assert_eq!(closed.plans, []);
}

#[test]
fn proposals_repeat_the_closed_round_and_nothing_is_proposed_twice() {
    let mut state = PlannerState::new(strategy());
    let closed = close(&[signal("AAA", 2, true), signal("BBB", 1, true)]);
    state.apply(&closed.clone().into());
    let effects = state.decide(&[]);
    assert_eq!(effects.len(), 2);
    let Effect::Propose(first) = &effects[0] else { panic!("{effects:?}") };
    assert_eq!(first.plan, closed.plans[0]);
    state.apply(&first.clone().into());
    assert_eq!(state.decide(&[]), effects[1..]);
    state.apply(&completed(0, &[]));
    assert_eq!(state.decide(&[]), effects[1..], "a late partition does not reopen the round");
}
