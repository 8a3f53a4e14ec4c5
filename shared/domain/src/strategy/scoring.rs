//! How the passing candidates are ranked.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use serde::{Deserialize, Serialize};

use super::StrategyError;
use super::range::{count, ensure, ratio};
use crate::money::Micro;

/// Which model scores, and its numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ScoringRules {
    /// Which model ranks the candidates.
    pub model: ModelChoice,
    /// Numbers of the weighted model.
    pub weights: ScoringWeights,
    /// How headlines count.
    pub catalyst: CatalystRules,
    /// The file of the learned model; needed when it is chosen.
    pub learned: Option<LearnedModel>,
}

/// A model that can be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ModelChoice {
    /// The sum of weights times features.
    Weighted,
    /// A trained model from a file.
    Learned,
}

/// Weights of the score; a missing feature adds nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ScoringWeights {
    /// Per unit of relative volume.
    pub rvol: Micro,
    /// Per ATR of gap, either way.
    pub gap_atr: Micro,
    /// Per point of the catalyst score, of which there are 100.
    pub catalyst: Micro,
    /// For a float of at most `float_preferred_max`.
    pub float_preferred: Micro,
    /// What a small float is, shares.
    pub float_preferred_max: Option<u64>,
}

/// How headlines become a catalyst score from 0 to 100.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CatalystRules {
    /// Points of a fresh headline by what it is about.
    pub points: CatalystPoints,
    /// A headline of this age counts 1/e, minutes.
    pub decay_minutes: u32,
    /// Headlines that read the same within this time count once, hours.
    pub duplicate_hours: u32,
    /// Share of an article that names only this symbol.
    pub relevance_sole: Micro,
    /// Share of an article that names others too, where the vendor gives none.
    pub relevance_shared: Micro,
    /// How much agreement of sentiment and gap adds, and disagreement takes off.
    pub sentiment: Micro,
    /// Weight by publisher in lower case; others count 1.
    #[serde(default)]
    pub publishers: BTreeMap<String, Micro>,
}

/// Points by kind of headline, −100 to 100.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // `scan::HeadlineKind` says what each is
pub struct CatalystPoints {
    pub earnings: Micro,
    pub clinical: Micro,
    pub merger: Micro,
    pub contract: Micro,
    pub analyst: Micro,
    pub offering: Micro,
    pub legal: Micro,
    pub generic: Micro,
    pub promotion: Micro,
}

/// A trained model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LearnedModel {
    /// The file, relative to the strategy file.
    pub file: String,
    /// SHA-256 of the file, lower-case hexadecimal; any other content is refused.
    pub sha256: String,
}

impl ScoringRules {
    pub(super) fn validate(&self) -> Result<(), StrategyError> {
        let weights = &self.weights;
        for (key, weight) in [
            ("scoring.weights.rvol", weights.rvol),
            ("scoring.weights.gap_atr", weights.gap_atr),
            ("scoring.weights.catalyst", weights.catalyst),
            ("scoring.weights.float_preferred", weights.float_preferred),
        ] {
            ratio(key, weight, (-1_000, 1_000), "-1000 to 1000")?;
        }
        self.catalyst.validate()?;
        match (&self.model, &self.learned) {
            (ModelChoice::Learned, None) => ensure(false, "scoring.learned", "null", "the model's file and sha256"),
            (_, Some(learned)) => learned.validate(),
            (ModelChoice::Weighted, None) => Ok(()),
        }
    }
}

impl CatalystRules {
    fn validate(&self) -> Result<(), StrategyError> {
        let p = &self.points;
        for (key, points) in [
            ("scoring.catalyst.points.earnings", p.earnings),
            ("scoring.catalyst.points.clinical", p.clinical),
            ("scoring.catalyst.points.merger", p.merger),
            ("scoring.catalyst.points.contract", p.contract),
            ("scoring.catalyst.points.analyst", p.analyst),
            ("scoring.catalyst.points.offering", p.offering),
            ("scoring.catalyst.points.legal", p.legal),
            ("scoring.catalyst.points.generic", p.generic),
            ("scoring.catalyst.points.promotion", p.promotion),
        ] {
            ratio(key, points, (-100, 100), "-100 to 100")?;
        }
        count("scoring.catalyst.decay_minutes", self.decay_minutes, (1, 10_080), "1 to 10080 minutes")?;
        count("scoring.catalyst.duplicate_hours", self.duplicate_hours, (0, 168), "0 to 168 hours")?;
        ratio("scoring.catalyst.relevance_sole", self.relevance_sole, (0, 1), "0 to 1")?;
        ratio("scoring.catalyst.relevance_shared", self.relevance_shared, (0, 1), "0 to 1")?;
        ratio("scoring.catalyst.sentiment", self.sentiment, (0, 1), "0 to 1")?;
        self.publishers.values().try_for_each(|w| ratio("scoring.catalyst.publishers[]", *w, (0, 10), "0 to 10"))
    }
}

impl LearnedModel {
    fn validate(&self) -> Result<(), StrategyError> {
        let inside = |part: Component<'_>| matches!(part, Component::Normal(_));
        let is_inside = !self.file.is_empty() && Path::new(&self.file).components().all(inside);
        ensure(is_inside, "scoring.learned.file", &self.file, "a file in the strategy's folder")?;
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        let ok = self.sha256.len() == 64 && self.sha256.bytes().all(hex);
        ensure(ok, "scoring.learned.sha256", &self.sha256, "64 lower-case hexadecimal digits")
    }
}
