use domain::event::Event;
use domain::execution::{AccountObserved, CloseReason, PlanClosed};
use domain::plan::{PlanProposed, TradePlan};
use domain::risk::{Cap, DenialReason, Means, RiskLimit, RiskState, TradingState, size};
use domain::{Micro, Price, SessionDate, Usd};
use proptest::prelude::*;

use super::planning::{close, signal};
use super::{shipped_strategy, strategy};

fn plan(symbol: &str) -> TradePlan {
    close(&[signal(symbol, 1, true)]).plans.remove(0)
}

fn usd(dollars: i64) -> Usd {
    Usd::from_cents(dollars * 100)
}

fn means(equity: i64) -> Means {
    Means { equity: usd(equity), buying_power: usd(equity * 4), reserved: Usd::ZERO, reserved_in_sector: Usd::ZERO }
}

fn account(equity: i64, minute: u32) -> AccountObserved {
    let session_date: SessionDate = "2026-11-24".parse().unwrap();
    AccountObserved {
        account: "SIM1".into(),
        session_date,
        equity: usd(equity),
        last_equity: usd(100_000),
        cash: usd(equity),
        buying_power: usd(equity * 4),
        long_market_value: Usd::ZERO,
        tradable: true,
        client_order_ids: Vec::new(),
        ts_event: session_date.at_hm(9, minute),
    }
}

/// Decides everything there is to decide, as the service does.
fn settle(state: &mut RiskState) -> Vec<Event> {
    std::iter::from_fn(|| {
        let event = state.decide(&[])?.into_event();
        state.apply(&event);
        Some(event)
    })
    .collect()
}

fn proposed(symbol: &str) -> Event {
    PlanProposed { plan: plan(symbol) }.into()
}

#[test]
fn worked_example_of_the_sizing_formula() {
    // 1 % of 100,000 over 5 slots = 200 USD at risk, 0.40 a share -> 500; 25 % of equity at 102.16 -> 244
    let sized = size(&plan("GME"), &shipped_strategy().risk, &means(100_000)).unwrap();
    let by_cap = |cap| sized.terms.iter().find(|t| t.cap == cap).and_then(|t| t.quantity);
    assert_eq!(by_cap(Cap::Risk), Some(500));
    assert_eq!(by_cap(Cap::Notional), Some(244));
    assert_eq!(by_cap(Cap::Liquidity), Some(5_000));
    assert_eq!((sized.quantity, sized.binding_cap), (244, Cap::Notional));
}

#[test]
fn plans_wait_for_the_day_and_the_slots_are_limited() {
    let mut state = RiskState::new(strategy());
    ["AAA", "BBB", "CCC", "DDD", "EEE", "FFF"].iter().for_each(|s| state.apply(&proposed(s)));
    assert_eq!(settle(&mut state), [], "no account has been observed");
    state.apply(&account(100_000, 30).into());
    let names: Vec<_> = settle(&mut state).iter().map(Event::name).collect();
    assert_eq!(
        names,
        ["DayOpened", "PlanApproved", "PlanApproved", "PlanApproved", "PlanApproved", "PlanApproved", "PlanDenied"]
    );
}

#[test]
fn a_closed_plan_frees_its_slot_but_its_symbol_is_not_traded_again() {
    let mut state = RiskState::new(strategy());
    state.apply(&account(100_000, 30).into());
    state.apply(&proposed("AAA"));
    settle(&mut state);
    let closed = PlanClosed {
        plan_id: plan("AAA").plan_id,
        symbol: "AAA".parse().unwrap(),
        session_date: "2026-11-24".parse().unwrap(),
        reason: CloseReason::StopLoss,
        quantity: 244,
        avg_entry_price: None,
        avg_exit_price: None,
        realized_pnl: usd(-98),
        fees: Usd::ZERO,
        r_multiple: Micro::from_int(-1),
        ts_event: account(0, 40).ts_event,
    };
    state.apply(&closed.into());
    assert_eq!(state.open_symbols().count(), 0);
}

#[test]
fn losses_of_the_day_lower_the_trading_state_once_per_limit() {
    let mut state = RiskState::new(strategy());
    state.apply(&account(100_000, 30).into());
    settle(&mut state);
    state.apply(&account(98_900, 40).into());
    let soft = settle(&mut state);
    assert!(
        matches!(&soft[..], [Event::TradingStateLowered(l)] if l.limit == RiskLimit::DailyLossSoft && l.state == TradingState::NoEntry)
    );
    state.apply(&account(97_900, 41).into());
    let hard = settle(&mut state);
    assert!(matches!(&hard[..], [Event::TradingStateLowered(l)] if l.state == TradingState::Flatten));
    state.apply(&proposed("AAA"));
    let denied = settle(&mut state);
    assert!(
        matches!(&denied[..], [Event::PlanDenied(d)] if d.reason == DenialReason::TradingState { state: TradingState::Flatten })
    );
}

#[test]
fn repeated_events_decide_nothing_twice() {
    let mut state = RiskState::new(strategy());
    state.apply(&account(100_000, 30).into());
    state.apply(&proposed("AAA"));
    let decided = settle(&mut state);
    decided.iter().for_each(|e| state.apply(e));
    state.apply(&proposed("AAA"));
    assert_eq!(settle(&mut state), []);
    assert_eq!(state.open_symbols().count(), 1);
}

proptest! {
    #[test]
    fn risk_never_exceeds_the_slots_budget(equity in 1_000_i64..50_000_000, stop_cents in 1_i64..5_000) {
        let (mut plan, profile) = (plan("GME"), shipped_strategy().risk);
        plan.stop_distance = Price::from_cents(stop_cents);
        let quantity = size(&plan, &profile, &means(equity)).unwrap().quantity;
        let at_risk = plan.stop_distance.notional(quantity).unwrap();
        let budget = equity as f64 * profile.risk_pct_total.to_f64() / 100.0 / f64::from(profile.max_positions);
        prop_assert!(at_risk.to_f64() <= budget + 1e-6, "{at_risk} of {budget}");
    }

    #[test]
    fn quantity_grows_with_equity_and_falls_with_the_stop(equity in 1_000_i64..5_000_000, more in 0_i64..5_000_000, stop in 1_i64..500, wider in 0_i64..500) {
        let (mut plan, profile) = (plan("GME"), shipped_strategy().risk);
        plan.stop_distance = Price::from_cents(stop);
        let base = size(&plan, &profile, &means(equity)).unwrap().quantity;
        prop_assert!(size(&plan, &profile, &means(equity + more)).unwrap().quantity >= base);
        plan.stop_distance = Price::from_cents(stop + wider);
        prop_assert!(size(&plan, &profile, &means(equity)).unwrap().quantity <= base);
    }
}
