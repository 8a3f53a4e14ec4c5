use std::sync::Arc;

use domain::event::Event;
use domain::execution::{AccountObserved, CloseReason, OrderState, OrderType, OrderUpdated};
use domain::plan::{Entry, PlanProposed, Side, TradePlan};
use domain::risk::{DayTradeRule, DenialReason, RiskLimit, RiskProfile, RiskState, TradingState};
use domain::strategy::Strategy;
use domain::{Micro, PlanId, Price, SignalId, Symbol, Usd};

use super::ledger::{account, closed, day, denial, entry_fill, intended, open_day, plan, proposed, settle, usd};
use super::{shipped_strategy, strategy};

fn with(change: impl FnOnce(&mut RiskProfile)) -> Arc<Strategy> {
    let mut strategy = shipped_strategy();
    change(&mut strategy.risk);
    Arc::new(strategy)
}

/// The limits that lower the state now, with their states.
fn lowered(state: &mut RiskState) -> Vec<(RiskLimit, TradingState)> {
    let lowered = |event| match event {
        Event::TradingStateLowered(l) => (l.limit, l.state),
        other => panic!("{other:?}"),
    };
    settle(state).into_iter().map(lowered).collect()
}

#[test]
fn losses_of_the_day_lower_the_state_once_per_limit_and_deny_with_it() {
    let mut state = open_day(strategy());
    state.apply(&account(99_001, 39).into());
    assert_eq!(lowered(&mut state), []);
    state.apply(&account(99_000, 40).into());
    assert_eq!(lowered(&mut state), [(RiskLimit::DailyLossSoft, TradingState::NoEntry)]);
    state.apply(&account(97_900, 41).into());
    assert_eq!(lowered(&mut state), [(RiskLimit::DailyLossHard, TradingState::Flatten)]);
    state.apply(&account(101_000, 42).into());
    assert_eq!(lowered(&mut state), [], "only a person or the next day raises the state");
    state.apply(&proposed("AAA"));
    let decided = settle(&mut state);
    assert_eq!(denial(&decided), &DenialReason::TradingState { state: TradingState::Flatten });
    assert_eq!(state.trading_state(day().next_day()), TradingState::Normal);
}

#[test]
fn fees_that_the_broker_has_not_booked_yet_count_as_losses() {
    let mut state = open_day(strategy());
    state.apply(&proposed("AAA"));
    state.apply(&proposed("BBB"));
    settle(&mut state);
    let fill = entry_fill(&plan("AAA"), day().at_hm(9, 36), Micro::default(), usd(60));
    state.apply(&fill.clone().into());
    state.apply(&fill.into());
    state.apply(&closed(&plan("BBB"), CloseReason::FlatByClose, Micro::default(), usd(39)).into());
    state.apply(&account(99_100, 40).into());
    assert_eq!(lowered(&mut state), [], "900 lost and 99 of fees");
    state.apply(&account(99_099, 41).into());
    assert_eq!(lowered(&mut state), [(RiskLimit::DailyLossSoft, TradingState::NoEntry)]);
}

#[test]
fn stop_outs_in_a_row_end_the_days_entries_and_any_other_close_ends_the_row() {
    let mut state = open_day(with(|risk| risk.max_consecutive_stop_outs = 2));
    let end = |state: &mut RiskState, symbol: &str, reason, r| {
        state.apply(&proposed(symbol));
        settle(state);
        state.apply(&closed(&plan(symbol), reason, Micro::from_int(r), Usd::ZERO).into());
    };
    end(&mut state, "AAA", CloseReason::StopLoss, -1);
    end(&mut state, "BBB", CloseReason::TakeProfit, 2);
    end(&mut state, "CCC", CloseReason::StopLoss, -1);
    end(&mut state, "EEE", CloseReason::StopLoss, 1);
    end(&mut state, "FFF", CloseReason::StopLoss, -1);
    assert_eq!(lowered(&mut state), []);
    end(&mut state, "DDD", CloseReason::StopLoss, -1);
    assert_eq!(lowered(&mut state), [(RiskLimit::ConsecutiveStopOuts, TradingState::NoEntry)]);
}

#[test]
fn too_many_orders_or_cancels_within_a_minute_end_the_days_entries() {
    let mut state = open_day(with(|risk| (risk.max_orders_per_minute, risk.max_cancels_per_minute) = (3, 2)));
    let at = |second| day().at_hm(9, 40).plus_seconds(second);
    for (attempt, second) in [(1, 0), (2, 20), (3, 40), (3, 40), (4, 60)] {
        state.apply(&intended(&plan("AAA"), attempt, at(second)).into());
    }
    assert_eq!(lowered(&mut state), [], "the first is a minute old when the fourth comes, a repeat counts once");
    state.apply(&intended(&plan("AAA"), 5, at(61)).into());
    assert_eq!(lowered(&mut state), [(RiskLimit::OrderRate, TradingState::NoEntry)]);
    for attempt in 1..=3 {
        let order = intended(&plan("BBB"), attempt, at(70));
        let cancelled = OrderUpdated {
            client_order_id: order.client_order_id,
            venue_order_id: None,
            plan_id: order.plan_id,
            symbol: order.symbol,
            leg: order.leg,
            side: order.side,
            order_type: OrderType::Market,
            state: OrderState::Canceled,
            quantity: 1,
            filled_qty: 0,
            avg_fill_price: None,
            limit_price: None,
            stop_price: None,
            reason: None,
            ts_event: order.ts_event,
        };
        state.apply(&cancelled.into());
    }
    assert_eq!(lowered(&mut state), [(RiskLimit::CancelRate, TradingState::NoEntry)]);
}

#[test]
fn a_fourth_entry_within_a_minute_ends_the_days_entries() {
    let mut state = open_day(strategy());
    let symbols = ["AAA", "BBB", "CCC", "DDD"];
    symbols.iter().for_each(|s| state.apply(&proposed(s)));
    settle(&mut state);
    let fill = |symbol, second: i64| {
        Event::from(entry_fill(&plan(symbol), day().at_hm(9, 40).plus_seconds(second), Micro::default(), Usd::ZERO))
    };
    symbols[..3].iter().zip([0, 5, 5]).for_each(|(s, second)| state.apply(&fill(s, second)));
    state.apply(&fill("CCC", 30));
    assert_eq!(lowered(&mut state), []);
    state.apply(&fill("DDD", 59));
    assert_eq!(lowered(&mut state), [(RiskLimit::EntryRate, TradingState::NoEntry)]);
}

#[test]
fn an_entry_that_slipped_locks_its_symbol_for_the_day() {
    let mut state = open_day(strategy());
    state.apply(&proposed("AAA"));
    settle(&mut state);
    let slippage = Micro::from_micros(310_000);
    state.apply(&entry_fill(&plan("AAA"), day().at_hm(9, 36), slippage, Usd::ZERO).into());
    let mut again = plan("AAA");
    again.plan_id = plan("BBB").plan_id;
    state.apply(&PlanProposed { plan: again }.into());
    let decided = settle(&mut state);
    assert_eq!(
        denial(&decided).to_string(),
        "an entry of the symbol filled 0.31 R worse than planned, at most 0.3 R are borne"
    );
}

#[test]
fn a_limit_outside_the_collar_and_a_stop_below_zero_are_denied() {
    let check = |change: &dyn Fn(&mut TradePlan), expected: &str| {
        let mut state = open_day(strategy());
        let mut plan = plan("AAA");
        change(&mut plan);
        state.apply(&PlanProposed { plan }.into());
        assert_eq!(denial(&settle(&mut state)).to_string(), expected);
    };
    let entry = |limit| Entry { trigger: Price::from_cents(10_000), limit: Price::from_cents(limit) };
    check(&|p| p.entry = entry(11_001), "110.01 USD is more than 10 per cent away from 100.00 USD");
    check(&|p| p.entry = entry(8_999), "89.99 USD is more than 10 per cent away from 100.00 USD");
    check(&|p| p.stop_distance = Price::from_cents(10_300), "the stop is not a positive price");
    check(&|p| p.entry = entry(0), "entry and stop distance must be positive");
}

/// Trades one after the other with these results, numbered from `first`, under a strategy's version.
fn trade(state: &mut RiskState, version: &str, first: usize, results: &[Micro]) {
    for (i, r) in (first..).zip(results) {
        let mut plan = plan("AAA");
        plan.symbol = format!("T{i}").parse::<Symbol>().unwrap();
        plan.plan_id = PlanId::new(&SignalId::from_wire(format!("{version}-{i}")));
        version.clone_into(&mut plan.round.config_version);
        state.apply(&PlanProposed { plan: plan.clone() }.into());
        settle(state);
        state.apply(&closed(&plan, CloseReason::FlatByClose, *r, Usd::ZERO).into());
    }
}

#[test]
fn a_strategy_whose_results_refute_it_gets_no_entry_until_it_is_changed() {
    let strategy = with(|risk| (risk.kill_trades, risk.max_plans_per_session) = (Some(10), 1_000));
    let version = strategy.version();
    let loss = [-0.5, -1.0, 0.2, -1.0, -1.0, 0.4, -1.0, -1.0, -0.3, -1.0].map(|r| Micro::from_f64(r).unwrap());
    let mut state = open_day(strategy.clone());
    trade(&mut state, "another version", 100, &loss);
    trade(&mut state, &version, 0, &loss[..9]);
    assert_eq!(lowered(&mut state), [], "nine trades of this version");
    trade(&mut state, &version, 9, &loss[9..]);
    assert_eq!(lowered(&mut state), [(RiskLimit::StrategyKill, TradingState::NoEntry)]);
    let next = AccountObserved { session_date: day().next_day(), ..account(100_000, 30) };
    state.apply(&next.into());
    let events = settle(&mut state);
    assert!(
        matches!(&events[..], [Event::DayOpened(_), Event::TradingStateLowered(l)]
            if l.limit == RiskLimit::StrategyKill && l.value < Micro::default()),
        "{events:?}"
    );
    let mut changed = RiskState::with_ledger(with(|risk| risk.kill_trades = Some(11)), state.ledger().clone());
    changed.apply(&AccountObserved { session_date: "2026-11-27".parse().unwrap(), ..account(100_000, 30) }.into());
    assert_eq!(settle(&mut changed).len(), 1, "the day opens and nothing is lowered");
}

#[test]
fn a_loss_that_chance_explains_does_not_refute_the_strategy() {
    let strategy = with(|risk| (risk.kill_trades, risk.max_plans_per_session) = (Some(10), 1_000));
    let mut state = open_day(strategy.clone());
    let noise = [-1, -1, -1, 4, -1, -1, -1, -1, -1, 3].map(Micro::from_int);
    trade(&mut state, &strategy.version(), 0, &noise);
    assert_eq!(lowered(&mut state), []);
}

fn day_trade_case(rule: DayTradeRule, observed: AccountObserved, trades: usize) -> Option<String> {
    let mut state = RiskState::new(with(|risk| (risk.day_trade_rule, risk.max_plans_per_session) = (rule, 100)));
    state.apply(&observed.into());
    settle(&mut state);
    trade(&mut state, "v1", 0, &vec![Micro::from_int(1); trades]);
    state.apply(&proposed("ZZZ"));
    match &settle(&mut state)[..] {
        [Event::PlanDenied(denied)] => Some(denied.reason.to_string()),
        [Event::PlanApproved(_)] => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn day_trades_are_limited_by_the_configured_rule() {
    let small = || account(20_000, 30);
    let limit = |count, limit| {
        Some(format!(
            "{count} day trades in five sessions, at most {limit} with equity of 20000.00 USD below 25000.00 USD"
        ))
    };
    let flagged = |count, flag| AccountObserved { day_trade_count: count, pattern_day_trader: flag, ..small() };
    let check = |rule, observed, trades, expected: Option<String>| {
        assert_eq!(day_trade_case(rule, observed, trades), expected, "{rule:?} after {trades}");
    };
    check(DayTradeRule::None, small(), 5, None);
    check(DayTradeRule::LegacyPdt, small(), 2, None);
    check(DayTradeRule::LegacyPdt, small(), 3, limit(3, 3));
    check(DayTradeRule::LegacyPdt, account(25_000, 30), 5, None);
    check(DayTradeRule::BrokerReported, small(), 5, None);
    check(DayTradeRule::BrokerReported, flagged(Some(1), Some(false)), 1, None);
    check(DayTradeRule::BrokerReported, flagged(Some(2), Some(false)), 1, limit(3, 3));
    check(DayTradeRule::BrokerReported, flagged(None, Some(true)), 0, limit(0, 0));
}

#[test]
fn day_trades_older_than_five_sessions_do_not_count() {
    let mut state = RiskState::new(with(|risk| risk.day_trade_rule = DayTradeRule::LegacyPdt));
    state.apply(&account(20_000, 30).into());
    settle(&mut state);
    trade(&mut state, "v1", 0, &[Micro::from_int(1); 3]);
    let allowed = |state: &RiskState, date: &str| {
        let mut state = state.clone();
        let session_date = date.parse().unwrap();
        state.apply(&AccountObserved { session_date, ..account(20_000, 30) }.into());
        let mut plan = plan("ZZZ");
        plan.round.session_date = session_date;
        state.apply(&PlanProposed { plan }.into());
        matches!(settle(&mut state).last(), Some(Event::PlanApproved(a)) if a.plan.side == Side::Buy)
    };
    // Tuesday the 24th; Thursday is a holiday: the fifth session is Tuesday the 1st
    assert!(!allowed(&state, "2026-12-01"));
    assert!(allowed(&state, "2026-12-02"));
}

#[test]
fn a_calendar_conflict_opens_the_day_without_entries_and_one_found_later_denies_while_it_stands() {
    let conflict = || AccountObserved { calendar_conflicts: vec!["closed".into()], ..account(100_000, 30) };
    let reason = |state: &mut RiskState, symbol: &str| {
        state.apply(&proposed(symbol));
        settle(state).into_iter().find_map(|event| match event {
            Event::PlanDenied(denied) => Some(denied.reason.to_string()),
            Event::PlanApproved(_) => Some("approved".to_owned()),
            _ => None,
        })
    };
    let mut from_the_start = RiskState::new(strategy());
    from_the_start.apply(&conflict().into());
    let denied = Some("the day was opened for watching only: closed".to_owned());
    assert_eq!(reason(&mut from_the_start, "GME"), denied);
    from_the_start.apply(&account(100_000, 31).into());
    assert_eq!(reason(&mut from_the_start, "AMC"), denied, "the day stays as it was opened");

    let mut later = RiskState::new(strategy());
    later.apply(&account(100_000, 30).into());
    settle(&mut later);
    later.apply(&conflict().into());
    assert_eq!(reason(&mut later, "GME"), denied);
    later.apply(&account(100_000, 32).into());
    assert_eq!(reason(&mut later, "AMC"), Some("approved".to_owned()));
}

/// `change`d strategies under names, activated one after the other.
fn activate(state: &mut RiskState, version: &str, change: impl FnOnce(&mut RiskProfile)) {
    let by = domain::control::Authorship {
        author: "ann".to_owned(),
        reason: "better".to_owned(),
        requested_at: day().at_hm(9, 0),
        request_id: version.to_owned(),
    };
    let activated = domain::control::ConfigActivated {
        config_version: version.to_owned(),
        strategy_yaml: "x".to_owned(),
        effective_from: domain::UnixNanos::default(),
        by,
        file: None,
    };
    state.activate(&activated, Some(with(change)));
}

fn proposed_under(symbol: &str, version: &str) -> Event {
    let mut plan = plan(symbol);
    version.clone_into(&mut plan.round.config_version);
    PlanProposed { plan }.into()
}

#[test]
fn a_plan_is_sized_under_its_own_version_and_waits_until_that_is_known() {
    let size_of = |events: Vec<Event>| match &events[..] {
        [Event::PlanApproved(approved)] => approved.quantity,
        other => panic!("{other:?}"),
    };
    let mut state = open_day(strategy());
    activate(&mut state, "half", |risk| risk.max_position_pct = Micro::from_int(12));
    activate(&mut state, "whole", |risk| risk.max_position_pct = Micro::from_int(24));
    state.apply(&proposed_under("AAA", "whole"));
    let whole = size_of(settle(&mut state));
    state.apply(&proposed_under("BBB", "half"));
    let half = size_of(settle(&mut state));
    assert!(half * 2 <= whole && half * 2 + 1 >= whole, "{half} of {whole}");
    state.apply(&proposed_under("CCC", "third"));
    assert_eq!(settle(&mut state), []);
    activate(&mut state, "third", |risk| risk.max_position_pct = Micro::from_int(12));
    assert_eq!(size_of(settle(&mut state)), half);
}

#[test]
fn the_accounts_limits_are_those_of_the_newest_round() {
    let mut state = open_day(strategy());
    activate(&mut state, "strict", |risk| risk.daily_loss_soft_pct = Micro::from_micros(500_000));
    activate(&mut state, "loose", |risk| risk.daily_loss_soft_pct = Micro::from_int(1));
    state.apply(&account(99_400, 39).into());
    assert_eq!(lowered(&mut state), [], "no round yet: what was activated last");
    state.apply(&proposed_under("AAA", "loose"));
    let decided = settle(&mut state);
    assert!(matches!(&decided[..], [Event::PlanApproved(_)]), "{decided:?}");
    state.apply(&proposed_under("BBB", "strict"));
    assert_eq!(lowered_first(&mut state), (RiskLimit::DailyLossSoft, TradingState::NoEntry));
}

fn lowered_first(state: &mut RiskState) -> (RiskLimit, TradingState) {
    match settle(state).first() {
        Some(Event::TradingStateLowered(l)) => (l.limit, l.state),
        other => panic!("{other:?}"),
    }
}
