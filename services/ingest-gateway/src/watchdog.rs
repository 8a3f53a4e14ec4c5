//! What a feed says beside trades, and what it does not say: halts, revised trades, holes, silent symbols.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::UnixNanos;
use domain::market::{FeedGapDetected, FeedGapReason};
use domain::ops::Severity;
use ports::{Notice, NoticeKind};
use tokio::sync::watch;

use crate::alarms::Alarms;
use crate::interest::{Interest, Interests};
use crate::metrics::{self, WatchInstruments};
use crate::silence::{Finding, Silence};
use crate::universe::Universe;

/// Stretches with missing trades that are remembered, the newest: more of a stretch may come to light.
const STRETCHES_KEPT: usize = 16;

/// Watches over the symbols of one feed.
pub(crate) struct SymbolWatchdog {
    universe: Arc<Universe>,
    interests: watch::Receiver<Interests>,
    /// The symbols of `interests` that the feed has.
    watched: Vec<(u32, Interest)>,
    silence: Silence,
    limit_ns: i64,
    /// Trades that bars count and that never came, by the stretch's ends, and whether they were told.
    missing: BTreeMap<(UnixNanos, UnixNanos), (u64, bool)>,
    missing_min: u64,
    instruments: WatchInstruments,
}

impl SymbolWatchdog {
    /// For every symbol of `universe`; a watched one is silent after `limit_ms` of market time, never where that is 0.
    /// So many trades as `missing_min` that bars count and that never came are a hole, none where that is 0.
    pub(crate) fn new(
        universe: Arc<Universe>,
        mut interests: watch::Receiver<Interests>,
        limit_ms: u64,
        missing_min: u64,
    ) -> Self {
        interests.mark_changed();
        let limit_ns = if limit_ms == 0 { i64::MAX } else { (limit_ms as i64).saturating_mul(1_000_000) };
        Self {
            silence: Silence::new(universe.len()),
            universe,
            interests,
            watched: Vec::new(),
            limit_ns,
            missing: BTreeMap::new(),
            missing_min,
            instruments: WatchInstruments::new(),
        }
    }

    /// A new connection stands.
    pub(crate) fn connected(&mut self) {
        self.silence.connected();
    }

    /// Takes a trade.
    #[inline]
    pub(crate) fn trade(&mut self, symbol: u32, at: UnixNanos) {
        self.silence.trade(symbol, at);
    }

    /// Takes what the feed says beside trades.
    pub(crate) fn notice(&mut self, notice: &Notice, alarms: &Alarms) {
        let Some(symbol) = self.universe.symbol(notice.symbol) else { return };
        let (at, detail) = (notice.at, notice.detail.as_str());
        match notice.what {
            NoticeKind::Halted => {
                metrics::notice("halted");
                tracing::info!(%symbol, %at, detail, "trading is halted");
                self.silence.halted(notice.symbol, at, &format!("since {at}: {detail}"));
            }
            NoticeKind::Resumed => {
                metrics::notice("resumed");
                tracing::info!(%symbol, %at, detail, "trading goes on");
                self.silence.resumed(notice.symbol);
            }
            NoticeKind::Corrected | NoticeKind::Cancelled => {
                metrics::notice(if notice.what == NoticeKind::Corrected { "corrected" } else { "cancelled" });
                tracing::debug!(%symbol, %at, detail, "a trade was revised");
                if let Some((_, interest)) = self.watched.iter().find(|(watched, _)| *watched == notice.symbol) {
                    let message = format!(
                        "the exchange has revised a trade of {symbol} ({interest}) that counts already: volumes and \
                         levels keep it"
                    );
                    alarms.symbol("trade_revised", symbol, message, format!("{at}: {detail}"));
                }
            }
            NoticeKind::Missing { until, trades } => {
                tracing::debug!(%symbol, %at, detail, "trades are missing");
                self.missing.entry((at, until)).or_default().0 += u64::from(trades);
            }
        }
    }

    /// Tells what has changed since the last look; gives the holes that bars have shown, as events of `source`.
    pub(crate) fn look(&mut self, source: &str, epoch: u64, alarms: &Alarms) -> Vec<FeedGapDetected> {
        if self.interests.has_changed().unwrap_or(false) {
            let interests = self.interests.borrow_and_update();
            let found = interests.iter().filter_map(|(s, why)| Some((self.universe.find(s.as_str())?, *why)));
            self.watched = found.collect();
        }
        let (summary, findings) = self.silence.look(&self.watched, self.limit_ns);
        self.instruments.watched.set(self.watched.len() as f64);
        self.instruments.silent.set(summary.silent as f64);
        self.instruments.longest.set(summary.longest_ns as f64 / 1e9);
        findings.iter().for_each(|finding| self.tell(finding, alarms));
        self.holes(source, epoch, alarms)
    }

    fn tell(&self, finding: &Finding, alarms: &Alarms) {
        match finding {
            Finding::Silent { symbol, interest, last, for_ns } => {
                let Some(symbol) = self.universe.symbol(*symbol) else { return };
                let seconds = for_ns / 1_000_000_000;
                let message = format!("{symbol} ({interest}) has not traded for {seconds} s while others do");
                let last = if last.nanos() == 0 { "it never traded".to_owned() } else { format!("last trade {last}") };
                let detail = format!("{last}; it is halted, or the feed has lost it");
                alarms.symbol("symbol_silent", symbol, message, detail);
            }
            Finding::Halted { symbol, interest, words } => {
                let Some(symbol) = self.universe.symbol(*symbol) else { return };
                alarms.symbol("symbol_halted", symbol, format!("{symbol} ({interest}) is halted"), words.clone());
            }
            Finding::Over { symbol } => {
                if let Some(symbol) = self.universe.symbol(*symbol) {
                    tracing::info!(%symbol, "trades again");
                }
            }
        }
    }

    fn holes(&mut self, source: &str, epoch: u64, alarms: &Alarms) -> Vec<FeedGapDetected> {
        let mut holes = Vec::new();
        for ((from, until), (trades, told)) in &mut self.missing {
            // A hole is one event: what comes to light later lies in the same minute.
            if *told || self.missing_min == 0 || *trades < self.missing_min {
                continue;
            }
            *told = true;
            let (from, until, trades) = (*from, *until, *trades);
            let message = format!("{source} has left out trades that its own minute bars count");
            let detail = format!("{trades} trades from {from} until {until}");
            alarms.fault(Severity::Warning, "trades_missing", message, detail);
            let (source, reason) = (source.to_owned(), FeedGapReason::Incomplete);
            holes.push(FeedGapDetected { source, epoch, from, until, dropped_trades: Some(trades), reason });
        }
        while self.missing.len() > STRETCHES_KEPT {
            self.missing.pop_first();
        }
        holes
    }
}
