//! Which symbols gap, and how unusual that is.

mod catalyst;
mod criteria;
mod criterion;
mod decide;
mod event;
mod features;
mod headline;
mod measure;
mod profile;
mod scoring;
mod snapshot;
mod state;
mod tape;
mod vector;

pub use catalyst::{Occasion, catalyst};
pub use criterion::*;
pub use event::*;
pub use features::*;
pub use headline::{Headline, HeadlineKind, normalise};
pub use profile::{Facts, Profile};
pub use scoring::{ModelIdentity, ScoringModel, Weighted};
pub use snapshot::{PartitionSnapshot, SnapshotError};
pub use state::{BatchHead, BatchOrder, PartitionState, RoundResult};
pub use vector::{FEATURE_NAMES, FEATURES_VERSION};
