//! The shell around the ledger: read, apply, decide, append at the tail.

use bus::{Appended, Fold, FoldSpec, Item, Kind};
use chassis::traces::Trail;
use chassis::{Context, Service};
use domain::risk::RiskState;
use domain::scan::Input;
use domain::{Event, StreamName};

use crate::Config;

/// The risk engine service.
pub struct RiskEngine;

impl Service for RiskEngine {
    const NAME: &'static str = "risk-engine";
    const ON_TRIAL: Option<&'static str> = Some("shadow-risk-engine");
    const SECTION: &'static str = "risk";
    type Config = Config;

    async fn run(ctx: Context<Config>) -> chassis::Result {
        let strategy = ctx.own_strategy().await?;
        let inputs = FoldSpec::stream(StreamName::Plan).and(StreamName::Risk).and(StreamName::Control);
        let (state, inputs) = if ctx.on_trial() {
            (RiskState::on_trial(strategy), inputs.and_live_kinds(&[Kind::DayOpened]))
        } else {
            (RiskState::new(strategy), inputs.and(StreamName::Order))
        };
        let fold = Fold::open(&ctx.bus, inputs)?;
        ctx.readiness.set("rebuilt", false, "folding PLAN, RISK, ORDER and CONTROL");
        let trail = ctx.trail();
        App { state, fold, ledger_tail: 0, live: false, trail, ctx }.run_until_shutdown().await
    }
}

struct App {
    ctx: Context<Config>,
    state: RiskState,
    fold: Fold,
    /// Last sequence of RISK in `state`, our own appends included before they come back.
    ledger_tail: u64,
    live: bool,
    trail: Trail,
}

impl App {
    async fn run_until_shutdown(mut self) -> chassis::Result {
        let shutdown = self.ctx.shutdown.clone();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                item = self.fold.next() => {
                    self.take(item?);
                    if self.live {
                        self.perform().await?;
                    }
                }
            }
        }
    }

    fn take(&mut self, item: Item) {
        match item {
            Item::Event(folded) => {
                let on_trial = self.ctx.on_trial();
                let own = folded.stream == StreamName::Risk && folded.on_trial == on_trial;
                match &folded.event {
                    Event::ConfigActivated(activated) if !on_trial => {
                        self.state.activate(activated, self.ctx.activated(activated));
                    }
                    Event::DayOpened(opened) if !own => self.state.suite_opened(opened),
                    event if !own || folded.seq > self.ledger_tail => self.state.apply(event),
                    _ => {}
                }
                if let Event::PlanProposed(proposed) = &folded.event {
                    self.trail.note(proposed.plan.plan_id.as_str(), &folded.meta);
                }
                if own {
                    self.ledger_tail = self.ledger_tail.max(folded.seq);
                }
                metrics::counter!("risk_events_folded_total", "event" => folded.event.name()).increment(1);
            }
            Item::CaughtUp => {
                self.live = true;
                self.ctx.readiness.set("rebuilt", true, "caught up");
            }
            Item::Poison(poison) => self.ctx.bury(poison),
        }
        metrics::gauge!("risk_plans_pending").set(self.state.pending() as f64);
    }

    /// Decides and appends until nothing is left to decide.
    async fn perform(&mut self) -> chassis::Result {
        while let Some(decision) = self.state.decide(&self.inputs()) {
            let about = decision.about();
            let id = decision.event_id();
            let event = decision.into_event();
            let mut span = self.ctx.tracer.publish(&id, &event, self.trail.last(&about));
            let meta = self.ctx.meta(id).about(&about).spanned(&span).build();
            match span.until(self.ctx.publisher.append(&event, &meta, self.ledger_tail)).await? {
                Appended::Stored { seq } => {
                    self.state.apply(&event);
                    self.ledger_tail = self.ledger_tail.max(seq);
                    metrics::counter!("risk_decisions_total", "event" => event.name()).increment(1);
                    span.log().in_scope(|| tracing::info!(event = event.name(), about, seq, "decided"));
                }
                Appended::Conflict => {
                    span.discard();
                    metrics::counter!("risk_ledger_conflicts_total").increment(1);
                    self.catch_up().await?;
                }
            }
        }
        Ok(())
    }

    /// The ledger has grown without us: fold until RISK has moved, then decide again.
    async fn catch_up(&mut self) -> chassis::Result {
        let before = self.ledger_tail;
        while self.ledger_tail == before {
            let item = self.fold.next().await?;
            self.take(item);
        }
        Ok(())
    }

    fn inputs(&self) -> Vec<Input> {
        let folded = |s: &StreamName| Input { stream: s.as_str().to_owned(), last_seq: self.fold.last_seq(*s) };
        let streams: &[_] = if self.ctx.on_trial() {
            &[StreamName::Plan, StreamName::Control]
        } else {
            &[StreamName::Plan, StreamName::Order, StreamName::Control]
        };
        let mut inputs: Vec<_> = streams.iter().map(folded).collect();
        inputs.push(Input { stream: StreamName::Risk.as_str().to_owned(), last_seq: self.ledger_tail });
        inputs
    }
}
