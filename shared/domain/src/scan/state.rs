//! One partition's market, folded from MARKET, and the rounds that fall due in it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use foldhash::fast::RandomState;
use serde::{Deserialize, Serialize};

use super::decide;
use super::profile::Profile;
use super::{CandidatesEvaluated, Headline, Input, Round, ScanRoundCompleted, ScoringModel, SignalGenerated, Weighted};
use crate::calendar::{self, Session};
use crate::id::RoundId;
use crate::market::{
    Eligibility, FeedGapDetected, NewsPublished, Quote, ReferenceUpdated, SymbolState, Tape, Trade, TradingStatus,
    TradingStatusChanged, Windows, indicators,
};
use crate::schedule::Schedule;
use crate::strategy::{ModelChoice, Strategy, StrategyError, StrategyVersion};
use crate::symbol::{Symbol, SymbolError};
use crate::time::{SessionDate, UnixNanos};

/// A round that fell due, with everything the partition has to say about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoundResult {
    /// The passed candidates.
    pub signals: Vec<SignalGenerated>,
    /// All candidates, chunked.
    pub candidates: Vec<CandidatesEvaluated>,
    /// The end of the partition's round.
    pub completed: ScanRoundCompleted,
}

/// A trade that came before its round was due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HeldTrade {
    slot: u32,
    trade: Trade,
    eligibility: Eligibility,
}

/// What a batch says of itself before its trades.
#[derive(Debug, Clone, Copy)]
pub struct BatchHead<'a> {
    /// The feed.
    pub source: &'a str,
    /// Its ownership epoch.
    pub epoch: u64,
    /// Its number within epoch and partition.
    pub batch_no: u64,
    /// Which prints the feed carries.
    pub tape: Tape,
    /// Market time after the batch.
    pub watermark: UnixNanos,
}

/// How a batch follows the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchOrder {
    /// As it should.
    Next,
    /// It was folded already.
    Repeated,
    /// At least one batch before it is missing.
    Hole,
}

/// The fold of one partition.
///
/// Trades at or after the next boundary (a schedule's due instant or the session's end) are held until the watermark
/// reaches it, so that a round sees exactly the trades before its due instant, however they were batched.
pub struct PartitionState {
    pub(super) partition: u32,
    pub(super) partitions: u32,
    pub(super) strategy: Arc<Strategy>,
    pub(super) version: String,
    pub(super) model: Arc<dyn ScoringModel>,
    schedules: [(&'static str, Schedule); 2],
    pub(super) windows: Option<Windows>,
    pub(super) watermark: UnixNanos,
    pub(super) boundary: UnixNanos,
    /// Schedules that are still to be asked for at the boundary that market time stands at.
    due: VecDeque<&'static str>,
    at_boundary: bool,
    pub(super) index: HashMap<Symbol, u32, RandomState>,
    pub(super) symbols: Vec<(Symbol, SymbolState)>,
    pub(super) held: Vec<HeldTrade>,
    pub(super) profiles: HashMap<Symbol, Profile, RandomState>,
    pub(super) headlines: HashMap<Symbol, Vec<Headline>, RandomState>,
    pub(super) gaps: Vec<(UnixNanos, UnixNanos)>,
    /// The exchange's last word on a symbol, and since when it holds; of earlier sessions too, as halts outlast them.
    pub(super) statuses: BTreeMap<Symbol, (UnixNanos, TradingStatus)>,
    pub(super) tape: Option<Tape>,
    pub(super) last_batch: HashMap<String, (u64, u64), RandomState>,
    pub(super) late_trades: u64,
}

impl PartitionState {
    /// An empty fold that scores by the strategy's weights.
    ///
    /// # Errors
    /// A schedule of `strategy` does not parse, or it asks for a learned model.
    pub fn new(partition: u32, partitions: u32, strategy: Arc<Strategy>) -> Result<Self, StrategyError> {
        match strategy.scoring.model {
            ModelChoice::Weighted => {
                let model = Arc::new(Weighted::new(&strategy.scoring));
                Self::with_model(partition, partitions, strategy, model)
            }
            ModelChoice::Learned => Err(StrategyError::ModelNotLoaded),
        }
    }

    /// An empty fold that scores by `model`.
    ///
    /// # Errors
    /// A schedule of `strategy` does not parse.
    pub fn with_model(
        partition: u32,
        partitions: u32,
        strategy: Arc<Strategy>,
        model: Arc<dyn ScoringModel>,
    ) -> Result<Self, StrategyError> {
        Self::under(partition, partitions, StrategyVersion::of(strategy), model)
    }

    /// An empty fold under a version that was named elsewhere; scores by `model`.
    ///
    /// # Errors
    /// A schedule of the strategy does not parse.
    pub fn under(
        partition: u32,
        partitions: u32,
        StrategyVersion { version, strategy }: StrategyVersion,
        model: Arc<dyn ScoringModel>,
    ) -> Result<Self, StrategyError> {
        let schedules =
            [("watch", strategy.schedules.watch.parse("watch")?), ("trade", strategy.schedules.trade.parse("trade")?)];
        Ok(Self {
            partition,
            partitions,
            version,
            strategy,
            model,
            schedules,
            windows: None,
            watermark: UnixNanos::default(),
            boundary: UnixNanos::default(),
            due: VecDeque::new(),
            at_boundary: false,
            index: HashMap::default(),
            symbols: Vec::new(),
            held: Vec::new(),
            profiles: HashMap::default(),
            headlines: HashMap::default(),
            gaps: Vec::new(),
            statuses: BTreeMap::new(),
            tape: None,
            last_batch: HashMap::default(),
            late_trades: 0,
        })
    }

    /// The slot of a symbol, made if need be; resolve once per batch and symbol.
    ///
    /// # Errors
    /// `ticker` is not a symbol.
    pub fn slot(&mut self, ticker: &str) -> Result<u32, SymbolError> {
        if let Some(slot) = self.index.get(ticker) {
            return Ok(*slot);
        }
        let symbol: Symbol = ticker.parse()?;
        let slot = self.symbols.len() as u32;
        self.index.insert(symbol.clone(), slot);
        let mut state = SymbolState::default();
        if self.strategy.plan.trail.is_some() {
            state.keep_minutes(MINUTES_KEPT);
        }
        self.symbols.push((symbol, state));
        Ok(slot)
    }

    /// How far market time has come; zero before the first batch.
    pub const fn watermark(&self) -> UnixNanos {
        self.watermark
    }

    /// The session being folded.
    pub fn session_date(&self) -> Option<SessionDate> {
        self.windows.map(|w| w.session.date)
    }

    /// Trades that came after the watermark had passed them; they count, but no round waited for them.
    pub const fn late_trades(&self) -> u64 {
        self.late_trades
    }

    /// Symbols with reference data for the current session, and symbols known at all.
    pub fn reference_coverage(&self) -> (usize, usize) {
        let date = self.session_date();
        let current = self.profiles.values().filter(|p| Some(p.session_date) == date).count();
        (current, self.profiles.len())
    }

    /// The symbol's session so far.
    pub fn symbol_state(&self, symbol: &Symbol) -> Option<&SymbolState> {
        self.index.get(symbol).map(|slot| &self.symbols[*slot as usize].1)
    }

    /// Starts a batch. A repeated batch must not be folded; a hole before it is remembered as a feed gap.
    pub fn begin_batch(&mut self, head: &BatchHead<'_>) -> BatchOrder {
        if self.windows.is_none() {
            self.open_session(head.watermark);
        }
        self.tape = Some(head.tape);
        let order = match self.last_batch.get(head.source) {
            None => BatchOrder::Next,
            Some((epoch, _)) if head.epoch > *epoch => BatchOrder::Next,
            Some((epoch, _)) if head.epoch < *epoch => BatchOrder::Repeated,
            Some((_, number)) if head.batch_no <= *number => BatchOrder::Repeated,
            Some((_, number)) if head.batch_no == number + 1 => BatchOrder::Next,
            Some(_) => BatchOrder::Hole,
        };
        if order == BatchOrder::Hole {
            self.gaps.push((self.watermark, head.watermark));
        }
        if order != BatchOrder::Repeated {
            self.last_batch.insert(head.source.to_owned(), (head.epoch, head.batch_no));
        }
        order
    }

    /// Folds one trade. `slot` comes from [`Self::slot`].
    #[inline]
    pub fn fold(&mut self, slot: u32, trade: Trade, eligibility: Eligibility) {
        if trade.ts_event >= self.boundary {
            self.held.push(HeldTrade { slot, trade, eligibility });
            return;
        }
        self.late_trades += u64::from(trade.ts_event < self.watermark);
        if let (Some(windows), Some((_, state))) = (&self.windows, self.symbols.get_mut(slot as usize)) {
            state.apply(windows, &trade, eligibility);
        }
    }

    /// Takes the best bid and ask of a symbol. `slot` comes from [`Self::slot`].
    pub fn quote(&mut self, slot: u32, quote: &Quote) {
        if let Some((_, state)) = self.symbols.get_mut(slot as usize) {
            state.quote(quote);
        }
    }

    /// Keeps the newest `kept` minute bars of a symbol from now on. `slot` comes from [`Self::slot`].
    pub fn keep_minutes(&mut self, slot: u32, kept: usize) {
        if let Some((_, state)) = self.symbols.get_mut(slot as usize) {
            state.keep_minutes(kept);
        }
    }

    /// Moves market time to `watermark` and evaluates every round that falls due on the way.
    pub fn advance(&mut self, watermark: UnixNanos, inputs: &[Input]) -> Vec<RoundResult> {
        let mut results = Vec::new();
        while let Some(round) = self.next_due(watermark) {
            results.extend(self.evaluate(&round, inputs));
        }
        results
    }

    /// Moves market time towards `watermark`, as far as the next round that falls due on the way; `None` once it is there.
    ///
    /// The partition stands as that round must see it until the next call. The round names the version it has now.
    pub fn next_due(&mut self, watermark: UnixNanos) -> Option<Round> {
        loop {
            if let (Some(schedule), Some(windows)) = (self.due.pop_front(), self.windows) {
                return Some(self.round(windows.session.date, schedule, self.boundary));
            }
            if std::mem::take(&mut self.at_boundary) {
                self.leave_boundary();
            }
            if self.windows.is_none() || watermark < self.boundary {
                self.watermark = self.watermark.max(watermark);
                return None;
            }
            self.watermark = self.watermark.max(self.boundary);
            self.due = self.due_at(self.boundary).into();
            self.at_boundary = true;
        }
    }

    /// What the partition has to say about a round that [`Self::next_due`] has just given; `None` before the first batch.
    pub fn evaluate(&self, round: &Round, inputs: &[Input]) -> Option<RoundResult> {
        Some(decide::evaluate(self, &self.windows?, round, inputs))
    }

    /// Goes on under another version that folds alike ([`Strategy::folds_like`]) and scores by `model`; false, and
    /// unchanged, if it does not.
    pub fn go_on_under(&mut self, next: &StrategyVersion, model: &Arc<dyn ScoringModel>) -> bool {
        if !next.strategy.folds_like(&self.strategy) {
            return false;
        }
        (self.version, self.strategy) = (next.version.clone(), Arc::clone(&next.strategy));
        self.model = Arc::clone(model);
        true
    }

    /// True where a fold under `strategy` would be the same.
    pub fn folds_like(&self, strategy: &Strategy) -> bool {
        strategy.folds_like(&self.strategy)
    }

    /// Takes a symbol's history.
    pub fn reference(&mut self, reference: &ReferenceUpdated) {
        if reference.symbol.partition(self.partitions) == self.partition {
            self.profiles.insert(reference.symbol.clone(), Profile::new(reference));
        }
    }

    /// Takes a headline.
    pub fn news(&mut self, news: &NewsPublished) {
        for symbol in news.symbols.iter().filter(|s| s.partition(self.partitions) == self.partition) {
            let known = self.headlines.entry(symbol.clone()).or_default();
            if known.iter().all(|h| h.news_id != news.news_id) {
                known.push(Headline::new(news, symbol));
                known.sort_by(|a, b| (b.published_at, &b.news_id).cmp(&(a.published_at, &a.news_id)));
                known.truncate(HEADLINES_KEPT);
            }
        }
    }

    /// Takes a hole in the feed.
    pub fn feed_gap(&mut self, gap: &FeedGapDetected) {
        self.gaps.push((gap.from, gap.until));
    }

    /// Takes the exchange's word on whether a symbol may trade. What is older than the last word counts for nothing.
    pub fn trading_status(&mut self, changed: &TradingStatusChanged) {
        let is_ours = changed.symbol.partition(self.partitions) == self.partition;
        if is_ours && self.statuses.get(&changed.symbol).is_none_or(|(at, _)| *at <= changed.at) {
            self.statuses.insert(changed.symbol.clone(), (changed.at, changed.status));
        }
    }

    pub(super) fn states(&self) -> impl Iterator<Item = (&Symbol, &SymbolState)> {
        self.symbols.iter().map(|(symbol, state)| (symbol, state))
    }

    fn round(&self, session_date: SessionDate, schedule: &'static str, due: UnixNanos) -> Round {
        let seconds = due.new_york_seconds();
        Round {
            round_id: RoundId::new(session_date, schedule, seconds / 3_600, seconds / 60 % 60),
            session_date,
            schedule: schedule.to_owned(),
            due,
            config_version: self.version.clone(),
            strategy: self.strategy.name.clone(),
        }
    }

    fn leave_boundary(&mut self) {
        let boundary = self.boundary;
        if self.windows.is_some_and(|w| boundary >= session_end(&w)) {
            self.open_session(boundary);
        } else {
            self.set_boundary(boundary);
        }
        self.release_held();
    }

    fn due_at(&self, instant: UnixNanos) -> Vec<&'static str> {
        let just_before = instant.plus_nanos(-1);
        let falls_due = |s: &&(&str, Schedule)| s.1.next_after(just_before) == Some(instant);
        self.schedules.iter().filter(falls_due).map(|s| s.0).collect()
    }

    fn open_session(&mut self, instant: UnixNanos) {
        let session = calendar::session_at(instant);
        self.windows = Some(self.windows_of(session));
        let newest = |symbol: &Symbol| self.index.get(symbol).map(|slot| self.symbols[*slot as usize].1.newest_print);
        self.statuses.retain(|symbol, (at, status)| {
            *status == TradingStatus::Halted && newest(symbol).is_none_or(|newest| newest <= *at)
        });
        for (_, state) in &mut self.symbols {
            state.reset();
        }
        let previous_close = calendar::previous_session(session.date).close;
        self.gaps.retain(|(_, until)| *until > previous_close);
        for known in self.headlines.values_mut() {
            known.retain(|h| h.published_at >= previous_close);
        }
        self.set_boundary(instant);
    }

    pub(super) fn windows_of(&self, session: Session) -> Windows {
        let scan = &self.strategy.scan;
        Windows { outliers: scan.outliers, ..Windows::new(session, scan.opening_range_minutes) }
    }

    fn set_boundary(&mut self, after: UnixNanos) {
        let end = self.windows.map_or(UnixNanos::default(), |w| session_end(&w));
        let due = self.schedules.iter().filter_map(|(_, s)| s.next_after(after)).min();
        self.boundary = due.map_or(end, |d| d.min(end));
    }

    fn release_held(&mut self) {
        for held in std::mem::take(&mut self.held) {
            self.fold(held.slot, held.trade, held.eligibility);
        }
    }
}

/// Minute bars of one symbol for the trail's range: 14, the close before them, and the unfinished one.
const MINUTES_KEPT: usize = indicators::PERIOD + 2;

/// Headlines of one symbol that are remembered, the newest.
const HEADLINES_KEPT: usize = 64;

/// A session's prints end when the next one's begin, 20:00 New York time.
fn session_end(windows: &Windows) -> UnixNanos {
    windows.session.date.at_hm(20, 0)
}
