//! What all connections share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::broadcast;

use crate::broker::{Answer, Call, Rule};
use crate::faults::{Fault, Faults};
use crate::firehose::{Firehose, Plan};
use crate::market::Market;
use crate::session::World;

/// How often the market looks at the wall clock.
const TICK: Duration = Duration::from_millis(5);

/// The simulated vendors.
#[derive(Debug)]
pub(crate) struct Sim {
    pub(crate) world: Arc<World>,
    pub(crate) seed: u64,
    pub(crate) updates: broadcast::Sender<Arc<str>>,
    pub(crate) firehose: Firehose,
    pub(crate) faults: Faults,
    market: Mutex<Market>,
}

impl Sim {
    pub(crate) fn new(market: Market, seed: u64, updates: broadcast::Sender<Arc<str>>, firehose: Firehose) -> Self {
        Self {
            world: Arc::clone(&market.world),
            seed,
            updates,
            firehose,
            faults: Faults::default(),
            market: Mutex::new(market),
        }
    }

    /// The market, brought up to now.
    pub(crate) fn market(&self) -> anyhow::Result<MutexGuard<'_, Market>> {
        let mut market = self.market.lock().unwrap_or_else(PoisonError::into_inner);
        market.advance(Instant::now())?;
        self.faults.observe(market.seen());
        Ok(market)
    }

    /// Lets `fault` go wrong from now on: what is about prints is the market's, the rest waits for its occasion.
    ///
    /// # Errors
    /// A symbol that the world does not have.
    pub(crate) fn ask_for(&self, fault: Fault) -> anyhow::Result<()> {
        let Some(("MARKET", ticker)) = fault.place() else {
            self.faults.observe(self.market()?.seen());
            self.faults.add(fault);
            return Ok(());
        };
        if let Some(unknown) = self.unknown_symbol(&fault) {
            anyhow::bail!(unknown);
        }
        let symbol = Some(ticker).filter(|ticker| *ticker != "*").map(str::to_owned);
        let rule = Rule { symbol, from: fault.at, until: fault.until, halt: fault.halt, fills_max: fault.fills_max };
        self.order_call(Call::rule(Some(&rule))?).map(|_| ())
    }

    /// Why `fault` cannot be asked for in this world, if it cannot.
    pub(crate) fn unknown_symbol(&self, fault: &Fault) -> Option<String> {
        let (verb, ticker) = fault.place()?;
        let is_unknown = verb == "MARKET" && ticker != "*" && self.world.index_of(ticker).is_none();
        is_unknown.then(|| format!("`on: {}`: there is no symbol {ticker}", fault.on))
    }

    /// Takes back every fault and every rule.
    pub(crate) fn forgive(&self) -> anyhow::Result<()> {
        self.faults.clear();
        if self.market()?.broker.ledger.rules.is_empty() {
            return Ok(());
        }
        self.order_call(Call::rule(None)?).map(|_| ())
    }

    /// Performs a changing call at the broker, at the market time of its arrival.
    pub(crate) fn order_call(&self, call: Call) -> anyhow::Result<Answer> {
        let mut market = self.market.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = market.order_call(call, Instant::now());
        self.faults.observe(market.seen());
        answer
    }

    /// Sends pre-built frames of the present session to every Finnhub connection.
    pub(crate) fn start_firehose(&self, plan: Plan) -> anyhow::Result<()> {
        let (session, now) = {
            let market = self.market()?;
            (Arc::clone(&market.session), market.clock.now)
        };
        self.firehose.start(plan, &self.world, &session, now);
        Ok(())
    }

    /// Moves the market until the task is dropped.
    ///
    /// # Errors
    /// The state file cannot be written, or the next session cannot be made.
    pub(crate) async fn run(&self) -> anyhow::Result<()> {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            drop(self.market()?);
        }
    }
}
