//! Who carries out the plans: the account, or for each plan an account that has nothing else to do.

use domain::calendar::Session;
use domain::{Event, Price, Symbol, UnixNanos, Usd};

use super::desk::Desk;

/// Whose money a plan is traded with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Accounts {
    /// One for all, as in production.
    Shared,
    /// A fresh one for each plan, so that every plan shows what it comes to, whatever became of the others.
    OnePerPlan,
}

/// The desks at work.
pub(super) struct Desks {
    accounts: Accounts,
    new_desk: Box<dyn Fn() -> Desk>,
    equity: Usd,
    open: Vec<Desk>,
    session: Option<Session>,
}

impl Desks {
    /// `new_desk` gives a desk whose account holds `equity`.
    pub(super) fn new(accounts: Accounts, equity: Usd, new_desk: Box<dyn Fn() -> Desk>) -> Self {
        let open = match accounts {
            Accounts::Shared => vec![new_desk()],
            Accounts::OnePerPlan => Vec::new(),
        };
        Self { accounts, new_desk, equity, open, session: None }
    }

    pub(super) fn open_session(&mut self, session: &Session) -> anyhow::Result<()> {
        self.session = Some(*session);
        match self.accounts {
            Accounts::Shared => self.open.iter_mut().try_for_each(|desk| desk.open_session(session)),
            Accounts::OnePerPlan => {
                self.open.clear();
                Ok(())
            }
        }
    }

    /// Takes an event of PLAN.
    pub(super) fn apply(&mut self, event: &Event) -> anyhow::Result<()> {
        if let (Accounts::OnePerPlan, Event::PlanProposed(_), Some(session)) = (self.accounts, event, &self.session) {
            let mut desk = (self.new_desk)();
            desk.open_session(session)?;
            desk.apply(event);
            self.open.push(desk);
        } else if self.accounts == Accounts::Shared {
            self.open.iter_mut().for_each(|desk| desk.apply(event));
        }
        Ok(())
    }

    /// Lets a print fill orders.
    pub(super) fn print(&mut self, symbol: &Symbol, price: Price, size: u32, at: UnixNanos) -> anyhow::Result<()> {
        let mut concerned = self.open.iter_mut().filter(|desk| desk.watched().any(|watched| watched == symbol));
        concerned.try_for_each(|desk| desk.print(symbol, price, size, at))
    }

    /// Market time has come to `now` without a fill.
    pub(super) fn tick(&mut self, now: UnixNanos) -> anyhow::Result<()> {
        self.open.iter_mut().try_for_each(|desk| desk.tick(now))
    }

    /// The closing auction.
    pub(super) fn auction(&mut self, close: UnixNanos) -> anyhow::Result<()> {
        self.open.iter_mut().try_for_each(|desk| desk.auction(close))
    }

    /// Decides and acts until nothing is left to do at `now`.
    pub(super) fn settle(&mut self, now: UnixNanos) -> anyhow::Result<()> {
        self.open.iter_mut().try_for_each(|desk| desk.settle(now))
    }

    /// Takes a price that is known before a plan is.
    pub(super) fn mark(&mut self, symbol: &Symbol, price: Price) {
        self.open.iter_mut().for_each(|desk| desk.mark(symbol, price));
    }

    /// True while orders, positions or plans are open.
    pub(super) fn is_busy(&self) -> bool {
        self.open.iter().any(Desk::is_busy)
    }

    /// Symbols with an open plan.
    pub(super) fn watched(&self) -> impl Iterator<Item = &Symbol> {
        self.open.iter().flat_map(Desk::watched)
    }

    /// Of the shared account; of each of the others at its start.
    pub(super) fn equity(&self) -> anyhow::Result<Usd> {
        match (self.accounts, &self.open[..]) {
            (Accounts::Shared, [desk]) => desk.equity(),
            _ => Ok(self.equity),
        }
    }

    /// What was recorded since the last call, RISK and ORDER of each desk in their order.
    pub(super) fn recorded(&mut self) -> Vec<Event> {
        let events = self.open.iter_mut().flat_map(Desk::recorded).collect();
        if self.accounts == Accounts::OnePerPlan {
            self.open.retain(Desk::is_busy);
        }
        events
    }

    /// How often a person would have been called.
    pub(super) fn alerts(&self) -> u64 {
        self.open.iter().map(Desk::alerts).sum()
    }
}
