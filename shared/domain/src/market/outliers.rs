//! Prints that are too far off to be believed at once.

use serde::{Deserialize, Serialize};

use super::{Eligibility, Trade};
use crate::money::Price;

/// How far from its surroundings a print may be before it needs others to confirm it.
///
/// # Source
/// Bad prints pass every sale condition now and then: a stock near 66 USD once printed 15.32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OutlierRule {
    /// Part of the reference price, 1e-6.
    pub distance_ppm: u32,
    /// Multiple of the spread, where a fresh quote is known; the wider of the two holds.
    pub spreads: u32,
    /// Without a quote, prints that must be known before the next is doubted.
    pub known_prints: u32,
    /// Outliers in a row, near one another, that make a new level.
    pub confirmations: u32,
}

impl Default for OutlierRule {
    fn default() -> Self {
        Self { distance_ppm: 50_000, spreads: 10, known_prints: 5, confirmations: 3 }
    }
}

impl OutlierRule {
    /// The widest distance from `reference` that is believed, 1e-9 USD.
    const fn distance(&self, reference: i64) -> i64 {
        let ppm = self.distance_ppm as i64;
        reference / MILLION * ppm + reference % MILLION * ppm / MILLION
    }
}

/// Best bid and ask as the guard wants them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quoted {
    pub(super) mid: Price,
    pub(super) spread: Price,
}

/// What the guard says of a print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It stands, and so many suspects before it are refuted.
    Accepted { refuted: u32 },
    /// It waits for others, and so many suspects before it are refuted.
    Suspected { refuted: u32 },
    /// It and the suspects before it stand; they are to be taken from the guard.
    Confirmed,
}

/// The last prices of one symbol, and the outliers that wait to be confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Guard {
    window: Window,
    suspects: Vec<Suspect>,
}

/// A print that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Suspect {
    pub(super) trade: Trade,
    pub(super) eligibility: Eligibility,
}

impl Guard {
    /// Judges a print that may set a price, against the quote or else against the median of up to thirty prints.
    #[inline]
    pub(super) fn judge(
        &mut self,
        rule: &OutlierRule,
        trade: &Trade,
        eligibility: Eligibility,
        quoted: Option<Quoted>,
    ) -> Verdict {
        let price = trade.price.nanos();
        if self.believes(rule, price, quoted) {
            self.window.push(price);
            let refuted = self.suspects.len() as u32;
            if refuted > 0 {
                self.suspects.clear();
            }
            return Verdict::Accepted { refuted };
        }
        self.suspect(rule, Suspect { trade: *trade, eligibility })
    }

    /// The suspects that were confirmed.
    pub(super) fn take_confirmed(&mut self) -> Vec<Suspect> {
        std::mem::take(&mut self.suspects)
    }

    #[inline]
    fn believes(&self, rule: &OutlierRule, price: i64, quoted: Option<Quoted>) -> bool {
        match quoted {
            Some(quoted) => {
                let most = rule.distance(quoted.mid.nanos());
                let spreads = quoted.spread.nanos().saturating_mul(i64::from(rule.spreads));
                near(price, quoted.mid.nanos(), most.max(spreads))
            }
            None if self.window.count < rule.known_prints.max(1) => true,
            None => {
                // A price that is near both ends of the window is near its median, wherever that lies between.
                let Window { low, high, .. } = self.window;
                let near_both = price - low <= rule.distance(low) && high - price <= rule.distance(high);
                near_both || {
                    let median = self.window.median();
                    near(price, median, rule.distance(median))
                }
            }
        }
    }

    #[cold]
    fn suspect(&mut self, rule: &OutlierRule, suspect: Suspect) -> Verdict {
        let price = suspect.trade.price.nanos();
        let stray = |other: &Suspect| {
            let other = other.trade.price.nanos();
            !near(price, other, rule.distance(other))
        };
        let mut refuted = 0;
        if self.suspects.iter().any(stray) {
            refuted = self.suspects.len() as u32;
            self.suspects.clear();
        }
        self.suspects.push(suspect);
        if self.suspects.len() < rule.confirmations as usize {
            return Verdict::Suspected { refuted };
        }
        self.window = Window::default();
        for suspect in &self.suspects {
            self.window.push(suspect.trade.price.nanos());
        }
        Verdict::Confirmed
    }
}

const MILLION: i64 = 1_000_000;

const fn near(price: i64, reference: i64, most: i64) -> bool {
    price.abs_diff(reference) <= most.unsigned_abs()
}

/// Prices in the window.
const LENGTH: usize = 30;

/// The last accepted prices, 1e-9 USD, as a ring; all of them lie between `low` and `high`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Window {
    prices: [i64; LENGTH],
    count: u32,
    next: u32,
    low: i64,
    high: i64,
}

impl Window {
    #[inline]
    fn push(&mut self, price: i64) {
        self.prices[self.next as usize] = price;
        self.next += 1;
        if (self.count as usize) < LENGTH {
            self.count += 1;
        }
        if self.next as usize == LENGTH {
            self.next = 0;
            self.low = self.prices.iter().copied().fold(price, i64::min);
            self.high = self.prices.iter().copied().fold(price, i64::max);
        } else if self.count == 1 {
            (self.low, self.high) = (price, price);
        } else {
            self.low = self.low.min(price);
            self.high = self.high.max(price);
        }
    }

    /// The middle price, or the mean of the middle two.
    fn median(&self) -> i64 {
        let mut sorted = self.prices;
        let sorted = &mut sorted[..self.count as usize];
        sorted.sort_unstable();
        let middle = sorted.len() / 2;
        if sorted.len() % 2 == 1 { sorted[middle] } else { i64::midpoint(sorted[middle - 1], sorted[middle]) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::UnixNanos;

    fn judge(guard: &mut Guard, cents: i64, quoted: Option<(i64, i64)>) -> Verdict {
        let trade = Trade { ts_event: UnixNanos::default(), price: Price::from_cents(cents), size: 100 };
        let quoted =
            quoted.map(|(mid, spread)| Quoted { mid: Price::from_cents(mid), spread: Price::from_cents(spread) });
        guard.judge(&OutlierRule::default(), &trade, Eligibility::REGULAR, quoted)
    }

    const ACCEPTED: Verdict = Verdict::Accepted { refuted: 0 };
    const SUSPECTED: Verdict = Verdict::Suspected { refuted: 0 };

    #[test]
    fn a_print_more_than_five_per_cent_off_the_median_is_suspected() {
        let check = |cents: i64, expected: Verdict| {
            let mut guard = Guard::default();
            (0..30).for_each(|i| assert_eq!(judge(&mut guard, 9_990 + i % 3 * 10, None), ACCEPTED));
            assert_eq!(judge(&mut guard, cents, None), expected, "{cents}");
        };
        check(10_500, ACCEPTED);
        check(10_501, SUSPECTED);
        check(9_500, ACCEPTED);
        check(9_499, SUSPECTED);
    }

    #[test]
    fn the_median_is_of_the_last_thirty() {
        let mut guard = Guard::default();
        for step in 0..300 {
            assert_eq!(judge(&mut guard, 10_000 + step * 20, None), ACCEPTED, "step {step}");
        }
        assert_eq!(judge(&mut guard, 10_000, None), SUSPECTED);
    }

    fn known(cents: i64) -> Guard {
        let mut guard = Guard::default();
        (0..5).for_each(|_| assert_eq!(judge(&mut guard, cents, None), ACCEPTED));
        guard
    }

    #[test]
    fn a_good_print_refutes_and_three_alike_in_a_row_confirm() {
        let mut guard = known(10_000);
        assert_eq!(judge(&mut guard, 12_000, None), SUSPECTED);
        assert_eq!(judge(&mut guard, 10_010, None), Verdict::Accepted { refuted: 1 });
        assert_eq!(judge(&mut guard, 12_000, None), SUSPECTED);
        assert_eq!(judge(&mut guard, 7_000, None), Verdict::Suspected { refuted: 1 });
        assert_eq!(judge(&mut guard, 12_000, None), Verdict::Suspected { refuted: 1 });
        assert_eq!(judge(&mut guard, 12_100, None), SUSPECTED);
        assert_eq!(judge(&mut guard, 11_950, None), Verdict::Confirmed);
        assert_eq!(guard.take_confirmed().len(), 3);
        (0..2).for_each(|_| assert_eq!(judge(&mut guard, 12_050, None), ACCEPTED));
        assert_eq!(judge(&mut guard, 10_000, None), SUSPECTED);
    }

    #[test]
    fn the_first_prints_have_nothing_to_be_held_against() {
        let mut guard = Guard::default();
        for cents in [10_000, 12_000, 9_000, 11_000, 10_000] {
            assert_eq!(judge(&mut guard, cents, None), ACCEPTED, "{cents}");
        }
        assert_eq!(judge(&mut guard, 12_000, None), SUSPECTED);
    }

    #[test]
    fn a_fresh_quote_goes_before_the_median_and_a_wide_one_allows_more() {
        let mut guard = known(10_000);
        assert_eq!(judge(&mut guard, 12_000, Some((12_000, 2))), ACCEPTED);
        assert_eq!(judge(&mut guard, 10_000, Some((12_000, 2))), SUSPECTED);
        assert_eq!(judge(&mut guard, 10_000, Some((12_000, 200))), Verdict::Accepted { refuted: 1 });
    }
}
