//! One partition of the feed: trades collected into the next batch, and the lane that batches leave on.

use std::time::Duration;

use bus::{Bus, Lane, Outgoing, subject};
use bytes::Bytes;
use domain::market::{ConditionScheme, Tape};
use domain::{EventId, Meta, StreamName, UnixNanos};
use events::{BatchHeader, TradeBatchReader, TradeBatchWriter};
use tokio::time::Instant;

use crate::error::GatewayError;

/// The full name of the batches' protobuf message.
const TYPE_NAME: &str = "finagent.market.v1.TradeBatch";
/// One batch is under way and one waits behind it, so that the lane never stands still; the rest grows here.
const QUEUED_MAX: usize = 2;

/// What all partitions of a feed have in common.
pub(crate) struct Stamp {
    pub(crate) source: &'static str,
    pub(crate) tape: Tape,
    pub(crate) scheme: ConditionScheme,
    pub(crate) epoch: u64,
}

/// What an earlier run published last in a partition.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Published {
    pub(crate) epoch: u64,
    pub(crate) watermark: UnixNanos,
}

/// A partition of the feed.
pub(crate) struct Partition {
    index: u32,
    subject: String,
    lane: Lane,
    writer: TradeBatchWriter,
    payload: Vec<u8>,
    batch_no: u64,
    last: Option<Published>,
    handed_over: Instant,
}

impl Partition {
    /// Opens the lane of partition `index` and reads how far it is.
    pub(crate) async fn open(bus: &Bus, index: u32) -> Result<Self, GatewayError> {
        let subject = subject::trade_batch(index);
        let lane = Lane::open(bus, StreamName::Market, subject.clone(), QUEUED_MAX).await?;
        let last = match lane.last() {
            None => None,
            Some(stored) => {
                let header = TradeBatchReader::new(&stored.payload)
                    .map_err(|source| GatewayError::StoredBatch { subject: subject.clone(), seq: stored.seq, source })?
                    .header();
                Some(Published { epoch: header.epoch, watermark: header.watermark })
            }
        };
        let (writer, payload) = (TradeBatchWriter::new(), Vec::new());
        Ok(Self { index, subject, lane, writer, payload, batch_no: 0, last, handed_over: Instant::now() })
    }

    /// The last batch published, of this run or an earlier one.
    pub(crate) const fn last(&self) -> Option<Published> {
        self.last
    }

    /// True when `watermark` is ahead of the last one published, by `step` of market time or for `step` of wall time.
    pub(crate) fn lags(&self, watermark: UnixNanos, step: Duration) -> bool {
        self.last.is_none_or(|last| {
            let ahead = watermark.since(last.watermark);
            ahead >= step.as_nanos() as i64 || (ahead > 0 && self.handed_over.elapsed() >= step)
        })
    }

    /// Collects a trade.
    #[inline]
    pub(crate) fn append(&mut self, print: &events::Print<'_>) {
        self.writer.append(print);
    }

    /// Trades waiting for the next batch.
    pub(crate) const fn waiting(&self) -> usize {
        self.writer.len()
    }

    /// Batches not stored yet.
    pub(crate) fn queued(&self) -> usize {
        self.lane.queued()
    }

    /// True when another batch can be handed over.
    pub(crate) fn has_room(&self) -> bool {
        self.lane.queued() < QUEUED_MAX
    }

    /// Waits until a batch is stored.
    pub(crate) async fn changed(&self) {
        self.lane.changed().await;
    }

    /// Hands the collected trades over as the next batch, with the promise that `watermark` makes; gives its length in
    /// bytes. `meta` makes the envelope of an event id.
    pub(crate) fn publish(
        &mut self,
        stamp: &Stamp,
        watermark: UnixNanos,
        ts_recv: UnixNanos,
        meta: impl FnOnce(EventId) -> Meta,
    ) -> Result<usize, GatewayError> {
        self.batch_no += 1;
        let header = BatchHeader {
            source: stamp.source,
            tape: stamp.tape,
            scheme: stamp.scheme,
            epoch: stamp.epoch,
            batch_no: self.batch_no,
            partition: self.index,
            watermark,
            ts_recv,
        };
        self.payload.clear();
        self.writer.finish(&header, &mut self.payload);
        let [epoch, partition, batch_no] =
            [stamp.epoch, u64::from(self.index), self.batch_no].map(|number| number.to_string());
        let id = EventId::from_parts(&["trade_batch", stamp.source, &epoch, &partition, &batch_no]);
        let payload = Bytes::copy_from_slice(&self.payload);
        let message = Outgoing::raw(self.subject.clone(), TYPE_NAME, payload, meta(id));
        self.lane.try_push(message).map_err(|_| self.failure())?;
        self.handed_over = Instant::now();
        self.last = Some(Published { epoch: stamp.epoch, watermark });
        Ok(self.payload.len())
    }

    /// An error when the lane has stopped for good.
    pub(crate) fn check(&self) -> Result<(), GatewayError> {
        if self.lane.failure().is_some() { Err(self.failure()) } else { Ok(()) }
    }

    fn failure(&self) -> GatewayError {
        GatewayError::Lane { subject: self.subject.clone(), source: self.lane.failure() }
    }

    /// Waits until everything handed over is stored; gives the number of batches that are not.
    pub(crate) async fn close(self, limit: Duration) -> usize {
        self.lane.close(limit).await.len()
    }
}
