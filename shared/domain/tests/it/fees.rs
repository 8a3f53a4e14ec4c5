use domain::fees::{CostProfile, FeeRounding, Fees, Traded};
use domain::plan::Side;
use domain::{Micro, Price, SessionDate, Usd};
use proptest::prelude::*;

fn day() -> impl Strategy<Value = SessionDate> {
    (2015_i32..2030, 1_u32..13, 1_u32..29).prop_map(|(y, m, d)| SessionDate::from_ymd(y, m, d).unwrap())
}

fn costs() -> impl Strategy<Value = CostProfile> {
    (0_i64..10_000_000, 0_i64..500, proptest::option::of(0_i64..5_000_000), any::<bool>()).prop_map(
        |(per_share, least, most_pct, by_order)| CostProfile {
            commission_per_share: Usd::from_nanos(per_share),
            commission_min: Usd::from_cents(least),
            commission_max_pct: most_pct.map(Micro::from_micros),
            rounding: if by_order { FeeRounding::Order } else { FeeRounding::Day },
            ..CostProfile::default()
        },
    )
}

proptest! {
    #[test]
    fn however_an_order_is_filled_its_fees_are_the_same_and_never_negative(
        costs in costs(),
        day in day(),
        is_sale: bool,
        fills in proptest::collection::vec((1_u64..100_000, 1_i64..500_000), 1..8),
    ) {
        let side = if is_sale { Side::Sell } else { Side::Buy };
        let (mut before, mut sum) = (Traded::default(), Fees::default());
        for (quantity, cents) in fills {
            let price = Price::from_cents(cents);
            let fees = costs.of_fill(side, &before, quantity, price, day).unwrap();
            prop_assert!([fees.commission, fees.sec, fees.taf].iter().all(|fee| *fee >= Usd::ZERO), "{fees:?}");
            sum = sum.plus(&fees).unwrap();
            before = before.and(quantity, price).unwrap();
        }
        prop_assert_eq!(sum, costs.of_order(side, &before, day).unwrap());
        prop_assert!(is_sale || sum.sec == Usd::ZERO && sum.taf == Usd::ZERO);
        let booked = sum.booked().unwrap().total().unwrap().nanos() - sum.total().unwrap().nanos();
        prop_assert!((0..30_000_000).contains(&booked), "less than a cent for each of three items: {booked}");
    }

    #[test]
    fn any_numbers_are_charged_or_refused_and_never_wrap(
        costs in costs(),
        day in day(),
        quantity: u64,
        nanos in 1_i64..i64::MAX,
    ) {
        if let Ok(fees) = costs.of_trade(Side::Sell, quantity, Price::from_nanos(nanos), day) {
            let value = i128::from(nanos) * i128::from(quantity);
            prop_assert!(i128::from(fees.sec.nanos()) <= value / 10_000 + 10_000_000, "{fees:?} of {value}");
        }
    }
}
