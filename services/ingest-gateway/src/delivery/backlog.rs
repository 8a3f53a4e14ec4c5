//! The gateway's spool: what the bus has not taken yet, on disk.

use std::path::Path;
use std::time::Duration;

use chassis::Author;
use spool::{AppendError, Recovered, Spool, SpoolError};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::Instant;

use crate::config::{SpoolConfig, ms};
use crate::delivery::Entry;
use crate::error::GatewayError;

/// As many gateways may share a folder, each with a spool of its own.
const SLOTS: u32 = 8;

/// Entries on disk, in the order they were made.
pub(crate) struct Backlog {
    spool: Spool,
    author: Author,
    bytes_max: u64,
    sync_every: Duration,
    synced: Instant,
    syncing: Option<JoinHandle<std::io::Result<()>>>,
    /// The entry that is handed over next.
    ahead: Option<(u64, Entry)>,
    /// Entries below were made by an earlier run.
    own_from: u64,
    skipped: u64,
}

impl Backlog {
    /// Opens a spool in `folder` that no other process has, and shows what an earlier run left in it: the first one in
    /// which anything was left, else the first.
    pub(crate) fn open(
        folder: &Path,
        config: &SpoolConfig,
        author: Author,
        mut inspect: impl FnMut(u64, Entry),
    ) -> Result<(Self, Recovered), GatewayError> {
        let bytes_max = config.mib_max.saturating_mul(1 << 20);
        let mut own_from = 1;
        let mut inspect = |seq, record: &[u8]| {
            own_from = seq + 1;
            if let Some(entry) = Entry::from_record(record.to_vec(), &author) {
                inspect(seq, entry);
            }
        };
        let mut found = None;
        for slot in (0..SLOTS).map(|slot| folder.join(slot.to_string())) {
            // One that is not there yet is only made where it is needed.
            if found.is_some() && !slot.exists() {
                continue;
            }
            match Spool::open(&slot, bytes_max, &mut inspect) {
                Ok(opened) if opened.1 == Recovered::default() => found = found.or(Some(opened)),
                Ok(opened) => {
                    found = Some(opened);
                    break;
                }
                Err(SpoolError::Locked(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let (spool, recovered) = found.ok_or_else(|| SpoolError::Locked(folder.to_owned()))?;
        let sync_every = ms(config.sync_ms);
        let (synced, syncing, ahead) = (Instant::now(), None, None);
        Ok((Self { spool, author, bytes_max, sync_every, synced, syncing, ahead, own_from, skipped: 0 }, recovered))
    }

    /// Appends `entry` and gives its place; room is made by releasing.
    pub(crate) fn append(&mut self, entry: &Entry) -> Result<u64, AppendError> {
        self.spool.append(&entry.head(), &entry.payload)
    }

    /// Nothing of what was appended needs to be handed over: the outlets have it.
    pub(crate) fn skip_to_end(&mut self) {
        self.spool.skip_to_end();
    }

    /// The entry that is handed over next; it stays until [`Self::take`].
    pub(crate) fn peek(&mut self) -> Result<Option<&(u64, Entry)>, GatewayError> {
        while self.ahead.is_none() {
            let Some((place, record)) = self.spool.read()? else { break };
            self.ahead = Entry::from_record(record, &self.author).map(|entry| (place, entry));
            self.skipped += u64::from(self.ahead.is_none());
        }
        Ok(self.ahead.as_ref())
    }

    /// Removes what [`Self::peek`] has shown.
    pub(crate) fn take(&mut self) -> Option<(u64, Entry)> {
        self.ahead.take()
    }

    /// How many records since the last call were none of this version's.
    pub(crate) fn skipped(&mut self) -> u64 {
        std::mem::take(&mut self.skipped)
    }

    /// True when an earlier run made the entry at `place`.
    pub(crate) const fn is_inherited(&self, place: u64) -> bool {
        place < self.own_from
    }

    /// Lets go what was handed over, up to `oldest`, the oldest place that is not stored yet.
    pub(crate) fn release(&mut self, oldest: Option<u64>) -> Result<(), GatewayError> {
        let next = self.ahead.as_ref().map_or(self.spool.next(), |(place, _)| *place);
        Ok(self.spool.release(oldest.map_or(next, |oldest| oldest.min(next)))?)
    }

    /// Entries not stored yet.
    pub(crate) fn len(&self) -> u64 {
        self.spool.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.spool.is_empty()
    }

    /// Bytes on disk.
    pub(crate) const fn bytes(&self) -> u64 {
        self.spool.bytes()
    }

    /// True when an eighth is free: enough to go on after it was full, and not to be full again at once.
    pub(crate) const fn has_room(&self) -> bool {
        self.spool.bytes() <= self.bytes_max - self.bytes_max / 8
    }

    /// Makes what was appended outlast a loss of power, every `sync_ms`, without waiting for the disk; gives the error
    /// of the last time.
    pub(crate) async fn sync(&mut self, now: Instant) -> Option<GatewayError> {
        if self.syncing.as_ref().is_some_and(|syncing| !syncing.is_finished()) {
            return None;
        }
        if let Some(Ok(Err(source))) = futures_util::future::OptionFuture::from(self.syncing.take()).await {
            return Some(GatewayError::SpoolSync { source });
        }
        if now.saturating_duration_since(self.synced) >= self.sync_every {
            self.synced = now;
            match self.spool.unsynced() {
                Ok(unsynced) => self.syncing = unsynced.map(|files| spawn_blocking(move || files.sync())),
                Err(error) => return Some(error.into()),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use domain::{EventId, Meta, UnixNanos};

    use super::*;

    #[derive(Debug)]
    struct Standing;

    impl chassis::Clock for Standing {
        fn now(&self) -> UnixNanos {
            UnixNanos::new(0)
        }
    }

    fn opened(folder: &Path) -> (Backlog, Vec<u64>) {
        let mut left = Vec::new();
        let author = Author::new("ingest-gateway", Arc::new(Standing));
        let inspect = |_, entry: Entry| left.push(entry.batch_no);
        let (backlog, _) = Backlog::open(folder, &SpoolConfig::default(), author, inspect).unwrap();
        (backlog, left)
    }

    fn entry(batch_no: u64) -> Entry {
        let meta: Meta = Author::new("ingest-gateway", Arc::new(Standing)).meta(EventId::from_parts(&["a"])).build();
        let (watermark, payload) = (UnixNanos::new(0), Bytes::from_static(b"columns"));
        Entry { outlet: 0, trades: 1, epoch: 1, batch_no, watermark, meta, payload }
    }

    #[test]
    fn what_another_gateway_has_left_is_found_though_an_empty_spool_is_free_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let (first, left) = opened(folder.path());
        assert!(left.is_empty());
        let (mut second, left) = opened(folder.path());
        assert!(left.is_empty());
        second.append(&entry(7)).unwrap();
        drop((first, second));

        let (mut next, left) = opened(folder.path());
        assert_eq!(left, [7]);
        let place = next.peek().unwrap().map(|(place, _)| *place);
        assert!(place.is_some_and(|place| next.is_inherited(place)));
        let (beside, left) = opened(folder.path());
        assert!(left.is_empty(), "the other one is free, and empty");
        drop(beside);
        assert!(!folder.path().join("2").exists());
    }
}
