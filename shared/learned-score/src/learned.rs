//! The model that a strategy names: its file, what it says about itself, and its answers.

use std::fmt;
use std::path::Path;

use data_encoding::HEXLOWER;
use domain::scan::{FEATURE_NAMES, FEATURES_VERSION, Features, ModelIdentity, ScorePart, ScoringModel};
use domain::strategy::LearnedModel;
use domain::{Micro, SessionDate};
use sha2::{Digest, Sha256};

use crate::error::{ModelError, Refusal};
use crate::graph::{File, Graph};

/// Keys of the metadata properties that a model's file must have.
pub mod metadata {
    /// Names of its inputs, in their order, each one of `domain::scan::FEATURE_NAMES`, with commas between.
    pub const FEATURES: &str = "finagent.features";
    /// `domain::scan::FEATURES_VERSION` of the rows that it was trained on.
    pub const FEATURES_VERSION: &str = "finagent.features_version";
    /// The model's own version; stands in every signal.
    pub const VERSION: &str = "finagent.version";
    /// Last session whose outcomes it has seen; what comes later is out of sample.
    pub const TRAINED_TO: &str = "finagent.trained_to";
}

/// A score by an ONNX model: one number, rounded to 1e-6.
///
/// The same features give the same score, on every machine: see [`Refusal::Operation`].
pub struct Learned {
    identity: ModelIdentity,
    trained_to: SessionDate,
    /// Where its inputs stand in [`Features::vector`].
    places: Vec<usize>,
    graph: Graph,
}

/// Longest model file; trees and weights of a few dozen features need far less.
const BYTES_MAX: u64 = 64 << 20;

impl Learned {
    /// Reads and checks the file that `named` names, relative to `folder`.
    ///
    /// # Errors
    /// The file is missing, is another than named, or cannot be used; names file and reason.
    pub fn open(named: &LearnedModel, folder: &Path) -> Result<Self, ModelError> {
        let file = folder.join(&named.file);
        Self::read(&file, &named.sha256).map_err(|reason| ModelError::new(&file, reason))
    }

    /// The last session whose outcomes it has seen.
    pub const fn trained_to(&self) -> SessionDate {
        self.trained_to
    }

    fn read(file: &Path, wanted: &str) -> Result<Self, Refusal> {
        let about = std::fs::metadata(file).map_err(Refusal::Unreadable)?;
        if !about.is_file() || about.len() > BYTES_MAX {
            let what = format!("must be a file of {BYTES_MAX} bytes at most");
            return Err(Refusal::Unreadable(std::io::Error::new(std::io::ErrorKind::InvalidInput, what)));
        }
        let bytes = std::fs::read(file).map_err(Refusal::Unreadable)?;
        let found = HEXLOWER.encode(&Sha256::digest(&bytes));
        if found != wanted {
            return Err(Refusal::OtherContent { found, wanted: wanted.to_owned() });
        }
        let file = File::parse(&bytes)?;
        let stated = |key, expected| {
            let value = file.metadata(key).filter(|text| !text.is_empty());
            value.ok_or_else(|| Refusal::Metadata { key, found: "missing".to_owned(), expected })
        };
        let places = places(stated(metadata::FEATURES, "names of features with commas between")?)?;
        let (key, version) = (metadata::FEATURES_VERSION, stated(metadata::FEATURES_VERSION, "a number")?);
        if version != FEATURES_VERSION.to_string() {
            let expected = "the version of this program's features: train it again on its `fin features`";
            return Err(Refusal::Metadata { key, found: version.to_owned(), expected });
        }
        let trained_to = stated(metadata::TRAINED_TO, "a date")?;
        let trained_to = trained_to.parse().map_err(|_| Refusal::Metadata {
            key: metadata::TRAINED_TO,
            found: trained_to.to_owned(),
            expected: "a date like 2026-11-24",
        })?;
        let version = stated(metadata::VERSION, "the model's version")?.to_owned();
        let identity = ModelIdentity { name: "learned".to_owned(), version, hash: found };
        let model = Self { identity, trained_to, graph: file.graph(places.len())?, places };
        model.probe()?;
        Ok(model)
    }

    /// Asks for candidates of which everything, and nothing, is known.
    fn probe(&self) -> Result<(), Refusal> {
        let width = self.places.len();
        for (inputs, of) in [
            (vec![1.0; width], "a candidate whose features are all 1"),
            (vec![f64::NAN; width], "a candidate of which nothing is known (NaN)"),
        ] {
            let found = self.graph.run(&inputs)?;
            if Micro::from_f64(found).is_none() {
                return Err(Refusal::NotFinite { found, of });
            }
        }
        Ok(())
    }
}

impl ScoringModel for Learned {
    fn identity(&self) -> &ModelIdentity {
        &self.identity
    }

    fn score(&self, features: &Features) -> Option<Vec<ScorePart>> {
        let vector = features.vector();
        let inputs: Vec<f64> = self.places.iter().map(|place| vector[*place]).collect();
        let value = Micro::from_f64(self.graph.run(&inputs).ok()?)?;
        Some(vec![ScorePart { name: self.identity.name.clone(), value }])
    }
}

impl fmt::Debug for Learned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Learned")
            .field("identity", &self.identity)
            .field("trained_to", &self.trained_to)
            .finish_non_exhaustive()
    }
}

fn places(names: &str) -> Result<Vec<usize>, Refusal> {
    let mut places = Vec::new();
    for name in names.split(',').map(str::trim) {
        let place = FEATURE_NAMES.iter().position(|known| *known == name);
        match place.filter(|place| !places.contains(place)) {
            Some(place) => places.push(place),
            None => return Err(Refusal::Feature(name.to_owned())),
        }
    }
    Ok(places)
}
