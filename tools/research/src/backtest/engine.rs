//! Plays sessions through scan, plan, risk and execution.

use std::sync::Arc;

use domain::calendar::{self, Session};
use domain::market::{NewsPublished, Tape, Trade};
use domain::plan::PlannerState;
use domain::scan::{BatchHead, PartitionState, RoundResult, ScoringModel};
use domain::strategy::Strategy;
use domain::{Event, Price, SessionDate, UnixNanos};
use statistics::SessionResult;

use super::desks::Desks;
use super::history::{History, news_span};
use super::outcome::Outcome;
use super::rows::DayRow;
use super::run::Witness;
use crate::files::{DataSet, Print};

/// Market time between two decisions while something is open, nanoseconds.
const TICK: i64 = 5_000_000_000;

/// A run over many sessions.
pub(super) struct Engine {
    strategy: Arc<Strategy>,
    model: Arc<dyn ScoringModel>,
    planner: PlannerState,
    desks: Desks,
    history: History,
    pub outcome: Outcome,
    prints: Vec<Print>,
}

/// What one session needs while it is played.
struct Day<'a> {
    session: Session,
    scanner: PartitionState,
    trading: bool,
    /// Slots of the scanner by symbol number.
    slots: Vec<u32>,
    /// True for symbols whose prints the desk wants, by symbol number.
    watched: Vec<bool>,
    news: Vec<NewsPublished>,
    next_news: usize,
    next_tick: i64,
    auctioned: bool,
    count: DayRow,
    output: &'a mut dyn Witness,
}

impl Day<'_> {
    /// When something other than a print happens next.
    fn next_event(&self) -> i64 {
        self.news.get(self.next_news).map_or(self.next_tick, |news| news.published_at.nanos().min(self.next_tick))
    }
}

impl Engine {
    /// Candidates are scored by `model`; `planned_by` is the strategy with which signals become plans.
    pub(super) fn new(
        strategy: Arc<Strategy>,
        model: Arc<dyn ScoringModel>,
        planned_by: Arc<Strategy>,
        desks: Desks,
        data: &DataSet,
    ) -> Self {
        Self {
            planner: PlannerState::new(planned_by),
            desks,
            history: History::new(data),
            outcome: Outcome::default(),
            prints: Vec::new(),
            strategy,
            model,
        }
    }

    /// Plays one session; without `trading` only its history is kept. Returns how many prints it had.
    pub(super) fn play(
        &mut self,
        date: SessionDate,
        trading: bool,
        data: &mut DataSet,
        output: &mut dyn Witness,
        mut progress: impl FnMut(u64),
    ) -> anyhow::Result<u64> {
        let Some(session) = calendar::session(date) else { return Ok(0) };
        data.begin(&session)?;
        let mut prints = std::mem::take(&mut self.prints);
        let mut more = data.next(&mut prints)?;
        if !more {
            self.prints = prints;
            return Ok(0);
        }
        let mut day = self.open(session, trading, data, output)?;
        while more {
            self.batch(&prints, data, &mut day)?;
            day.count.prints += prints.len() as u64;
            progress(day.count.prints);
            more = data.next(&mut prints)?;
        }
        self.prints = prints;
        self.close(day, data)
    }

    fn open<'a>(
        &mut self,
        session: Session,
        trading: bool,
        data: &DataSet,
        output: &'a mut dyn Witness,
    ) -> anyhow::Result<Day<'a>> {
        let mut scanner = PartitionState::with_model(0, 1, Arc::clone(&self.strategy), Arc::clone(&self.model))?;
        let start = calendar::previous_session(session.date).date.at_hm(20, 0);
        scanner.begin_batch(&BatchHead {
            source: "files",
            epoch: 1,
            batch_no: 1,
            tape: Tape::Consolidated,
            watermark: start,
        });
        let mut news = Vec::new();
        if trading {
            let minutes = self.strategy.scan.opening_range_minutes;
            for reference in self.history.references(&session, minutes, data) {
                scanner.reference(&reference);
            }
            let (from, until) = news_span(&session);
            news = data.news(from, until).to_vec();
            self.desks.open_session(&session)?;
        }
        let start_equity = self.desks.equity()?;
        let count = DayRow {
            result: SessionResult { session_date: session.date, start_equity, end_equity: start_equity },
            fees: domain::Usd::ZERO,
            candidates: 0,
            signals: 0,
            plans: 0,
            approved: 0,
            trades: 0,
            wins: 0,
            prints: 0,
        };
        Ok(Day {
            session,
            scanner,
            trading,
            slots: Vec::new(),
            watched: Vec::new(),
            news,
            next_news: 0,
            next_tick: i64::MAX,
            auctioned: false,
            count,
            output,
        })
    }

    fn batch(&mut self, prints: &[Print], data: &DataSet, day: &mut Day<'_>) -> anyhow::Result<()> {
        let (symbols, eligibilities) = (data.names().symbols(), data.names().eligibilities());
        for symbol in &symbols[day.slots.len()..] {
            day.slots.push(day.scanner.slot(symbol.as_str())?);
        }
        day.watched.resize(symbols.len(), false);
        let regular = day.session.open.nanos()..day.session.close.nanos();
        for print in prints {
            let at = UnixNanos::new(print.ts_event);
            if print.ts_event >= day.next_event() {
                self.pass_time(at, data, day)?;
            }
            let rounds = day.scanner.advance(at, &[]);
            if !rounds.is_empty() {
                self.rounds(rounds, data, day)?;
                self.pass_time(at, data, day)?;
            }
            let (price, eligibility) = (Price::from_nanos(print.price), eligibilities[print.conditions as usize]);
            let trade = Trade { ts_event: at, price, size: print.size };
            day.scanner.fold(day.slots[print.symbol as usize], trade, eligibility);
            let elects = eligibility.last && !eligibility.extended && regular.contains(&print.ts_event);
            if day.watched[print.symbol as usize] && elects {
                self.desks.print(&symbols[print.symbol as usize], price, print.size, at)?;
                self.recorded(data, day);
            }
        }
        Ok(())
    }

    /// Hands over headlines published before `now` and lets the desk decide at every tick until then.
    fn pass_time(&mut self, now: UnixNanos, data: &DataSet, day: &mut Day<'_>) -> anyhow::Result<()> {
        while let Some(news) = day.news.get(day.next_news).filter(|news| news.published_at <= now).cloned() {
            day.next_news += 1;
            let rounds = day.scanner.advance(news.published_at, &[]);
            self.rounds(rounds, data, day)?;
            day.scanner.news(&news);
        }
        while day.next_tick <= now.nanos() {
            let tick = UnixNanos::new(day.next_tick);
            if tick >= day.session.close && !day.auctioned {
                day.auctioned = true;
                self.desks.auction(day.session.close)?;
            }
            self.desks.tick(tick)?;
            day.next_tick = if self.desks.is_busy() { day.next_tick + TICK } else { i64::MAX };
            self.recorded(data, day);
        }
        Ok(())
    }

    fn rounds(&mut self, rounds: Vec<RoundResult>, data: &DataSet, day: &mut Day<'_>) -> anyhow::Result<()> {
        if !day.trading {
            return Ok(());
        }
        for round in rounds {
            let due = round.completed.round.due;
            day.count.candidates += round.completed.evaluated as usize;
            day.count.signals += round.signals.len();
            let signals = round.signals.into_iter().map(Event::from);
            let parts = round.candidates.into_iter().map(Event::from);
            for event in signals.chain(parts).chain([Event::from(round.completed)]) {
                self.planner.apply(&event);
                self.outcome.apply(&event);
                day.output.decided(&event)?;
            }
            loop {
                let effects = self.planner.decide(&[]);
                if effects.is_empty() {
                    break;
                }
                for effect in effects {
                    let event = effect.into_event();
                    self.planner.apply(&event);
                    self.outcome.apply(&event);
                    self.desks.apply(&event)?;
                    day.output.decided(&event)?;
                }
            }
            self.mark_planned(data, day);
            self.desks.settle(due)?;
            self.recorded(data, day);
            if self.desks.is_busy() {
                day.next_tick = day.next_tick.min(due.nanos() / TICK * TICK + TICK);
            }
        }
        Ok(())
    }

    /// Orders are marketable or not against the last price, which the desk has not watched so far.
    fn mark_planned(&mut self, data: &DataSet, day: &Day<'_>) {
        for symbol in data.names().symbols() {
            if let Some((price, _)) = day.scanner.symbol_state(symbol).and_then(|tape| tape.last) {
                self.desks.mark(symbol, price);
            }
        }
    }

    /// Collects what the desk has recorded, and which symbols it wants to see next.
    fn recorded(&mut self, data: &DataSet, day: &mut Day<'_>) {
        let events = self.desks.recorded();
        events.iter().for_each(|event| self.outcome.apply(event));
        if events.iter().all(|event| matches!(event, Event::AccountObserved(_))) {
            return;
        }
        day.watched.fill(false);
        let wanted: Vec<_> = self.desks.watched().collect();
        for (number, symbol) in data.names().symbols().iter().enumerate() {
            if let Some(watched) = day.watched.get_mut(number) {
                *watched = wanted.contains(&symbol);
            }
        }
    }

    fn close(&mut self, mut day: Day<'_>, data: &DataSet) -> anyhow::Result<u64> {
        let end = day.session.date.at_hm(20, 0).plus_nanos(-1);
        let due = day.scanner.advance(end, &[]);
        self.rounds(due, data, &mut day)?;
        self.pass_time(end.min(day.session.close.plus_seconds(180)), data, &mut day)?;
        self.history.record(&day.session, &day.scanner, data.names().symbols());
        let prints = day.count.prints;
        if day.trading {
            day.count.result.end_equity = self.desks.equity()?;
            self.outcome.end_session(day.count);
            day.output.end_session()?;
        }
        Ok(prints)
    }

    /// How often a person would have been called.
    pub(super) fn alerts(&self) -> u64 {
        self.desks.alerts()
    }
}
