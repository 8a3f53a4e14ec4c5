//! Whether one series rises with another, by ranks.

/// Spearman's rank correlation of pairs: Pearson's of their ranks, ties sharing the mean of theirs.
///
/// `None` for fewer than three pairs, or when one side is all ties: there is no order to agree on.
pub fn spearman(pairs: &[(f64, f64)]) -> Option<f64> {
    if pairs.len() < 3 {
        return None;
    }
    let left = ranks(&pairs.iter().map(|pair| pair.0).collect::<Vec<_>>());
    let right = ranks(&pairs.iter().map(|pair| pair.1).collect::<Vec<_>>());
    let middle = f64::midpoint(pairs.len() as f64, 1.0);
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| (x - middle) * (y - middle)).sum::<f64>();
    let scale = (product(&left, &left) * product(&right, &right)).sqrt();
    (scale > 0.0).then(|| product(&left, &right) / scale)
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let rank = |value: &f64| {
        let below = values.iter().filter(|other| *other < value).count() as f64;
        let same =
            values.iter().filter(|other| other.partial_cmp(&value).is_some_and(std::cmp::Ordering::is_eq)).count()
                as f64;
        below + f64::midpoint(same, 1.0)
    };
    values.iter().map(rank).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values: `scipy.stats.spearmanr`.
    #[test]
    fn ranks_agree_as_far_as_they_agree() {
        let check = |pairs: &[(f64, f64)], expected: Option<f64>| {
            let found = spearman(pairs);
            let equal = match (found, expected) {
                (Some(a), Some(b)) => (a - b).abs() < 1e-12,
                (a, b) => a == b,
            };
            assert!(equal, "{pairs:?}: {found:?}");
        };
        check(&[(1.0, 1.0), (2.0, 4.0), (3.0, 9.0)], Some(1.0));
        check(&[(1.0, 9.0), (2.0, 4.0), (3.0, 1.0)], Some(-1.0));
        check(&[(1.0, 2.0), (2.0, 1.0), (3.0, 4.0), (4.0, 3.0)], Some(0.6));
        check(&[(1.0, 1.0), (1.0, 2.0), (2.0, 3.0), (3.0, 2.0)], Some(0.5));
        check(&[(1.0, 1.0), (1.0, 2.0), (1.0, 3.0)], None);
        check(&[(1.0, 1.0), (2.0, 2.0)], None);
    }
}
