//! What a scan found: candidates with every criterion's value, signals, and the end of a partition's round.

use serde::{Deserialize, Serialize};

use crate::id::{RoundId, SignalId};
use crate::money::{Micro, Price, Usd};
use crate::symbol::Symbol;
use crate::time::{SessionDate, UnixNanos};

/// The unit of a criterion's value and threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// US dollars per share.
    UsdPerShare,
    /// US dollars.
    Usd,
    /// Shares.
    Shares,
    /// Per cent.
    Percent,
    /// A plain ratio.
    Ratio,
    /// −1, 0 or 1.
    Direction,
    /// 0 for no and 1 for yes.
    YesNo,
}

/// How a value is held against its threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// Value ≥ threshold.
    AtLeast,
    /// Value > threshold.
    MoreThan,
    /// Value ≤ threshold.
    AtMost,
    /// Value = threshold.
    Equal,
}

/// What holding a value against its threshold gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The candidate may go on.
    Pass,
    /// The candidate is refused.
    Fail,
    /// The value is not known and the criterion does not insist.
    NotEvaluated,
}

/// A question asked of every candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CriterionName {
    /// Reference data for this session is there.
    Reference,
    /// No hole in the feed since the windows that the criteria look at opened.
    FeedComplete,
    /// The paper is common stock.
    SecurityType,
    /// Opening (or last) price.
    Price,
    /// Average daily volume of 14 sessions.
    AverageVolume,
    /// Wilder's average true range of 14 sessions.
    Atr,
    /// Distance of the opening (or pre-market) price from the previous close.
    Gap,
    /// Shares traded before the open.
    PremarketVolume,
    /// Dollars traded before the open.
    PremarketDollarVolume,
    /// Opening-range volume over its usual.
    RelativeVolume,
    /// Sign of the opening range's close − open.
    OpeningRangeDirection,
    /// Trading is not halted as far as the tape shows.
    NotHalted,
    /// Free float.
    Float,
}

/// A criterion with what it saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Criterion {
    /// The question.
    pub name: CriterionName,
    /// What was measured; `None` when it is not known.
    pub value: Option<Micro>,
    /// What it was held against.
    pub threshold: Micro,
    /// How.
    pub comparison: Comparison,
    /// With which result.
    pub outcome: Outcome,
    /// Unit of value and threshold.
    pub unit: Unit,
    /// Where the value comes from, for example `finnhub trades 09:30-09:35`.
    pub source: String,
}

/// What was known of a symbol at the instant a round fell due. `None` means not known.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Features {
    /// Last eligible price.
    pub last: Option<Price>,
    /// Adjusted official close of the previous session.
    pub prev_close: Option<Price>,
    /// First eligible regular-hours price.
    pub open: Option<Price>,
    /// Gap of the open (before it: of the last price) from `prev_close`, per cent.
    pub gap_pct: Option<Micro>,
    /// The same distance in `atr_14`.
    pub gap_atr: Option<Micro>,
    /// Wilder's ATR of 14 sessions through yesterday.
    pub atr_14: Option<Price>,
    /// Mean volume of 14 sessions through yesterday.
    pub adv_14: Option<u64>,
    /// Highest eligible price from 04:00 to the open, odd lots excluded.
    pub premarket_high: Option<Price>,
    /// Lowest eligible price from 04:00 to the open, odd lots excluded.
    pub premarket_low: Option<Price>,
    /// Shares from 04:00 to the open.
    pub premarket_volume: u64,
    /// Dollars from 04:00 to the open.
    pub premarket_dollar_volume: Usd,
    /// First price of the opening range.
    pub or_open: Option<Price>,
    /// Highest price of the opening range.
    pub or_high: Option<Price>,
    /// Lowest price of the opening range.
    pub or_low: Option<Price>,
    /// Last price of the opening range.
    pub or_close: Option<Price>,
    /// Shares of the opening range.
    pub or_volume: u64,
    /// Opening-range volume over the mean of the 14 sessions before, like for like.
    pub rvol: Option<Micro>,
    /// Volume-weighted average price of regular hours so far.
    pub vwap: Option<Price>,
    /// Industry sector.
    pub sector: Option<String>,
}

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
