//! Rounds in progress, folded from SCAN, PLAN and CONTROL.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::decide::{Circumstances, plan_round};
use super::{PlanProposed, RoundClosed};
use crate::calendar;
use crate::control::ConfigActivated;
use crate::event::Event;
use crate::id::{PlanId, RoundId, SignalId};
use crate::scan::{Input, Round, SignalGenerated};
use crate::strategy::{Strategies, Strategy};
use crate::symbol::Symbol;
use crate::time::SessionDate;

/// What the planner wants appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Close a round; created if absent.
    Close(RoundClosed),
    /// Propose a plan of a closed round; created if absent.
    Propose(PlanProposed),
}

impl Effect {
    /// The event to append.
    pub fn into_event(self) -> Event {
        match self {
            Self::Close(closed) => closed.into(),
            Self::Propose(proposed) => proposed.into(),
        }
    }
}

#[derive(Debug)]
struct OpenRound {
    round: Round,
    partitions: u32,
    done: BTreeSet<u32>,
    expected: BTreeSet<SignalId>,
    signals: BTreeMap<SignalId, SignalGenerated>,
}

/// The planner's memory.
#[derive(Debug)]
pub struct PlannerState {
    strategies: Strategies,
    open: BTreeMap<RoundId, OpenRound>,
    closed: BTreeMap<RoundId, RoundClosed>,
    proposed: BTreeSet<PlanId>,
    planned: BTreeSet<(SessionDate, Symbol)>,
    paused: BTreeSet<String>,
    conflicting: BTreeSet<RoundId>,
}

/// Sessions of which closed rounds are remembered.
const SESSIONS_KEPT: usize = 3;

impl PlannerState {
    /// An empty memory; `strategy` holds until another is activated.
    pub fn new(strategy: Arc<Strategy>) -> Self {
        Self {
            strategies: Strategies::new(strategy),
            open: BTreeMap::new(),
            closed: BTreeMap::new(),
            proposed: BTreeSet::new(),
            planned: BTreeSet::new(),
            paused: BTreeSet::new(),
            conflicting: BTreeSet::new(),
        }
    }

    /// Takes an event of SCAN, PLAN or CONTROL; others change nothing. Repeats change nothing.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::SignalGenerated(signal) => {
                if let Some(open) = self.open_round(&signal.round) {
                    open.signals.entry(signal.signal_id.clone()).or_insert_with(|| signal.clone());
                }
            }
            Event::ScanRoundCompleted(completed) => {
                let (partition, ids) = (completed.partition, completed.signal_ids.clone());
                let partitions = completed.partitions;
                if let Some(open) = self.open_round(&completed.round) {
                    open.partitions = partitions;
                    open.done.insert(partition);
                    open.expected.extend(ids);
                }
            }
            Event::RoundClosed(closed) => self.close(closed),
            Event::PlanProposed(proposed) => {
                self.proposed.insert(proposed.plan.plan_id.clone());
                self.planned.insert((proposed.plan.round.session_date, proposed.plan.symbol.clone()));
            }
            Event::StrategyPaused(change) if change.paused => {
                self.paused.insert(change.strategy.clone());
            }
            Event::StrategyPaused(change) => {
                self.paused.remove(&change.strategy);
            }
            _ => {}
        }
    }

    /// Takes an activation of CONTROL with what its text means, `None` if it cannot be read. Rounds under it are planned
    /// by it, whenever they come.
    pub fn activate(&mut self, activated: &ConfigActivated, strategy: Option<Arc<Strategy>>) {
        self.strategies.activate(activated, strategy);
    }

    /// What is to be appended now: rounds of which every partition is complete, then the plans of closed rounds.
    ///
    /// A round under a version that has not been activated here yet waits for it.
    pub fn decide(&self, inputs: &[Input]) -> Vec<Effect> {
        // One round at a time: the next must know what this one plans.
        let close =
            self.open.values().filter(|open| open.is_complete()).find_map(|open| self.close_effect(open, inputs));
        let proposals = self.closed.values().flat_map(|closed| {
            let missing = closed.plans.iter().filter(|p| !self.proposed.contains(&p.plan_id));
            missing.map(|plan| Effect::Propose(PlanProposed { plan: plan.clone() }))
        });
        close.into_iter().chain(proposals).collect()
    }

    /// Closes a round without the partitions that did not report; for when the shell's deadline has passed.
    pub fn decide_late(&self, round_id: &RoundId, inputs: &[Input]) -> Option<Effect> {
        self.open.get(round_id).and_then(|open| self.close_effect(open, inputs))
    }

    /// Rounds that wait for partitions, signals or their strategy.
    pub fn waiting(&self) -> Vec<RoundId> {
        let waits = |open: &OpenRound| !open.is_complete() || self.strategies.get(&open.round.config_version).is_none();
        self.open.iter().filter(|(_, open)| waits(open)).map(|(id, _)| id.clone()).collect()
    }

    /// Rounds that were reported under two configurations; they are refused.
    pub fn conflicting(&self) -> impl Iterator<Item = &RoundId> {
        self.conflicting.iter()
    }

    fn open_round(&mut self, round: &Round) -> Option<&mut OpenRound> {
        if self.closed.contains_key(&round.round_id) || self.conflicting.contains(&round.round_id) {
            return None;
        }
        let differs = self.open.get(&round.round_id).is_some_and(|o| o.round.config_version != round.config_version);
        if differs {
            self.open.remove(&round.round_id);
            self.conflicting.insert(round.round_id.clone());
            return None;
        }
        Some(self.open.entry(round.round_id.clone()).or_insert_with(|| OpenRound {
            round: round.clone(),
            partitions: 0,
            done: BTreeSet::new(),
            expected: BTreeSet::new(),
            signals: BTreeMap::new(),
        }))
    }

    fn close(&mut self, closed: &RoundClosed) {
        self.open.remove(&closed.round.round_id);
        self.closed.insert(closed.round.round_id.clone(), closed.clone());
        for plan in &closed.plans {
            self.planned.insert((closed.round.session_date, plan.symbol.clone()));
        }
        let sessions: BTreeSet<SessionDate> = self.closed.values().map(|c| c.round.session_date).collect();
        if let Some(oldest) = sessions.iter().rev().nth(SESSIONS_KEPT - 1).copied() {
            self.closed.retain(|_, c| c.round.session_date >= oldest);
            self.planned.retain(|(date, _)| *date >= oldest);
        }
    }

    fn close_effect(&self, open: &OpenRound, inputs: &[Input]) -> Option<Effect> {
        let round = &open.round;
        let strategy = self.strategies.get(&round.config_version)?;
        let signals = open.signals.values().filter(|s| open.expected.contains(&s.signal_id)).cloned().collect();
        let already_planned = |symbol: &Symbol| self.planned.contains(&(round.session_date, symbol.clone()));
        let session = calendar::session(round.session_date).unwrap_or_else(|| calendar::session_at(round.due));
        let circumstances = Circumstances {
            rules: &strategy.plan,
            halt_silence_seconds: strategy.scan.halt_silence_seconds,
            session,
            paused: self.paused.contains(&round.strategy),
            already_planned: &already_planned,
        };
        let (ranking, plans) = plan_round(round, signals, &circumstances);
        Some(Effect::Close(RoundClosed {
            round: round.clone(),
            partitions: open.done.iter().copied().collect(),
            missing: (0..open.partitions).filter(|p| !open.done.contains(p)).collect(),
            ranking,
            plans,
            inputs: inputs.to_vec(),
        }))
    }
}

impl OpenRound {
    fn is_complete(&self) -> bool {
        self.partitions > 0
            && (0..self.partitions).all(|p| self.done.contains(&p))
            && self.expected.iter().all(|id| self.signals.contains_key(id))
    }
}
