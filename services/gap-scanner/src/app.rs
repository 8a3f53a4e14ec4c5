//! The replica: it makes itself known, works on its share of the partitions, and tells how far they are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bus::lease::{self, Lease};
use bus::{Class, Fold, FoldSpec, Item, Kind, subject};
use chassis::{CancellationToken, Context, Fault, Loaded, Service};
use domain::StreamName;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::Config;
use crate::status::Board;
use crate::versions::Versions;
use crate::worker::{self, Shared};

/// The gap scanner service.
pub struct GapScanner;

impl Service for GapScanner {
    const NAME: &'static str = "gap-scanner";
    const ON_TRIAL: Option<&'static str> = Some("shadow-gap-scanner");
    const SECTION: &'static str = "scanner";
    type Config = Config;

    fn check(config: &Config, _: &Loaded) -> Vec<Fault> {
        config.check()
    }

    async fn run(ctx: Context<Config>) -> chassis::Result {
        ctx.readiness.set("rebuilt", false, "folding MARKET");
        check_partitions(&ctx).await?;
        let versions = Versions::new(ctx.own_strategy().await?, ctx.strategy_folder().to_owned());
        versions.catch_up(&ctx).await?;
        // A model that cannot be used is better found now than when a round falls due.
        versions.newest().await?;
        let activated = || Fold::open(&ctx.bus, FoldSpec::kinds(&[Kind::ConfigActivated]));
        let activations = if ctx.on_trial() { None } else { Some(activated()?) };
        let shutdown = ctx.shutdown.clone();
        let shared = Arc::new(Shared { ctx, versions, board: Board::default() });
        let mut replica = Replica {
            shared,
            activations,
            membership: None,
            refused: None,
            members: 0,
            stops: BTreeMap::new(),
            workers: JoinSet::new(),
        };
        let outcome = replica.run_until(&shutdown).await;
        replica.leave().await?;
        outcome
    }
}

/// Partitions that the gateway fills and nobody reads would be traded blind.
async fn check_partitions(ctx: &Context<Config>) -> chassis::Result {
    let partitions = ctx.config.partitions;
    let filled = loop {
        match ctx.bus.subjects(StreamName::Market.as_str(), &subject::trade_batch_filter()).await {
            Err(error) if error.class() == Class::Transient && !ctx.shutdown.is_cancelled() => {
                tracing::debug!(%error, "MARKET cannot be asked yet");
                tokio::time::sleep(LOOK_EVERY).await;
            }
            answered => break answered?,
        }
    };
    let beyond = filled.iter().find(|s| subject::partition_of(s).is_some_and(|p| p >= partitions));
    match beyond {
        None => Ok(()),
        Some(subject) => {
            Err(format!("scanner.partitions is {partitions}, but the gateway has filled {subject}").into())
        }
    }
}

struct Replica {
    shared: Arc<Shared>,
    /// `None` on trial, where the process's own strategy is the only one.
    activations: Option<Fold>,
    membership: Option<Lease>,
    /// Since when another process holds our name.
    refused: Option<Instant>,
    members: usize,
    stops: BTreeMap<u32, CancellationToken>,
    workers: JoinSet<(u32, chassis::Result)>,
}

async fn next(activations: Option<&mut Fold>) -> Result<Item, bus::BusError> {
    match activations {
        Some(fold) => fold.next().await,
        None => std::future::pending().await,
    }
}

/// How often the replicas look at each other.
const LOOK_EVERY: Duration = Duration::from_millis(250);

impl Replica {
    async fn run_until(&mut self, shutdown: &CancellationToken) -> chassis::Result {
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                Some(ended) = self.workers.join_next() => {
                    let (index, outcome) = ended?;
                    self.stops.remove(&index);
                    outcome?;
                }
                item = next(self.activations.as_mut()) => match item? {
                    Item::Event(folded) => self.shared.versions.take(&self.shared.ctx, &folded).await,
                    Item::CaughtUp => {}
                    Item::Poison(poison) => self.shared.ctx.bury(poison),
                },
                _ = look.tick() => {
                    match self.share().await {
                        Ok(share) => self.divide(&share),
                        // The bus is away: everyone keeps what he has until his leases lapse.
                        Err(error) if error.class() == Class::Transient => tracing::debug!(%error, "no word of the others"),
                        Err(error) => return Err(error.into()),
                    }
                    self.report();
                }
            }
        }
    }

    /// The partitions that are this replica's: the members in order of their names take turns.
    async fn share(&mut self) -> Result<Vec<u32>, bus::BusError> {
        let ctx = &self.shared.ctx;
        let holder = &ctx.holder;
        if self.membership.as_ref().is_none_or(|membership| !membership.is_held()) {
            let key = lease::member_key(ctx.name, holder.instance());
            let Some(taken) = Lease::try_acquire(&ctx.bus, &key, holder).await? else {
                // One that runs renews it; one that is ending gives it back or lets it lapse.
                let refused = self.refused.get_or_insert_with(Instant::now);
                if refused.elapsed() < lease::TTL * 2 {
                    return Ok(Vec::new());
                }
                let what = format!("instance name {}: another {} runs under it", holder.instance(), ctx.name);
                return Err(bus::BusError::Conflict { what, detail: "replicas need names of their own".to_owned() });
            };
            (self.membership, self.refused) = (Some(taken), None);
        }
        let members = lease::members(&ctx.bus, ctx.name).await?;
        self.members = members.len();
        let Some(place) = members.iter().position(|member| member == holder.instance()) else { return Ok(Vec::new()) };
        Ok((0..ctx.config.partitions).filter(|p| *p as usize % members.len() == place).collect())
    }

    /// Starts a worker for each partition of the share and stops the others.
    fn divide(&mut self, share: &[u32]) {
        for (index, stop) in &self.stops {
            if !share.contains(index) {
                stop.cancel();
            }
        }
        for index in share {
            if !self.stops.contains_key(index) {
                let (shared, stop, index) = (Arc::clone(&self.shared), CancellationToken::new(), *index);
                self.stops.insert(index, stop.clone());
                self.workers.spawn(async move { (index, worker::work(shared, index, stop).await) });
            }
        }
    }

    fn report(&self) {
        let (ctx, summary) = (&self.shared.ctx, self.shared.board.summary());
        let (wanted, held) = (self.stops.len(), summary.held);
        let detail = match wanted {
            0 => format!("standing by; replicas: {}, partitions: {}", self.members, ctx.config.partitions),
            _ => format!("{} of {wanted} partitions caught up; replicas: {}", summary.caught_up, self.members),
        };
        ctx.readiness.set("rebuilt", self.members > 0 && summary.caught_up == wanted, detail);
        let (current, known) = summary.reference;
        let reference = format!("{current} of {known} symbols have today's history");
        ctx.readiness.set("reference", current > 0 || wanted == 0, reference);
        metrics::gauge!("scanner_partitions_held").set(held as f64);
        metrics::counter!("scanner_trades_folded_total").absolute(summary.trades);
        metrics::counter!("scanner_batch_holes_total").absolute(summary.holes);
        if let Some(watermark) = summary.watermark {
            metrics::gauge!("scanner_watermark_seconds").set(watermark.nanos() as f64 / 1e9);
        }
    }

    /// Lets every worker keep its state and give its partition back, then leaves the others.
    async fn leave(&mut self) -> chassis::Result {
        self.stops.values().for_each(CancellationToken::cancel);
        while let Some(ended) = self.workers.join_next().await {
            ended?.1?;
        }
        if let Some(membership) = self.membership.take() {
            membership.release().await;
        }
        Ok(())
    }
}
