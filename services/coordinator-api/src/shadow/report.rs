//! The answer: one document.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a strategy on trial would have done beside what the suite did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ShadowReport)]
pub struct Report {
    /// Version of the suite's strategy in its newest round; null before the first.
    pub active: Option<String>,
    /// Version of the strategy on trial in its newest round; null before the first.
    pub shadow: Option<String>,
    /// Rounds of these two versions that both have decided, of the newest 200 of each.
    pub rounds: usize,
    /// Those of them in which nothing differs.
    pub agree: usize,
    /// What differs in the others, the newest round first.
    pub differ: Vec<Difference>,
}

/// One thing that both have decided otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ShadowDifference)]
pub struct Difference {
    /// The round.
    pub round_id: String,
    /// Ticker; empty where the whole round is meant.
    pub symbol: String,
    /// What differs: `round`, `signal`, `selection`, a field of the plan, `decision`, `denial` or `quantity`.
    pub field: String,
    /// The suite's word.
    pub active: String,
    /// The word of the strategy on trial.
    pub shadow: String,
    /// What made the difference.
    pub why: String,
}
