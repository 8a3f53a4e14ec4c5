//! A score from an ONNX model that was trained elsewhere.
//!
//! A crate of its own because of what it takes to run one: whoever needs no score does not compile it. A model is one
//! file, read once, checked whole and refused with its name and the reason; after that it only answers.

mod error;
mod graph;
mod learned;

use std::path::Path;
use std::sync::Arc;

use domain::scan::{ScoringModel, Weighted};
use domain::strategy::{ModelChoice, ScoringRules};

pub use error::{ModelError, Refusal};
pub use learned::{Learned, metadata};

/// The model that `rules` choose; a learned model's file is relative to `folder`, which holds the strategy.
///
/// # Errors
/// The file is missing, is another than the strategy names, or cannot be used; names file and reason.
pub fn model(rules: &ScoringRules, folder: &Path) -> Result<Arc<dyn ScoringModel>, ModelError> {
    match (rules.model, &rules.learned) {
        (ModelChoice::Weighted, _) => Ok(Arc::new(Weighted::new(rules))),
        (ModelChoice::Learned, Some(learned)) => Ok(Arc::new(Learned::open(learned, folder)?)),
        (ModelChoice::Learned, None) => Err(ModelError::new(folder, Refusal::NotNamed)),
    }
}
