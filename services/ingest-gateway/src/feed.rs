//! The way of a trade: feed → partition → batch → lane. One task, no channel and no allocation per trade.

use std::sync::Arc;
use std::time::Duration;

use domain::market::{FeedGapDetected, FeedGapReason};
use domain::ops::Severity;
use domain::{UnixNanos, calendar};
use ports::{FeedState, MarketDataPort, PrintBuffer, Refusal};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::GatewayContext;
use crate::adapters::clock::MarketClock;
use crate::alarms::Alarms;
use crate::config::ms;
use crate::delivery::{Delivery, Pace};
use crate::error::{GatewayError, chain};
use crate::metrics::{self, Instruments};
use crate::partition::{Partition, Stamp};
use crate::statuses::Statuses;
use crate::universe::Universe;
use crate::watchdog::SymbolWatchdog;
use crate::watermark::{Gap, Watermark, trading_time};

const TICK: Duration = Duration::from_millis(50);
/// A quiet partition repeats the watermark when market time moved on by this much, or at all in as much wall time.
const WATERMARK_STEP: Duration = Duration::from_secs(1);
/// A batch for the spool collects trades for so long, so that draining is faster than the feed.
const SPOOLED_STEP: Duration = Duration::from_millis(100);

/// How a feed ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The gateway stops.
    Shutdown,
    /// Its vendor is away, and another may stand in.
    Away {
        /// True if anything came from it.
        received: bool,
        /// True if the vendor refuses it for good.
        refused: bool,
    },
}

/// What a feed is opened with, beside its vendor.
pub(crate) struct FeedOptions {
    pub(crate) universe: Arc<Universe>,
    pub(crate) clock: MarketClock,
    pub(crate) watchdog: SymbolWatchdog,
    /// Why nothing came since the last watermark.
    pub(crate) since: FeedGapReason,
    /// True if there is another vendor to take instead.
    pub(crate) replaceable: bool,
}

/// One live feed and the partitions it fills.
pub(crate) struct Feed<P> {
    context: Arc<GatewayContext>,
    port: P,
    universe: Arc<Universe>,
    clock: MarketClock,
    watchdog: SymbolWatchdog,
    statuses: Statuses,
    replaceable: bool,
    away_since: Option<Instant>,
    refused: bool,
    received: bool,
    partitions: Vec<Partition>,
    delivery: Delivery,
    watermark: Watermark,
    stamp: Stamp,
    alarms: Alarms,
    instruments: Instruments,
    connected: bool,
    fresh: bool,
    ts_recv: UnixNanos,
    last_tick: Instant,
    last_heartbeat: Instant,
}

impl<P: MarketDataPort> Feed<P> {
    /// Opens every partition's lane and the spool before them.
    pub(crate) async fn open(
        context: Arc<GatewayContext>,
        port: P,
        options: FeedOptions,
    ) -> Result<Self, GatewayError> {
        let config = &context.config;
        let FeedOptions { universe, clock, watchdog, since, replaceable } = options;
        let delivery = Delivery::open(context.clone(), port.source()).await?;
        let epoch = delivery.epoch();
        tracing::info!(source = port.source(), epoch, symbols = universe.len(), "feed begins");

        let now = Instant::now();
        let (lateness, idle) = (ms(config.watermark.lateness_ms), ms(config.watermark.idle_ms));
        Ok(Self {
            watermark: Watermark::new(delivery.watermarks(), since, lateness, idle, now),
            partitions: (0..config.partitions).map(|index| Partition::new(index, now)).collect(),
            delivery,
            stamp: Stamp { source: port.source(), tape: port.tape(), scheme: port.scheme(), epoch },
            alarms: Alarms::new(context.clone(), port.source()),
            statuses: Statuses::begin(context.clone(), port.source()),
            instruments: Instruments::new(port.source()),
            ts_recv: context.clock.now(),
            connected: false,
            fresh: true,
            last_tick: now,
            last_heartbeat: now,
            context,
            port,
            universe,
            clock,
            watchdog,
            replaceable,
            away_since: Some(now),
            refused: false,
            received: false,
        })
    }

    /// Runs until `shutdown`, or until another vendor should stand in; then everything taken is handed to the bus.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) -> Result<Ended, GatewayError> {
        let mut buffer = PrintBuffer::default();
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut had_room = true;
        let ended = loop {
            let has_room = self.partitions.iter().all(|p| p.waiting() < self.context.config.batch.trades_max);
            if had_room && !has_room {
                self.instruments.stalls.increment(1);
            }
            had_room = has_room;
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break Ended::Shutdown,
                state = self.port.receive(&mut buffer), if has_room => {
                    self.take(state, &mut buffer)?;
                    // lets acknowledgements and the bus connection run, which share this thread
                    tokio::task::yield_now().await;
                }
                () = self.delivery.changed() => {}
                _ = ticks.tick() => {}
            }
            let now = Instant::now();
            if now.duration_since(self.last_tick) >= TICK {
                self.last_tick = now;
                self.tick(now, has_room).await?;
            }
            self.publish_due(now, WATERMARK_STEP)?;
            if self.gives_way(now) {
                break Ended::Away { received: self.received, refused: self.refused };
            }
        };
        self.instruments.connected.set(0.0);
        self.drain().await?;
        Ok(ended)
    }

    /// True when another vendor should stand in.
    fn gives_way(&self, now: Instant) -> bool {
        let limit = ms(self.context.config.feed.failover_ms);
        let late = self.away_since.is_some_and(|since| now.saturating_duration_since(since) >= limit);
        // While the bus is away it could take nothing from the other: reading and spooling go on.
        self.replaceable && self.context.bus.is_up() && (self.refused || late)
    }

    fn take(&mut self, state: FeedState, buffer: &mut PrintBuffer) -> Result<(), GatewayError> {
        let now = Instant::now();
        match state {
            FeedState::Connected => {
                tracing::info!(source = self.stamp.source, "feed connected");
                self.connected = true;
                self.away_since = None;
                self.watermark.connected(now);
                self.watchdog.connected();
            }
            FeedState::Disconnected(error) => {
                let detail = chain(&error);
                if self.connected {
                    tracing::warn!(source = self.stamp.source, error = detail, "feed lost");
                }
                let silent = now.duration_since(self.watermark.last_frame());
                let stale = silent >= ms(self.context.config.feed.silence_ms_max);
                self.watermark.disconnected(if stale { FeedGapReason::Stale } else { FeedGapReason::Disconnected });
                self.connected = false;
                self.away_since.get_or_insert(now);
                self.refused = !error.is_transient();
                let source = self.stamp.source;
                let message = if self.refused {
                    format!("{source} refuses its feed, which is not asked for again before a restart")
                } else {
                    format!("no connection to {source}")
                };
                self.alarms.fault(Severity::Critical, "feed_disconnected", message, detail);
            }
            FeedState::Received => {
                self.watermark.busy(now);
                self.received = true;
                self.ts_recv = self.context.clock.now();
                self.collect(buffer, now)?;
            }
        }
        self.instruments.connected.set(f64::from(u8::from(self.connected)));
        Ok(())
    }

    fn collect(&mut self, buffer: &mut PrintBuffer, now: Instant) -> Result<(), GatewayError> {
        let (earliest, latest) = self.believable(now);
        let published = self.watermark.value();
        let condition_sets = buffer.condition_sets.texts();
        let (mut oldest, mut newest, mut late) = (None::<UnixNanos>, None::<UnixNanos>, 0);
        let mut unbelievable = 0;
        for print in &buffer.prints {
            let at = print.trade.ts_event;
            let (Some(symbol), Some(partition)) =
                (self.universe.symbol(print.symbol), self.universe.partitions().get(print.symbol as usize).copied())
            else {
                continue;
            };
            if at < earliest || at > latest {
                unbelievable += 1;
                let detail = format!("t = {at} is outside {earliest} … {latest}");
                buffer.refused.push(Refusal { code: "bad_time", subject: Some(symbol.to_string()), detail });
                continue;
            }
            let conditions = condition_sets.get(print.conditions as usize).map_or("", String::as_str);
            self.partitions[partition as usize].append(&events::Print {
                symbol_id: print.symbol,
                symbol: symbol.as_str(),
                condition_id: print.conditions,
                conditions,
                trade: print.trade,
            });
            self.watchdog.trade(print.symbol, at);
            late += u64::from(published.is_some_and(|watermark| at < watermark));
            oldest = Some(oldest.map_or(at, |oldest| oldest.min(at)));
            newest = Some(newest.map_or(at, |newest| newest.max(at)));
        }
        self.instruments.trades.increment(buffer.prints.len() as u64 - unbelievable);
        self.instruments.frames.increment(buffer.frames);
        self.instruments.price_updates.increment(buffer.price_updates);
        self.instruments.late.increment(late);
        for refusal in &buffer.refused {
            self.alarms.refused(refusal);
        }
        for notice in &buffer.notices {
            if let Some(symbol) = self.universe.symbol(notice.symbol) {
                self.statuses.tell(symbol, notice);
            }
            self.watchdog.notice(notice, &self.alarms);
        }
        buffer.clear();
        if let Some(gap) = oldest.zip(newest).and_then(|(oldest, newest)| self.watermark.trades(oldest, newest)) {
            self.report(gap, now)?;
        }
        Ok(())
    }

    /// The times that a trade may have now.
    fn believable(&self, now: Instant) -> (UnixNanos, UnixNanos) {
        let limits = &self.context.config.watermark;
        let Some(market) = self.clock.reading().map(|reading| reading.estimate(now)) else {
            return (UnixNanos::new(0), UnixNanos::new(i64::MAX));
        };
        let ns = |millis: u64| (millis as i64).saturating_mul(1_000_000);
        (market.plus_nanos(-ns(limits.behind_ms_max)), market.plus_nanos(ns(limits.ahead_ms_max)))
    }

    async fn tick(&mut self, now: Instant, has_room: bool) -> Result<(), GatewayError> {
        if !has_room {
            self.watermark.busy(now);
        }
        let reading = self.clock.reading();
        let silent = now.duration_since(self.watermark.last_frame());
        let open = reading.filter(|reading| reading.speed > 0.0).is_some_and(|reading| {
            let market = reading.market;
            calendar::session(market.session_date()).is_some_and(|s| (s.open..s.close).contains(&market))
        });
        let stale = open && silent >= ms(self.context.config.feed.stale_ms);
        if let Some(reading) = reading.filter(|_| self.connected && !stale)
            && let Some(gap) = self.watermark.idle(reading, now)
        {
            self.report(gap, now)?;
        }
        for hole in self.watchdog.look(self.stamp.source, self.stamp.epoch, &self.alarms) {
            self.tell_gap(hole, now)?;
        }
        self.delivery.tick(now).await;
        self.tell_readiness(stale, silent);
        if let Some(watermark) = self.watermark.value() {
            self.instruments.watermark.set(watermark.nanos() as f64 / 1e9);
        }
        self.instruments.silence.set(silent.as_secs_f64());
        self.instruments.waiting.set(self.partitions.iter().map(Partition::waiting).sum::<usize>() as f64);
        Ok(())
    }

    fn tell_readiness(&mut self, stale: bool, silent: Duration) {
        let lanes_up = self.context.bus.is_up();
        let queued = self.delivery.queued();
        self.context.readiness.set("lanes", lanes_up, format!("{queued} batches under way"));
        let missing = self.watermark.missing_since();
        let detail = match (self.connected, stale, missing) {
            (false, ..) => format!("{} is not connected", self.stamp.source),
            (true, true, _) => format!("{} has been silent for {} s", self.stamp.source, silent.as_secs()),
            (true, false, Some(since)) => format!("{}: trades are missing since {since}", self.stamp.source),
            (true, false, None) => format!("{}: {} symbols", self.stamp.source, self.universe.len()),
        };
        self.context.readiness.set("feed", self.connected && !stale && missing.is_none(), detail.as_str());
        if stale && self.fresh {
            let message = format!("{} is connected but silent in regular hours", self.stamp.source);
            self.alarms.fault(Severity::Critical, "feed_stale", message, detail);
        }
        self.fresh = !stale;
    }

    fn report(&mut self, gap: Gap, now: Instant) -> Result<(), GatewayError> {
        let missing = trading_time(gap);
        let least = match gap.reason {
            // With the process went trades that had been read, of whatever time.
            FeedGapReason::GatewayDown | FeedGapReason::Incomplete => 1,
            FeedGapReason::Disconnected | FeedGapReason::SpoolFull | FeedGapReason::Stale => {
                (self.context.config.watermark.gap_ms_min as i64).saturating_mul(1_000_000).max(1)
            }
        };
        if missing < least {
            return Ok(());
        }
        let event = FeedGapDetected {
            source: self.stamp.source.to_owned(),
            epoch: self.stamp.epoch,
            from: gap.from,
            until: gap.until,
            dropped_trades: None,
            reason: gap.reason,
        };
        self.tell_gap(event, now)
    }

    fn tell_gap(&mut self, gap: FeedGapDetected, now: Instant) -> Result<(), GatewayError> {
        let missing = trading_time(Gap { from: gap.from, until: gap.until, reason: gap.reason });
        metrics::gap((missing / 1_000_000_000) as u64);
        tracing::warn!(source = gap.source, from = %gap.from, until = %gap.until, reason = ?gap.reason, "feed gap");
        self.delivery.tell(gap, now)
    }

    /// Hands over what is due: trades as soon as their lane is idle, or behind the batch under way once half of the
    /// limit waits; the bare watermark when a lane has had nothing to say for a while and market time moved on by
    /// `step`. While batches are spooled they are made at intervals, and earlier only if the bus is away, since then
    /// reading must go on.
    fn publish_due(&mut self, now: Instant, step: Duration) -> Result<(), GatewayError> {
        self.delivery.settle(now)?;
        let Some(watermark) = self.watermark.value() else { return Ok(()) };
        let batch = &self.context.config.batch;
        let heartbeat = now.saturating_duration_since(self.last_heartbeat) >= ms(batch.heartbeat_ms).min(step);
        for (index, partition) in (0..).zip(&mut self.partitions) {
            let (waiting, half) = (partition.waiting(), batch.trades_max / 2);
            let since = now.saturating_duration_since(partition.cut_at);
            let moved = || {
                self.delivery.last(index).is_none_or(|last| {
                    let ahead = watermark.since(last.watermark);
                    ahead > 0 && (ahead >= step.as_nanos() as i64 || since >= step)
                })
            };
            let something = waiting > 0 || (heartbeat && moved());
            let due = match self.delivery.pace(index) {
                Pace::Idle => something,
                Pace::Busy => waiting >= half,
                Pace::Blocked => false,
                Pace::Spooled => something && since >= SPOOLED_STEP,
                Pace::Away => waiting >= half || (something && since >= SPOOLED_STEP),
            };
            if due {
                let entry =
                    partition.cut(&self.stamp, watermark, self.ts_recv, now, |id| self.context.meta(id).build());
                let bytes = entry.payload.len();
                if self.delivery.offer(entry, now)? {
                    partition.accepted();
                    self.instruments.batches.increment(1);
                    self.instruments.batch_bytes.increment(bytes as u64);
                }
            }
        }
        if heartbeat {
            self.last_heartbeat = now;
        }
        Ok(())
    }

    /// Hands everything over, with every partition's last word on the watermark; what the bus does not take in time
    /// stays in the spool for the next start.
    async fn drain(mut self) -> Result<(), GatewayError> {
        let limit = Instant::now() + self.context.settings.drain.grace() / 2;
        loop {
            let now = Instant::now();
            if now >= limit {
                self.delivery.keep(now);
            }
            self.publish_due(now, Duration::ZERO)?;
            let waits = self.partitions.iter().any(|partition| partition.waiting() > 0);
            if !waits && (self.delivery.is_empty() || now >= limit) {
                break;
            }
            let _ = timeout(TICK, self.delivery.changed()).await;
        }
        if !self.delivery.is_empty() {
            tracing::error!("the bus did not take everything in time; the rest is spooled for the next start");
        }
        self.statuses.finish(limit.saturating_duration_since(Instant::now())).await;
        Ok(())
    }
}
