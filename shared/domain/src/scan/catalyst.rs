//! How much the headlines explain a gap: a score from 0 to 100.

use super::{Headline, HeadlineKind};
use crate::money::{Micro, div_round};
use crate::strategy::CatalystRules;
use crate::time::{NANOS_PER_SECOND, UnixNanos};

/// What the headlines are held against.
#[derive(Debug, Clone, Copy)]
pub struct Occasion {
    /// Headlines before this instant do not count: the previous close.
    pub since: UnixNanos,
    /// Nor do those from this instant on: the round's due time.
    pub due: UnixNanos,
    /// Sign of the gap.
    pub gap_sign: i64,
    /// True when the trade would be short, which an offering speaks for.
    pub short: bool,
}

/// `Σ points × freshness × relevance × publisher × (1 + sentiment × |sentiment| × agreement)`, from 0 to 100.
///
/// Freshness is `exp(−age ÷ decay)`. Headlines that read the same count once, as of the earliest. The result is the same
/// in whatever order they came, and every factor is rounded to 1e-6.
pub fn catalyst(headlines: &[Headline], on: Occasion, rules: &CatalystRules) -> Micro {
    let sum: i64 =
        stories(headlines, on, rules).map(|headline| worth(headline, on, rules).micros()).fold(0, i64::saturating_add);
    Micro::from_micros(sum.clamp(0, Micro::from_int(100).micros()))
}

/// The earliest headline of each story within the duplicate window, oldest first.
fn stories<'a>(headlines: &'a [Headline], on: Occasion, rules: &CatalystRules) -> impl Iterator<Item = &'a Headline> {
    let window = i64::from(rules.duplicate_hours) * 3_600 * NANOS_PER_SECOND;
    let mut known: Vec<&Headline> =
        headlines.iter().filter(|h| h.published_at >= on.since && h.published_at < on.due).collect();
    known.sort_by(|a, b| (a.published_at, &a.news_id).cmp(&(b.published_at, &b.news_id)));
    let mut kept: Vec<&Headline> = Vec::with_capacity(known.len());
    for headline in known {
        let repeats = |k: &&Headline| k.story == headline.story && headline.published_at.since(k.published_at) < window;
        if !kept.iter().any(repeats) {
            kept.push(headline);
        }
    }
    kept.into_iter()
}

fn worth(headline: &Headline, on: Occasion, rules: &CatalystRules) -> Micro {
    let points = headline.kind.points(&rules.points);
    let points = match headline.kind {
        HeadlineKind::Offering if on.short => Micro::from_micros(points.micros().saturating_neg()),
        _ => points,
    };
    let decay = i64::from(rules.decay_minutes) * 60 * NANOS_PER_SECOND;
    let age = Micro::ratio(on.due.since(headline.published_at), decay, 1).unwrap_or_default();
    let by_symbols = if headline.sole { rules.relevance_sole } else { rules.relevance_shared };
    let publisher = rules.publishers.get(&headline.publisher).copied().unwrap_or(Micro::from_int(1));
    let agreement = headline.sentiment.map_or(0, |s| s.micros().saturating_mul(on.gap_sign));
    let agreement = Micro::from_micros(agreement).weighted(rules.sentiment);
    points
        .weighted(exp_neg(age))
        .weighted(headline.relevance.unwrap_or(by_symbols))
        .weighted(publisher)
        .weighted(Micro::from_micros(1_000_000_i64.saturating_add(agreement.micros())))
}

/// `exp(−x)` for `x` ≥ 0, rounded to 1e-6, in integers so that every machine agrees on the last digit.
fn exp_neg(x: Micro) -> Micro {
    const ONE: i128 = 1_000_000_000_000_000_000;
    const INVERSE_E: i128 = 367_879_441_171_442_322;
    let micros = i128::from(x.micros().max(0));
    let (whole, fraction) = (micros / 1_000_000, micros % 1_000_000 * (ONE / 1_000_000));
    if whole > 40 {
        return Micro::default();
    }
    let (mut sum, mut term) = (ONE, ONE);
    for n in 1..=20 {
        term = -term * fraction / ONE / n;
        sum += term;
    }
    let value = (0..whole).fold(sum, |product, _| product * INVERSE_E / ONE);
    let rounded = div_round(value, ONE / 1_000_000).and_then(|v| i64::try_from(v).ok());
    Micro::from_micros(rounded.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategy::CatalystPoints;

    const HOUR: i64 = 3_600;
    const DUE: i64 = 1_000 * HOUR;

    fn rules() -> CatalystRules {
        let points = Micro::from_int;
        CatalystRules {
            points: CatalystPoints {
                earnings: points(40),
                clinical: points(40),
                merger: points(40),
                contract: points(25),
                analyst: points(12),
                offering: points(-40),
                legal: points(10),
                generic: points(0),
                promotion: points(-20),
            },
            decay_minutes: 360,
            duplicate_hours: 24,
            relevance_sole: points(1),
            relevance_shared: Micro::from_micros(400_000),
            sentiment: Micro::from_micros(500_000),
            publishers: [("blog".to_owned(), Micro::from_micros(500_000))].into(),
        }
    }

    fn headline(id: &str, kind: HeadlineKind, hours_old: i64) -> Headline {
        Headline {
            news_id: id.into(),
            published_at: UnixNanos::default().plus_seconds(DUE - hours_old * HOUR),
            story: format!("{kind} {id}"),
            kind,
            sole: true,
            publisher: "reuters".into(),
            relevance: None,
            sentiment: None,
        }
    }

    fn score(headlines: &[Headline]) -> String {
        let at = |hours_old: i64| UnixNanos::default().plus_seconds(DUE - hours_old * HOUR);
        catalyst(headlines, Occasion { since: at(18), due: at(0), gap_sign: 1, short: false }, &rules()).to_string()
    }

    #[test]
    fn a_headline_counts_by_kind_age_relevance_publisher_and_sentiment() {
        use HeadlineKind::{Analyst, Contract, Earnings, Generic, Offering};
        let half = Some(Micro::from_micros(500_000));
        let minus_half = Some(Micro::from_micros(-500_000));
        let fresh = || headline("a", Contract, 0).published_at.plus_seconds(-1);
        let check = |h: Headline, expected: &str| assert_eq!(score(std::slice::from_ref(&h)), expected, "{h:?}");
        check(headline("a", Earnings, 6), "14.71516");
        check(headline("a", Earnings, 12), "5.4134");
        check(Headline { sole: false, ..headline("a", Earnings, 6) }, "5.886064");
        check(Headline { relevance: half, ..headline("a", Earnings, 6) }, "7.35758");
        check(Headline { publisher: "blog".into(), ..headline("a", Earnings, 6) }, "7.35758");
        check(Headline { sentiment: half, ..headline("a", Earnings, 6) }, "18.39395");
        check(Headline { sentiment: minus_half, ..headline("a", Earnings, 6) }, "11.03637");
        check(headline("a", Generic, 6), "0");
        check(headline("a", Offering, 6), "0");
        check(headline("a", Analyst, 19), "0");
        check(headline("a", Earnings, 0), "0");
        check(Headline { published_at: fresh(), ..headline("a", Contract, 0) }, "24.99885");
    }

    #[test]
    fn a_story_repeated_ten_times_counts_once_and_as_of_its_first() {
        let mut wire: Vec<_> = (0..10).map(|n| headline(&n.to_string(), HeadlineKind::Earnings, 6 - n / 2)).collect();
        wire.iter_mut().for_each(|h| h.story = "acme beats".into());
        assert_eq!(score(&wire), "14.71516");
        wire.reverse();
        assert_eq!(score(&wire), "14.71516");
    }

    #[test]
    fn the_score_is_bounded_and_bad_news_takes_off() {
        let many: Vec<_> = (0..9).map(|n| headline(&n.to_string(), HeadlineKind::Earnings, 1)).collect();
        assert_eq!(score(&many), "100");
        let both = [headline("a", HeadlineKind::Earnings, 6), headline("b", HeadlineKind::Offering, 6)];
        assert_eq!(score(&both), "0");
    }

    #[test]
    fn an_offering_speaks_for_a_short() {
        let due = UnixNanos::default().plus_seconds(DUE);
        let on = Occasion { since: due.plus_seconds(-18 * HOUR), due, gap_sign: -1, short: true };
        let offering = [headline("a", HeadlineKind::Offering, 6)];
        assert_eq!(catalyst(&offering, on, &rules()).to_string(), "14.71516");
    }

    #[test]
    fn exponential_is_right_to_the_last_digit() {
        for micros in (0..45_000_000).step_by(9_973) {
            let expected = (-f64::from(micros) / 1e6).exp();
            let found = exp_neg(Micro::from_micros(i64::from(micros))).to_f64();
            assert!((found - expected).abs() <= 0.500_001e-6, "exp(-{micros}e-6): {found} and {expected}");
        }
    }
}
