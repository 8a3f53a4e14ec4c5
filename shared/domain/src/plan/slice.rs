//! How a position is divided among its targets.

use super::{Target, TradePlan};

/// A part of the position with its own entry, stop and, but for the last of some plans, target.
///
/// Each slice is a bracket of its own at the broker, which holds one target for the whole of an order. So every share
/// is under exactly one stop from the complete fill of its slice on, whichever slice leaves first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// The place of its target in the plan, from 1; one more for what has no target.
    pub number: u32,
    /// Shares, positive.
    pub quantity: u64,
    /// Where it takes profit; `None` holds it until stop, time stop or close.
    pub target: Option<Target>,
}

impl TradePlan {
    /// Divides `quantity` shares among the targets, fractions of a share rounded down; the last target or, where the
    /// targets leave some of the position, the slice without one takes what is left. Slices of no shares are left out.
    pub fn slices(&self, quantity: u64) -> Vec<Slice> {
        let planned: u64 = self.targets.iter().map(|target| u64::from(target.fraction_bps)).sum();
        let mut left = quantity;
        let mut slices = Vec::with_capacity(self.targets.len() + 1);
        for (number, target) in (1..).zip(&self.targets) {
            let is_rest = number as usize == self.targets.len() && planned >= WHOLE_BPS;
            let share = if is_rest { left } else { part(quantity, target.fraction_bps).min(left) };
            left -= share;
            slices.push(Slice { number, quantity: share, target: Some(*target) });
        }
        slices.push(Slice { number: self.targets.len() as u32 + 1, quantity: left, target: None });
        slices.retain(|slice| slice.quantity > 0);
        slices
    }

    /// The target of a slice; `None` where it has none.
    pub fn target_of(&self, slice: u32) -> Option<&Target> {
        self.targets.get(slice.checked_sub(1)? as usize)
    }
}

const WHOLE_BPS: u64 = 10_000;

fn part(quantity: u64, bps: u32) -> u64 {
    let exact = u128::from(quantity) * u128::from(bps) / u128::from(WHOLE_BPS);
    u64::try_from(exact).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Price;
    use crate::plan::fixture::plan;

    fn with_targets(bps: &[u32]) -> TradePlan {
        let target =
            |(at, fraction_bps): (i64, &u32)| Target { distance: Price::from_cents(at), fraction_bps: *fraction_bps };
        TradePlan { targets: (1..).zip(bps).map(target).collect(), ..plan() }
    }

    #[test]
    fn the_rest_goes_to_the_last_target_or_runs_without_one() {
        let check = |bps: &[u32], quantity, expected: &[(u32, u64, bool)]| {
            let slices = with_targets(bps).slices(quantity);
            let shown: Vec<_> = slices.iter().map(|s| (s.number, s.quantity, s.target.is_some())).collect();
            assert_eq!(shown, expected, "{bps:?} of {quantity}");
        };
        check(&[], 100, &[(1, 100, false)]);
        check(&[10_000], 7, &[(1, 7, true)]);
        check(&[5_000], 101, &[(1, 50, true), (2, 51, false)]);
        check(&[5_000], 1, &[(2, 1, false)]);
        check(&[3_300, 3_300, 3_400], 100, &[(1, 33, true), (2, 33, true), (3, 34, true)]);
        check(&[3_333, 3_333, 3_334], 10, &[(1, 3, true), (2, 3, true), (3, 4, true)]);
    }

    proptest::proptest! {
        /// Also for fractions that no strategy may have.
        #[test]
        fn slices_add_up_to_the_quantity(
            bps in proptest::collection::vec(0_u32..=12_000, 0..6),
            quantity in 0..=u64::MAX,
        ) {
            let slices = with_targets(&bps).slices(quantity);
            let total: u128 = slices.iter().map(|slice| u128::from(slice.quantity)).sum();
            proptest::prop_assert_eq!(total, u128::from(quantity));
            proptest::prop_assert!(slices.iter().all(|slice| slice.quantity > 0));
            proptest::prop_assert!(slices.windows(2).all(|pair| pair[0].number < pair[1].number));
        }
    }
}
