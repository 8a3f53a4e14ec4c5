//! The running market: plays the session's prints in order to subscribers and to the broker.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use chrono::NaiveDate;
use tokio::sync::broadcast;

use crate::alpaca_feed::AlpacaFeeds;
use crate::broker::{Answer, Broker, Call, Ledger, Moment};
use crate::clock::{Clock, PauseOn};
use crate::faults::Seen;
use crate::feed::Feeds;
use crate::journal::{CallLine, DayLine, Journal, Place, Resumed};
use crate::options::Options;
use crate::session::{Session, Trade, World};

/// Today's statistics of one symbol, in 1e-9 dollars; 0 is not known.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Quote {
    pub(crate) last: i64,
    pub(crate) last_ms: i64,
    pub(crate) open: i64,
    pub(crate) high: i64,
    pub(crate) low: i64,
    pub(crate) prev_close: i64,
    pub(crate) volume: u64,
}

/// Everything that moves with market time.
#[derive(Debug)]
pub(crate) struct Market {
    pub(crate) world: Arc<World>,
    pub(crate) session: Arc<Session>,
    /// Prints of the session that have been played.
    pub(crate) cursor: usize,
    pub(crate) clock: Clock,
    pub(crate) broker: Broker,
    pub(crate) feeds: Feeds,
    pub(crate) alpaca: AlpacaFeeds,
    pub(crate) quotes: Vec<Quote>,
    updates: broadcast::Sender<Arc<str>>,
    journal: Option<Journal>,
    expired: bool,
}

impl Market {
    /// Opens the market where the state file left it, else at the first session's start.
    ///
    /// # Errors
    /// A state file of another market, or one that cannot be read.
    pub(crate) fn open(
        world: Arc<World>,
        first: NaiveDate,
        options: &Options,
        updates: broadcast::Sender<Arc<str>>,
    ) -> anyhow::Result<Self> {
        let resumed = match &options.state {
            Some(path) => Journal::read(path)?,
            None => None,
        };
        let fresh = || DayLine {
            world: world.fingerprint(),
            date: first,
            ledger: Ledger { cash: i64::from(options.cash) * 1_000_000_000, multiplier: 4, ..Ledger::default() },
        };
        let Resumed { day, calls, place } =
            resumed.unwrap_or_else(|| Resumed { day: fresh(), calls: Vec::new(), place: None });
        anyhow::ensure!(
            day.world == world.fingerprint(),
            "the state file goes on with `{}`, not with `{}`: name another file or remove it",
            day.world,
            world.fingerprint()
        );
        let session = world.session(day.date)?;
        let mut market = Self {
            clock: Clock::new(options, &session.hours),
            broker: Broker::new(Arc::clone(&world), options.seed, options.participation, day.ledger.clone()),
            feeds: Feeds::default(),
            alpaca: AlpacaFeeds::default(),
            quotes: Vec::new(),
            cursor: 0,
            journal: None,
            expired: false,
            world,
            session,
            updates,
        };
        market.begin_day()?;
        market.replay(&calls, place.filter(|p| p.date == day.date));
        if let Some(path) = &options.state {
            market.journal = Some(Journal::begin(path, &day, &calls)?);
            market.store_place()?;
        }
        Ok(market)
    }

    /// Moves on to where wall time says the market is by now.
    pub(crate) fn advance(&mut self, wall: Instant) -> anyhow::Result<()> {
        if self.clock.waiting && (self.feeds.settled(wall) || self.alpaca.settled(wall)) {
            self.clock.waiting = false;
        }
        let room = self.feeds.have_room(wall) & self.alpaca.have_room(wall);
        let target = self.clock.target(wall, &self.session.hours);
        if !room || target == self.clock.now {
            return self.store_place();
        }
        let budget = self.cursor + Feeds::prints_per_tick();
        let mut reached = target;
        while let Some(next) = self.next_until(target) {
            if self.cursor >= budget {
                reached = self.session.trades[self.cursor - 1].ts_ms * 1_000_000;
                break;
            }
            self.play(next);
            let (filled, partly) = self.broker.take_filled();
            let stops = match self.clock.pause_on {
                Some(PauseOn::Fill) => filled,
                Some(PauseOn::PartialFill) => partly,
                None => false,
            };
            if stops {
                self.clock.pause_on = None;
                self.clock.paused = true;
                reached = next.ts_ms * 1_000_000;
                break;
            }
        }
        self.clock.reach(reached);
        self.expire_if_due();
        self.store_place()?;
        self.publish();
        if self.clock.now >= self.session.hours.post_close && !self.clock.paused {
            self.roll()?;
        }
        Ok(())
    }

    /// Performs a changing call at the broker at the present market time.
    pub(crate) fn order_call(&mut self, call: Call, wall: Instant) -> anyhow::Result<Answer> {
        self.advance(wall)?;
        let moment = self.moment();
        let line = CallLine { now: moment.now, prints: moment.prints, call };
        if let Some(journal) = &mut self.journal {
            journal.append(&line)?;
        }
        let answer = self.broker.call(&line.call, &moment);
        self.publish();
        Ok(answer)
    }

    /// What faults can wait for.
    pub(crate) fn seen(&self) -> Seen {
        let (orders, fills) = (self.broker.taken, self.broker.ledger.fills.len());
        Seen { now: self.clock.now, date: self.session.hours.date, orders, fills }
    }

    pub(crate) fn moment(&self) -> Moment {
        Moment { now: self.clock.now, prints: self.cursor, hours: self.session.hours }
    }

    /// One symbol's prints of today so far.
    pub(crate) fn played(&self, symbol: u16) -> impl Iterator<Item = &Trade> {
        self.played_with_ids(symbol).map(|(_, trade)| trade)
    }

    /// The same, each with its place in the session, from 0.
    pub(crate) fn played_with_ids(&self, symbol: u16) -> impl DoubleEndedIterator<Item = (usize, &Trade)> {
        let date = self.session.hours.date;
        let is_printed = move |t: &Trade| !self.broker.is_halted(symbol, date, t.ts_ms * 1_000_000);
        let played = self.session.trades[..self.cursor].iter().enumerate();
        played.filter(move |(_, trade)| trade.symbol == symbol && is_printed(trade))
    }

    fn next_until(&self, target: i64) -> Option<Trade> {
        self.session.trades.get(self.cursor).copied().filter(|t| t.ts_ms * 1_000_000 <= target)
    }

    fn play(&mut self, trade: Trade) {
        let symbol = usize::from(trade.symbol);
        let hours = self.session.hours;
        let at = trade.ts_ms * 1_000_000;
        if at >= hours.close {
            self.expire_at(hours.close);
        }
        if self.broker.is_halted(trade.symbol, hours.date, at) {
            self.cursor += 1;
            return;
        }
        self.feeds.push(&trade, &self.world.listings()[symbol]);
        self.alpaca.push(&trade, self.cursor, self.world.listings());
        let regular = (hours.open..hours.close).contains(&at);
        let quote = &mut self.quotes[symbol];
        if regular && trade.conditions.counts_volume() {
            quote.volume += u64::from(trade.size);
        }
        let conditions = if regular { trade.conditions } else { trade.conditions.without_form_t() };
        if conditions.sets_last() {
            (quote.last, quote.last_ms) = (trade.price, trade.ts_ms);
        }
        if regular && trade.conditions.sets_last() {
            if quote.open == 0 {
                *quote = Quote { open: trade.price, high: trade.price, low: trade.price, ..*quote };
            }
            quote.high = quote.high.max(trade.price);
            quote.low = quote.low.min(trade.price);
            let moment = Moment { now: at, prints: self.cursor, hours };
            self.broker.on_print(&trade, &moment);
        }
        self.cursor += 1;
    }

    fn expire_if_due(&mut self) {
        if self.clock.now >= self.session.hours.close {
            self.expire_at(self.session.hours.close);
        }
    }

    fn expire_at(&mut self, now: i64) {
        if !self.expired {
            self.expired = true;
            self.broker.expire(&Moment { now, ..self.moment() });
        }
    }

    fn publish(&mut self) {
        self.feeds.flush();
        self.alpaca.flush(self.clock.now / 1_000_000, self.world.listings());
        for update in self.broker.take_updates() {
            // Without a listener there is nobody to tell; the stream has no replay.
            let _ = self.updates.send(update.into());
        }
    }

    fn store_place(&mut self) -> anyhow::Result<()> {
        let place = Place {
            date: self.session.hours.date,
            now: self.clock.now,
            prints: self.cursor,
            paused: self.clock.paused,
            pause_at: self.clock.pause_at.iter().copied().collect(),
        };
        self.journal.as_mut().map_or(Ok(()), |journal| journal.store(place))
    }

    fn begin_day(&mut self) -> anyhow::Result<()> {
        let date = self.session.hours.date;
        self.cursor = 0;
        self.expired = false;
        self.broker.begin_day(date)?;
        let quote = |symbol: usize| -> anyhow::Result<Quote> {
            let prev_close = self.world.daily(symbol as u16, date)?.last().map_or(0, |bar| bar.close);
            Ok(Quote { prev_close, ..Quote::default() })
        };
        self.quotes = (0..self.world.listings().len()).map(quote).collect::<anyhow::Result<_>>()?;
        Ok(())
    }

    fn roll(&mut self) -> anyhow::Result<()> {
        let Some(next) = self.world.next(self.session.hours.date) else {
            self.clock.ended = true;
            return Ok(());
        };
        let day = DayLine { world: self.world.fingerprint(), date: next, ledger: self.broker.ledger.clone() };
        self.session = self.world.session(next).context("next session")?;
        self.clock.now = self.session.hours.pre_open;
        self.begin_day()?;
        if let Some(journal) = &mut self.journal {
            journal.roll(&day)?;
        }
        tracing::info!(session_date = %next, trades = self.session.trades.len(), "next session");
        self.store_place()
    }

    /// Plays the session silently up to the stored place, with the calls where they came.
    fn replay(&mut self, calls: &[CallLine], place: Option<Place>) {
        for line in calls {
            self.play_silently(line.prints, line.now);
            let moment = self.moment();
            self.broker.call(&line.call, &moment);
        }
        if let Some(place) = place.filter(|p| p.prints >= self.cursor && p.now >= self.clock.now) {
            self.play_silently(place.prints, place.now);
            self.clock.paused = place.paused;
            self.clock.pause_at = place.pause_at.into_iter().collect();
        }
        self.clock.waiting &= self.cursor == 0;
        self.broker.take_updates();
        self.broker.take_filled();
    }

    fn play_silently(&mut self, prints: usize, now: i64) {
        while self.cursor < prints {
            let Some(trade) = self.session.trades.get(self.cursor).copied() else { break };
            self.play(trade);
        }
        self.clock.now = now;
        self.expire_if_due();
    }
}
