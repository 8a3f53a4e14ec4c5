//! What ranks the candidates that passed.

use std::fmt::Debug;

use serde::Serialize;

use super::{Features, ScorePart};
use crate::id::content_hash;
use crate::money::Micro;
use crate::strategy::{ScoringRules, ScoringWeights};

/// Which model gave a score; stands in every signal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct ModelIdentity {
    /// For example `weighted`.
    pub name: String,
    /// Version of the code that runs it.
    pub version: String,
    /// Hash of its numbers: of the weights, or of the model's file.
    pub hash: String,
}

/// A model that scores what is known of a candidate.
///
/// The same features always give the same parts, rounded to 1e-6 before anything is ranked by them, on every machine.
pub trait ScoringModel: Debug + Send + Sync {
    /// Which model this is.
    fn identity(&self) -> &ModelIdentity;

    /// The addends of the score; `None` when the model cannot tell, which refuses the candidate.
    fn score(&self, features: &Features) -> Option<Vec<ScorePart>>;
}

/// The sum of weights times features; a feature that is not known adds nothing.
#[derive(Debug)]
pub struct Weighted {
    weights: ScoringWeights,
    identity: ModelIdentity,
}

impl Weighted {
    /// The model of `rules`.
    pub fn new(rules: &ScoringRules) -> Self {
        let numbers = format!("{:?} {:?}", rules.weights, rules.catalyst);
        let identity = ModelIdentity {
            name: "weighted".to_owned(),
            version: "1".to_owned(),
            hash: content_hash(&["weighted", &numbers]),
        };
        Self { weights: rules.weights.clone(), identity }
    }
}

impl ScoringModel for Weighted {
    fn identity(&self) -> &ModelIdentity {
        &self.identity
    }

    fn score(&self, f: &Features) -> Option<Vec<ScorePart>> {
        let w = &self.weights;
        let small = f.float_shares.zip(w.float_preferred_max).is_some_and(|(float, most)| float <= most);
        let parts = [
            ("rvol", f.rvol.unwrap_or_default(), w.rvol),
            ("gap_atr", f.gap_atr.map(Micro::abs).unwrap_or_default(), w.gap_atr),
            ("catalyst", f.catalyst.unwrap_or_default(), w.catalyst),
            ("float_preferred", Micro::from_int(i64::from(small)), w.float_preferred),
        ];
        Some(
            parts
                .map(|(name, value, weight)| ScorePart { name: name.to_owned(), value: value.weighted(weight) })
                .into(),
        )
    }
}

/// The score of its parts, saturating.
pub(super) fn total(parts: &[ScorePart]) -> Micro {
    Micro::from_micros(parts.iter().fold(0, |sum, p| p.value.micros().saturating_add(sum)))
}

impl Micro {
    /// `self × weight`, rounded to 1e-6, saturating.
    pub(super) fn weighted(self, weight: Self) -> Self {
        let product = i128::from(self.micros()) * i128::from(weight.micros());
        let rounded = crate::money::div_round(product, 1_000_000).unwrap_or_default();
        Self::from_micros(i64::try_from(rounded).unwrap_or(if rounded < 0 { i64::MIN } else { i64::MAX }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> Weighted {
        let weight = Micro::from_micros;
        Weighted {
            weights: ScoringWeights {
                rvol: weight(1_000_000),
                gap_atr: weight(500_000),
                catalyst: weight(10),
                float_preferred: weight(250_000),
                float_preferred_max: Some(20_000_000),
            },
            identity: ModelIdentity { name: "weighted".into(), version: "1".into(), hash: "h".into() },
        }
    }

    #[test]
    fn every_part_is_named_and_the_score_is_their_sum() {
        let features = Features {
            rvol: Some(Micro::from_int(3)),
            gap_atr: Some(Micro::from_int(-2)),
            catalyst: Some(Micro::from_int(40)),
            float_shares: Some(20_000_000),
            ..Features::default()
        };
        let parts = model().score(&features).unwrap();
        let shown: Vec<_> = parts.iter().map(|p| format!("{}={}", p.name, p.value)).collect();
        assert_eq!(shown, ["rvol=3", "gap_atr=1", "catalyst=0.0004", "float_preferred=0.25"]);
        assert_eq!(total(&parts).to_string(), "4.2504");
    }

    #[test]
    fn what_is_not_known_adds_nothing() {
        assert_eq!(total(&model().score(&Features::default()).unwrap()), Micro::default());
        let wide = Features { float_shares: Some(20_000_001), ..Features::default() };
        assert_eq!(total(&model().score(&wide).unwrap()), Micro::default());
    }
}
