//! What is known of each symbol before its session opens, from files and from the sessions played before.

use std::collections::BTreeMap;

use domain::calendar::{self, Session};
use domain::market::{DailyBar, OpeningVolume, ReferenceUpdated, SymbolState, Tape};
use domain::scan::PartitionState;
use domain::{SessionDate, Symbol, UnixNanos};

use crate::files::DataSet;

/// Daily bars handed on with a symbol: about a year.
const BARS: usize = 252;
/// Opening volumes handed on with a symbol: those of as many sessions before.
pub(super) const OPENINGS: usize = 20;
/// The vendor's name in every reference.
const SOURCE: &str = "files";

/// Bars and opening volumes by symbol, oldest first.
#[derive(Debug, Default)]
pub(super) struct History {
    bars: BTreeMap<Symbol, Vec<DailyBar>>,
    openings: BTreeMap<Symbol, Vec<OpeningVolume>>,
}

impl History {
    /// Starts from the daily bars of `data`.
    pub(super) fn new(data: &DataSet) -> Self {
        let bars = data.daily().iter().map(|(symbol, bars)| (symbol.clone(), bars.clone())).collect();
        Self { bars, openings: BTreeMap::new() }
    }

    /// Everything known before `session`, by symbol; symbols without a bar have no reference.
    pub(super) fn references(&self, session: &Session, opening_minutes: u32, data: &DataSet) -> Vec<ReferenceUpdated> {
        let earliest = sessions_before(session.date, OPENINGS);
        let reference = |(symbol, bars): (&Symbol, &Vec<DailyBar>)| {
            let before = &bars[..bars.partition_point(|bar| bar.date < session.date)];
            let prev_close = before.last()?.close;
            let openings = self.openings.get(symbol).map_or(&[][..], Vec::as_slice);
            let facts = data.facts(symbol);
            Some(ReferenceUpdated {
                symbol: symbol.clone(),
                session_date: session.date,
                source: SOURCE.to_owned(),
                tape: Tape::Consolidated,
                prev_close,
                daily_bars: before[before.len().saturating_sub(BARS)..].to_vec(),
                opening_volumes: openings.iter().filter(|opening| opening.date >= earliest).copied().collect(),
                opening_minutes,
                float_shares: facts.float_shares,
                sector: facts.sector,
                security_type: facts.security_type,
                as_of: session.premarket_open,
                actions: Vec::new(),
                second_close: None,
                float_source: None,
                session_volumes: Vec::new(),
                volume_step_minutes: 0,
            })
        };
        self.bars.iter().filter_map(reference).collect()
    }

    /// Takes what a session has shown: its opening volumes, and its bars where no file has later ones. Openings of short
    /// sessions are left out.
    pub(super) fn record(&mut self, session: &Session, scanner: &PartitionState, symbols: &[Symbol]) {
        for symbol in symbols {
            let Some(tape) = scanner.symbol_state(symbol).filter(|tape| tape.regular.is_priced()) else { continue };
            if !session.early_close {
                let openings = self.openings.entry(symbol.clone()).or_default();
                openings.push(OpeningVolume { date: session.date, volume: tape.opening.volume });
                let surplus = openings.len().saturating_sub(OPENINGS);
                openings.drain(..surplus);
            }
            let bars = self.bars.entry(symbol.clone()).or_default();
            if bars.last().is_none_or(|last| last.date < session.date) {
                bars.push(bar_of(session, tape));
                let surplus = bars.len().saturating_sub(2 * BARS);
                bars.drain(..surplus);
            }
        }
    }
}

/// The session `count` before `date`.
pub(super) fn sessions_before(date: SessionDate, count: usize) -> SessionDate {
    (0..count).fold(date, |date, _| calendar::previous_session(date).date)
}

fn bar_of(session: &Session, tape: &SymbolState) -> DailyBar {
    let regular = &tape.regular;
    DailyBar {
        date: session.date,
        open: regular.open,
        high: regular.high,
        low: regular.low,
        close: regular.close,
        volume: regular.volume,
    }
}

/// The span of the headlines that concern `session`: from the session before on.
pub(super) fn news_span(session: &Session) -> (UnixNanos, UnixNanos) {
    let before = calendar::previous_session(session.date);
    (before.close, session.date.at_hm(20, 0))
}
