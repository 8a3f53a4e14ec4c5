//! Headlines of a made day.

use super::plan::{DayPlan, Role};
use crate::calendar::Hours;
use crate::rng::Rng;
use crate::session::{Listing, News};

const UP: [&str; 6] = [
    "{name} tops third-quarter estimates and raises full-year guidance",
    "{name} wins $480 million contract with the Department of Energy",
    "{name} announces positive late-stage trial results",
    "{name} upgraded to Buy, target lifted 25%",
    "{name} to join forces with a large cloud provider on a new product line",
    "{name} reports record bookings, shares surge before the bell",
];
const DOWN: [&str; 4] = [
    "{name} cuts full-year outlook after weak orders",
    "{name} prices public offering of common stock at a discount",
    "{name} misses third-quarter revenue estimates",
    "{name} says its chief financial officer resigns",
];
const PLAIN: [&str; 4] = [
    "{name} to present at investor conference",
    "Is {name} a value trap? What the numbers say",
    "{name} declares quarterly dividend",
    "Why {name} is on analysts' radar this week",
];
const SOURCES: [&str; 4] = ["BusinessWire", "PRNewswire", "Reuters", "Yahoo"];

/// Headlines of one symbol's day; a gapper's first one is what moves its pre-market price.
pub(crate) fn headlines(symbol: u16, listing: &Listing, plan: &DayPlan, hours: &Hours, rng: &mut Rng) -> Vec<News> {
    let minute = 60_000_000_000;
    let item = |at: i64, from: &[&str], rng: &mut Rng| News {
        symbol,
        at: at / 1_000_000_000 * 1_000_000_000,
        headline: rng.pick(from).map_or_else(String::new, |text| text.replace("{name}", &listing.name)),
        source: rng.pick(&SOURCES).copied().unwrap_or_default(),
        category: "company",
    };
    match plan.role {
        Role::Quiet if rng.chance(0.12) => vec![item(hours.open - rng.int(10, 900) * minute, &PLAIN, rng)],
        Role::Quiet => Vec::new(),
        role => {
            let texts: &[&str] = if role == Role::GapDown { &DOWN } else { &UP };
            let first = hours.pre_open + rng.int(15, 250) * minute;
            let mut all = vec![item(first, texts, rng)];
            for _ in 0..rng.int(0, 3) {
                let later = (first + rng.int(2, 90) * minute).min(hours.open - 2 * minute);
                let again = if rng.chance(0.5) { texts } else { &PLAIN };
                all.push(item(later, again, rng));
            }
            all.sort_by_key(|n| n.at);
            all
        }
    }
}
