//! Levels, gaps, ranges and relative volume of 160 symbol-days.

use std::collections::{BTreeMap, HashMap};

use domain::market::indicators::{adv_14, atr_14_wilder, relative_opening_volume};
use domain::market::{DailyBar, OpeningVolume, OutlierRule, SymbolState};
use domain::scan::GapKind;
use domain::{Micro, Price, SessionDate, calendar};

use super::minutes::{Minute, daily, fold, minutes};
use super::{Checks, data, rows};

/// Bars are taken at their word: nothing in them has to be confirmed.
const ANYTHING: OutlierRule = OutlierRule { distance_ppm: 10_000_000, spreads: 0, known_prints: 5, confirmations: 3 };

struct Symbol {
    minutes: BTreeMap<SessionDate, Vec<Minute>>,
    daily: Vec<DailyBar>,
}

fn load(name: &str, data: &std::path::Path) -> Symbol {
    let name = if name == "META" { "FB" } else { name };
    Symbol { minutes: minutes(data, name), daily: daily(data, name) }
}

#[test]
fn levels_gaps_ranges_and_volumes_equal_the_expected_ones() {
    let Some(data) = data() else { return };
    let mut checks = Checks::new();
    let mut symbols: HashMap<String, Symbol> = HashMap::new();
    for row in rows(&data.join("expected.csv")) {
        if row["session"] == "no-regular-data" {
            continue;
        }
        let symbol = symbols.entry(row["symbol"].clone()).or_insert_with(|| load(&row["symbol"], &data));
        let date: SessionDate = row["date"].parse().unwrap();
        let state = fold(date, &symbol.minutes[&date], ANYTHING);
        let name = |column: &str| format!("{} {date} {column}", row["symbol"]);
        tape(&mut checks, &name, &row, &state);
        history(&mut checks, &name, &row, &state, &symbol.daily, date);
        if !row["rvol_or5_14"].is_empty() {
            let usual = relative_opening_volume(state.opening.volume, &opening_volumes(symbol, date));
            checks.number(&name("rvol"), usual.map(Micro::to_f64), &row["rvol_or5_14"], Checks::PERCENT);
        }
    }
    checks.finish(2_000);
}

fn tape(checks: &mut Checks, name: &dyn Fn(&str) -> String, row: &HashMap<String, String>, state: &SymbolState) {
    let (premarket, opening, regular) = (&state.premarket, &state.opening, &state.regular);
    let mut level = |column: &str, price: Price| checks.price(&name(column), Some(price), &row[column]);
    level("pm_high", premarket.high);
    level("pm_low", premarket.low);
    level("pm_last", premarket.close);
    level("open", state.opening_price().unwrap());
    level("or5_high", opening.high);
    level("or5_low", opening.low);
    level("or5_close", opening.close);
    level("day_high", regular.high);
    level("day_low", regular.low);
    level("last_bar_close", regular.close);
    let mut count = |column: &str, count: u64| checks.number(&name(column), Some(count as f64), &row[column], 0.0);
    count("pm_volume", premarket.volume);
    count("or5_volume", opening.volume);
    count("regular_volume", regular.volume);
    let regular_bars = state.minutes().unwrap().bars();
    let (open, close) = regular.between();
    count("regular_bars", regular_bars.filter(|b| b.start >= open && b.start <= close).count() as u64);
    let direction = opening.close.cmp(&opening.open) as i32;
    checks.number(&name("or5_dir"), Some(f64::from(direction)), &row["or5_dir"], 0.0);
}

fn history(
    checks: &mut Checks,
    name: &dyn Fn(&str) -> String,
    row: &HashMap<String, String>,
    state: &SymbolState,
    daily: &[DailyBar],
    date: SessionDate,
) {
    let before = &daily[..daily.partition_point(|bar| bar.date < date)];
    let Some(last) = before.last() else { return };
    let cents = (last.close.to_f64() * 100.0).round() as i64;
    let (close, open) = (Price::from_cents(cents), state.opening_price().unwrap());
    checks.price(&name("prev_close"), Some(close), &row["prev_close"]);
    let gap = open.nanos() - close.nanos();
    let pct = Micro::ratio(gap, close.nanos(), 100);
    checks.number(&name("gap_pct"), pct.map(Micro::to_f64), &row["gap_pct"], Checks::PERCENT);
    let atr = atr_14_wilder(before);
    checks.price(&name("atr14"), atr, &row["atr14"]);
    let in_atr = atr.and_then(|atr| Micro::ratio(gap, atr.nanos(), 1));
    checks.number(&name("gap_atr"), in_atr.map(Micro::to_f64), &row["gap_atr"], Checks::PERCENT);
    checks.number(&name("adv14"), adv_14(before).map(|v| v as f64), &row["adv14"], 1.0);
    let kind = match GapKind::of(open, close, last.high, last.low) {
        Some(GapKind::FullUp) => "full-up",
        Some(GapKind::FullDown) => "full-down",
        Some(GapKind::PartialUp | GapKind::PartialDown) | None => "partial",
    };
    checks.compared += 1;
    if kind != row["gap_kind"] {
        checks.wrong.push(format!("{}: {kind}, not {}", name("gap_kind"), row["gap_kind"]));
    }
}

/// Opening volumes of the full sessions before `date` that the minutes have.
fn opening_volumes(symbol: &Symbol, date: SessionDate) -> Vec<OpeningVolume> {
    let full = symbol.minutes.range(..date).filter(|(day, _)| calendar::session(**day).is_some_and(|s| !s.early_close));
    full.filter_map(|(day, minutes)| {
        let opening = fold(*day, minutes, ANYTHING).opening;
        opening.is_priced().then_some(OpeningVolume { date: *day, volume: opening.volume })
    })
    .collect()
}

#[test]
fn the_outlier_guard_leaves_the_gap_days_as_they_are_and_takes_a_bad_print_out() {
    let Some(data) = data() else { return };
    let mut checks = Checks::new();
    let gap_days = ["GME 2022-03-23", "GME 2022-03-24", "GME 2022-04-01", "TSLA 2022-03-28", "TSLA 2022-04-11"];
    for row in rows(&data.join("expected.csv")) {
        let day = format!("{} {}", row["symbol"], row["date"]);
        let date: SessionDate = row["date"].parse().unwrap();
        let folded = || fold(date, &load(&row["symbol"], &data).minutes[&date], OutlierRule::default());
        if gap_days.contains(&day.as_str()) {
            tape(&mut checks, &|column| format!("{day} {column}"), &row, &folded());
        }
        if day == "TSLA 2022-04-05" {
            let state = folded();
            assert_eq!(row["pm_low"], "999.11");
            assert!(state.premarket.low > Price::from_cents(113_000) && state.outliers > 0, "{:?}", state.premarket);
        }
    }
    checks.finish(60);
}
