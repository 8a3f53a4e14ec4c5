//! The life of one partition's reader: hold the lease, restore, fold, report the rounds, keep snapshots.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bus::{Fold, FoldSpec, Item, Kind, Lease, Place, RawFold, RawItem, RawMessage, Snapshots, subject};
use chassis::traces::Cause;
use chassis::{CancellationToken, Context};
use domain::scan::{Input, PartitionSnapshot, Round, RoundOpened, RoundResult};
use domain::{Event, RoundId, StreamName, UnixNanos};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::Config;
use crate::partition::{Partition, SCHEMA};
use crate::rounds;
use crate::status::{Board, Status};
use crate::versions::{Scoring, Versions, cannot};

/// How long the end of a worker may take to keep its state: well within the grace that a process has.
const LAST_SNAPSHOT: Duration = Duration::from_secs(3);

/// What every worker of this replica shares.
pub(crate) struct Shared {
    pub(crate) ctx: Context<Config>,
    pub(crate) versions: Versions,
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
    // Market time that was come to under an earlier version: no round up to here is waited for.
    let mut passed = UnixNanos::default();
    loop {
        let mut worker = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = lease.lost() => return Ok(()),
            worker = Worker::restore(shared, index, passed) => worker?,
        };
        match worker.run(lease, stop).await? {
            End::Lost => return Ok(()),
            End::Refold => {
                tracing::info!(partition = index, "the strategy in force folds otherwise: reading the market again");
                passed = worker.partition.watermark();
                shared.board.withdraw(index);
            }
            End::Stopped => {
                // Without it the next reader has a little more to read.
                if timeout(LAST_SNAPSHOT, worker.keep(lease)).await.is_err() {
                    tracing::warn!(partition = index, "the last snapshot was not stored in time");
                }
                lease.release().await;
                return Ok(());
            }
        }
    }
}

/// Why a worker ended its work on a fold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// It was asked to.
    Stopped,
    /// The lease is another's.
    Lost,
    /// Another version of the strategy is in force, under which the partition must be folded anew.
    Refold,
}

struct Worker {
    shared: Arc<Shared>,
    index: u32,
    partition: Partition,
    fold: RawFold,
    snapshots: Snapshots,
    rounds: Rounds,
    news: watch::Receiver<u64>,
    /// From when on the version in force folds otherwise, if it does.
    refold_from: Option<UnixNanos>,
    kept_seq: u64,
    caught_up: bool,
    since: Instant,
}

impl Worker {
    async fn restore(shared: &Arc<Shared>, index: u32, passed: UnixNanos) -> chassis::Result<Self> {
        let since = Instant::now();
        let ctx = &shared.ctx;
        let news = shared.versions.news();
        let rounds = Rounds { passed, ..Rounds::read(ctx, index).await? };
        shared.versions.catch_up(ctx).await?;
        let mut snapshots = Snapshots::new(&ctx.bus, format!("{}.{index}", ctx.name), SCHEMA);
        let unused =
            |error: &dyn std::fmt::Display| tracing::info!(partition = index, %error, "snapshot not used; rebuilding");
        let snapshot = snapshots.load(StreamName::Market).await?.and_then(|(seq, bytes)| {
            Partition::snapshot_of(&bytes).inspect_err(|error| unused(error)).ok().map(|snapshot| (seq, snapshot))
        });
        let scoring = wanted(shared, &rounds, snapshot.as_ref().map(|(_, snapshot)| snapshot.version())).await?;
        let kept = match snapshot {
            Some((seq, snapshot)) => {
                let kept = kept(shared, index, &scoring, snapshot).await;
                kept.inspect_err(|error| unused(error)).ok().map(|partition| (partition, seq))
            }
            None => None,
        };
        let (partition, after) = match kept {
            Some(kept) => kept,
            None => (fresh(shared, index, scoring)?, 0),
        };
        let spec = FoldSpec::subject(StreamName::Market, subject::trade_batch(index))
            .and_kinds(&[
                Kind::ReferenceUpdated,
                Kind::NewsPublished,
                Kind::FeedGapDetected,
                Kind::TradingStatusChanged,
            ])
            .after(StreamName::Market, after)
            .known_as(ctx.name, Some(&index.to_string()));
        let fold = RawFold::open(&ctx.bus, spec)?;
        let refold_from = shared.versions.folds_otherwise_from(|strategy| partition.folds_like(strategy)).await;
        let (shared, kept_seq) = (Arc::clone(shared), after);
        let caught_up = false;
        Ok(Self { shared, index, partition, fold, snapshots, rounds, news, refold_from, kept_seq, caught_up, since })
    }

    /// Reads until there is a reason to end.
    async fn run(&mut self, lease: &Lease, stop: &CancellationToken) -> chassis::Result<End> {
        let mut snapshot_due = interval(Duration::from_millis(self.shared.ctx.config.snapshot_every_ms.max(100)));
        snapshot_due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        snapshot_due.tick().await;
        loop {
            if self.must_refold() {
                return Ok(End::Refold);
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(End::Stopped),
                () = lease.lost() => return Ok(End::Lost),
                _ = snapshot_due.tick(), if self.caught_up => self.keep(lease).await,
                Ok(()) = self.news.changed() => {
                    let partition = &self.partition;
                    self.refold_from =
                        self.shared.versions.folds_otherwise_from(|strategy| partition.folds_like(strategy)).await;
                }
                item = self.fold.next() => {
                    self.take(item?).await?;
                    self.tell();
                }
            }
        }
    }

    /// True once the version in force folds otherwise, and no round opened before it is still ahead.
    fn must_refold(&self) -> bool {
        let watermark = self.partition.watermark();
        self.caught_up
            && self.refold_from.is_some_and(|from| watermark >= from)
            && self.rounds.pending().is_none_or(|round| round.due <= watermark)
    }

    async fn take(&mut self, item: RawItem) -> chassis::Result {
        match item {
            RawItem::Message(message) => {
                let type_name = message.type_name().unwrap_or_default();
                match self.partition.fold(type_name, &message.payload) {
                    Ok(Some(watermark)) => self.advance(watermark, &message).await?,
                    Ok(None) => {}
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

    /// Moves market time to what `message` says, and reports the rounds that fall due on the way.
    async fn advance(&mut self, watermark: UnixNanos, message: &RawMessage) -> chassis::Result {
        let mut span = None;
        while let Some(round) = self.partition.next_due(watermark) {
            if self.rounds.completed.contains(&round.round_id) {
                continue;
            }
            let shared = Arc::clone(&self.shared);
            let ctx = &shared.ctx;
            let span = span.get_or_insert_with(|| {
                let meta = message.meta().ok();
                meta.map(|meta| ctx.tracer.process("TradeBatch", message.subject(), &meta))
            });
            let cause = span.as_ref().and_then(|span| span.cause(ctx.clock.now()));
            if let Some(result) = self.evaluate(round, message.seq, cause.as_ref()).await? {
                self.rounds.completed.insert(result.completed.round.round_id.clone());
                rounds::append(ctx, result, cause.as_ref()).await?;
            }
        }
        Ok(())
    }

    /// Evaluates the round that the partition stands at, under the version that it is opened with; `None` if it does not
    /// fall due under the version in force, or cannot be evaluated here.
    async fn evaluate(
        &mut self,
        round: Round,
        seq: u64,
        cause: Option<&Cause>,
    ) -> chassis::Result<Option<RoundResult>> {
        let (ctx, versions) = (&self.shared.ctx, &self.shared.versions);
        let id = round.round_id.clone();
        let opened = match self.rounds.opened.get(&id) {
            Some(opened) => opened.clone(),
            None => {
                let last_seq = versions.catch_up(ctx).await?;
                let Scoring { version, .. } = match versions.at(round.due).await {
                    Ok(scoring) => scoring,
                    Err(error) => {
                        cannot(ctx, id.as_str(), &error.to_string());
                        return Ok(None);
                    }
                };
                if !self.partition.folds_like(&version.strategy) {
                    tracing::debug!(round_id = id.as_str(), version = version.version, "of no round in force");
                    return Ok(None);
                }
                let wanted = version.version.clone();
                let round = Round { config_version: version.version, strategy: version.strategy.name.clone(), ..round };
                let inputs = vec![Input { stream: StreamName::Control.as_str().to_owned(), last_seq }];
                let opened = rounds::open(ctx, RoundOpened { round, inputs }, cause).await?.round;
                if opened.config_version != wanted {
                    // Another partition has read more of CONTROL.
                    versions.catch_up(ctx).await?;
                }
                self.rounds.opened.insert(id.clone(), opened.clone());
                opened
            }
        };
        let scoring = match versions.named(&opened.config_version).await {
            Ok(Some(scoring)) => scoring,
            Ok(None) => {
                cannot(ctx, id.as_str(), &format!("strategy version {} is not known", opened.config_version));
                return Ok(None);
            }
            Err(error) => {
                cannot(ctx, id.as_str(), &error.to_string());
                return Ok(None);
            }
        };
        if !self.partition.go_on_under(&scoring.version, &scoring.model) {
            cannot(
                ctx,
                id.as_str(),
                "the partition was folded under rules that do not fit the version it was opened with",
            );
            return Ok(None);
        }
        Ok(self.partition.evaluate(&opened, seq))
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

/// The version to fold the partition under: that of a round which was opened and which this partition has not finished;
/// after a start that of its snapshot, since rounds may have fallen due before a later version took effect; or else the
/// one in force, which comes into its own in any case once the partition has caught up.
async fn wanted(shared: &Shared, rounds: &Rounds, snapshot: Option<&str>) -> chassis::Result<Scoring> {
    let started = rounds.passed == UnixNanos::default();
    let pending = rounds.pending().map(|round| round.config_version.as_str());
    if let Some(version) = pending.or(snapshot.filter(|_| started))
        && let Ok(Some(scoring)) = shared.versions.named(version).await
    {
        return Ok(scoring);
    }
    shared.versions.newest().await
}

fn fresh(shared: &Shared, index: u32, Scoring { version, model }: Scoring) -> chassis::Result<Partition> {
    Ok(Partition::under(index, shared.ctx.config.partitions, version, &model)?)
}

/// The partition as it was kept, if it was folded as it would be under `scoring`.
async fn kept(
    shared: &Shared,
    index: u32,
    scoring: &Scoring,
    snapshot: PartitionSnapshot,
) -> chassis::Result<Partition> {
    let known = shared.versions.named(snapshot.version()).await.ok().flatten();
    let alike = known.filter(|known| known.version.strategy.folds_like(&scoring.version.strategy));
    let under = alike.unwrap_or_else(|| scoring.clone());
    Ok(fresh(shared, index, under)?.restored(snapshot)?)
}

/// What SCAN says of a partition's rounds.
#[derive(Default)]
struct Rounds {
    /// Those that this replica or another has reported; they are not reported again.
    completed: HashSet<RoundId>,
    /// Those that are settled, with their version.
    opened: HashMap<RoundId, Round>,
    /// Market time that this process has come to under an earlier version: no round up to here is waited for.
    passed: UnixNanos,
}

impl Rounds {
    async fn read(ctx: &Context<Config>, index: u32) -> Result<Self, bus::BusError> {
        let mut fold = Fold::open(&ctx.bus, FoldSpec::kinds(&[Kind::RoundOpened, Kind::ScanRoundCompleted]))?;
        let mut rounds = Self::default();
        loop {
            match fold.next().await? {
                Item::CaughtUp => return Ok(rounds),
                Item::Event(folded) => match folded.event {
                    Event::ScanRoundCompleted(round) if round.partition == index => {
                        rounds.completed.insert(round.round.round_id);
                    }
                    Event::RoundOpened(opened) => {
                        rounds.opened.insert(opened.round.round_id.clone(), opened.round);
                    }
                    _ => {}
                },
                Item::Poison(poison) => ctx.bury(poison),
            }
        }
    }

    /// A round of the newest due time that was opened and that this partition has not reported.
    fn pending(&self) -> Option<&Round> {
        let newest = self.opened.values().map(|round| round.due).max().filter(|due| *due > self.passed)?;
        let mut due = self.opened.values().filter(|round| round.due == newest);
        due.find(|round| !self.completed.contains(&round.round_id))
    }
}
