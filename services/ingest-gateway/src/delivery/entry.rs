//! A message on its way to the bus, and its form in the spool.

use bus::Outgoing;
use bytes::{Buf, BufMut, Bytes};
use chassis::Author;
use domain::{EventId, Meta, UnixNanos};

use crate::delivery::Published;

/// A message that is kept until it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The partition; the highest number for a gap.
    pub(crate) outlet: u32,
    /// Trades in it.
    pub(crate) trades: u32,
    /// The gateway's ownership epoch that made it.
    pub(crate) epoch: u64,
    /// Its number within epoch and partition; 0 for a gap.
    pub(crate) batch_no: u64,
    /// Market time after it.
    pub(crate) watermark: UnixNanos,
    pub(crate) meta: Meta,
    pub(crate) payload: Bytes,
}

impl Entry {
    /// The message, for `subject`.
    pub(crate) fn outgoing(&self, subject: &str, type_name: &'static str) -> Outgoing {
        Outgoing::raw(subject, type_name, self.payload.clone(), self.meta.clone())
    }

    /// Where it stands in its lane.
    pub(crate) const fn published(&self) -> Published {
        Published { epoch: self.epoch, batch_no: self.batch_no, watermark: self.watermark }
    }

    /// What stands in front of the payload in the spool.
    pub(crate) fn head(&self) -> Vec<u8> {
        let id = self.meta.id.as_str().as_bytes();
        let mut head = Vec::with_capacity(42 + id.len());
        head.put_u32_le(self.outlet);
        head.put_u32_le(self.trades);
        head.put_u64_le(self.epoch);
        head.put_u64_le(self.batch_no);
        head.put_i64_le(self.watermark.nanos());
        head.put_i64_le(self.meta.ts_init.nanos());
        head.put_u16_le(id.len() as u16);
        head.extend_from_slice(id);
        head
    }

    /// Reads a spooled entry, which `author` has written; `None` if it is none of this version's.
    pub(crate) fn from_record(record: impl Into<Bytes>, author: &Author) -> Option<Self> {
        let mut rest: Bytes = record.into();
        let (outlet, trades) = (rest.try_get_u32_le().ok()?, rest.try_get_u32_le().ok()?);
        let (epoch, batch_no) = (rest.try_get_u64_le().ok()?, rest.try_get_u64_le().ok()?);
        let watermark = UnixNanos::new(rest.try_get_i64_le().ok()?);
        let ts_init = UnixNanos::new(rest.try_get_i64_le().ok()?);
        let id_len = usize::from(rest.try_get_u16_le().ok()?);
        if id_len > rest.remaining() {
            return None;
        }
        let id = String::from_utf8(rest.split_to(id_len).into()).ok()?;
        let meta = Meta { ts_init, ..author.meta(EventId::from_wire(id)).build() };
        Some(Self { outlet, trades, epoch, batch_no, watermark, meta, payload: rest })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[derive(Debug)]
    struct Standing;

    impl chassis::Clock for Standing {
        fn now(&self) -> UnixNanos {
            UnixNanos::new(99)
        }
    }

    #[test]
    fn an_entry_reads_back_and_a_shortened_one_does_not() {
        let author = Author::new("ingest-gateway", Arc::new(Standing));
        let meta = Meta { ts_init: UnixNanos::new(5), ..author.meta(EventId::from_parts(&["a"])).build() };
        let (watermark, payload) = (UnixNanos::new(-4), Bytes::from_static(b"columns"));
        let entry = Entry { outlet: 1, trades: 2, epoch: 3, batch_no: 4, watermark, meta, payload };
        let record = [entry.head(), entry.payload.to_vec()].concat();
        assert_eq!(Entry::from_record(record.clone(), &author).as_ref(), Some(&entry));
        for len in 0..entry.head().len() {
            assert_eq!(Entry::from_record(record[..len].to_vec(), &author), None, "{len} bytes");
        }
    }
}
