//! Every partition's fold, fed with raw MARKET messages.

use std::sync::Arc;

use domain::market::{Eligibility, Trade};
use domain::scan::{BatchHead, BatchOrder, Input, PartitionState, RoundResult};
use domain::strategy::{Strategy, StrategyError};
use domain::{Event, Price, StreamName, UnixNanos};
use events::DecodeError;
use events::trade_batch::TradeBatchReader;

/// The market of all partitions.
pub(crate) struct Market {
    partitions: Vec<PartitionState>,
    slots: Vec<u32>,
    eligibilities: Vec<Eligibility>,
    pub(crate) trades: u64,
    pub(crate) holes: u64,
}

impl Market {
    pub(crate) fn new(partitions: u32, strategy: &Arc<Strategy>) -> Result<Self, StrategyError> {
        let states = (0..partitions).map(|p| PartitionState::new(p, partitions, Arc::clone(strategy)));
        let partitions = states.collect::<Result<_, _>>()?;
        Ok(Self { partitions, slots: Vec::new(), eligibilities: Vec::new(), trades: 0, holes: 0 })
    }

    /// Folds one message and returns the rounds that fell due with it.
    pub(crate) fn apply(&mut self, type_name: &str, payload: &[u8], seq: u64) -> Result<Vec<RoundResult>, DecodeError> {
        if type_name == events::trade_batch::TYPE_NAME {
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

    fn batch(&mut self, payload: &[u8], seq: u64) -> Result<Vec<RoundResult>, DecodeError> {
        let batch = TradeBatchReader::new(payload)?;
        let Some(state) = self.partitions.get_mut(batch.partition() as usize) else {
            return Err(batch.refuse("partition", batch.partition(), "below scanner.partitions"));
        };
        let head = BatchHead {
            source: batch.source(),
            epoch: batch.epoch(),
            batch_no: batch.batch_no(),
            tape: batch.tape(),
            watermark: batch.watermark(),
        };
        match state.begin_batch(&head) {
            BatchOrder::Repeated => return Ok(Vec::new()),
            BatchOrder::Hole => self.holes += 1,
            BatchOrder::Next => {}
        }
        self.slots.clear();
        for symbol in batch.symbols() {
            self.slots.push(state.slot(&symbol?));
        }
        self.eligibilities.clear();
        self.eligibilities.extend(batch.condition_sets().map(|set| Eligibility::of(batch.scheme(), set)));
        if self.eligibilities.is_empty() {
            self.eligibilities.push(Eligibility::REGULAR);
        }
        let (slots, eligibilities) = (&self.slots, &self.eligibilities);
        let mut count = 0_u64;
        batch.for_each(|t| {
            count += 1;
            let trade = Trade { ts_event: UnixNanos::new(t.ts_event), price: Price::from_nanos(t.price), size: t.size };
            state.fold(slots[t.symbol as usize], trade, eligibilities[t.conditions as usize]);
        })?;
        self.trades += count;
        let inputs = [Input { stream: StreamName::Market.as_str().to_owned(), last_seq: seq }];
        Ok(state.advance(batch.watermark(), &inputs))
    }
}
