//! Why a model was refused.

use std::io;
use std::path::{Path, PathBuf};

/// A model's file that cannot be used (class Fatal: who needs it does not start).
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", file.display())]
pub struct ModelError {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub reason: Refusal,
}

/// What is wrong with a model's file.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The strategy chooses a learned model and names none.
    #[error("scoring.model is learned, and scoring.learned is null")]
    NotNamed,
    /// It is missing, or may not be read.
    #[error("cannot be read: {0}")]
    Unreadable(io::Error),
    /// It is another file than the strategy was written for.
    #[error("has SHA-256 {found}, but scoring.learned.sha256 is {wanted}")]
    OtherContent {
        /// Of the file.
        found: String,
        /// In the strategy.
        wanted: String,
    },
    /// Its bytes are no ONNX model.
    #[error("is no ONNX model: {0}")]
    NotOnnx(String),
    /// It does not say what it must about itself.
    #[error("metadata {key} is {found}, must be {expected}")]
    Metadata {
        /// Which metadata property.
        key: &'static str,
        /// What it is.
        found: String,
        /// What it may be.
        expected: &'static str,
    },
    /// It was trained on a feature that is not known here.
    #[error("was trained on `{0}`, which is no feature of a candidate, or on it twice")]
    Feature(String),
    /// It uses an operation whose result may differ between machines, or that is not known.
    #[error("uses the operation {0}, which is not among those that give the same result on every machine")]
    Operation(String),
    /// Its input or output has the wrong number, type or shape.
    #[error("{what} is {found}, must be {expected}")]
    Shape {
        /// `input` or `output`.
        what: &'static str,
        /// What it is.
        found: String,
        /// What it must be.
        expected: String,
    },
    /// The graph does not fit together.
    #[error("does not run: {0}")]
    NotRunnable(String),
    /// It gives no number for a candidate as there are.
    #[error("gives {found} for {of}")]
    NotFinite {
        /// What it gives.
        found: f64,
        /// For which candidate.
        of: &'static str,
    },
}

impl ModelError {
    pub(crate) fn new(file: &Path, reason: Refusal) -> Self {
        Self { file: file.to_owned(), reason }
    }
}
