//! When a strategy's own results say that it does not earn its costs.

use crate::money::{Micro, div_round};

/// The highest mean that `results` leave plausible at one-sided 90 %: `mean + t₀.₉₀(n − 1) · s ÷ √n`, by Student's t.
/// Below zero the mean is below zero with that confidence. `None` for fewer than two results.
///
/// It is asked again after every trade over the newest ones, so that in the long run more than one in ten strategies
/// with a mean of zero is stopped: the criterion errs to the side of stopping.
/// Units: R, multiples of what was at risk, net of fees and slippage. Integers only, so that a replay decides the same.
pub fn highest_plausible_mean(results: &[Micro]) -> Option<Micro> {
    let n = i128::try_from(results.len()).ok().filter(|n| *n >= 2)?;
    let sum: i128 = results.iter().map(|r| i128::from(r.micros())).sum();
    let squares =
        results.iter().try_fold(0_i128, |total, r| total.checked_add(i128::from(r.micros()).checked_pow(2)?))?;
    let spread = n.checked_mul(squares)?.checked_sub(sum.checked_pow(2)?)?;
    let deviation = spread.checked_div(n - 1)?.checked_isqrt()?;
    let highest = sum.checked_mul(1_000_000)?.checked_add(deviation.checked_mul(quantile(n - 1))?)?;
    i64::try_from(div_round(highest, n * 1_000_000)?).ok().map(Micro::from_micros)
}

/// Student's t at 0.90 with `freedom` degrees of freedom, 1e-6: Cornish and Fisher's series, exact to 1e-3 from nine
/// degrees on.
fn quantile(freedom: i128) -> i128 {
    1_281_552 + 3_386_339 / (4 * freedom) + 54_805_500 / (96 * freedom * freedom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_agree_with_the_tables() {
        for (freedom, table) in [(9, 1_383_029), (29, 1_311_434), (59, 1_296_066)] {
            assert!((quantile(freedom) - table).abs() < 1_000, "{freedom}: {}", quantile(freedom));
        }
    }

    #[test]
    fn upper_end_of_the_mean_follows_the_formula() {
        // −1 forty times and +1 twenty times: mean −1/3, s = √(60·(1 − 1/9) ÷ 59), upper end −0.33333 + 1.29607·s ÷ √60
        let mut results = vec![Micro::from_int(-1); 40];
        results.extend([Micro::from_int(1); 20]);
        let upper = highest_plausible_mean(&results).unwrap().to_f64();
        assert!((upper - (-0.174_273)).abs() < 1e-3, "{upper}");
        assert_eq!(highest_plausible_mean(&[Micro::from_int(-1); 60]), Some(Micro::from_int(-1)));
        assert_eq!(highest_plausible_mean(&results[..1]), None);
    }
}
