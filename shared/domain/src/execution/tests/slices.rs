//! Positions that leave in parts: every share under one stop at the broker at every step.

use super::desk::{Desk, approval, day, price};
use crate::execution::{CloseReason, FIRST_SLICE, Leg, OrderPlace, OrderState};
use crate::plan::{Target, Trail};
use crate::{ClientOrderId, UnixNanos};

/// 50 of 100 shares leave at 50.40, 30 at 50.60, the rest at none.
fn targets() -> Vec<Target> {
    let target = |distance, fraction_bps| Target { distance: price(distance), fraction_bps };
    vec![target("0.40", 5_000), target("0.60", 3_000)]
}

fn approved() -> Desk {
    Desk::new(vec![approval(targets()).into()])
}

fn id(desk: &Desk, leg: Leg, slice: u32) -> String {
    let plan = approval(Vec::new()).plan.plan_id;
    assert!(desk.state.plan(&plan).is_some());
    ClientOrderId::at(&plan, OrderPlace { leg, slice, attempt: 1 }).to_string()
}

/// A second later `order` fills.
fn fill(desk: &mut Desk, order: &str, shares: u64, at: &str) {
    desk.now = desk.now.plus_seconds(1);
    let now = desk.now;
    desk.broker.fill(order, shares, at, now);
}

/// All three entries filled at 50.00.
fn opened() -> Desk {
    let mut desk = approved();
    desk.run();
    for (slice, shares) in [(1, 50), (2, 30), (3, 20)] {
        let entry = id(&desk, Leg::Entry, slice);
        fill(&mut desk, &entry, shares, "50.00");
    }
    desk.run();
    desk
}

/// Shares under working stops, by the broker's own view: a working target covers none.
fn under_stops(desk: &Desk) -> u64 {
    let stops = desk.broker.orders.values().filter(|o| {
        let works = matches!(o.state, OrderState::Working | OrderState::PartiallyFilled);
        works && o.stop_price.is_some() && o.limit_price.is_none()
    });
    stops.map(|o| o.quantity - o.filled_qty).sum()
}

#[test]
fn each_slice_is_a_bracket_of_its_own() {
    let mut desk = approved();
    desk.run();
    let sent: Vec<_> = desk
        .log
        .iter()
        .filter_map(|event| if let crate::Event::OrderIntended(i) = event { Some(i.clone()) } else { None })
        .map(|i| (i.client_order_id.parts().unwrap().1.slice, i.quantity, i.stop_loss, i.take_profit))
        .collect();
    let stop = Some(price("49.80"));
    assert_eq!(sent, [(1, 50, stop, Some(price("50.40"))), (2, 30, stop, Some(price("50.60"))), (3, 20, stop, None)]);
    assert_eq!(desk.requests("POST", "-E1"), 3);
}

#[test]
fn targets_take_their_parts_off_and_the_rest_stays_under_its_stop() {
    let mut desk = opened();
    assert_eq!((under_stops(&desk), desk.count("PlanExecuted")), (100, 1));
    fill(&mut desk, "leg-Limit", 20, "50.40");
    desk.run();
    assert_eq!((desk.broker.position, under_stops(&desk)), (80, 80));
    fill(&mut desk, "leg-Limit", 30, "50.40");
    desk.run();
    fill(&mut desk, "leg-Limit-2", 30, "50.60");
    desk.run();
    assert_eq!((desk.broker.position, under_stops(&desk)), (20, 20));
    assert!(desk.closed().is_none() && desk.alerts.is_empty(), "{:?}", desk.alerts);
    fill(&mut desk, "leg-Stop-3", 20, "49.80");
    desk.run();
    let closed = desk.closed().unwrap();
    // 50 × 0.40 + 30 × 0.60 − 20 × 0.20
    assert_eq!((closed.reason, closed.realized_pnl.to_string().as_str()), (CloseReason::StopLoss, "34.00"));
    assert_eq!((closed.quantity, desk.state.open_plans().count()), (100, 0));
}

/// The broker tells of a target's fill at once and of the stop that shrank with it only when it is asked.
#[test]
fn a_stop_that_is_shown_late_is_waited_for() {
    let mut desk = opened();
    desk.at(9, 50).run();
    let before = desk.broker.requests.len();
    fill(&mut desk, "leg-Limit", 20, "50.40");
    let target = desk.broker.view("leg-Limit");
    desk.state.observe_order(&target);
    let told = desk.broker.fills.last().unwrap().clone();
    desk.state.observe_fill(&told);
    assert!(desk.turns(4).is_ok());
    assert_eq!((desk.broker.requests.len(), desk.alerts.len()), (before, 0), "{:?}", desk.alerts);
    desk.run();
    assert_eq!((desk.broker.position, under_stops(&desk), desk.alerts.len()), (80, 80, 0));
}

#[test]
fn stops_of_all_slices_follow_the_price_and_targets_the_execution() {
    let mut approved = approval(targets());
    approved.plan.exits.trail = Some(Trail { after: price("0.40"), distance: price("0.30") });
    let mut desk = Desk::new(vec![approved.into()]);
    desk.run();
    for (slice, shares) in [(1, 50), (2, 30), (3, 20)] {
        let entry = id(&desk, Leg::Entry, slice);
        fill(&mut desk, &entry, shares, "50.02");
    }
    desk.run();
    let prices = |desk: &Desk, leg| {
        let book = desk.state.open_plans().next().unwrap();
        let orders: Vec<_> = book.live_unreplaced(leg).collect();
        orders.iter().map(|o| o.recorded.stop_price.or(o.recorded.limit_price).unwrap().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(prices(&desk, Leg::Stop), ["49.82"; 3]);
    assert_eq!(prices(&desk, Leg::Target), ["50.42", "50.62"]);
    let gme = "GME".parse().unwrap();
    let target =
        desk.broker.orders.iter().find(|(id, o)| id.ends_with("-T2") && !o.state.is_terminal()).unwrap().0.clone();
    fill(&mut desk, &target, 50, "50.42");
    desk.state.observe_mark(&gme, price("50.50"), desk.now);
    desk.run();
    assert_eq!((prices(&desk, Leg::Stop), under_stops(&desk)), (vec!["50.20".to_owned(); 2], 50));
    assert!(desk.alerts.is_empty(), "{:?}", desk.alerts);
}

#[test]
fn an_entry_cut_short_gets_its_stop_and_its_target_back_as_a_pair() {
    let mut desk = approved();
    desk.run();
    let (first, second) = (id(&desk, Leg::Entry, 1), id(&desk, Leg::Entry, 2));
    fill(&mut desk, &first, 50, "50.00");
    fill(&mut desk, &second, 10, "50.00");
    desk.run();
    assert_eq!(desk.requests("DELETE", ""), 0, "waits first");
    desk.at(9, 38).run();
    assert_eq!((desk.broker.position, under_stops(&desk)), (60, 60));
    let (pair, order) = desk.broker.orders.iter().find(|(id, _)| id.contains("-T")).unwrap();
    assert_eq!((order.quantity, order.limit_price), (10, Some(price("50.60"))));
    assert!(desk.alerts.is_empty(), "{:?}", desk.alerts);
    let pair = pair.clone();
    fill(&mut desk, &pair, 10, "50.60");
    fill(&mut desk, "leg-Limit", 50, "50.40");
    desk.run();
    assert_eq!((desk.broker.position, under_stops(&desk)), (0, 0));
    assert_eq!(desk.closed().unwrap().reason, CloseReason::TakeProfit);
}

#[test]
fn a_slice_that_was_not_sent_is_not_added_to_what_is_filled() {
    let mut desk = approved();
    desk.fuel = 6;
    assert!(desk.settle().is_err());
    desk.restart();
    let sent = desk.broker.orders.keys().filter(|id| id.contains("-E")).count();
    assert!((1..3).contains(&sent), "{sent}");
    let first = id(&desk, Leg::Entry, 1);
    fill(&mut desk, &first, 50, "50.00");
    desk.run();
    desk.at(9, 38).run();
    let held = desk.broker.position;
    assert_eq!((held, under_stops(&desk)), (50, 50));
    assert!(desk.broker.orders.values().all(|o| o.state != OrderState::Working
        || o.client_order_id.parts().is_none_or(|(_, place)| place.leg != Leg::Entry)));
}

#[test]
fn a_partial_exit_that_is_killed_at_any_step_ends_the_same() {
    let mut outcomes = std::collections::BTreeSet::new();
    let mut steps = 0;
    loop {
        let mut desk = opened();
        fill(&mut desk, "leg-Limit", 20, "50.40");
        desk.state.request_backfill();
        desk.fuel = steps;
        let killed = desk.settle().is_err();
        desk.restart();
        desk.run();
        assert_eq!((desk.broker.position, under_stops(&desk)), (80, 80), "killed after {steps}");
        for (order, shares) in [("leg-Limit", 30), ("leg-Stop-2", 30), ("leg-Stop-3", 20)] {
            let at = if order == "leg-Limit" { "50.40" } else { "49.80" };
            fill(&mut desk, order, shares, at);
            desk.run();
        }
        let closed = desk.closed().unwrap();
        let counts = (desk.count("FillRecorded"), desk.count("OrderIntended"), desk.count("PlanClosed"));
        outcomes.insert(format!(
            "{:?} {} {counts:?} {}",
            closed.reason,
            closed.realized_pnl,
            desk.broker.requests.len()
        ));
        if !killed {
            break;
        }
        steps += 1;
    }
    assert_eq!(outcomes.into_iter().collect::<Vec<_>>(), ["StopLoss 10.00 (7, 3, 1) 3"]);
    assert!(steps > 5, "{steps} steps");
}

#[test]
fn killed_at_any_step_every_slice_is_entered_once() {
    let mut steps = 0;
    loop {
        let mut desk = approved();
        desk.fuel = steps;
        let killed = desk.settle().is_err();
        desk.restart();
        desk.run();
        let mut entries: Vec<_> = desk.broker.requests.iter().filter(|r| r.starts_with("POST")).collect();
        entries.sort();
        entries.dedup();
        assert_eq!((entries.len(), desk.broker.requests.len()), (3, 3), "killed after {steps}");
        assert_eq!(desk.count("OrderIntended"), 3, "killed after {steps}");
        if !killed {
            break;
        }
        steps += 1;
    }
    assert!(steps > 10, "{steps} steps");
}

proptest::proptest! {
    /// Whatever fills, by however much and in whatever order, with restarts between: once no entry works, the stops at
    /// the broker cover exactly what is held, and no more is ever sold than was bought.
    #[test]
    fn stops_cover_exactly_what_is_held(
        moves in proptest::collection::vec((0_usize..9, 1_u64..=50, 0_u32..5), 1..14),
    ) {
        let mut desk = approved();
        desk.run();
        let mut minute = 36;
        for (which, shares, restart) in moves {
            let open: Vec<String> = desk.broker.orders.iter()
                .filter(|(_, o)| matches!(o.state, OrderState::Working | OrderState::PartiallyFilled))
                .map(|(id, _)| id.clone())
                .collect();
            let Some(order) = open.get(which % open.len().max(1)) else { break };
            let leaves = desk.broker.orders[order].quantity - desk.broker.orders[order].filled_qty;
            let at = desk.broker.orders[order].limit_price.or(desk.broker.orders[order].stop_price).unwrap().to_string();
            fill(&mut desk, order, shares.min(leaves), &at);
            if restart == 0 {
                desk.restart();
            }
            desk.run();
            minute += 2;
            desk.at(9 + minute / 60, minute % 60).run();
            let works = desk.broker.orders.iter().any(|(id, o)| id.contains("-E") && !o.state.is_terminal());
            proptest::prop_assert!(desk.broker.position >= 0);
            proptest::prop_assert!(works || under_stops(&desk) == desk.broker.position as u64,
                "{} held, {} under stops, alerts {:?}", desk.broker.position, under_stops(&desk), desk.alerts);
        }
        proptest::prop_assert!(desk.broker.position > 0 || desk.closed().is_some() || desk.broker.orders.iter().any(|(_, o)| !o.state.is_terminal()));
    }
}

#[test]
fn a_place_in_the_first_slice_has_the_short_id() {
    let desk = opened();
    assert!(id(&desk, Leg::Entry, FIRST_SLICE).ends_with("-E1") && id(&desk, Leg::Entry, 2).ends_with("-E1s2"));
    assert!(desk.now > UnixNanos::default() && desk.now.session_date() == day());
}
