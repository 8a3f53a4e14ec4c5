use domain::event::Event;
use domain::execution::{AccountObserved, CloseReason, FillRecorded, Leg, OrderIntended, OrderType, PlanClosed};
use domain::plan::{PlanProposed, Side, TradePlan};
use domain::risk::{DenialReason, RiskLimit, RiskState};
use domain::strategy::Strategy;
use domain::{ClientOrderId, Micro, Price, SessionDate, UnixNanos, Usd, VenueOrderId};
use proptest::prelude::*;
use std::sync::Arc;

use super::planning::{close, signal};
use super::strategy;

pub(crate) fn day() -> SessionDate {
    "2026-11-24".parse().unwrap()
}

pub(crate) fn plan(symbol: &str) -> TradePlan {
    close(&[signal(symbol, 1, true)]).plans.remove(0)
}

pub(crate) fn proposed(symbol: &str) -> Event {
    PlanProposed { plan: plan(symbol) }.into()
}

pub(crate) fn usd(dollars: i64) -> Usd {
    Usd::from_cents(dollars * 100)
}

pub(crate) fn account(equity: i64, minute: u32) -> AccountObserved {
    AccountObserved {
        account: "SIM1".into(),
        session_date: day(),
        equity: usd(equity),
        last_equity: usd(100_000),
        cash: usd(equity),
        buying_power: usd(equity * 4),
        long_market_value: Usd::ZERO,
        tradable: true,
        day_trade_count: None,
        pattern_day_trader: None,
        client_order_ids: Vec::new(),
        ts_event: day().at_hm(9, minute),
    }
}

pub(crate) fn closed(plan: &TradePlan, reason: CloseReason, r_multiple: Micro, fees: Usd) -> PlanClosed {
    PlanClosed {
        plan_id: plan.plan_id.clone(),
        symbol: plan.symbol.clone(),
        session_date: day(),
        reason,
        quantity: 244,
        avg_entry_price: None,
        avg_exit_price: None,
        realized_pnl: Usd::ZERO,
        fees,
        r_multiple,
        ts_event: day().at_hm(9, 50),
    }
}

pub(crate) fn entry_fill(plan: &TradePlan, at: UnixNanos, slippage_r: Micro, fees: Usd) -> FillRecorded {
    let client_order_id = ClientOrderId::new(&plan.plan_id, Leg::Entry, 1);
    FillRecorded {
        venue_order_id: VenueOrderId::from_wire(format!("v-{client_order_id}")),
        client_order_id,
        plan_id: plan.plan_id.clone(),
        symbol: plan.symbol.clone(),
        leg: Leg::Entry,
        side: Side::Buy,
        quantity: 244,
        price: Price::from_cents(10_210),
        cumulative_qty: 244,
        fees,
        slippage_r: Some(slippage_r),
        ts_event: at,
    }
}

pub(crate) fn intended(plan: &TradePlan, attempt: u32, at: UnixNanos) -> OrderIntended {
    OrderIntended {
        client_order_id: ClientOrderId::new(&plan.plan_id, Leg::Exit, attempt),
        plan_id: plan.plan_id.clone(),
        account: "SIM1".to_owned(),
        session_date: day(),
        symbol: plan.symbol.clone(),
        leg: Leg::Exit,
        attempt,
        side: Side::Sell,
        order_type: OrderType::Market,
        quantity: 1,
        limit_price: None,
        stop_price: None,
        stop_loss: None,
        take_profit: None,
        reason: None,
        ts_event: at,
    }
}

/// Decides everything there is to decide, as the service does.
pub(crate) fn settle(state: &mut RiskState) -> Vec<Event> {
    std::iter::from_fn(|| {
        let event = state.decide(&[])?.into_event();
        state.apply(&event);
        Some(event)
    })
    .collect()
}

/// A state whose day is open with 100,000 USD.
pub(crate) fn open_day(strategy: Arc<Strategy>) -> RiskState {
    let mut state = RiskState::new(strategy);
    state.apply(&account(100_000, 30).into());
    settle(&mut state);
    state
}

pub(crate) fn denial(events: &[Event]) -> &DenialReason {
    match events {
        [Event::PlanDenied(denied)] => &denied.reason,
        other => panic!("not one denial: {other:?}"),
    }
}

#[test]
fn plans_wait_for_the_day_and_the_slots_are_limited() {
    let mut state = RiskState::new(strategy());
    ["AAA", "BBB", "CCC", "DDD", "EEE", "FFF"].iter().for_each(|s| state.apply(&proposed(s)));
    assert_eq!(settle(&mut state), [], "no account has been observed");
    state.apply(&account(100_000, 30).into());
    let decided = settle(&mut state);
    let names: Vec<_> = decided.iter().map(Event::name).collect();
    assert_eq!(
        names,
        ["DayOpened", "PlanApproved", "PlanApproved", "PlanApproved", "PlanApproved", "PlanApproved", "PlanDenied"]
    );
    let reason = denial(&decided[6..]);
    assert_eq!(reason.to_string(), "5 open plans, the limit is 5");
    assert!(matches!(reason, DenialReason::LimitReached { limit: RiskLimit::OpenPlans, .. }));
}

#[test]
fn a_closed_plan_frees_its_slot_but_its_symbol_is_not_traded_again() {
    let mut state = open_day(strategy());
    state.apply(&proposed("AAA"));
    settle(&mut state);
    state.apply(&closed(&plan("AAA"), CloseReason::StopLoss, Micro::from_int(-1), Usd::ZERO).into());
    assert_eq!(state.open_symbols().count(), 0);
    let mut again = plan("AAA");
    again.plan_id = plan("BBB").plan_id;
    state.apply(&PlanProposed { plan: again }.into());
    assert_eq!(denial(&settle(&mut state)), &DenialReason::AlreadyTraded);
}

#[test]
fn repeated_events_decide_nothing_twice() {
    let mut state = open_day(strategy());
    state.apply(&proposed("AAA"));
    let decided = settle(&mut state);
    let before = state.ledger().clone();
    decided.iter().for_each(|e| state.apply(e));
    state.apply(&proposed("AAA"));
    assert_eq!(settle(&mut state), []);
    assert_eq!(state.ledger(), &before);
}

#[test]
fn a_denial_that_leaves_no_share_names_the_cap_and_its_numbers() {
    let mut state = RiskState::new(strategy());
    state.apply(&AccountObserved { buying_power: usd(50), ..account(100_000, 30) }.into());
    state.apply(&proposed("AAA"));
    let decided = settle(&mut state);
    let text = denial(&decided[1..]).to_string();
    assert_eq!(text, "the buying_power cap leaves no share: 47.50 USD left ÷ 102.16 reserved");
}

/// A day with every kind of event that the ledger folds, in an order that a day could have.
fn session(choices: &[u8]) -> Vec<Event> {
    let symbols = ["AAA", "BBB", "CCC", "DDD", "EEE", "FFF", "GGG"];
    let mut events: Vec<Event> = vec![account(100_000, 30).into()];
    for (i, choice) in choices.iter().enumerate() {
        let plan = plan(symbols[usize::from(*choice) % symbols.len()]);
        let at = day().at_hm(9, 36).plus_seconds(i as i64);
        let micro = Micro::from_micros(i64::from(*choice) * 4_000 - 300_000);
        let cents = Usd::from_cents(i64::from(*choice));
        events.push(match choice % 5 {
            0 => PlanProposed { plan }.into(),
            1 => entry_fill(&plan, at, micro, cents).into(),
            2 => closed(&plan, CloseReason::StopLoss, micro, cents).into(),
            3 => intended(&plan, u32::from(*choice), at).into(),
            _ => account(100_000 - i64::from(*choice) * 10, 37).into(),
        });
    }
    events
}

/// Folds and decides as the service does; the log is all that was folded.
fn run(state: &mut RiskState, events: &[Event]) -> Vec<Event> {
    let mut log = Vec::new();
    for event in events {
        state.apply(event);
        log.push(event.clone());
        log.extend(settle(state));
    }
    log
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_saved_ledger_folds_on_like_one_that_was_never_saved(
        choices in proptest::collection::vec(any::<u8>(), 1..40),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut state = RiskState::new(strategy());
        let log = run(&mut state, &session(&choices));
        let (first, rest) = log.split_at(cut.index(log.len()));
        let mut saved = RiskState::new(strategy());
        first.iter().for_each(|e| saved.apply(e));
        let text = serde_json::to_string(saved.ledger()).unwrap();
        let mut resumed = RiskState::with_ledger(strategy(), serde_json::from_str(&text).unwrap());
        rest.iter().for_each(|e| resumed.apply(e));
        prop_assert_eq!(resumed.ledger(), state.ledger());
        prop_assert_eq!(resumed.decide(&[]), None);
    }

    #[test]
    fn the_day_never_risks_more_than_its_slots(choices in proptest::collection::vec(any::<u8>(), 1..60)) {
        let mut state = RiskState::new(strategy());
        let mut open = std::collections::BTreeMap::new();
        for event in run(&mut state, &session(&choices)) {
            match event {
                Event::PlanApproved(a) => { open.insert(a.plan.plan_id, a.risk); }
                Event::PlanClosed(c) => { open.remove(&c.plan_id); }
                _ => {}
            }
            let at_risk: i64 = open.values().map(|risk| risk.nanos()).sum();
            prop_assert!(at_risk <= usd(1_000).nanos() && open.len() <= 5, "{at_risk} in {} plans", open.len());
        }
    }
}
