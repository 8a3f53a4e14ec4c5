//! What a scan found: candidates with every criterion's value, signals, and the end of a partition's round.

use serde::{Deserialize, Serialize};

use super::{Criterion, CriterionName, Features, ModelIdentity};
use crate::id::{RoundId, SignalId};
use crate::money::Micro;
use crate::symbol::Symbol;
use crate::time::{SessionDate, UnixNanos};

/// One addend of a score.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScorePart {
    /// What it rewards.
    pub name: String,
    /// Its contribution.
    pub value: Micro,
}

/// One symbol held against every criterion of one round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TradeCandidate {
    /// The symbol.
    pub symbol: Symbol,
    /// What was known.
    pub features: Features,
    /// Every criterion, in the order they were asked.
    pub criteria: Vec<Criterion>,
    /// The first criterion that failed; `None` when the candidate passed.
    pub refused_by: Option<CriterionName>,
    /// Sum of `score_parts`; only of candidates that passed.
    pub score: Option<Micro>,
    /// The score's addends.
    pub score_parts: Vec<ScorePart>,
    /// Headlines that were known, newest first.
    pub news_ids: Vec<String>,
}

/// What a decision had seen of one stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Input {
    /// Stream name, for example `MARKET`.
    pub stream: String,
    /// Last sequence folded before the decision.
    pub last_seq: u64,
}

/// Which round, and under which configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    /// The round's id.
    pub round_id: RoundId,
    /// The session.
    pub session_date: SessionDate,
    /// The schedule's name: `watch` or `trade`.
    pub schedule: String,
    /// The instant it fell due.
    pub due: UnixNanos,
    /// Version (hash) of the strategy in force.
    pub config_version: String,
    /// The strategy profile's name.
    pub strategy: String,
}

/// A round fell due: the first partition to come to it settles under which strategy all of them evaluate it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RoundOpened {
    /// The round, with the strategy's version.
    pub round: Round,
    /// Activations that were known: the last one's sequence in CONTROL.
    pub inputs: Vec<Input>,
}

/// A candidate that passed every criterion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignalGenerated {
    /// The signal's id.
    pub signal_id: SignalId,
    /// The round.
    pub round: Round,
    /// Its partition.
    pub partition: u32,
    /// The candidate.
    pub candidate: TradeCandidate,
    /// The model that scored it; `None` in recordings from before models had names.
    pub model: Option<ModelIdentity>,
}

/// All candidates of one partition and round, also the refused; in chunks that fit a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CandidatesEvaluated {
    /// The round.
    pub round: Round,
    /// The partition.
    pub partition: u32,
    /// This chunk's number, from 0.
    pub chunk: u32,
    /// How many chunks there are.
    pub chunks: u32,
    /// The candidates, by symbol.
    pub candidates: Vec<TradeCandidate>,
    /// What the scanner had seen.
    pub inputs: Vec<Input>,
}

/// One partition is done with one round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScanRoundCompleted {
    /// The round.
    pub round: Round,
    /// The partition.
    pub partition: u32,
    /// How many partitions there are.
    pub partitions: u32,
    /// How many symbols were looked at.
    pub evaluated: u32,
    /// The signals of this partition, by symbol.
    pub signal_ids: Vec<SignalId>,
}
