//! The protocol, walked through and killed at every step.

mod desk;
mod exits;
mod slices;

use desk::{Desk, Fate, approval, day, price};

use crate::control::{Authorship, FlattenRequested, TradingStateChanged};
use crate::event::Event;
use crate::execution::{CloseReason, DeadlineStep, OrderState};
use crate::plan::{Target, Trail};
use crate::risk::TradingState;
use crate::time::UnixNanos;

fn approved() -> Desk {
    Desk::new(vec![approval(Vec::new()).into()])
}

fn by() -> Authorship {
    Authorship {
        author: "test".to_owned(),
        reason: "test".to_owned(),
        requested_at: UnixNanos::default(),
        request_id: "r1".to_owned(),
    }
}

/// A working entry of 100 shares, completely filled at `at`.
fn opened(at: &str) -> Desk {
    let mut desk = approved();
    desk.run();
    let entry = desk.entry_id();
    let now = desk.now;
    desk.broker.fill(&entry, 100, at, now);
    desk.run();
    desk
}

#[test]
fn approval_becomes_one_entry_with_its_stop() {
    let mut desk = approved();
    desk.run();
    assert_eq!((desk.requests("POST", "-E1"), desk.broker.requests.len()), (1, 1));
    assert_eq!(desk.count("OrderIntended"), 1);
    let plan = desk.state.open_plans().next().unwrap();
    assert_eq!(plan.entries().next().unwrap().state(), OrderState::Working);
    assert_eq!(plan.live_stops().next().unwrap().recorded.stop_price, Some(price("49.80")));
}

#[test]
fn fees_of_a_sale_are_the_same_however_it_was_filled_and_the_result_is_net_of_them() {
    for parts in [vec![100], vec![60, 40], vec![1, 98, 1]] {
        let mut desk = opened("50.02");
        desk.policy.costs = crate::fees::CostProfile::default();
        let stop = desk.state.open_plans().next().unwrap().live_stops().next().unwrap().client_order_id.to_string();
        let now = desk.now;
        parts.iter().for_each(|shares| desk.broker.fill(&stop, *shares, "49.80", now));
        desk.run();
        let closed = desk.closed().unwrap();
        // 4,980.00 sold at 20.60 a million and 100 shares at 0.000195
        assert_eq!(closed.fees.to_string(), "0.122088", "{parts:?}");
        assert_eq!(closed.realized_pnl.to_string(), "-22.122088", "{parts:?}");
        assert_eq!(closed.r_multiple.to_string(), "-1.106104", "{parts:?}");
    }
}

#[test]
fn nothing_is_sent_before_the_book_is_read_or_without_the_stream() {
    let mut desk = approved();
    desk.state.observe_stream(false);
    desk.run();
    assert_eq!(desk.broker.requests.len(), 0);
    desk.state.observe_stream(true);
    desk.run();
    assert_eq!(desk.broker.requests.len(), 1);
}

/// Every step of the protocol × every fate of the order: after a restart exactly one order is at the broker (none when
/// it refused), and the plan goes on.
#[test]
fn killed_at_any_step_the_entry_is_sent_exactly_once() {
    for fate in [Fate::Accepted, Fate::Rejected, Fate::TimeoutAccepted, Fate::TimeoutLost] {
        let mut steps = 0;
        loop {
            let mut desk = approved();
            (desk.fate, desk.fuel) = (fate, steps);
            let killed = desk.settle().is_err();
            desk.restart();
            desk.run();
            let at_broker = desk.broker.orders.keys().filter(|id| id.contains("-E")).count();
            let refused = desk.closed().is_some_and(|closed| closed.reason == CloseReason::EntryRejected);
            assert!(at_broker == 1 || refused && fate == Fate::Rejected, "{fate:?}, killed after {steps}: {at_broker}");
            assert!(desk.requests("POST", "-E1") <= 2, "{fate:?}, killed after {steps}");
            assert_eq!(desk.count("OrderIntended"), 1, "{fate:?}, killed after {steps}");
            if !killed {
                break;
            }
            steps += 1;
        }
        assert!(steps > 5, "{fate:?} has {steps} steps");
    }
}

/// The same over the whole life: entry, fill, stop moved to the executed price, stop filled.
#[test]
fn killed_at_any_step_of_its_life_the_plan_ends_the_same() {
    let mut steps = 0;
    let mut outcomes = std::collections::BTreeSet::new();
    loop {
        let mut desk = approved();
        desk.run();
        let entry = desk.entry_id();
        let now = desk.now;
        desk.broker.fill(&entry, 60, "50.02", now);
        desk.broker.fill(&entry, 40, "50.04", now);
        desk.state.request_backfill();
        desk.fuel = steps;
        let killed = desk.settle().is_err();
        desk.restart();
        desk.run();
        let stop = desk.state.open_plans().next().unwrap().live_stops().next().unwrap().client_order_id.to_string();
        let now = desk.now;
        desk.broker.fill(&stop, 100, "49.80", now);
        desk.run();
        let closed = desk.closed().unwrap();
        let fills = desk.count("FillRecorded");
        outcomes.insert(format!("{:?} {} {} {fills}", closed.reason, closed.realized_pnl, closed.r_multiple));
        if !killed {
            break;
        }
        steps += 1;
    }
    assert_eq!(outcomes.into_iter().collect::<Vec<_>>(), ["StopLoss -22.80 -1.14 3"]);
    assert!(steps > 10, "{steps} steps");
}

#[test]
fn refused_entry_closes_the_plan() {
    let mut desk = approved();
    desk.fate = Fate::Rejected;
    desk.run();
    assert_eq!(desk.closed().unwrap().reason, CloseReason::EntryRejected);
}

#[test]
fn lost_order_is_not_sent_after_its_time() {
    let mut desk = approved();
    desk.fate = Fate::TimeoutLost;
    desk.fuel = 9;
    assert!(desk.settle().is_err());
    desk.at(10, 31).restart();
    desk.run();
    assert_eq!(desk.closed().unwrap().reason, CloseReason::Abandoned);
    assert_eq!(desk.broker.orders.len(), 0);
}

#[test]
fn unfilled_entry_is_withdrawn_when_its_time_is_over() {
    let mut desk = approved();
    desk.run();
    desk.at(10, 30).run();
    assert_eq!((desk.requests("DELETE", "-E1"), desk.closed().unwrap().reason), (1, CloseReason::EntryExpired));
    assert!(desk.state.open_plans().next().is_none(), "settled");
}

#[test]
fn stop_follows_the_executed_price() {
    let desk = opened("50.03");
    let stops: Vec<_> = desk.state.open_plans().flat_map(crate::execution::PlanBook::live_stops).collect();
    assert_eq!((stops.len(), stops[0].recorded.stop_price), (1, Some(price("49.83"))));
    assert_eq!((desk.requests("PATCH", ""), desk.count("PlanExecuted")), (1, 1));
}

#[test]
fn trailing_stop_follows_the_best_price_and_never_moves_back() {
    let mut trailing = approval(Vec::new());
    trailing.plan.exits.trail = Some(Trail { after: price("0.40"), distance: price("0.30") });
    let mut desk = Desk::new(vec![trailing.into()]);
    desk.run();
    let entry = desk.entry_id();
    let now = desk.now;
    desk.broker.fill(&entry, 100, "50.00", now);
    desk.run();
    let gme = "GME".parse().unwrap();
    let mut check = |minute: u32, mark: Option<&str>, stop: &str| {
        if let Some(mark) = mark {
            desk.state.observe_mark(&gme, price(mark), day().at_hm(9, minute));
        } else {
            desk.restart();
        }
        desk.at(9, minute).run();
        let stops: Vec<_> = desk.state.open_plans().flat_map(crate::execution::PlanBook::live_stops).collect();
        assert_eq!((stops.len(), stops[0].recorded.stop_price), (1, Some(price(stop))), "{minute} {mark:?}");
    };
    check(40, Some("50.39"), "49.80");
    check(41, Some("50.50"), "50.20");
    check(42, Some("50.25"), "50.20");
    check(43, None, "50.20");
    check(44, Some("50.30"), "50.20");
    check(45, Some("50.80"), "50.50");
}

#[test]
fn fill_seen_on_the_stream_and_read_again_counts_once() {
    let mut desk = opened("50.00");
    let fills = desk.broker.fills.clone();
    desk.state.observe_fill(&fills[0]);
    desk.run();
    assert_eq!(desk.count("FillRecorded"), 1);
}

#[test]
fn missing_fill_is_made_up_from_the_order_after_the_book_was_read_twice() {
    let mut desk = approved();
    desk.run();
    let entry = desk.entry_id();
    let now = desk.now;
    desk.broker.fill(&entry, 100, "50.02", now);
    desk.broker.fills.clear();
    desk.state.observe_order(&desk.broker.view(&entry));
    for seconds in [1, 8, 30] {
        desk.now = now.plus_seconds(seconds);
        assert!(desk.turns(60).is_ok());
        assert_eq!(desk.count("FillRecorded"), usize::from(seconds == 30), "after {seconds} s");
    }
    assert_eq!((desk.count("FillRecorded"), desk.count("PlanExecuted")), (1, 1));
}

#[test]
fn entry_cut_short_is_protected_for_exactly_what_it_filled() {
    let mut desk = approved();
    desk.run();
    let entry = desk.entry_id();
    let now = desk.now;
    desk.broker.fill(&entry, 30, "50.01", now);
    desk.run();
    assert_eq!(desk.requests("DELETE", "-E1"), 0, "waits first");
    desk.at(9, 38).run();
    let plan = desk.state.open_plans().next().unwrap();
    let stops: Vec<_> = plan.live_stops().map(|s| (s.leaves_qty(), s.recorded.stop_price)).collect();
    assert_eq!(stops, [(30, Some(price("49.81")))]);
    assert_eq!((desk.count("PlanExecuted"), plan.uncovered()), (1, 0));
    assert!(desk.alerts.is_empty(), "{:?}", desk.alerts);
}

#[test]
fn position_without_a_stop_is_repaired_and_reported() {
    let mut desk = opened("50.00");
    desk.broker.orders.get_mut("leg-Stop").unwrap().state = OrderState::Canceled;
    desk.now = desk.now.plus_seconds(30);
    desk.state.request_backfill();
    desk.run();
    let plan = desk.state.open_plans().next().unwrap();
    assert_eq!((plan.live_stops().count(), plan.uncovered()), (1, 0));
    assert!(desk.alerts.contains(&"uncovered".to_owned()) && desk.count("PositionReconciled") == 1);
}

#[test]
fn flatten_cancels_the_legs_before_it_sends_the_exit() {
    let mut desk = opened("50.00");
    let flatten = Event::from(FlattenRequested { by: by() });
    desk.log.push(flatten.clone());
    desk.state.apply(&flatten);
    desk.run();
    let exit = desk.broker.orders.keys().find(|id| id.contains("-X1")).cloned().unwrap();
    let order_of: Vec<_> = desk.broker.requests.iter().map(|r| r.split(' ').next().unwrap()).collect();
    assert_eq!(order_of, ["POST", "DELETE", "POST"]);
    let now = desk.now;
    desk.broker.fill(&exit, 100, "50.50", now);
    desk.run();
    let closed = desk.closed().unwrap();
    assert_eq!((closed.reason, closed.realized_pnl.to_string().as_str()), (CloseReason::Flattened, "50.00"));
    assert_eq!(closed.r_multiple.to_string(), "2.5");
}

/// The stream did not tell that the stop was replaced, and the book lists the new one alone.
#[test]
fn a_replaced_stop_that_is_listed_no_more_is_looked_up_and_stands_in_no_ones_way() {
    let mut desk = approved();
    desk.broker.forgets_replaced = true;
    desk.run();
    let (entry, now) = (desk.entry_id(), desk.now);
    desk.broker.fill(&entry, 100, "50.03", now);
    desk.run();
    let plan = desk.state.open_plans().next().unwrap();
    let stops: Vec<_> = plan.leg(crate::execution::Leg::Stop).map(crate::execution::Order::state).collect();
    assert_eq!(stops, [OrderState::Replaced, OrderState::Working]);
    let flatten = Event::from(FlattenRequested { by: by() });
    desk.log.push(flatten.clone());
    desk.state.apply(&flatten);
    desk.run();
    assert_eq!((desk.requests("DELETE", ""), desk.requests("POST", "-X")), (1, 1), "{:?}", desk.broker.requests);
}

#[test]
fn a_stop_that_the_broker_denies_twice_is_over_and_another_takes_its_place() {
    let mut desk = opened("50.00");
    desk.broker.forgotten.push("leg-Stop".to_owned());
    let cover = |desk: &Desk| {
        let plan = desk.state.open_plans().next().unwrap();
        (plan.live_stops().count(), plan.uncovered(), desk.requests("POST", "-S"))
    };
    desk.state.request_backfill();
    assert!(desk.settle().is_ok());
    assert_eq!(cover(&desk), (1, 0, 0), "it may be the broker that is behind");
    desk.state.request_backfill();
    assert!(desk.turns(4).is_ok());
    desk.now = desk.now.plus_seconds(30);
    desk.run();
    assert_eq!(cover(&desk), (1, 0, 1), "{:?}", desk.broker.requests);
}

#[test]
fn trading_states_hold_back_what_they_say() {
    let check = |state: TradingState, expected: Option<CloseReason>, requests: usize| {
        let mut desk = approved();
        desk.run();
        desk.state.apply(&TradingStateChanged { state, by: by() }.into());
        desk.run();
        assert_eq!((desk.closed().map(|c| c.reason), desk.broker.requests.len()), (expected, requests), "{state:?}");
        let mut later = approved();
        later.state.apply(&TradingStateChanged { state, by: by() }.into());
        later.run();
        let refused = if state == TradingState::Normal { None } else { Some(CloseReason::EntryWithdrawn) };
        assert_eq!(later.closed().map(|c| c.reason), refused, "{state:?} before the entry");
    };
    check(TradingState::Normal, None, 1);
    check(TradingState::NoEntry, None, 1);
    check(TradingState::Reduce, Some(CloseReason::EntryWithdrawn), 2);
    check(TradingState::Flatten, Some(CloseReason::EntryWithdrawn), 2);
    check(TradingState::Halt, None, 1);
}

#[test]
fn a_hole_in_the_log_opens_nothing_more_and_leaves_what_is_open() {
    let mut desk = approved();
    desk.run();
    desk.state.observe_unreadable_event();
    desk.run();
    assert_eq!((desk.closed().map(|c| c.reason), desk.broker.requests.len()), (None, 1));
    let mut later = approved();
    later.state.observe_unreadable_event();
    later.run();
    assert_eq!(later.closed().map(|c| c.reason), Some(CloseReason::EntryWithdrawn));
    let mut looked_at = approved();
    looked_at.state.observe_unreadable_event();
    looked_at.state.apply(&TradingStateChanged { state: TradingState::Normal, by: by() }.into());
    looked_at.run();
    assert_eq!((looked_at.closed().map(|c| c.reason), looked_at.broker.requests.len()), (None, 1));
}

#[test]
fn ladder_leads_to_a_flat_book_and_each_step_is_recorded_once() {
    let mut desk = opened("50.00");
    desk.state.observe_mark(&"GME".parse().unwrap(), price("51.00"), day().at_hm(15, 53));
    desk.at(15, 54).run();
    let first = desk.broker.orders.iter().find(|(id, _)| id.contains("-X1")).unwrap().1.clone();
    assert_eq!(first.limit_price, Some(price("51.00")));
    desk.restart();
    desk.state.observe_mark(&"GME".parse().unwrap(), price("51.00"), day().at_hm(15, 55));
    desk.at(15, 56).run();
    let second = desk.broker.orders.iter().find(|(id, _)| id.contains("-X2")).unwrap().1.clone();
    assert_eq!(second.limit_price, Some(price("50.74")));
    desk.at(15, 58).run();
    let third = desk.broker.orders.keys().find(|id| id.contains("-X3")).unwrap().clone();
    let now = desk.now;
    desk.broker.fill(&third, 100, "50.90", now);
    desk.run();
    assert_eq!(desk.closed().unwrap().reason, CloseReason::FlatByClose);
    desk.at(16, 2).run();
    assert_eq!(desk.count("DeadlineReached"), DeadlineStep::ALL.len());
    assert!(desk.alerts.is_empty(), "{:?}", desk.alerts);
    assert_eq!(day().at_hm(16, 2), desk.now);
}

#[test]
fn position_left_after_the_close_is_an_alarm() {
    let mut desk = opened("50.00");
    desk.at(16, 2).run();
    assert!(desk.alerts.contains(&"not_flat".to_owned()), "{:?}", desk.alerts);
}

#[test]
fn position_closed_by_somebody_else_ends_the_plan() {
    let mut desk = opened("50.00");
    desk.broker.position = 0;
    desk.state.request_backfill();
    desk.run();
    assert_eq!(desk.closed().unwrap().reason, CloseReason::ClosedElsewhere);
    assert!(desk.alerts.contains(&"position_mismatch".to_owned()));
}

#[test]
fn foreign_order_keeps_the_symbol_from_being_entered() {
    let mut donor = opened("50.00");
    let mut foreign = donor.broker.orders.remove("leg-Stop").unwrap();
    foreign.venue_order_id = crate::VenueOrderId::from_wire("somebody");
    let mut desk = approved();
    foreign.state = OrderState::Working;
    desk.broker.orders.insert("manual-1".to_owned(), foreign);
    desk.run();
    assert_eq!(desk.closed().unwrap().reason, CloseReason::EntryWithdrawn);
    assert_eq!((desk.alerts.as_slice(), desk.broker.requests.len()), (&["foreign_activity".to_owned()][..], 0));
}

#[test]
fn target_leg_follows_the_executed_price_too() {
    let target = Target { distance: price("0.40"), fraction_bps: 10_000 };
    let mut desk = Desk::new(vec![approval(vec![target]).into()]);
    desk.run();
    let entry = desk.entry_id();
    let now = desk.now;
    desk.broker.fill(&entry, 100, "50.00", now);
    desk.run();
    assert_eq!(desk.requests("PATCH", ""), 0, "executed as planned");
    desk.broker.fill("leg-Limit", 100, "50.40", now);
    desk.run();
    assert_eq!(desk.closed().unwrap().reason, CloseReason::TakeProfit);
}

proptest::proptest! {
    /// Whatever the broker shows, in whatever order: filled never falls nor exceeds the quantity, terminal stays.
    #[test]
    fn shown_orders_never_undo_what_is_known(shown in proptest::collection::vec((0_usize..9, 0_u64..=100), 1..30)) {
        const STATES: [OrderState; 9] = [
            OrderState::Accepted, OrderState::Working, OrderState::PartiallyFilled, OrderState::PendingCancel,
            OrderState::Filled, OrderState::Canceled, OrderState::Expired, OrderState::Replaced, OrderState::Rejected,
        ];
        let mut desk = approved();
        desk.run();
        let entry = desk.entry_id();
        let mut before = (0, OrderState::Working);
        for (state, filled) in shown {
            let mut order = desk.broker.view(&entry);
            (order.state, order.filled_qty, order.legs) = (STATES[state], filled, Vec::new());
            desk.state.observe_order(&order);
            let seen = &desk.state.open_plans().next().unwrap().entries().next().unwrap().seen;
            proptest::prop_assert!(seen.filled_qty >= before.0 && seen.filled_qty <= 100);
            proptest::prop_assert!(!before.1.is_terminal() || seen.state == before.1);
            before = (seen.filled_qty, seen.state);
        }
    }
}
