//! The way out: straight into the lanes while the bus keeps up, over the spool while it does not.
//!
//! Order is the same on both ways: a lane carries its partition's batches by number, and a gap is stored before any
//! batch that was made after it. While something is spooled, everything new goes behind it.

mod backlog;
mod entry;
mod hole;
mod outlet;

use std::sync::Arc;
use std::time::Duration;

use bus::subject;
use domain::market::FeedGapDetected;
use domain::ops::Severity;
use domain::{Event, EventId, UnixNanos};
use events::TradeBatchReader;
use futures_util::future::select_all;
use spool::AppendError;
use tokio::time::Instant;

use crate::GatewayContext;
use crate::alarms::Alarms;
use crate::config::ms;
use crate::error::{GatewayError, chain};
use crate::metrics::{self, SpoolInstruments};
use crate::watermark::{Gap, trading_time};
use backlog::Backlog;
use hole::Hole;
use outlet::Outlet;

pub(crate) use entry::Entry;

const TRADE_BATCH: &str = "finagent.market.v1.TradeBatch";
const FEED_GAP: &str = "finagent.market.v1.FeedGapDetected";
/// [`Entry::outlet`] of a gap.
const GAPS: u32 = u32::MAX;
/// While the spool is full it is tried again this often.
const RETRY: Duration = Duration::from_secs(1);

/// The last batch of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Published {
    pub(crate) epoch: u64,
    pub(crate) batch_no: u64,
    pub(crate) watermark: UnixNanos,
}

/// How a partition's next batch leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Its lane has nothing to do.
    Idle,
    /// One batch is under way, and another may wait behind it.
    Busy,
    /// It waits for its lane, or for a gap that must be told first.
    Blocked,
    /// Into the spool, while the bus takes what stands there.
    Spooled,
    /// Into the spool, while the bus is away.
    Away,
}

/// Every lane of the gateway, and the spool before them.
pub(crate) struct Delivery {
    context: Arc<GatewayContext>,
    source: &'static str,
    epoch: u64,
    lateness_ns: i64,
    /// One for each partition, then the one for gaps.
    outlets: Vec<Outlet>,
    /// What is on the bus since the lanes were opened; decides about entries of an earlier run.
    stored: Vec<Option<Published>>,
    /// What was taken last, in a lane or the spool.
    accepted: Vec<Option<Published>>,
    gaps_stored: u64,
    backlog: Backlog,
    spooling_since: Option<Instant>,
    late: bool,
    hole: Option<Hole>,
    superseded: u64,
    alarms: Alarms,
    instruments: SpoolInstruments,
}

impl Delivery {
    /// Opens the lanes and the spool; the epoch is one above the highest in either. What an earlier run left in the
    /// spool goes out first.
    pub(crate) async fn open(context: Arc<GatewayContext>, source: &'static str) -> Result<Self, GatewayError> {
        let config = &context.config;
        let (mut outlets, mut stored) = (Vec::new(), Vec::new());
        for partition in 0..config.partitions {
            let outlet =
                Outlet::open(&context.bus, &context.tracer, subject::trade_batch(partition), TRADE_BATCH).await?;
            stored.push(outlet.last().map(|last| published(partition, last)).transpose()?);
            outlets.push(outlet);
        }
        let gaps = Outlet::open(&context.bus, &context.tracer, subject::feed_gap_detected(source), FEED_GAP).await?;
        let last_gap = gaps.last().map(|last| last.id.clone());
        outlets.push(gaps);

        let (mut accepted, mut gaps_stored) = (stored.clone(), 0);
        let mut newest = stored.iter().flatten().map(|last| last.epoch).max().unwrap_or(0);
        let folder = config.spool.folder(&context.settings.data_dir);
        let (backlog, recovered) = Backlog::open(&folder, &config.spool, context.author(), |place, entry| {
            newest = newest.max(entry.epoch);
            match accepted.get_mut(entry.outlet as usize) {
                Some(known) => *known = (*known).max(Some(entry.published())),
                None if last_gap.as_deref() == Some(entry.meta.id.as_str()) => gaps_stored = place + 1,
                None => {}
            }
        })?;
        let epoch = newest + 1;
        let (records, cut_bytes) = (recovered.records, recovered.cut_bytes);
        let alarms = Alarms::new(context.clone(), source);
        if records > 0 {
            tracing::info!(records, "an earlier run's spool goes out first");
        }
        if cut_bytes > 0 {
            let message = "the end of the spool was torn and is cut off".to_owned();
            alarms.fault(
                Severity::Critical,
                "spool_torn",
                message,
                format!("{cut_bytes} bytes in {}", folder.display()),
            );
        }
        Ok(Self {
            source,
            epoch,
            lateness_ns: (config.watermark.lateness_ms as i64).saturating_mul(1_000_000),
            outlets,
            stored,
            accepted,
            gaps_stored,
            spooling_since: (records > 0).then(Instant::now),
            backlog,
            late: false,
            hole: None,
            superseded: 0,
            alarms,
            instruments: SpoolInstruments::new(),
            context,
        })
    }

    /// This run's epoch.
    pub(crate) const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The last batch of `partition`, of this run or an earlier one.
    pub(crate) fn last(&self, partition: u32) -> Option<Published> {
        self.accepted[partition as usize]
    }

    /// The newest watermark of all partitions, and the oldest: between them some partition has trades missing if an
    /// earlier run did not end in order.
    pub(crate) fn watermarks(&self) -> Option<(UnixNanos, UnixNanos)> {
        let known = || self.accepted.iter().flatten().map(|last| last.watermark);
        known().max().zip(known().min())
    }

    /// Brings the books up to date, and hands over from the spool what the lanes have room for.
    pub(crate) fn settle(&mut self, now: Instant) -> Result<(), GatewayError> {
        self.outlets.iter_mut().try_for_each(|outlet| outlet.settle(now))?;
        let limit = ms(self.context.config.spool.after_ms);
        self.late = self.outlets.iter().any(|outlet| outlet.is_late(now, limit));
        if self.spooling_since.is_none() {
            if self.late {
                self.begin_spooling(now);
            }
            return Ok(());
        }
        self.hand_over(now)?;
        let oldest = self.outlets.iter().filter_map(Outlet::oldest).filter_map(|(place, _)| place).min();
        self.backlog.release(oldest)?;
        self.close_hole(now);
        if self.backlog.is_empty() && self.hole.is_none() && !self.late {
            self.end_spooling(now);
        }
        Ok(())
    }

    /// How the next batch of `partition` leaves.
    pub(crate) fn pace(&self, partition: u32) -> Pace {
        let outlet = &self.outlets[partition as usize];
        match (self.spooling_since, self.late || self.hole.is_some()) {
            (Some(_), true) => Pace::Away,
            (Some(_), false) => Pace::Spooled,
            (None, _) if self.tells_gap() || !outlet.has_room() => Pace::Blocked,
            (None, _) if outlet.queued() == 0 => Pace::Idle,
            (None, _) => Pace::Busy,
        }
    }

    /// Takes a batch whose time has come by [`Self::pace`]; false when it had to be dropped. What is dropped is
    /// counted, and told as a gap before anything that comes after it.
    pub(crate) fn offer(&mut self, batch: Entry, now: Instant) -> Result<bool, GatewayError> {
        let index = batch.outlet as usize;
        let last = batch.published();
        if self.spooling_since.is_none() {
            self.outlets[index].push(batch, None, now)?;
        } else if self.hole.is_some() || self.append(&batch, now).is_none() {
            let promised = self.accepted[index].map(|last| last.watermark);
            self.instruments.dropped.increment(batch.trades.into());
            self.hole.get_or_insert_with(|| Hole::new(now)).add(&batch, promised, self.lateness_ns);
            return Ok(false);
        }
        self.accepted[index] = Some(last);
        Ok(true)
    }

    /// Takes a gap of the feed, which is stored before any batch that is offered from now on.
    pub(crate) fn tell(&mut self, gap: FeedGapDetected, now: Instant) -> Result<(), GatewayError> {
        let (from, until) = (gap.from, gap.until);
        let entry = self.gap_entry(gap);
        let gaps = self.outlets.len() - 1;
        if self.spooling_since.is_none() {
            if self.outlets[gaps].has_room() {
                return self.outlets[gaps].push(entry, None, now);
            }
            self.begin_spooling(now);
        }
        if self.hole.is_some() || self.append(&entry, now).is_none() {
            self.hole.get_or_insert_with(|| Hole::new(now)).widen(from, until);
        }
        Ok(())
    }

    /// Waits until the bus has stored something.
    pub(crate) async fn changed(&self) {
        select_all(self.outlets.iter().map(|outlet| Box::pin(outlet.changed()))).await;
    }

    /// Messages in the lanes that are not stored yet.
    pub(crate) fn queued(&self) -> usize {
        self.outlets.iter().map(Outlet::queued).sum()
    }

    /// True when the bus has everything.
    pub(crate) fn is_empty(&self) -> bool {
        self.queued() == 0 && self.backlog.is_empty()
    }

    /// Puts what the lanes have not stored into the spool, for the next start.
    pub(crate) fn keep(&mut self, now: Instant) {
        if self.spooling_since.is_none() && self.queued() > 0 {
            self.begin_spooling(now);
        }
    }

    /// Shows how the spool is, and has it synced.
    pub(crate) async fn tick(&mut self, now: Instant) {
        if let Some(error) = self.backlog.sync(now).await {
            let message = "the spool could not be synced: a loss of power would take its end".to_owned();
            self.alarms.fault(Severity::Critical, "spool_not_synced", message, chain(&error));
        }
        let (records, bytes) = (self.backlog.len(), self.backlog.bytes());
        let oldest = self.outlets.iter().filter_map(Outlet::oldest).map(|(_, made)| made).min();
        let age = oldest.map_or(0, |made| self.context.clock.now().since(made).max(0)) as f64 / 1e9;
        self.instruments.lanes.set(self.queued() as f64);
        self.instruments.depth.set(records as f64);
        self.instruments.bytes.set(bytes as f64);
        self.instruments.oldest.set(age);
        let detail = match &self.hole {
            Some(hole) => format!("full with {records} messages: {} trades dropped so far", hole.trades),
            None if records > 0 => format!("{records} messages in {} KiB, the oldest {age:.1} s old", bytes >> 10),
            None => "empty".to_owned(),
        };
        self.context.readiness.set("spool", self.hole.is_none(), detail);
    }

    fn tells_gap(&self) -> bool {
        self.outlets.last().is_some_and(|gaps| gaps.queued() > 0)
    }

    fn begin_spooling(&mut self, now: Instant) {
        tracing::warn!(source = self.source, "the bus is behind: batches go to the spool");
        self.instruments.begun.increment(1);
        self.spooling_since = Some(now);
        if !self.spool_handed(now) {
            self.hole.get_or_insert_with(|| Hole::new(now));
        }
    }

    fn end_spooling(&mut self, now: Instant) {
        if let Some(since) = self.spooling_since.take() {
            let seconds = now.saturating_duration_since(since).as_secs_f64();
            tracing::info!(source = self.source, seconds, "the spool is drained");
        }
    }

    /// Writes what the lanes hold in memory to the empty spool, so that a kill does not make a hole before what is
    /// spooled next; all or nothing.
    fn spool_handed(&mut self, now: Instant) -> bool {
        let mut outlets = std::mem::take(&mut self.outlets);
        let mut handed = outlets.iter_mut().flat_map(|outlet| outlet.handed().iter_mut());
        let whole = handed.all(|handed| {
            handed.place = self.append(&handed.entry, now);
            handed.place.is_some()
        });
        self.backlog.skip_to_end();
        if !whole {
            outlets.iter_mut().flat_map(|outlet| outlet.handed().iter_mut()).for_each(|handed| handed.place = None);
        }
        self.outlets = outlets;
        whole
    }

    fn append(&mut self, entry: &Entry, now: Instant) -> Option<u64> {
        let error = match self.backlog.append(entry) {
            Ok(place) => return Some(place),
            Err(error) => error,
        };
        if self.hole.is_none() {
            let code = match error {
                AppendError::Full => "spool_full",
                AppendError::TooLong(_) | AppendError::Io(_) => "spool_not_written",
            };
            let message = "trades are dropped: the bus is behind and the spool takes no more".to_owned();
            self.alarms.fault(Severity::Critical, code, message, chain(&error));
        }
        self.hole.get_or_insert_with(|| Hole::new(now));
        None
    }

    /// Goes on after a hole as soon as there is room, first of all telling it.
    fn close_hole(&mut self, now: Instant) {
        let retry = |hole: &Hole| now.saturating_duration_since(hole.tried) >= RETRY;
        if !self.backlog.has_room() || !self.hole.as_ref().is_some_and(retry) {
            return;
        }
        let Some(mut hole) = self.hole.take() else { return };
        hole.tried = now;
        let event = hole.event(self.source, self.epoch);
        self.hole = Some(hole);
        if self.backlog.is_empty() && !self.spool_handed(now) {
            return;
        }
        if let Some(event) = event {
            let (gap, trades) =
                (Gap { from: event.from, until: event.until, reason: event.reason }, event.dropped_trades);
            let entry = self.gap_entry(event);
            if self.append(&entry, now).is_none() {
                return;
            }
            metrics::gap((trading_time(gap) / 1_000_000_000) as u64);
            tracing::warn!(source = self.source, from = %gap.from, until = %gap.until, trades, "trades were dropped");
        }
        self.hole = None;
    }

    /// Hands over from the spool, in its order, until a lane has no room or a gap has to be stored first.
    fn hand_over(&mut self, now: Instant) -> Result<(), GatewayError> {
        let gaps = self.outlets.len() - 1;
        loop {
            let gap_first = self.tells_gap();
            let Some((place, next)) = self.backlog.peek()? else { break };
            let (place, outlet, at) = (*place, next.outlet, next.published());
            let index = if outlet == GAPS { gaps } else { outlet as usize };
            let fate = if self.backlog.is_inherited(place) { self.fate(place, outlet, at) } else { Fate::Next };
            match fate {
                Fate::Next if !self.outlets[index].has_room() || (gap_first && outlet != GAPS) => return Ok(()),
                Fate::Next => {
                    if let Some((place, entry)) = self.backlog.take() {
                        let entry = if outlet == GAPS { self.readdressed(entry) } else { entry };
                        self.outlets[index].push(entry, Some(place), now)?;
                    }
                }
                Fate::Stored => drop(self.backlog.take()),
                Fate::Superseded => {
                    let trades = self.backlog.take().map_or(0, |(_, entry)| entry.trades);
                    self.superseded += u64::from(trades);
                }
            }
        }
        self.report_inheritance();
        Ok(())
    }

    /// What is to be done with an entry that an earlier run has left at `place`.
    fn fate(&self, place: u64, outlet: u32, entry: Published) -> Fate {
        if outlet == GAPS {
            return if place < self.gaps_stored { Fate::Stored } else { Fate::Next };
        }
        match self.stored.get(outlet as usize) {
            None => Fate::Superseded,
            Some(Some(stored)) if entry.epoch < stored.epoch => Fate::Superseded,
            Some(Some(stored)) if entry <= *stored => Fate::Stored,
            Some(_) => Fate::Next,
        }
    }

    /// Says what of an earlier run's entries could not be handed over.
    fn report_inheritance(&mut self) {
        let (trades, skipped) = (std::mem::take(&mut self.superseded), self.backlog.skipped());
        if trades > 0 {
            self.instruments.superseded.increment(trades);
            let message = "trades of an earlier run are dropped: another gateway has published since, or their \
                           partition is no more"
                .to_owned();
            let detail = format!("{trades} trades, in the spool since then");
            self.alarms.fault(Severity::Critical, "spool_superseded", message, detail);
        }
        if skipped > 0 {
            let message = "the spool holds records of another version, which are dropped".to_owned();
            self.alarms.fault(Severity::Critical, "spool_unreadable", message, format!("{skipped} records"));
        }
    }

    /// A gap as this feed's lane takes it, also where another vendor's feed has left it.
    fn readdressed(&self, entry: Entry) -> Entry {
        match events::decode(FEED_GAP, &entry.payload) {
            Ok(Event::FeedGapDetected(gap)) if gap.source != self.source => {
                self.gap_entry(FeedGapDetected { source: self.source.to_owned(), ..gap })
            }
            Ok(_) | Err(_) => entry,
        }
    }

    fn gap_entry(&self, gap: FeedGapDetected) -> Entry {
        let epoch = gap.epoch.to_string();
        let reason = format!("{:?}", gap.reason);
        let parts = ["feed_gap_detected", &gap.source, &epoch, &gap.from.to_string(), &reason];
        let meta = self.context.meta(EventId::from_parts(&parts)).build();
        let (outlet, watermark, epoch) = (GAPS, gap.until, gap.epoch);
        let payload = events::encode(&Event::from(gap));
        Entry { outlet, trades: 0, epoch, batch_no: 0, watermark, meta, payload }
    }
}

/// What becomes of an earlier run's entry.
enum Fate {
    /// It is handed over.
    Next,
    /// The bus has it.
    Stored,
    /// Another gateway has published after it, or its partition is no more: it can never be stored in order.
    Superseded,
}

fn published(partition: u32, last: &bus::Stored) -> Result<Published, GatewayError> {
    let subject = subject::trade_batch(partition);
    let header = TradeBatchReader::new(&last.payload)
        .map_err(|source| GatewayError::StoredBatch { subject, seq: last.seq, source })?
        .header();
    Ok(Published { epoch: header.epoch, batch_no: header.batch_no, watermark: header.watermark })
}
