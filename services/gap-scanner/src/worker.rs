//! The life of one partition's reader: hold the lease, restore, fold, report the rounds, keep snapshots.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bus::{Fold, FoldSpec, Item, Kind, Lease, Place, RawFold, RawItem, Snapshots, subject};
use chassis::{CancellationToken, Context};
use domain::scan::{RoundResult, ScoringModel};
use domain::strategy::Strategy;
use domain::{Event, RoundId, StreamName};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::Config;
use crate::partition::{Partition, SCHEMA};
use crate::rounds;
use crate::status::{Board, Status};

/// How long the end of a worker may take to keep its state: well within the grace that a process has.
const LAST_SNAPSHOT: Duration = Duration::from_secs(3);

/// What every worker of this replica shares.
pub(crate) struct Shared {
    pub(crate) ctx: Context<Config>,
    pub(crate) strategy: Arc<Strategy>,
    pub(crate) model: Arc<dyn ScoringModel>,
    pub(crate) board: Board,
}

/// Works on partition `index` from the moment its lease is free until the lease is lost or `stop` is cancelled.
pub(crate) async fn work(shared: Arc<Shared>, index: u32, stop: CancellationToken) -> chassis::Result {
    let key = format!("{}.partition.{index}", shared.ctx.name);
    let lease = tokio::select! {
        () = stop.cancelled() => return Ok(()),
        lease = Lease::acquire(&shared.ctx.bus, &key, &shared.ctx.holder) => lease?,
    };
    let outcome = hold(&shared, index, &lease, &stop).await;
    shared.board.withdraw(index);
    match outcome {
        Err(error) if chassis::is_transient(error.as_ref()) => {
            tracing::warn!(partition = index, %error, "the bus is away; beginning again");
            Ok(())
        }
        outcome => outcome,
    }
}

async fn hold(shared: &Arc<Shared>, index: u32, lease: &Lease, stop: &CancellationToken) -> chassis::Result {
    let mut worker = tokio::select! {
        () = stop.cancelled() => return Ok(()),
        () = lease.lost() => return Ok(()),
        worker = Worker::restore(shared, index) => worker?,
    };
    if worker.run(lease, stop).await? {
        // Without it the next reader has a little more to read.
        if timeout(LAST_SNAPSHOT, worker.keep(lease)).await.is_err() {
            tracing::warn!(partition = index, "the last snapshot was not stored in time");
        }
        lease.release().await;
    }
    Ok(())
}

struct Worker {
    shared: Arc<Shared>,
    index: u32,
    partition: Partition,
    fold: RawFold,
    snapshots: Snapshots,
    completed: HashSet<RoundId>,
    kept_seq: u64,
    caught_up: bool,
    since: Instant,
}

impl Worker {
    async fn restore(shared: &Arc<Shared>, index: u32) -> chassis::Result<Self> {
        let since = Instant::now();
        let ctx = &shared.ctx;
        let fresh = || Partition::new(index, ctx.config.partitions, &shared.strategy, &shared.model);
        let mut snapshots = Snapshots::new(&ctx.bus, format!("{}.{index}", ctx.name), SCHEMA);
        let (partition, after) = match snapshots.load(StreamName::Market).await? {
            None => (fresh()?, 0),
            Some((seq, bytes)) => match fresh()?.restored(&bytes) {
                Ok(partition) => (partition, seq),
                Err(error) => {
                    tracing::info!(partition = index, %error, "snapshot not used; rebuilding");
                    (fresh()?, 0)
                }
            },
        };
        let completed = completed_rounds(ctx, index).await?;
        let spec = FoldSpec::subject(StreamName::Market, subject::trade_batch(index))
            .and_kinds(&[Kind::ReferenceUpdated, Kind::NewsPublished, Kind::FeedGapDetected])
            .after(StreamName::Market, after)
            .known_as(ctx.name, Some(&index.to_string()));
        let fold = RawFold::open(&ctx.bus, spec)?;
        let shared = Arc::clone(shared);
        Ok(Self { shared, index, partition, fold, snapshots, completed, kept_seq: after, caught_up: false, since })
    }

    /// Reads until the lease is lost (false) or it is asked to stop (true).
    async fn run(&mut self, lease: &Lease, stop: &CancellationToken) -> chassis::Result<bool> {
        let mut snapshot_due = interval(Duration::from_millis(self.shared.ctx.config.snapshot_every_ms.max(100)));
        snapshot_due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        snapshot_due.tick().await;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(true),
                () = lease.lost() => return Ok(false),
                _ = snapshot_due.tick(), if self.caught_up => self.keep(lease).await,
                item = self.fold.next() => {
                    self.take(item?).await?;
                    self.tell();
                }
            }
        }
    }

    async fn take(&mut self, item: RawItem) -> chassis::Result {
        match item {
            RawItem::Message(message) => {
                let type_name = message.type_name().unwrap_or_default();
                match self.partition.apply(type_name, &message.payload, message.seq) {
                    Ok(due) => {
                        let due: Vec<RoundResult> = due
                            .into_iter()
                            .filter(|round| self.completed.insert(round.completed.round.round_id.clone()))
                            .collect();
                        if !due.is_empty() {
                            let (ctx, meta) = (&self.shared.ctx, message.meta().ok());
                            let span = meta.map(|meta| ctx.tracer.process("TradeBatch", message.subject(), &meta));
                            let cause = span.as_ref().and_then(|span| span.cause(ctx.clock.now()));
                            for round in due {
                                rounds::append(ctx, round, cause.as_ref()).await?;
                            }
                        }
                    }
                    Err(error) => self.shared.ctx.bury(message.into_poison(error.to_string())),
                }
            }
            RawItem::CaughtUp => {
                self.caught_up = true;
                let took = self.since.elapsed();
                metrics::histogram!("scanner_recovery_seconds").record(took.as_secs_f64());
                let (partition, from) = (self.index, self.kept_seq);
                tracing::info!(partition, from, ms = took.as_millis() as u64, "caught up");
            }
        }
        Ok(())
    }

    /// Keeps the state, if it has changed since it was kept last. A snapshot that fails is made up for by the next.
    async fn keep(&mut self, lease: &Lease) {
        let seq = self.fold.last_seq(StreamName::Market);
        if seq == self.kept_seq {
            return;
        }
        let since = Instant::now();
        let outcome = match self.partition.to_bytes() {
            Ok(bytes) => {
                metrics::gauge!("scanner_snapshot_bytes", "partition" => self.index.to_string())
                    .set(bytes.len() as f64);
                self.snapshots.store(&Place { stream: StreamName::Market, seq }, &bytes, lease).await
            }
            Err(error) => {
                tracing::error!(partition = self.index, %error, "state cannot be written as a snapshot");
                return;
            }
        };
        match outcome {
            Ok(true) => self.kept_seq = seq,
            Ok(false) => tracing::info!(partition = self.index, "another replica keeps the snapshots now"),
            Err(error) => tracing::warn!(partition = self.index, %error, "snapshot not stored; the next one will be"),
        }
        metrics::histogram!("scanner_snapshot_seconds").record(since.elapsed().as_secs_f64());
    }

    fn tell(&self) {
        self.shared.board.put(
            self.index,
            Status {
                caught_up: self.caught_up,
                watermark: self.partition.watermark(),
                reference: self.partition.reference_coverage(),
                trades: self.partition.trades,
                holes: self.partition.holes,
            },
        );
    }
}

/// Rounds of the partition that this replica or another finished before; they are not reported again.
async fn completed_rounds(ctx: &Context<Config>, index: u32) -> Result<HashSet<RoundId>, bus::BusError> {
    let mut fold = Fold::open(&ctx.bus, FoldSpec::kinds(&[Kind::ScanRoundCompleted]))?;
    let mut completed = HashSet::new();
    loop {
        match fold.next().await? {
            Item::CaughtUp => return Ok(completed),
            Item::Event(folded) => match folded.event {
                Event::ScanRoundCompleted(round) if round.partition == index => {
                    completed.insert(round.round.round_id);
                }
                _ => {}
            },
            Item::Poison(poison) => ctx.bury(poison),
        }
    }
}
