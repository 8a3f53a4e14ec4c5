//! One partition's fold, fed with raw MARKET messages, and kept as bytes between two lives of its reader.

use std::sync::Arc;

use domain::market::Eligibility;
use domain::scan::{
    BatchHead, BatchOrder, Input, PartitionSnapshot, PartitionState, Round, RoundResult, ScoringModel, SnapshotError,
};
use domain::strategy::{Strategy, StrategyError, StrategyVersion};
use domain::symbol::SymbolError;
use domain::{Event, StreamName, UnixNanos};
use events::{DecodeError, TradeBatchReader};

/// The form of the bytes that [`Partition::to_bytes`] gives: raise it whenever they change.
pub(crate) const SCHEMA: u32 = 2;

/// Type of the messages that there are millions of.
pub const TRADE_BATCH: &str = "finagent.market.v1.TradeBatch";

/// The market of one partition. Knows neither clock nor bus, so that a replay uses it, too.
pub struct Partition {
    index: u32,
    partitions: u32,
    state: PartitionState,
    slots: Vec<u32>,
    eligibilities: Vec<Eligibility>,
    /// Trades folded by this process.
    pub(crate) trades: u64,
    /// Batches missing before one that came, seen by this process.
    pub(crate) holes: u64,
}

impl Partition {
    /// Nothing folded yet; candidates are scored by `model`.
    ///
    /// # Errors
    /// `strategy` cannot be carried out.
    pub fn new(
        index: u32,
        partitions: u32,
        strategy: &Arc<Strategy>,
        model: &Arc<dyn ScoringModel>,
    ) -> Result<Self, StrategyError> {
        Self::under(index, partitions, StrategyVersion::of(Arc::clone(strategy)), model)
    }

    /// The same under a version that was named elsewhere.
    ///
    /// # Errors
    /// Its strategy cannot be carried out.
    pub fn under(
        index: u32,
        partitions: u32,
        version: StrategyVersion,
        model: &Arc<dyn ScoringModel>,
    ) -> Result<Self, StrategyError> {
        let state = PartitionState::under(index, partitions, version, Arc::clone(model))?;
        Ok(Self { index, partitions, state, slots: Vec::new(), eligibilities: Vec::new(), trades: 0, holes: 0 })
    }

    /// What `bytes` hold.
    pub(crate) fn snapshot_of(bytes: &[u8]) -> Result<PartitionSnapshot, RestoreError> {
        Ok(postcard::from_bytes(bytes)?)
    }

    /// This fold as it was when the snapshot was made.
    pub(crate) fn restored(mut self, snapshot: PartitionSnapshot) -> Result<Self, RestoreError> {
        self.state = self.state.restore(snapshot)?;
        Ok(self)
    }

    /// Everything folded so far, in form [`SCHEMA`].
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, postcard::Error> {
        postcard::to_stdvec(&self.state.snapshot())
    }

    /// Folds one message and returns the rounds that fell due with it.
    ///
    /// # Errors
    /// The message makes no sense, or is of another partition.
    pub fn apply(&mut self, type_name: &str, payload: &[u8], seq: u64) -> Result<Vec<RoundResult>, BatchError> {
        let watermark = self.fold(type_name, payload)?;
        Ok(watermark.map_or_else(Vec::new, |watermark| self.state.advance(watermark, &inputs(seq))))
    }

    /// Folds one message without moving market time; a batch gives the time that [`Self::next_due`] may go to.
    pub(crate) fn fold(&mut self, type_name: &str, payload: &[u8]) -> Result<Option<UnixNanos>, BatchError> {
        if type_name == TRADE_BATCH {
            return self.batch(payload);
        }
        match events::decode(type_name, payload)? {
            Event::ReferenceUpdated(reference) => self.state.reference(&reference),
            Event::NewsPublished(news) => self.state.news(&news),
            Event::FeedGapDetected(gap) => self.state.feed_gap(&gap),
            Event::TradingStatusChanged(changed) => self.state.trading_status(&changed),
            other => tracing::debug!(event = other.name(), "not for the scanner"),
        }
        Ok(None)
    }

    /// The next round that falls due on the way to `watermark`; the partition stands there until the next call.
    pub(crate) fn next_due(&mut self, watermark: UnixNanos) -> Option<Round> {
        self.state.next_due(watermark)
    }

    /// What it has to say about the round that it stands at.
    pub(crate) fn evaluate(&self, round: &Round, seq: u64) -> Option<RoundResult> {
        self.state.evaluate(round, &inputs(seq))
    }

    /// Goes on under another version that folds alike; false if it does not.
    pub(crate) fn go_on_under(&mut self, version: &StrategyVersion, model: &Arc<dyn ScoringModel>) -> bool {
        self.state.go_on_under(version, model)
    }

    /// True where a fold under `strategy` would be the same.
    pub(crate) fn folds_like(&self, strategy: &Strategy) -> bool {
        self.state.folds_like(strategy)
    }

    /// How far market time has come; zero before the first batch.
    pub const fn watermark(&self) -> UnixNanos {
        self.state.watermark()
    }

    /// Symbols with reference data for the current session, and symbols known at all.
    pub(crate) fn reference_coverage(&self) -> (usize, usize) {
        self.state.reference_coverage()
    }

    fn batch(&mut self, payload: &[u8]) -> Result<Option<UnixNanos>, BatchError> {
        let batch = TradeBatchReader::new(payload)?;
        batch.check()?;
        let header = batch.header();
        if header.partition != self.index {
            return Err(BatchError::Partition { found: header.partition, wanted: self.index, of: self.partitions });
        }
        let head = BatchHead {
            source: header.source,
            epoch: header.epoch,
            batch_no: header.batch_no,
            tape: header.tape,
            watermark: header.watermark,
        };
        let state = &mut self.state;
        match state.begin_batch(&head) {
            BatchOrder::Repeated => return Ok(None),
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
        Ok(Some(header.watermark))
    }
}

fn inputs(seq: u64) -> [Input; 1] {
    [Input { stream: StreamName::Market.as_str().to_owned(), last_seq: seq }]
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
    /// It says another partition than its subject does.
    #[error("batch of partition {found} on the subject of partition {wanted} of {of}")]
    Partition {
        /// The batch's.
        found: u32,
        /// The subject's.
        wanted: u32,
        /// How many there are.
        of: u32,
    },
}

/// Why a fold cannot go on from stored bytes.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RestoreError {
    /// They are no snapshot.
    #[error("not a snapshot")]
    Bytes(#[from] postcard::Error),
    /// They are one of something else.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}

#[cfg(test)]
mod tests {
    use domain::market::TradeBatch;
    use domain::scan::Weighted;
    use figment::Figment;
    use figment::providers::{Format, Yaml};
    use sha2::{Digest, Sha256};
    use testkit::build;

    use super::*;

    fn fresh() -> Partition {
        let shipped = Yaml::string(include_str!("../../../config/strategy.yaml"));
        let strategy: Arc<Strategy> = Arc::new(Figment::from(shipped).extract().unwrap());
        let model: Arc<dyn ScoringModel> = Arc::new(Weighted::new(&strategy.scoring));
        Partition::new(0, 1, &strategy, &model).unwrap()
    }

    fn batches() -> Vec<TradeBatch> {
        (1..=20).map(|n| build::trade_batch(0, n, &[("ACME", 2_500 + n as i64), ("BOLT", 900 - n as i64)])).collect()
    }

    fn feed(partition: &mut Partition, batches: &[TradeBatch]) {
        for batch in batches {
            let event = Event::from(batch.clone());
            partition.apply(events::type_name(&event), &events::encode(&event), batch.batch_no).unwrap();
        }
    }

    fn folded() -> Partition {
        let mut partition = fresh();
        let reference = Event::from(build::reference("ACME"));
        partition.apply(events::type_name(&reference), &events::encode(&reference), 1).unwrap();
        let halted = Event::from(build::halted("ACME"));
        partition.apply(events::type_name(&halted), &events::encode(&halted), 2).unwrap();
        feed(&mut partition, &batches()[..12]);
        partition
    }

    #[test]
    fn a_restored_fold_goes_on_as_if_nothing_had_happened() {
        let mut whole = folded();
        let snapshot = Partition::snapshot_of(&whole.to_bytes().unwrap()).unwrap();
        let mut restored = fresh().restored(snapshot).unwrap();
        // What was folded before the snapshot may come again.
        feed(&mut restored, &batches()[10..]);
        feed(&mut whole, &batches()[12..]);
        assert_eq!(restored.to_bytes().unwrap(), whole.to_bytes().unwrap());
        assert_eq!((restored.reference_coverage(), restored.holes), ((1, 1), 0));
    }

    /// A version that reads another version's bytes as its own would trade on them.
    #[test]
    fn the_form_of_the_bytes_is_that_of_the_schema() {
        let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(folded().to_bytes().unwrap()));
        assert_eq!(
            (SCHEMA, &digest[..16]),
            (2, "59a021bd8ad90590"),
            "the form has changed: raise SCHEMA and note its digest here"
        );
    }
}
