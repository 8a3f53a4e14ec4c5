//! Every partition's fold, fed with raw MARKET messages.

use std::sync::Arc;

use domain::market::Eligibility;
use domain::scan::{BatchHead, BatchOrder, Input, PartitionState, RoundResult, ScoringModel};
use domain::strategy::{Strategy, StrategyError};
use domain::symbol::SymbolError;
use domain::{Event, StreamName, UnixNanos};
use events::{DecodeError, TradeBatchReader};

/// The messages that there are millions of.
const TRADE_BATCH: &str = "finagent.market.v1.TradeBatch";

/// The market of all partitions.
pub(crate) struct Market {
    partitions: Vec<PartitionState>,
    slots: Vec<u32>,
    eligibilities: Vec<Eligibility>,
    pub(crate) trades: u64,
    pub(crate) holes: u64,
}

impl Market {
    pub(crate) fn new(
        partitions: u32,
        strategy: &Arc<Strategy>,
        model: &Arc<dyn ScoringModel>,
    ) -> Result<Self, StrategyError> {
        let state = |p| PartitionState::with_model(p, partitions, Arc::clone(strategy), Arc::clone(model));
        let states = (0..partitions).map(state);
        let partitions = states.collect::<Result<_, _>>()?;
        Ok(Self { partitions, slots: Vec::new(), eligibilities: Vec::new(), trades: 0, holes: 0 })
    }

    /// Folds one message and returns the rounds that fell due with it.
    pub(crate) fn apply(&mut self, type_name: &str, payload: &[u8], seq: u64) -> Result<Vec<RoundResult>, BatchError> {
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
    pub(crate) fn watermark(&self) -> UnixNanos {
        self.partitions.iter().map(PartitionState::watermark).min().unwrap_or_default()
    }

    /// Symbols with reference data for the current session, and symbols known at all.
    pub(crate) fn reference_coverage(&self) -> (usize, usize) {
        self.partitions.iter().map(PartitionState::reference_coverage).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1))
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

/// Why a MARKET message was not folded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BatchError {
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
