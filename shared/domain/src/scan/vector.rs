//! Features as the numbers a learned model is trained on and asked with.

use super::Features;
use crate::money::Price;

/// Names of the numbers of [`Features::vector`], in its order. Only ever appended to: a model's file names how many
/// it was trained on.
pub const FEATURE_NAMES: [&str; 18] = [
    "open",
    "gap_pct",
    "gap_atr",
    "atr_pct",
    "rvol",
    "adv_14",
    "premarket_volume",
    "premarket_dollar_volume",
    "premarket_high_atr",
    "or_volume",
    "or_range_atr",
    "or_body_atr",
    "vwap_atr",
    "spread_pct",
    "float_shares",
    "float_rotation",
    "catalyst",
    "short_restricted",
];

/// Raised when one of [`FEATURE_NAMES`] changes its meaning or unit; a model of another version is refused.
pub const FEATURES_VERSION: u32 = 1;

impl Features {
    /// The features in the order of [`FEATURE_NAMES`]; NaN for what is not known.
    ///
    /// Units: `_pct` per cent, `_atr` average true ranges of 14 sessions, prices and dollars in USD, volumes in shares,
    /// distances of prices from the open, yes as 1. Every number is one division of integers, the same on every machine.
    pub fn vector(&self) -> [f64; FEATURE_NAMES.len()] {
        let from_open = |price: Option<Price>| in_atr(self, self.open, price);
        [
            self.open.map_or(f64::NAN, Price::to_f64),
            self.gap_pct.map_or(f64::NAN, crate::Micro::to_f64),
            self.gap_atr.map_or(f64::NAN, crate::Micro::to_f64),
            over(self.atr_14, self.open) * 100.0,
            self.rvol.map_or(f64::NAN, crate::Micro::to_f64),
            shares(self.adv_14),
            self.premarket_volume as f64,
            self.premarket_dollar_volume.to_f64(),
            from_open(self.premarket_high),
            self.or_volume as f64,
            in_atr(self, self.or_low, self.or_high),
            in_atr(self, self.or_open, self.or_close),
            from_open(self.vwap),
            self.spread_pct.map_or(f64::NAN, crate::Micro::to_f64),
            shares(self.float_shares),
            self.float_rotation.map_or(f64::NAN, crate::Micro::to_f64),
            self.catalyst.map_or(f64::NAN, crate::Micro::to_f64),
            self.short_restricted.map_or(f64::NAN, |yes| f64::from(u8::from(yes))),
        ]
    }
}

fn shares(count: Option<u64>) -> f64 {
    count.map_or(f64::NAN, |n| n as f64)
}

fn over(part: Option<Price>, whole: Option<Price>) -> f64 {
    part.zip(whole).map_or(f64::NAN, |(a, b)| a.nanos() as f64 / b.nanos() as f64)
}

/// From `start` to `end` in ATR.
fn in_atr(f: &Features, start: Option<Price>, end: Option<Price>) -> f64 {
    let distance = start.zip(end).map(|(a, b)| Price::from_nanos(b.nanos().saturating_sub(a.nanos())));
    over(distance, f.atr_14)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_in_the_order_of_their_names() {
        let price = |cents| Some(Price::from_cents(cents));
        let features = Features {
            open: price(10_000),
            atr_14: price(400),
            or_low: price(9_900),
            or_high: price(10_100),
            short_restricted: Some(true),
            ..Features::default()
        };
        let vector = features.vector();
        let named = |name| vector[FEATURE_NAMES.iter().position(|n| *n == name).unwrap()].to_string();
        assert_eq!([named("open"), named("atr_pct"), named("or_range_atr")], ["100", "4", "0.5"]);
        assert_eq!([named("or_volume"), named("short_restricted")], ["0", "1"]);
        assert_eq!([named("rvol"), named("vwap_atr")], ["NaN", "NaN"]);
    }
}
