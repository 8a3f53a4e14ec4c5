//! Average true ranges of three years of real days.

use std::collections::BTreeMap;

use domain::market::DailyBar;
use domain::market::indicators::{Atr, AtrSmoothing, true_range};

use super::{Checks, data, price, rows};

#[test]
fn true_ranges_and_both_averages_equal_the_expected_ones() {
    let Some(data) = data() else { return };
    let mut checks = Checks::new();
    let mut by_symbol: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for row in rows(&data.join("expected-atr.csv")) {
        by_symbol.entry(row["symbol"].clone()).or_default().push(row);
    }
    for (symbol, rows) in by_symbol {
        let (mut wilder, mut sma) = (Atr::new(AtrSmoothing::Wilder), Atr::new(AtrSmoothing::Sma));
        let mut close_before = None;
        for row in rows {
            let bar = DailyBar {
                date: row["date"].parse().unwrap(),
                open: price(&row["open"]),
                high: price(&row["high"]),
                low: price(&row["low"]),
                close: price(&row["close"]),
                volume: 0,
            };
            let name = |column: &str| format!("{symbol} {} {column}", row["date"]);
            checks.price(&name("tr"), close_before.map(|close| true_range(close, &bar)), &row["tr"]);
            let (wilder, sma) = (wilder.push(&bar), sma.push(&bar));
            assert_eq!(
                (wilder.is_none(), sma.is_none()),
                (row["atr14_wilder"].is_empty(), row["atr14_sma"].is_empty())
            );
            checks.price(&name("wilder"), wilder, &row["atr14_wilder"]);
            checks.price(&name("sma"), sma, &row["atr14_sma"]);
            close_before = Some(bar.close);
        }
    }
    checks.finish(2_000);
}
