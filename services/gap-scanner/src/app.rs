//! The shell around the partitions' folds: read, fold, append the rounds that fell due.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bus::{Created, Fold, FoldSpec, Item, RawFold, RawItem, subject::Kind};
use chassis::{Context, Service};
use domain::scan::RoundResult;
use domain::{Event, EventId, RoundId, StreamName};
use futures_util::future::try_join_all;

use crate::Config;
use crate::market::Market;

/// The gap scanner service.
pub struct GapScanner;

impl Service for GapScanner {
    const NAME: &'static str = "gap-scanner";
    const SECTION: &'static str = "scanner";
    type Config = Config;

    async fn run(ctx: Context<Config>) -> chassis::Result {
        ctx.readiness.set("rebuilt", false, "folding MARKET");
        let strategy = Arc::new(ctx.strategy()?);
        let model = learned_score::model(&strategy.scoring, ctx.strategy_folder())?;
        let market = Market::new(ctx.config.partitions, &strategy, &model)?;
        let completed = completed_rounds(&ctx).await?;
        let fold = RawFold::open(&ctx.bus, FoldSpec::stream(StreamName::Market))?;
        App { ctx, market, fold, completed }.run_until_shutdown().await
    }
}

/// Rounds that this scanner or another finished before; they are not reported again.
async fn completed_rounds(ctx: &Context<Config>) -> Result<HashSet<(RoundId, u32)>, bus::BusError> {
    let mut fold = Fold::open(&ctx.bus, FoldSpec::kinds(&[Kind::ScanRoundCompleted]))?;
    let mut completed = HashSet::new();
    loop {
        match fold.next().await? {
            Item::CaughtUp => return Ok(completed),
            Item::Event(folded) => {
                if let Event::ScanRoundCompleted(round) = folded.event {
                    completed.insert((round.round.round_id, round.partition));
                }
            }
            Item::Poison(poison) => {
                ctx.bury(poison);
            }
        }
    }
}

struct App {
    ctx: Context<Config>,
    market: Market,
    fold: RawFold,
    completed: HashSet<(RoundId, u32)>,
}

impl App {
    async fn run_until_shutdown(mut self) -> chassis::Result {
        let shutdown = self.ctx.shutdown.clone();
        let mut report = tokio::time::interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                _ = report.tick() => self.report(),
                item = self.fold.next() => match item? {
                    RawItem::Message(message) => {
                        let type_name = message.type_name().unwrap_or_default();
                        match self.market.apply(type_name, &message.payload, message.seq) {
                            Ok(rounds) => for round in rounds {
                                self.append(round).await?;
                            },
                            Err(error) => self.ctx.bury(message.into_poison(error.to_string())),
                        }
                    }
                    RawItem::CaughtUp => self.ctx.readiness.set("rebuilt", true, "caught up"),
                },
            }
        }
    }

    /// Appends a partition's round: signals and candidates first, its completion last.
    async fn append(&mut self, round: RoundResult) -> chassis::Result {
        let completed = round.completed;
        let key = (completed.round.round_id.clone(), completed.partition);
        if !self.completed.insert(key) {
            return Ok(());
        }
        let (id, partition) = (completed.round.round_id.as_str(), completed.partition.to_string());
        let signals = round
            .signals
            .into_iter()
            .map(|signal| (EventId::from_parts(&["signal_generated", signal.signal_id.as_str()]), Event::from(signal)));
        let candidates = round.candidates.into_iter().map(|part| {
            (EventId::from_parts(&["candidates_evaluated", id, &partition, &part.chunk.to_string()]), Event::from(part))
        });
        let parts: Vec<(EventId, Event)> = signals.chain(candidates).collect();
        try_join_all(parts.into_iter().map(|(event_id, event)| create(&self.ctx, event_id, event, id))).await?;
        tracing::info!(
            round_id = id,
            partition = completed.partition,
            evaluated = completed.evaluated,
            signals = completed.signal_ids.len(),
            "round completed"
        );
        metrics::counter!("scanner_rounds_completed_total", "schedule" => completed.round.schedule.clone())
            .increment(1);
        let event_id = EventId::from_parts(&["scan_round_completed", id, &partition]);
        let about = id.to_owned();
        create(&self.ctx, event_id, Event::from(completed), &about).await
    }

    fn report(&self) {
        let (current, known) = self.market.reference_coverage();
        self.ctx.readiness.set("reference", current > 0, format!("{current} of {known} symbols have today's history"));
        metrics::counter!("scanner_trades_folded_total").absolute(self.market.trades);
        metrics::counter!("scanner_batch_holes_total").absolute(self.market.holes);
        metrics::gauge!("scanner_watermark_seconds").set(self.market.watermark().nanos() as f64 / 1e9);
    }
}

async fn create(ctx: &Context<Config>, id: EventId, event: Event, about: &str) -> chassis::Result {
    let meta = ctx.meta(id).about(about).build();
    if let Created::Exists { same: false, seq } = ctx.publisher.create(&event, &meta).await? {
        tracing::info!(event = event.name(), about, seq, "already reported, under another configuration");
    }
    Ok(())
}
