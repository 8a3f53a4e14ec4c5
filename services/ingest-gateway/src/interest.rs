//! Which symbols money waits on: in a round, planned or held.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bus::{BusError, Fold, FoldSpec, Item, Kind};
use domain::ops::Severity;
use domain::{Event, PlanId, RoundId, SessionDate, SignalId, Symbol};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::GatewayContext;
use crate::error::chain;

const RETRY: Duration = Duration::from_secs(10);

/// Why a symbol matters, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Interest {
    /// It passed the scan of a round that is not closed yet.
    InRound,
    /// A plan waits for it.
    Planned,
    /// Shares of it are, or were, held under a plan that is not over.
    Held,
}

impl fmt::Display for Interest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InRound => "in a round",
            Self::Planned => "planned",
            Self::Held => "held",
        })
    }
}

/// Symbols that matter, and why.
pub(crate) type Interests = Arc<BTreeMap<Symbol, Interest>>;

/// Keeps `interests` up to date for ever, from what the other services write.
pub(crate) async fn follow(context: &GatewayContext, interests: watch::Sender<Interests>) {
    loop {
        if let Err(error) = read(context, &interests).await {
            let message = "it is not known which symbols matter: a silent one is not told".to_owned();
            context.errors.raise(Severity::Warning, "interest_unknown", message, chain(&error), None);
        }
        sleep(RETRY).await;
    }
}

async fn read(context: &GatewayContext, interests: &watch::Sender<Interests>) -> Result<(), BusError> {
    let kinds = [
        Kind::SignalGenerated,
        Kind::RoundClosed,
        Kind::PlanProposed,
        Kind::PlanDenied,
        Kind::FillRecorded,
        Kind::PlanClosed,
    ];
    let mut fold = Fold::open(&context.bus, FoldSpec::kinds(&kinds))?;
    let (mut book, mut live) = (Book::default(), false);
    loop {
        match fold.next().await? {
            Item::Event(folded) => book.apply(&folded.event),
            Item::CaughtUp => live = true,
            Item::Poison(poison) => context.bury(poison),
        }
        if live {
            interests.send_if_modified(|known| {
                let symbols = book.symbols();
                let changed = **known != symbols;
                if changed {
                    *known = Arc::new(symbols);
                }
                changed
            });
        }
    }
}

/// What is open in the newest session that anything was said of.
#[derive(Debug, Default)]
struct Book {
    session: Option<SessionDate>,
    signals: HashMap<SignalId, (RoundId, Symbol)>,
    plans: HashMap<PlanId, (Symbol, Interest)>,
    over: HashSet<PlanId>,
    /// Streams have no common order: a signal may be told after its round was closed.
    closed: HashSet<RoundId>,
}

impl Book {
    fn apply(&mut self, event: &Event) {
        match event {
            Event::SignalGenerated(e)
                if self.is_of(e.round.session_date) && !self.closed.contains(&e.round.round_id) =>
            {
                self.signals.insert(e.signal_id.clone(), (e.round.round_id.clone(), e.candidate.symbol.clone()));
            }
            Event::RoundClosed(e) if self.is_of(e.round.session_date) => {
                self.signals.retain(|_, (round, _)| *round != e.round.round_id);
                self.closed.insert(e.round.round_id.clone());
                e.plans.iter().for_each(|plan| self.planned(&plan.plan_id, &plan.symbol));
            }
            Event::PlanProposed(e) if self.is_of(e.plan.round.session_date) => {
                self.planned(&e.plan.plan_id, &e.plan.symbol);
            }
            Event::FillRecorded(e) => {
                if let Some((_, interest)) = self.plans.get_mut(&e.plan_id) {
                    *interest = Interest::Held;
                }
            }
            Event::PlanDenied(e) => self.end(&e.plan_id),
            Event::PlanClosed(e) => self.end(&e.plan_id),
            _ => {}
        }
    }

    /// True for the newest session; a newer one than any before begins with nothing open.
    fn is_of(&mut self, session: SessionDate) -> bool {
        if self.session.is_none_or(|known| known < session) {
            *self = Self { session: Some(session), ..Self::default() };
        }
        self.session == Some(session)
    }

    fn planned(&mut self, plan: &PlanId, symbol: &Symbol) {
        if !self.over.contains(plan) {
            self.plans.entry(plan.clone()).or_insert_with(|| (symbol.clone(), Interest::Planned));
        }
    }

    fn end(&mut self, plan: &PlanId) {
        self.plans.remove(plan);
        self.over.insert(plan.clone());
    }

    fn symbols(&self) -> BTreeMap<Symbol, Interest> {
        let mut symbols: BTreeMap<Symbol, Interest> = BTreeMap::new();
        let in_round = self.signals.values().map(|(_, symbol)| (symbol, Interest::InRound));
        let planned = self.plans.values().map(|(symbol, interest)| (symbol, *interest));
        for (symbol, interest) in in_round.chain(planned) {
            let known = symbols.entry(symbol.clone()).or_insert(interest);
            *known = (*known).max(interest);
        }
        symbols
    }
}

#[cfg(test)]
mod tests;
