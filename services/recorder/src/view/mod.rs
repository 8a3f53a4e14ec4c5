//! Pure folds from events to the rows that people read. Nothing in here touches the store or a clock.

mod account;
mod candidates;
mod exits;
mod facts;
mod ops;
mod plan;
mod single;
mod summary;
mod trading_state;

use domain::{Event, SessionDate, Symbol, UnixNanos};
use serde::Serialize;

pub use account::account;
pub use candidates::candidates;
pub use facts::{Story, body, happened_at, session_of};
pub use ops::error;
pub use plan::PlanStory;
pub use single::single;
pub use summary::summary;
pub use trading_state::trading_state;

/// A table of rows that are served as documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)] // each is named after its table, which the migration describes
pub enum View {
    Candidates,
    Signals,
    Rounds,
    Plans,
    Decisions,
    Orders,
    Fills,
    Positions,
    Account,
    News,
    Reference,
    FeedGaps,
    Errors,
    Readiness,
    TradingState,
    Audit,
}

/// One row as it should stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its table.
    pub view: View,
    /// Its identity within the table.
    pub id: String,
    /// The session it belongs to.
    pub day: SessionDate,
    /// What it is sorted by.
    pub at: UnixNanos,
    /// The symbol concerned.
    pub symbol: Option<Symbol>,
    /// The plan concerned.
    pub plan_id: Option<String>,
    /// False when the row only says that something is over.
    pub live: bool,
    /// The JSON object that the API serves.
    pub doc: String,
}

impl Row {
    fn new(view: View, id: impl Into<String>, day: SessionDate, at: UnixNanos, doc: &impl Serialize) -> Self {
        // Serialising plain structs and maps with text keys cannot fail.
        let doc = serde_json::to_string(doc).unwrap_or_default();
        Self { view, id: id.into(), day, at, symbol: None, plan_id: None, live: true, doc }
    }

    fn of_symbol(mut self, symbol: &Symbol) -> Self {
        self.symbol = Some(symbol.clone());
        self
    }

    fn of_plan(mut self, plan: &domain::PlanId) -> Self {
        self.plan_id = Some(plan.to_string());
        self
    }
}

/// An event with its place on the bus, as a fold reads it.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// Identity of the event.
    pub id: String,
    /// Sequence in its stream.
    pub seq: u64,
    /// When its maker made it, wall time.
    pub ts_init: UnixNanos,
    /// What happened.
    pub event: Event,
}
