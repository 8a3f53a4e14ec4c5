//! The made symbols and their lasting character.

use std::collections::BTreeSet;

use crate::rng::Rng;
use crate::session::Listing;

/// What a symbol is like on an ordinary day.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Character {
    /// The price it wanders around, in cents.
    pub(crate) base_cents: f64,
    /// Daily volatility as a fraction of the price.
    pub(crate) sigma: f64,
    /// Average daily volume in shares.
    pub(crate) volume: f64,
    /// Liquid enough to be in play: a fifth of all symbols.
    pub(crate) liquid: bool,
}

const ONSETS: [&str; 18] = ["B", "C", "D", "F", "G", "H", "J", "K", "L", "M", "N", "P", "R", "S", "T", "V", "W", "Z"];
const VOWELS: [&str; 6] = ["A", "E", "I", "O", "U", "Y"];
const CODAS: [&str; 12] = ["B", "C", "D", "K", "L", "M", "N", "R", "S", "T", "X", "Z"];
const STEMS: [&str; 14] = [
    "Alder",
    "Basalt",
    "Cobalt",
    "Drift",
    "Ember",
    "Fjord",
    "Granite",
    "Harbor",
    "Iris",
    "Juniper",
    "Kestrel",
    "Larch",
    "Meridian",
    "Northgate",
];
const TRADES: [&str; 12] = [
    "Therapeutics",
    "Semiconductor",
    "Energy",
    "Logistics",
    "Software",
    "Foods",
    "Robotics",
    "Bancorp",
    "Mining",
    "Networks",
    "Retail Group",
    "Aerospace",
];

/// `count` symbols in ticker order.
pub(crate) fn make(seed: u64, count: usize) -> (Vec<Listing>, Vec<Character>) {
    let mut rng = Rng::keyed(&[seed, 1]);
    let listings: Vec<Listing> = tickers(&mut rng, count)
        .into_iter()
        .map(|ticker| Listing {
            name: format!("{} {}", word(&mut rng, &STEMS), word(&mut rng, &TRADES)),
            exchange: if rng.chance(0.55) { "NASDAQ" } else { "NYSE" },
            shares_outstanding: rng.int(12, 900) as u32,
            ticker,
        })
        .collect();
    let characters = (0..count).map(|i| character(&mut rng, i)).collect();
    (listings, characters)
}

fn character(rng: &mut Rng, index: usize) -> Character {
    let liquid = index.is_multiple_of(5);
    let dollars = if index % 29 == 7 { rng.range(2.2, 4.6) } else { (rng.range(14.0_f64.ln(), 260.0_f64.ln())).exp() };
    Character {
        base_cents: dollars * 100.0,
        sigma: rng.range(0.014, 0.032),
        volume: if liquid { rng.range(1_300_000.0, 2_600_000.0) } else { rng.range(120_000.0, 700_000.0) },
        liquid,
    }
}

fn tickers(rng: &mut Rng, count: usize) -> Vec<String> {
    let mut made = BTreeSet::new();
    made.insert("KORV.B".to_owned());
    while made.len() < count {
        let middle = format!("{}{}{}", word(rng, &ONSETS), word(rng, &VOWELS), word(rng, &CODAS));
        made.insert(if rng.chance(0.7) { middle + word(rng, &CODAS) } else { middle });
    }
    made.into_iter().collect()
}

fn word(rng: &mut Rng, from: &[&'static str]) -> &'static str {
    rng.pick(from).copied().unwrap_or_default()
}
