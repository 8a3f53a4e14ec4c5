//! Every partition's fold, fed with raw MARKET messages; no clock and no bus, so that a replay uses it, too.

use std::sync::Arc;

use domain::market::Eligibility;
use domain::scan::{BatchHead, BatchOrder, Input, PartitionState, RoundResult};
use domain::strategy::{Strategy, StrategyError};
use domain::symbol::SymbolError;
use domain::{Event, EventId, StreamName, UnixNanos};
use events::{DecodeError, TradeBatchReader};

/// Type of the messages that there are millions of.
pub const TRADE_BATCH: &str = "finagent.market.v1.TradeBatch";

/// The market of all partitions.
pub struct Market {
    partitions: Vec<PartitionState>,
    slots: Vec<u32>,
    eligibilities: Vec<Eligibility>,
    trades: u64,
    holes: u64,
}

impl Market {
    /// Nothing folded yet.
    ///
    /// # Errors
    /// `strategy` cannot be carried out.
    pub fn new(partitions: u32, strategy: &Arc<Strategy>) -> Result<Self, StrategyError> {
        let states = (0..partitions).map(|p| PartitionState::new(p, partitions, Arc::clone(strategy)));
        let partitions = states.collect::<Result<_, _>>()?;
        Ok(Self { partitions, slots: Vec::new(), eligibilities: Vec::new(), trades: 0, holes: 0 })
    }

    /// Folds one message and returns the rounds that fell due with it.
    ///
    /// # Errors
    /// The message makes no sense; nothing of it is folded.
    pub fn apply(&mut self, type_name: &str, payload: &[u8], seq: u64) -> Result<Vec<RoundResult>, BatchError> {
        if type_name == TRADE_BATCH {
            return self.batch(payload, seq);
        }
        match events::decode(type_name, payload)? {
            Event::ReferenceUpdated(reference) => self.partitions.iter_mut().for_each(|p| p.reference(&reference)),
            Event::NewsPublished(news) => self.partitions.iter_mut().for_each(|p| p.news(&news)),
            Event::FeedGapDetected(gap) => self.partitions.iter_mut().for_each(|p| p.feed_gap(&gap)),
            other => tracing::debug!(event = other.name(), "not for the scanner"),
        }
        Ok(Vec::new())
    }

    /// The slowest partition's watermark.
    pub fn watermark(&self) -> UnixNanos {
        self.partitions.iter().map(PartitionState::watermark).min().unwrap_or_default()
    }

    /// Symbols with reference data for the current session, and symbols known at all.
    pub fn reference_coverage(&self) -> (usize, usize) {
        self.partitions.iter().map(PartitionState::reference_coverage).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1))
    }

    /// Trades folded.
    pub const fn trades(&self) -> u64 {
        self.trades
    }

    /// Batches before which at least one was missing.
    pub const fn holes(&self) -> u64 {
        self.holes
    }

    fn batch(&mut self, payload: &[u8], seq: u64) -> Result<Vec<RoundResult>, BatchError> {
        let batch = TradeBatchReader::new(payload)?;
        batch.check()?;
        let header = batch.header();
        let partitions = self.partitions.len() as u32;
        let Some(state) = self.partitions.get_mut(header.partition as usize) else {
            return Err(BatchError::Partition { partition: header.partition, partitions });
        };
        let head = BatchHead {
            source: header.source,
            epoch: header.epoch,
            batch_no: header.batch_no,
            tape: header.tape,
            watermark: header.watermark,
        };
        match state.begin_batch(&head) {
            BatchOrder::Repeated => return Ok(Vec::new()),
            BatchOrder::Hole => self.holes += 1,
            BatchOrder::Next => {}
        }
        self.slots.clear();
        for ticker in batch.symbols() {
            self.slots.push(state.slot(ticker)?);
        }
        self.eligibilities.clear();
        self.eligibilities.extend(batch.condition_sets().iter().map(|set| Eligibility::of(header.scheme, set)));
        let (slots, eligibilities) = (&self.slots, &self.eligibilities);
        batch.for_each(|row| {
            state.fold(slots[row.symbol as usize], row.trade, eligibilities[row.conditions as usize]);
        })?;
        self.trades += u64::from(batch.count());
        let inputs = [Input { stream: StreamName::Market.as_str().to_owned(), last_seq: seq }];
        Ok(state.advance(header.watermark, &inputs))
    }
}

/// A round's events with their ids, in the order in which they are appended: its completion last.
pub fn events_of(round: RoundResult) -> Vec<(EventId, Event)> {
    let RoundResult { signals, candidates, completed } = round;
    let (round_id, partition) = (completed.round.round_id.to_string(), completed.partition.to_string());
    let signals = signals
        .into_iter()
        .map(|signal| (EventId::from_parts(&["signal_generated", signal.signal_id.as_str()]), Event::from(signal)));
    let candidates = candidates.into_iter().map(|part| {
        let parts = ["candidates_evaluated", &round_id, &partition, &part.chunk.to_string()];
        (EventId::from_parts(&parts), Event::from(part))
    });
    let completed = (EventId::from_parts(&["scan_round_completed", &round_id, &partition]), Event::from(completed));
    signals.chain(candidates).chain([completed]).collect()
}

/// Why a MARKET message was not folded.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// It does not decode.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A symbol in it is none.
    #[error(transparent)]
    Symbol(#[from] SymbolError),
    /// Gateway and scanner do not count the same partitions.
    #[error("batch of partition {partition}, but scanner.partitions is {partitions}")]
    Partition {
        /// The batch's.
        partition: u32,
        /// How many there are here.
        partitions: u32,
    },
}
