//! One partition of the feed: trades collected into the next batch.

use bytes::Bytes;
use domain::market::{ConditionScheme, Tape};
use domain::{EventId, Meta, UnixNanos};
use events::{BatchHeader, TradeBatchWriter};
use tokio::time::Instant;

use crate::delivery::Entry;

/// What all partitions of a feed have in common.
pub(crate) struct Stamp {
    pub(crate) source: &'static str,
    pub(crate) tape: Tape,
    pub(crate) scheme: ConditionScheme,
    pub(crate) epoch: u64,
}

/// A partition of the feed.
pub(crate) struct Partition {
    index: u32,
    writer: TradeBatchWriter,
    payload: Vec<u8>,
    batch_no: u64,
    /// When the last batch was made.
    pub(crate) cut_at: Instant,
}

impl Partition {
    pub(crate) fn new(index: u32, now: Instant) -> Self {
        Self { index, writer: TradeBatchWriter::new(), payload: Vec::new(), batch_no: 0, cut_at: now }
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

    /// Makes the collected trades the next batch, with the promise that `watermark` makes. `meta` makes the envelope of
    /// an event id.
    pub(crate) fn cut(
        &mut self,
        stamp: &Stamp,
        watermark: UnixNanos,
        ts_recv: UnixNanos,
        now: Instant,
        meta: impl FnOnce(EventId) -> Meta,
    ) -> Entry {
        let (epoch, batch_no) = (stamp.epoch, self.batch_no + 1);
        let header = BatchHeader {
            source: stamp.source,
            tape: stamp.tape,
            scheme: stamp.scheme,
            epoch,
            batch_no,
            partition: self.index,
            watermark,
            ts_recv,
        };
        let trades = self.waiting() as u32;
        self.payload.clear();
        self.writer.finish(&header, &mut self.payload);
        self.cut_at = now;
        let numbers = [epoch, u64::from(self.index), batch_no].map(|number| number.to_string());
        let id = EventId::from_parts(&["trade_batch", stamp.source, &numbers[0], &numbers[1], &numbers[2]]);
        let payload = Bytes::copy_from_slice(&self.payload);
        Entry { outlet: self.index, trades, epoch, batch_no, watermark, meta: meta(id), payload }
    }

    /// The batch made last is on its way; until this is called, the next one takes its number.
    pub(crate) const fn accepted(&mut self) {
        self.batch_no += 1;
    }
}
