//! Division by a power of ten that is known to leave no remainder: one multiplication and one shift.

/// The largest power of ten that a batch divides by.
pub(super) const MAX_EXPONENT: u32 = 9;

/// A power of ten from 10^0 to 10^9.
///
/// `n / 5^e` without remainder is `n` times the inverse of `5^e` modulo 2^64; what is left of `10^e` is a shift.
/// A remainder shows as a quotient above `limit` (Granlund and Montgomery, 1994, section 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scale {
    exponent: u32,
    inverse: u64,
    limit: u64,
}

const SCALES: [Scale; MAX_EXPONENT as usize + 1] = {
    let mut scales = [Scale { exponent: 0, inverse: 1, limit: u64::MAX }; MAX_EXPONENT as usize + 1];
    let mut e = 1;
    while e < scales.len() {
        // 5 × 0xcccccccccccccccd = 1 modulo 2^64
        let inverse = scales[e - 1].inverse.wrapping_mul(0xcccc_cccc_cccc_cccd);
        scales[e] = Scale { exponent: e as u32, inverse, limit: u64::MAX / 10_u64.pow(e as u32) };
        e += 1;
    }
    scales
};

impl Scale {
    /// The largest.
    pub(super) const fn largest() -> Self {
        SCALES[MAX_EXPONENT as usize]
    }

    /// The largest that divides every value; 10^0 for none.
    pub(super) fn dividing(values: &[i64]) -> Self {
        if values.is_empty() {
            return SCALES[0];
        }
        values.iter().fold(Self::largest(), |scale, value| scale.lowered_to(*value))
    }

    /// The largest, not above this one, that divides `value`.
    #[inline]
    pub(super) fn lowered_to(self, value: i64) -> Self {
        if self.divides(value) { self } else { self.lowered_until(value) }
    }

    #[cold]
    fn lowered_until(self, value: i64) -> Self {
        let below = &SCALES[..self.exponent as usize];
        below.iter().rev().find(|scale| scale.divides(value)).copied().unwrap_or(SCALES[0])
    }

    #[inline]
    fn divides(self, value: i64) -> bool {
        value.unsigned_abs().wrapping_mul(self.inverse).rotate_right(self.exponent) <= self.limit
    }

    /// `value / 10^exponent`; `value` must be a multiple.
    #[inline]
    pub(super) const fn divide(self, value: i64) -> i64 {
        ((value as u64).wrapping_mul(self.inverse) as i64) >> self.exponent
    }

    pub(super) const fn exponent(self) -> u32 {
        self.exponent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_division_agrees_with_the_slow_one() {
        for (e, scale) in SCALES.iter().enumerate() {
            let unit = 10_i64.pow(e as u32);
            for value in
                [0, 1, 7, 10, 12_300, i64::MAX, i64::MIN, i64::MAX / unit * unit, -3 * unit, unit + 1, unit / 10]
            {
                assert_eq!(scale.divides(value), value % unit == 0, "{value} by 10^{e}");
                let multiple = value / unit * unit;
                assert_eq!(scale.divide(multiple), multiple / unit, "{multiple} by 10^{e}");
            }
        }
    }

    #[test]
    fn the_largest_common_power_of_ten_is_found() {
        let check = |values: &[i64], exponent| assert_eq!(Scale::dividing(values).exponent(), exponent, "{values:?}");
        check(&[], 0);
        check(&[0], 9);
        check(&[12_340_000_000, 99_990_000_000], 7);
        check(&[12_340_000_000, 99_999_900_000, 3_000_000_000], 5);
        check(&[i64::MAX, 1_000_000_000], 0);
        check(&[i64::MIN], 0);
    }
}
