//! A whole run: opens the files, warms up, plays session after session.

use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};
use domain::execution::ExecutionPolicy;
use domain::scan::ScoringModel;
use domain::strategy::Strategy;
use domain::{Event, SessionDate};
use figment::Figment;
use figment::providers::{Format, Yaml};

use super::broker::Broker;
use super::desk::Desk;
use super::desks::{Accounts, Desks};
use super::engine::Engine;
use super::history::{OPENINGS, sessions_before};
use super::options::{AccountArguments, MarketArguments};
use super::outcome::Outcome;
use super::summary::{Input, Summary};
use crate::files::DataSet;
use crate::progress::Progress;

/// Sessions of the calendar before the first that are read for their opening volumes.
const WARM_UP: usize = OPENINGS;
/// The same where daily bars have to come from the trades too: enough for the seed of an average range to fade.
const WARM_UP_WITHOUT_BARS: usize = 100;

/// Who is told what is decided, as it is decided.
pub(crate) trait Witness {
    /// An event of SCAN or PLAN.
    fn decided(&mut self, event: &Event) -> anyhow::Result<()>;
    /// A session is over: its decisions are final.
    fn end_session(&mut self) -> anyhow::Result<()>;
}

/// A market that is ready to be played.
pub(crate) struct Run {
    strategy: Arc<Strategy>,
    model: Arc<dyn ScoringModel>,
    data: DataSet,
    account: AccountArguments,
    pub(crate) summary: Summary,
}

impl Run {
    /// Reads the strategy and finds the files.
    pub(crate) fn open(
        market: &MarketArguments,
        account: &AccountArguments,
        span: RangeInclusive<SessionDate>,
    ) -> anyhow::Result<Self> {
        account.check()?;
        ensure!(span.start() <= span.end(), "--from {} is after --to {}", span.start(), span.end());
        let strategy = Arc::new(read_strategy(&market.strategy)?);
        let model = learned_score::model(&strategy.scoring, market.strategy_folder())?;
        let data = DataSet::open(&market.data, market.options()?)?;
        let summary = Summary {
            strategy: strategy.name.clone(),
            strategy_version: strategy.version(),
            from: *span.start(),
            to: *span.end(),
            settings: account.settings(market.seed),
            input: Input::default(),
            decisions_sha256: String::new(),
            comparison: None,
        };
        Ok(Self { strategy, model, data, account: account.clone(), summary })
    }

    /// The strategy being played.
    pub(crate) fn strategy(&self) -> &Strategy {
        &self.strategy
    }

    /// Scores by `model` instead of the strategy's.
    pub(super) fn score_by(&mut self, model: Arc<dyn ScoringModel>) {
        self.model = model;
    }

    /// Plays every session and says on stderr what was wrong with the files.
    pub(crate) fn play(&mut self, witness: &mut dyn Witness) -> anyhow::Result<Outcome> {
        let outcome = self.play_with(Accounts::Shared, Arc::clone(&self.strategy), witness)?;
        let (input, from, to) = (&self.summary.input, self.summary.from, self.summary.to);
        input.refused.iter().for_each(|refused| warn(refused));
        if input.refused_rows > 0 {
            warn(&format!("{} rows refused in all", input.refused_rows));
        }
        if input.made_trades {
            warn("trades were made from minute bars: a seeded path through open, high, low and close");
        }
        if outcome.days.is_empty() {
            warn(&format!("no session from {from} to {to} has trades"));
        }
        Ok(outcome)
    }

    /// Plays every session so that each candidate shows what it comes to: all are planned, however they rank, and each
    /// plan is traded in an account of its own.
    pub(crate) fn play_each_alone(&mut self, witness: &mut dyn Witness) -> anyhow::Result<Outcome> {
        let mut planned_by = Strategy::clone(&self.strategy);
        planned_by.plan.top = u32::MAX;
        self.play_with(Accounts::OnePerPlan, Arc::new(planned_by), witness)
    }

    fn play_with(
        &mut self,
        accounts: Accounts,
        planned_by: Arc<Strategy>,
        witness: &mut dyn Witness,
    ) -> anyhow::Result<Outcome> {
        let desks = self.desks(accounts);
        let (data, input) = (&mut self.data, &mut self.summary.input);
        let (from, to) = (self.summary.from, self.summary.to);
        let sessions = data.sessions(to)?;
        let warm_up = if data.daily().is_empty() { WARM_UP_WITHOUT_BARS } else { WARM_UP };
        let earliest = sessions_before(from, warm_up);
        let sessions = &sessions[sessions.partition_point(|date| *date < earliest)..];
        let mut engine = Engine::new(Arc::clone(&self.strategy), Arc::clone(&self.model), planned_by, desks, data);
        let mut progress = Progress::default();
        for (done, date) in sessions.iter().enumerate() {
            let before = input.prints;
            let report = |prints| progress.at(date, done, sessions.len(), before + prints);
            let prints = engine.play(*date, *date >= from, data, witness, report)?;
            input.prints += prints;
            input.warm_up_sessions += usize::from(*date < from && prints > 0);
        }
        progress.clear();
        input.made_trades = data.has_made_trades();
        input.refused_rows = data.refusals().count();
        input.refused = data.refusals().first().collect();
        input.alerts = engine.alerts();
        Ok(engine.outcome)
    }

    fn desks(&self, accounts: Accounts) -> Desks {
        let (strategy, account) = (Arc::clone(&self.strategy), self.account.clone());
        let new_desk = move || {
            let costs = strategy.costs;
            let broker = Broker::new(account.fill_model(), costs, account.equity, account.leverage);
            Desk::new(Arc::clone(&strategy), ExecutionPolicy::usual(costs), broker)
        };
        Desks::new(accounts, self.account.equity, Box::new(new_desk))
    }
}

/// Reads and checks a strategy file.
///
/// # Errors
/// Names the file and key.
pub fn read_strategy(path: &Path) -> anyhow::Result<Strategy> {
    let name = || path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(name)?;
    let strategy: Strategy = Figment::from(Yaml::string(&text)).extract().with_context(name)?;
    strategy.validate().with_context(name)?;
    Ok(strategy)
}

fn warn(text: &str) {
    use std::io::Write;
    // A stderr that is closed is no reason to stop.
    let _ = writeln!(std::io::stderr(), "fin: {text}");
}
