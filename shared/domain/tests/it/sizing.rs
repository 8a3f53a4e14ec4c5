use domain::plan::{Entry, Side, TradePlan};
use domain::risk::margin::Reserved;
use domain::risk::{Cap, Means, RiskBasis, RiskProfile, Size, size};
use domain::{Micro, Price, Usd};
use proptest::prelude::*;

use super::planning::{close, signal};
use super::shipped_strategy;

fn plan() -> TradePlan {
    close(&[signal("GME", 1, true)]).plans.remove(0)
}

/// A short from 100.00, limit 99.90, stop 0.40 away.
fn short() -> TradePlan {
    let entry = Entry { trigger: Price::from_cents(10_000), limit: Price::from_cents(9_990) };
    TradePlan { side: Side::Sell, entry, ..plan() }
}

fn usd(dollars: i64) -> Usd {
    Usd::from_cents(dollars * 100)
}

fn means(equity: i64) -> Means {
    Means { equity: usd(equity), buying_power: usd(equity * 4), ..Means::default() }
}

fn term(sized: &Size, cap: Cap) -> Option<u64> {
    sized.terms.iter().find(|t| t.cap == cap).and_then(|t| t.quantity)
}

#[test]
fn shipped_numbers_are_the_documented_defaults() {
    let strategy = shipped_strategy();
    assert_eq!(strategy.risk, RiskProfile::default());
    assert_eq!(strategy.costs, domain::fees::CostProfile::default());
}

#[test]
fn worked_example_of_the_sizing_formula() {
    // 1 % of 100,000 over 5 slots = 200 USD at risk, 0.40 a share -> 500; 25 % of equity at 102.16 -> 244
    let sized = size(&plan(), &shipped_strategy().risk, &means(100_000)).unwrap();
    let expected = [
        (Cap::Risk, Some(500)),
        (Cap::Notional, Some(244)),
        (Cap::Gross, Some(1_957)),
        (Cap::BuyingPower, Some(3_719)),
        (Cap::Liquidity, Some(5_000)),
        (Cap::Sector, None),
        (Cap::FatFinger, Some(978)),
        (Cap::Margin, Some(3_262)),
        (Cap::BrokerPosition, Some(5_873)),
    ];
    for (cap, quantity) in expected {
        assert_eq!(term(&sized, cap), quantity, "{cap:?}");
    }
    assert_eq!((sized.quantity, sized.binding_cap), (244, Cap::Notional));
    assert_eq!(sized.binding_detail(), "25000.00 USD ÷ 102.16");
}

#[test]
fn each_reading_of_the_paper_sizes_its_worked_example() {
    // equity 100,000, 20 positions, price 50, stop 0.20, gross cap 4: 1 % of a slot of 5,000 is 50 USD -> 250 shares
    let mut plan = plan();
    plan.entry = Entry { trigger: Price::from_cents(5_000), limit: Price::from_cents(5_000) };
    plan.stop_distance = Price::from_cents(20);
    let check = |risk_basis, shares| {
        let profile =
            RiskProfile { risk_basis, max_positions: 20, gross_cap: Micro::from_int(4), ..RiskProfile::default() };
        assert_eq!(term(&size(&plan, &profile, &means(100_000)).unwrap(), Cap::Risk), Some(shares), "{risk_basis:?}");
    };
    check(RiskBasis::Slot, 250);
    check(RiskBasis::DeployedCapital, 1_000);
    check(RiskBasis::Equity, 5_000);
}

#[test]
fn a_short_is_reserved_above_the_ask_and_ties_up_margin() {
    let profile = shipped_strategy().risk;
    // without a quote 3 % above the trigger: 380,000 ÷ 103
    let unquoted = size(&short(), &profile, &means(100_000)).unwrap();
    assert_eq!(term(&unquoted, Cap::BuyingPower), Some(3_689));
    assert_eq!(term(&unquoted, Cap::Notional), Some(250));
    let quoted = Means { ask: Some(Price::from_cents(10_100)), ..means(100_000) };
    assert_eq!(term(&size(&short(), &profile, &quoted).unwrap(), Cap::BuyingPower), Some(3_652));
    let hard = Means { asset_margin: Some(Micro::from_int(100)), ..means(100_000) };
    assert_eq!(term(&size(&short(), &profile, &hard).unwrap(), Cap::Margin), Some(1_000));
    let reserved = Reserved::by(&short(), 10, None, None).unwrap();
    assert_eq!((reserved.exposure, reserved.buying_power, reserved.margin), (usd(1_000), usd(1_030), usd(300)));
}

#[test]
fn what_is_reserved_is_not_given_twice() {
    let profile = shipped_strategy().risk;
    let reserved = Reserved { exposure: usd(190_000), buying_power: usd(190_000), margin: usd(57_000) };
    let sized = size(&plan(), &profile, &Means { reserved, ..means(100_000) }).unwrap();
    assert_eq!((sized.quantity, sized.binding_cap), (97, Cap::Gross), "10,000 USD left ÷ 102.16");
    let over = Reserved { exposure: usd(200_001), ..reserved };
    assert_eq!(size(&plan(), &profile, &Means { reserved: over, ..means(100_000) }).unwrap().quantity, 0);
}

#[test]
fn amounts_out_of_range_are_an_error_and_never_a_wrap() {
    let profile = shipped_strategy().risk;
    let most = Usd::from_nanos(i64::MAX);
    let error = |plan: &TradePlan, means: &Means| size(plan, &profile, means).unwrap_err().to_string();
    assert!(error(&plan(), &Means { equity: most, ..means(1) }).contains("out of range"));
    let least = Reserved { exposure: Usd::from_nanos(i64::MIN), ..Reserved::default() };
    assert!(error(&plan(), &Means { reserved: least, ..means(1) }).contains("gross exposure left"));
    let far = Entry { trigger: Price::from_nanos(i64::MAX), limit: Price::from_nanos(i64::MAX) };
    assert!(error(&TradePlan { entry: far, ..short() }, &means(1)).contains("ask"));
}

proptest! {
    #[test]
    fn no_cap_is_exceeded(
        equity in 1_000_i64..50_000_000,
        power in 0_i64..200_000_000,
        held in 0_i64..100_000_000,
        trigger in 100_i64..100_000,
        stop in 1_i64..5_000,
        is_short: bool,
        basis in prop_oneof![Just(RiskBasis::Slot), Just(RiskBasis::DeployedCapital), Just(RiskBasis::Equity)],
    ) {
        let price = Price::from_cents(trigger);
        let entry = Entry { trigger: price, limit: Price::from_cents(if is_short { trigger - 1 } else { trigger + 1 }) };
        let plan = TradePlan {
            entry,
            side: if is_short { Side::Sell } else { Side::Buy },
            stop_distance: Price::from_cents(stop),
            sector: Some("Energy".to_owned()),
            ..plan()
        };
        let profile = RiskProfile { risk_basis: basis, ..shipped_strategy().risk };
        let reserved = Reserved { exposure: usd(held), buying_power: usd(held), margin: usd(held / 3) };
        let means = Means {
            equity: usd(equity),
            buying_power: usd(power),
            reserved,
            exposure_in_sector: usd(held / 2),
            ..Means::default()
        };
        let quantity = size(&plan, &profile, &means).unwrap().quantity;
        let by = Reserved::by(&plan, quantity, None, None).unwrap();
        let equity = usd(equity).to_f64();
        let (exposure, power_used, margin) = (by.exposure.to_f64(), by.buying_power.to_f64(), by.margin.to_f64());
        let slots = f64::from(profile.max_positions);
        let basis = match basis {
            RiskBasis::Slot => equity / slots,
            RiskBasis::DeployedCapital => equity * 2.0 / slots,
            RiskBasis::Equity => equity,
        };
        let held = usd(held).to_f64();
        let within = |what: &str, used: f64, most: f64| {
            prop_assert!(quantity == 0 || used <= most + 1e-6, "{what}: {used} of {most}");
            Ok(())
        };
        within("risk", plan.stop_distance.notional(quantity).unwrap().to_f64(), basis * 0.01)?;
        within("notional", exposure, equity * 0.25)?;
        within("gross", exposure + held, equity * 2.0)?;
        within("buying power", power_used + held, usd(power).to_f64() * 0.95)?;
        within("sector", exposure + means.exposure_in_sector.to_f64(), equity)?;
        within("margin", margin + reserved.margin.to_f64(), equity)?;
        within("broker", exposure, equity * 6.0)?;
        within("order value", exposure, 100_000.0)?;
        within("range volume", quantity as f64, plan.or_volume as f64 * 0.01)?;
        within("day volume", quantity as f64, plan.adv_14 as f64 * 0.001)?;
    }

    #[test]
    fn risk_at_the_stop_that_is_sent_never_exceeds_the_slots_budget(
        equity in 1_000_i64..50_000_000,
        stop_nanos in 1_000_000_i64..5_000_000_000,
        executed_nanos in 6_000_000_000_i64..500_000_000_000,
        is_short: bool,
    ) {
        let side = if is_short { Side::Sell } else { Side::Buy };
        let plan = TradePlan { side, stop_distance: Price::from_nanos(stop_nanos), ..plan() };
        let profile = shipped_strategy().risk;
        let quantity = size(&plan, &profile, &means(equity)).unwrap().quantity;
        let executed = Price::from_nanos(executed_nanos);
        let loss = (executed.nanos() - plan.stop_for(executed).nanos()) * side.sign();
        let at_risk = i128::from(loss) * i128::from(quantity);
        let budget = i128::from(usd(equity).nanos()) / 100 / i128::from(profile.max_positions);
        prop_assert!(at_risk <= budget, "{at_risk} of {budget}");
    }

    #[test]
    fn quantity_grows_with_equity_and_falls_with_the_stop(
        equity in 1_000_i64..5_000_000,
        more in 0_i64..5_000_000,
        stop in 1_i64..500,
        wider in 0_i64..500,
    ) {
        let (mut plan, profile) = (plan(), shipped_strategy().risk);
        plan.stop_distance = Price::from_cents(stop);
        let base = size(&plan, &profile, &means(equity)).unwrap().quantity;
        prop_assert!(size(&plan, &profile, &means(equity + more)).unwrap().quantity >= base);
        plan.stop_distance = Price::from_cents(stop + wider);
        prop_assert!(size(&plan, &profile, &means(equity)).unwrap().quantity <= base);
    }

    #[test]
    fn quantity_falls_with_the_average_true_range(atr in 60_i64..5_000, more in 0_i64..5_000) {
        let sized = |cents| {
            let mut signal = signal("GME", 1, true);
            signal.candidate.features.atr_14 = Some(Price::from_cents(cents));
            size(&close(&[signal]).plans[0], &shipped_strategy().risk, &means(100_000)).unwrap().quantity
        };
        prop_assert!(sized(atr + more) <= sized(atr));
    }

    #[test]
    fn any_numbers_are_sized_or_refused_and_never_wrap(
        equity: i64,
        buying_power: i64,
        [exposure, power, margin, in_sector] in any::<[i64; 4]>(),
        [trigger, limit, stop] in any::<[i64; 3]>(),
        (or_volume, adv_14) in any::<(u64, u64)>(),
        is_short: bool,
    ) {
        let entry = Entry { trigger: Price::from_nanos(trigger), limit: Price::from_nanos(limit) };
        let side = if is_short { Side::Sell } else { Side::Buy };
        let stop_distance = Price::from_nanos(stop);
        let plan = TradePlan { entry, side, stop_distance, or_volume, adv_14, sector: Some("Energy".into()), ..plan() };
        let reserved = Reserved {
            exposure: Usd::from_nanos(exposure),
            buying_power: Usd::from_nanos(power),
            margin: Usd::from_nanos(margin),
        };
        let means = Means {
            equity: Usd::from_nanos(equity),
            buying_power: Usd::from_nanos(buying_power),
            reserved,
            exposure_in_sector: Usd::from_nanos(in_sector),
            ..Means::default()
        };
        let profile = shipped_strategy().risk;
        if let Ok(sized) = size(&plan, &profile, &means) {
            let price = i128::from(trigger.max(limit));
            prop_assert!(sized.quantity == 0 || stop > 0 && price > 0);
            let cost = price * i128::from(sized.quantity);
            prop_assert!(cost <= i128::from(equity) / 4 + 1 || sized.quantity == 0);
            prop_assert!(i128::from(stop) * i128::from(sized.quantity) <= i128::from(equity) / 500 || sized.quantity == 0);
        }
    }

    #[test]
    fn a_larger_bankroll_buys_more_where_risk_binds(equity in 20_000_i64..40_000, factor in 2_i64..5) {
        // 8.00 of stop: risk binds well below the other caps
        let plan = TradePlan { stop_distance: Price::from_cents(800), ..plan() };
        let profile = shipped_strategy().risk;
        let small = size(&plan, &profile, &means(equity)).unwrap();
        let large = size(&plan, &profile, &means(equity * factor)).unwrap();
        prop_assert_eq!((small.binding_cap, large.binding_cap), (Cap::Risk, Cap::Risk));
        prop_assert!(large.quantity >= small.quantity * factor as u64 && large.quantity > small.quantity);
    }
}
