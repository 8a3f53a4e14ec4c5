use proptest::prelude::*;

use super::*;
use crate::plan::TradePlan;
use crate::plan::fixture::plan;
use crate::strategy::{TargetRule, TimeStopRule, TrailRule};

fn cents(cents: i64) -> Price {
    Price::from_cents(cents)
}

fn micro(micros: i64) -> Micro {
    Micro::from_micros(micros)
}

fn rules() -> PlanRules {
    PlanRules {
        top: 20,
        entry: EntryRule::OpeningRangeBreak,
        level_distance_atr_max: None,
        long_only: true,
        buffer_ticks_min: 1,
        buffer_atr_fraction: micro(20_000),
        buffer_price_fraction: micro(500),
        limit_stop_fraction: micro(250_000),
        limit_price_fraction: micro(1_500),
        stop_atr_fraction: micro(100_000),
        stop_ticks_min: 3,
        stop_spreads_min: Micro::from_int(5),
        stop_floor_max: Micro::from_int(2),
        targets: Vec::new(),
        trail: None,
        time_stop: None,
        entry_valid_minutes: 120,
        entry_close_minutes: 15,
        halt_resume_seconds: 30,
    }
}

fn with_trail(unknown_r: Option<Micro>) -> PlanRules {
    let trail = TrailRule { after_r: Micro::from_int(2), minute_atr_multiple: Micro::from_int(3), unknown_r };
    PlanRules { trail: Some(trail), ..rules() }
}

/// A range from 100.00 to 102.00 that closed up, with an ATR of 4.00.
fn features() -> Features {
    Features {
        open: Some(cents(10_100)),
        or_open: Some(cents(10_100)),
        or_high: Some(cents(10_200)),
        or_low: Some(cents(10_000)),
        or_close: Some(cents(10_150)),
        day_high: Some(cents(10_200)),
        premarket_high: Some(cents(10_300)),
        atr_14: Some(cents(400)),
        ..Features::default()
    }
}

fn down() -> Features {
    let lent = Some(true);
    let restricted = Some(false);
    Features {
        or_close: Some(cents(10_050)),
        shortable: lent,
        easy_to_borrow: lent,
        short_restricted: restricted,
        ..features()
    }
}

#[test]
fn the_first_thing_that_is_missing_or_forbids_a_trade_is_named() {
    let both = || PlanRules { long_only: false, ..rules() };
    let premarket = || PlanRules { entry: EntryRule::PremarketHighBreak, ..rules() };
    let check = |f: Features, rules: PlanRules, expected: NotSelected| {
        assert_eq!(Levels::new(&f, &rules), Err(expected), "{f:?}");
    };
    check(Features { or_high: None, ..features() }, rules(), NotSelected::NoOpeningRange);
    check(Features { or_open: None, ..features() }, rules(), NotSelected::NoOpeningRange);
    check(Features { or_close: features().or_open, ..features() }, rules(), NotSelected::FlatRange);
    check(Features { atr_14: None, ..features() }, rules(), NotSelected::NoAtr);
    check(Features { premarket_high: None, ..features() }, premarket(), NotSelected::NoPremarketHigh);
    check(features(), with_trail(None), NotSelected::NoMinuteAtr);
    check(down(), rules(), NotSelected::ShortsDisabled);
    check(Features { shortable: None, ..down() }, both(), NotSelected::NotShortable);
    check(Features { easy_to_borrow: Some(false), ..down() }, both(), NotSelected::NotShortable);
    check(Features { short_restricted: Some(true), ..down() }, both(), NotSelected::ShortSaleRestricted);
    check(Features { short_restricted: None, ..down() }, both(), NotSelected::ShortSaleRestricted);
    check(Features { atr_14: Some(cents(14)), ..features() }, rules(), NotSelected::StopTooTight);
    check(Features { spread: Some(cents(17)), ..features() }, rules(), NotSelected::StopTooTight);
    check(Features { atr_14: Some(Price::from_nanos(i64::MAX)), ..features() }, rules(), NotSelected::NoLevels);
}

#[test]
fn a_break_is_priced_beyond_its_level() {
    let check = |f: Features, rules: PlanRules, side, trigger: i64, limit: i64, stop: i64| {
        let levels = Levels::new(&f, &rules).unwrap();
        let entry = Entry { trigger: cents(trigger), limit: cents(limit) };
        assert_eq!((levels.side, levels.entry, levels.stop_distance), (side, entry, cents(stop)));
    };
    // Buffer 0.05 % of 102.00, cap 25 % of the stop distance.
    check(features(), rules(), Side::Buy, 10_206, 10_216, 40);
    // Five spreads of 0.10 are wider than a tenth of ATR.
    check(Features { spread: Some(cents(10)), ..features() }, rules(), Side::Buy, 10_206, 10_218, 50);
    let both = PlanRules { long_only: false, ..rules() };
    check(down(), both, Side::Sell, 9_995, 9_985, 40);
    let premarket = || PlanRules { entry: EntryRule::PremarketHighBreak, ..rules() };
    check(features(), premarket(), Side::Buy, 10_306, 10_316, 40);
    // Above the pre-market high already: the day's high must break.
    check(Features { day_high: Some(cents(10_400)), ..features() }, premarket(), Side::Buy, 10_406, 10_416, 40);
}

#[test]
fn ways_out_are_distances_and_times() {
    let time_stop = Some(TimeStopRule { minutes: 60, gain_r_min: micro(500_000) });
    let rules = PlanRules {
        targets: vec![TargetRule { r: Micro::from_int(2), percent: 50 }],
        time_stop,
        ..with_trail(Some(Micro::from_int(1)))
    };
    let levels = Levels::new(&features(), &rules).unwrap();
    assert_eq!(levels.targets, [Target { distance: cents(80), fraction_bps: 5_000 }]);
    assert_eq!(levels.exits.trail, Some(Trail { after: cents(80), distance: cents(40) }));
    assert_eq!(levels.exits.time_stop, Some(TimeStop { after_seconds: 3_600, gain: cents(20) }));
    let known = Features { minute_atr_14: Some(cents(12)), ..features() };
    assert_eq!(Levels::new(&known, &rules).unwrap().exits.trail.unwrap().distance, cents(36));
}

prop_compose! {
    fn any_features()(
        low in 20_000_000_i64..900_000_000_000,
        widths in prop::array::uniform3(1_i64..50_000_000_000),
        atr in 1_000_000_i64..60_000_000_000,
        spread in prop::option::of(0_i64..2_000_000_000),
        up in any::<bool>(),
    ) -> Features {
        let price = |nanos: i64| Some(Price::from_nanos(nanos));
        let [first, second, third] = widths;
        let (inner, outer) = (low + first, low + first + second);
        Features {
            or_low: price(low),
            or_open: price(if up { inner } else { outer }),
            or_close: price(if up { outer } else { inner }),
            or_high: price(outer + third),
            premarket_high: price(outer + second),
            day_high: price(outer + third),
            atr_14: price(atr),
            spread: spread.map(Price::from_nanos),
            shortable: Some(true),
            easy_to_borrow: Some(true),
            short_restricted: Some(false),
            ..Features::default()
        }
    }
}

fn all_ways_out(entry: EntryRule) -> PlanRules {
    let target = |r, percent| TargetRule { r, percent };
    PlanRules {
        entry,
        long_only: entry == EntryRule::PremarketHighBreak,
        targets: vec![target(micro(1_500_000), 30), target(Micro::from_int(2), 50)],
        ..with_trail(Some(Micro::from_int(1)))
    }
}

fn is_valid(price: Price) -> bool {
    price == price.floor_to_tick()
}

proptest! {
    #[test]
    fn every_price_is_a_valid_tick_in_order(f in any_features(), premarket in any::<bool>()) {
        let entry = if premarket { EntryRule::PremarketHighBreak } else { EntryRule::OpeningRangeBreak };
        let Ok(levels) = Levels::new(&f, &all_ways_out(entry)) else { return Ok(()) };
        let Levels { side, entry, stop_distance, targets, exits } = levels;
        let plan = TradePlan { side, entry, stop_distance, targets, exits, ..plan() };
        let stop = plan.planned_stop();
        let targets: Vec<Price> = plan.targets.iter().map(|t| plan.target_for(t, entry.trigger)).collect();
        for price in [entry.trigger, entry.limit, stop].iter().chain(&targets) {
            prop_assert!(is_valid(*price), "{price} of {plan:?}");
        }
        let outward = |nearer: Price, farther: Price| match side {
            Side::Buy => nearer < farther,
            Side::Sell => nearer > farther,
        };
        prop_assert!(outward(stop, entry.trigger) || stop == entry.trigger);
        prop_assert!(outward(entry.trigger, entry.limit) || entry.trigger == entry.limit);
        prop_assert!(outward(entry.trigger, targets[0]));
        prop_assert!(outward(targets[0], targets[1]) || targets[0] == targets[1]);
    }

    #[test]
    fn rounding_never_worsens_the_stop(
        executed in 1_000_000_i64..900_000_000_000,
        distance in 1_i64..90_000_000_000,
        sell in any::<bool>(),
    ) {
        let (side, executed) = (if sell { Side::Sell } else { Side::Buy }, Price::from_nanos(executed));
        let plan = TradePlan { side, stop_distance: Price::from_nanos(distance), ..plan() };
        let stop = plan.stop_for(executed);
        let at_risk = side.sign() * (executed.nanos() - stop.nanos());
        prop_assert!(is_valid(stop));
        prop_assert!(at_risk <= distance, "{at_risk} at risk, {distance} planned");
    }

    #[test]
    fn a_trailed_stop_never_moves_back(
        bests in prop::collection::vec(90_000_000_000_i64..120_000_000_000, 1..20),
        distance in 10_000_000_i64..3_000_000_000,
        sell in any::<bool>(),
    ) {
        let side = if sell { Side::Sell } else { Side::Buy };
        let trail = Some(Trail { after: cents(80), distance: Price::from_nanos(distance) });
        let plan = TradePlan { side, exits: ExitRules { trail, ..ExitRules::default() }, ..plan() };
        let executed = cents(10_206);
        let mut stop = plan.stop_for(executed);
        for best in bests {
            let next = plan.trailed_stop(executed, Price::from_nanos(best), stop);
            prop_assert!(is_valid(next));
            prop_assert!(side.sign() * (next.nanos() - stop.nanos()) >= 0);
            stop = next;
        }
    }
}
