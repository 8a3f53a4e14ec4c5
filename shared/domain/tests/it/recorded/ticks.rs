//! Every trade of one real stock on one day, with its sale conditions.

use std::collections::HashMap;
use std::path::Path;

use domain::market::{ConditionScheme, Eligibility, Range, SymbolState, Trade, Windows};
use domain::{Price, SessionDate, UnixNanos, calendar};

use super::{Checks, data, price, rows};

struct Print {
    trade: Trade,
    eligibility: Eligibility,
    is_good: bool,
}

fn prints(data: &Path) -> Vec<Print> {
    let print = |row: &HashMap<String, String>| Print {
        trade: Trade {
            ts_event: row["TIME_UTC"].parse().unwrap(),
            price: price(&row["PRICE"]),
            size: row["SIZE"].parse().unwrap(),
        },
        eligibility: Eligibility::of(ConditionScheme::Cta, &row["COND"]),
        is_good: row["CORR"] == "0",
    };
    rows(&data.join("ticks-taq/XXX_20180102_trades.csv")).iter().map(print).collect()
}

fn windows(opening_minutes: u32) -> Windows {
    let date: SessionDate = "2018-01-02".parse().unwrap();
    Windows::new(calendar::session(date).unwrap(), opening_minutes)
}

fn fold(prints: &[Print], opening_minutes: u32, as_if: impl Fn(Eligibility) -> Eligibility) -> SymbolState {
    let mut state = SymbolState::default();
    let windows = windows(opening_minutes);
    prints.iter().for_each(|p| state.apply(&windows, &p.trade, as_if(p.eligibility)));
    state
}

#[test]
fn a_real_tape_gives_the_expected_levels_and_volumes() {
    let Some(data) = data() else { return };
    let prints = prints(&data);
    let as_sold = |e: Eligibility| e;
    let with_odd_lots = |e: Eligibility| Eligibility { odd_lot: false, ..e };
    let no_filter = |_: Eligibility| Eligibility::REGULAR;
    let strict = fold(&prints, 5, as_sold);
    let unfiltered = fold(&prints, 5, no_filter);
    let session = windows(5).session;
    let rows_between = |from: UnixNanos, until: UnixNanos| {
        prints.iter().filter(move |p| p.trade.ts_event >= from && p.trade.ts_event < until)
    };
    let premarket = || rows_between(session.premarket_open, session.open);
    let odd_lots = premarket().filter(|p| p.eligibility.odd_lot).count() as f64;
    let volume = |which: &dyn Fn(&Print) -> bool| -> f64 {
        prints.iter().filter(|p| which(p)).map(|p| f64::from(p.trade.size)).sum()
    };
    let opening = |minutes: u32| {
        let of = |state: SymbolState| state.opening;
        (
            of(fold(&prints, minutes, as_sold)),
            of(fold(&prints, minutes, with_odd_lots)),
            of(fold(&prints, minutes, no_filter)),
        )
    };
    let ranges: HashMap<u32, (Range, Range, Range)> = [1, 5, 15].map(|minutes| (minutes, opening(minutes))).into();
    let (open_auction, close_auction) = (strict.opening_auction.unwrap(), strict.closing_auction.unwrap());

    let mut checks = Checks::new();
    for row in super::rows(&data.join("expected-ticks.csv")) {
        let (quantity, expected) = (row["quantity"].as_str(), row["value"].as_str());
        let found = match quantity {
            "rows" => Some(prints.len() as f64),
            "rows_corr_nonzero" => Some(prints.iter().filter(|p| !p.is_good).count() as f64),
            "pm_rows" => Some(premarket().count() as f64),
            "pm_volume_eligible" => Some(strict.premarket.volume as f64),
            "pm_volume_raw" => Some(unfiltered.premarket.volume as f64),
            "pm_dollar_volume_eligible" => Some(strict.premarket_dollar_volume().to_f64()),
            "pm_high_all" => Some(strict.premarket_all.high.to_f64()),
            "pm_low_all" => Some(strict.premarket_all.low.to_f64()),
            "pm_prints_all" => Some(strict.premarket_all.prints as f64),
            "pm_high_strict_no_odd_lots" => Some(strict.premarket.high.to_f64()),
            "pm_low_strict_no_odd_lots" => Some(strict.premarket.low.to_f64()),
            "pm_prints_strict_no_odd_lots" => Some(strict.premarket.prints as f64),
            "pm_odd_lot_share" => Some(odd_lots / premarket().count() as f64),
            "open_auction_price" => Some(open_auction.price.to_f64()),
            "open_auction_size" => Some(f64::from(open_auction.size)),
            "close_auction_price" => Some(close_auction.price.to_f64()),
            "close_auction_size" => Some(f64::from(close_auction.size)),
            "open_auction_time_utc" | "close_auction_time_utc" => {
                let auction = if quantity.starts_with("open") { open_auction } else { close_auction };
                assert_eq!(auction.ts_event, expected.parse().unwrap(), "{quantity}");
                checks.compared += 1;
                continue;
            }
            "regular_rows" => Some(rows_between(session.open, session.close).count() as f64),
            "regular_volume_eligible" => Some(strict.regular.volume as f64),
            "regular_volume_no_filter" => Some(unfiltered.regular.volume as f64),
            "regular_high" => Some(strict.regular.high.to_f64()),
            "regular_low" => Some(strict.regular.low.to_f64()),
            "regular_high_no_filter" => Some(unfiltered.regular.high.to_f64()),
            "regular_low_no_filter" => Some(unfiltered.regular.low.to_f64()),
            "regular_vwap_eligible" => strict.vwap().map(Price::to_f64),
            "day_volume_eligible_with_close" => Some(volume(&|p| p.eligibility.volume)),
            "day_volume_no_filter" => Some(volume(&|_| true)),
            _ => range_value(&ranges, quantity),
        };
        checks.number(quantity, found, expected, Checks::PRICE);
    }
    assert_eq!((strict.outliers, unfiltered.outliers, strict.unknown_conditions), (0, 0, 0));
    checks.finish(56);
}

/// `or5_high_with_odd_lots` and its like.
fn range_value(ranges: &HashMap<u32, (Range, Range, Range)>, quantity: &str) -> Option<f64> {
    let (minutes, rest) = quantity.strip_prefix("or")?.split_once('_')?;
    let (strict, with_odd_lots, no_filter) = ranges.get(&minutes.parse().ok()?)?;
    let (range, what) = if let Some(what) = rest.strip_suffix("_with_odd_lots") {
        (with_odd_lots, what)
    } else if let Some(what) = rest.strip_suffix("_no_filter") {
        (no_filter, what)
    } else {
        (strict, rest)
    };
    match what {
        "open" => Some(range.open.to_f64()),
        "high" => Some(range.high.to_f64()),
        "low" => Some(range.low.to_f64()),
        "close" => Some(range.close.to_f64()),
        "volume" => Some(range.volume as f64),
        _ => None,
    }
}
