//! The shell around the planner's fold: read, apply, decide, append.

use std::collections::HashMap;
use std::time::Instant;

use bus::{Created, Fold, FoldSpec, Item, Kind};
use chassis::traces::{Cause, Trail};
use chassis::{Context, Service};
use domain::ops::Severity;
use domain::plan::{Effect, PlannerState};
use domain::scan::Input;
use domain::{Event, EventId, Meta, RoundId, StreamName};

use crate::Config;

/// The planner service.
pub struct Planner;

impl Service for Planner {
    const NAME: &'static str = "planner";
    const ON_TRIAL: Option<&'static str> = Some("shadow-planner");
    const SECTION: &'static str = "planner";
    type Config = Config;

    async fn run(ctx: Context<Config>) -> chassis::Result {
        let strategy = ctx.own_strategy().await?;
        // What was refused fills most of SCAN and decides nothing here.
        let found = FoldSpec::kinds(&[Kind::SignalGenerated, Kind::ScanRoundCompleted]);
        let log = Fold::open(&ctx.bus, found.and(StreamName::Plan).and(StreamName::Control))?;
        ctx.readiness.set("rebuilt", false, "folding SCAN, PLAN and CONTROL");
        let trail = ctx.trail();
        App { state: PlannerState::new(strategy), log, waiting: HashMap::new(), live: false, trail, ctx }
            .run_until_shutdown()
            .await
    }
}

struct App {
    ctx: Context<Config>,
    state: PlannerState,
    log: Fold,
    waiting: HashMap<RoundId, Instant>,
    live: bool,
    trail: Trail,
}

impl App {
    async fn run_until_shutdown(mut self) -> chassis::Result {
        let shutdown = self.ctx.shutdown.clone();
        let mut deadline_check = tokio::time::interval(std::time::Duration::from_millis(250));
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                item = self.log.next() => self.take(item?).await?,
                _ = deadline_check.tick(), if self.live => self.close_overdue().await?,
            }
        }
    }

    async fn take(&mut self, item: Item) -> chassis::Result {
        match item {
            Item::Event(folded) => {
                self.fold(&folded.event, &folded.meta);
                metrics::counter!("planner_events_folded_total", "event" => folded.event.name()).increment(1);
            }
            Item::CaughtUp => {
                self.live = true;
                self.ctx.readiness.set("rebuilt", true, "caught up");
            }
            Item::Poison(poison) => self.ctx.bury(poison),
        }
        if self.live { self.perform().await } else { Ok(()) }
    }

    /// Appends until the state asks for nothing more.
    async fn perform(&mut self) -> chassis::Result {
        loop {
            let effects = self.state.decide(&self.inputs());
            if effects.is_empty() {
                return Ok(());
            }
            for effect in effects {
                self.append(effect).await?;
            }
        }
    }

    async fn close_overdue(&mut self) -> chassis::Result {
        let waiting = self.state.waiting();
        self.waiting.retain(|id, _| waiting.contains(id));
        for id in waiting {
            let since = *self.waiting.entry(id.clone()).or_insert_with(Instant::now);
            if since.elapsed() < self.ctx.config.round_deadline() {
                continue;
            }
            if let Some(effect) = self.state.decide_late(&id, &self.inputs()) {
                let message = format!("round {id} closed without every partition");
                self.ctx.errors.raise(
                    Severity::Warning,
                    "round_incomplete",
                    message,
                    format!("{effect:?}"),
                    Some(id.as_str()),
                );
                self.append(effect).await?;
                self.perform().await?;
            } else if self.state.waiting().contains(&id) {
                let message = format!("round {id} is not planned: its strategy is not known here");
                self.ctx.errors.raise(Severity::Critical, "strategy_unknown", message, "", Some(id.as_str()));
            }
        }
        Ok(())
    }

    async fn append(&mut self, effect: Effect) -> chassis::Result {
        // A round closes after its last partition, a plan follows from its round; the others are links.
        let (event, id, about, cause, others) = match effect {
            Effect::Close(closed) => {
                let about = closed.round.round_id.to_string();
                let (others, last) = match self.trail.all(&about) {
                    [others @ .., last] => (others.to_vec(), Some(*last)),
                    [] => (Vec::new(), None),
                };
                (Event::from(closed), round_closed(&about), about, last, others)
            }
            Effect::Propose(proposed) => {
                let plan = &proposed.plan;
                let round = self.trail.last(round_closed(plan.round.round_id.as_str()).as_str()).copied();
                let signal: Vec<Cause> = self.trail.last(plan.signal_id.as_str()).copied().into_iter().collect();
                let about = plan.plan_id.to_string();
                (Event::from(proposed), EventId::from_parts(&["plan_proposed", &about]), about, round, signal)
            }
        };
        let mut span = self.ctx.tracer.publish(&id, &event, cause.as_ref()).linked(&others);
        let meta = self.ctx.meta(id).about(&about).spanned(&span).build();
        match span.until(self.ctx.publisher.create(&event, &meta)).await? {
            Created::New { .. } | Created::Exists { same: true, .. } => {
                self.state.apply(&event);
                self.note(&event, &meta);
            }
            Created::Exists { same: false, seq } => self.adopt(&event, seq).await?,
        }
        metrics::counter!("planner_decisions_total", "event" => event.name()).increment(1);
        Ok(())
    }

    /// Another replica, or this one before a restart, decided first: its word holds. Fold until it has arrived.
    async fn adopt(&mut self, event: &Event, seq: u64) -> chassis::Result {
        tracing::info!(event = event.name(), seq, "already decided; taking the stored decision");
        while self.log.last_seq(StreamName::Plan) < seq {
            if let Item::Event(folded) = self.log.next().await? {
                self.fold(&folded.event, &folded.meta);
            }
        }
        Ok(())
    }

    fn fold(&mut self, event: &Event, meta: &Meta) {
        // A strategy on trial stays what it is, whatever is put in force.
        if let Event::ConfigActivated(activated) = event
            && !self.ctx.on_trial()
        {
            self.state.activate(activated, self.ctx.activated(activated));
        }
        self.state.apply(event);
        self.note(event, meta);
    }

    /// Remembers what rounds and plans follow from.
    fn note(&mut self, event: &Event, meta: &Meta) {
        match event {
            Event::ScanRoundCompleted(completed) => self.trail.note(completed.round.round_id.as_str(), meta),
            Event::SignalGenerated(signal) => self.trail.note(signal.signal_id.as_str(), meta),
            Event::RoundClosed(_) => self.trail.note(meta.id.as_str(), meta),
            _ => {}
        }
    }

    fn inputs(&self) -> Vec<Input> {
        [StreamName::Scan, StreamName::Control]
            .map(|s| Input { stream: s.as_str().to_owned(), last_seq: self.log.last_seq(s) })
            .into()
    }
}

fn round_closed(round_id: &str) -> EventId {
    EventId::from_parts(&["round_closed", round_id])
}
