//! Where prints come from, one file or symbol at a time.

use std::path::Path;

use domain::UnixNanos;
use domain::calendar::{self, Session};
use domain::market::ConditionScheme;

use super::names::Names;
use super::path::{self, Bar};
use super::print::Print;
use super::refusal::{Refusal, Refusals};
use super::table::{Batch, Column, Kind, Table, optional, required};

/// What every reader of a data set shares.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Symbols and conditions.
    pub names: Names,
    /// Rows that made no sense.
    pub refusals: Refusals,
    /// Seed of made trades.
    pub seed: u64,
}

/// A sequence of prints in the order of time.
pub(super) trait Feed {
    /// Appends the next prints; false at the end.
    ///
    /// # Errors
    /// A damaged file, or a refused row where that is not allowed.
    fn read(&mut self, shared: &mut Shared, out: &mut Vec<Print>) -> anyhow::Result<bool>;
}

/// How much earlier than the print before it a late print may be, nanoseconds.
pub(super) const LATENESS: i64 = 600_000_000_000;

/// The documented columns of trades.
pub(super) const TRADES: &[Column] = &[
    required("ts_event", Kind::Time),
    required("symbol", Kind::Text),
    required("price", Kind::Decimal),
    required("size", Kind::Count),
    optional("conditions", Kind::Text),
    optional("correction", Kind::Count),
];

/// The same in a consolidated-tape extract.
pub(super) const TAQ: &[Column] = &[
    required("time_utc", Kind::Time),
    required("symbol", Kind::Text),
    required("price", Kind::Decimal),
    required("size", Kind::Count),
    optional("cond", Kind::Text),
    optional("corr", Kind::Count),
];

/// The documented columns of minute bars.
pub(super) const MINUTES: &[Column] = &[
    required("ts_start", Kind::Time),
    required("symbol", Kind::Text),
    required("open", Kind::Decimal),
    required("high", Kind::Decimal),
    required("low", Kind::Decimal),
    required("close", Kind::Decimal),
    required("volume", Kind::Count),
];

/// A file of trades.
pub(super) struct TradeFile {
    table: Table,
    columns: &'static [Column],
    scheme: ConditionScheme,
    batch: Batch,
    symbols: Vec<Option<u32>>,
    conditions: Vec<Option<u32>>,
    newest: i64,
}

impl TradeFile {
    /// Opens `path`, whose conditions are written in `scheme`.
    pub(super) fn open(
        path: &Path,
        columns: &'static [Column],
        scheme: ConditionScheme,
        rows: usize,
    ) -> anyhow::Result<Self> {
        let table = Table::open(path, columns, rows)?;
        let (symbols, conditions) = (Vec::new(), Vec::new());
        Ok(Self { table, columns, scheme, batch: Batch::default(), symbols, conditions, newest: 0 })
    }

    fn print(&mut self, row: usize, shared: &mut Shared) -> Result<Print, Refusal> {
        let batch = &self.batch;
        let (ts_event, price, size) = (batch.get(0, row), batch.get(2, row), batch.get(3, row));
        let refused = |column: usize, value: &dyn ToString, expected: &str| {
            Refusal::new(&self.table.path, batch.lines[row], self.columns[column].name, &value.to_string(), expected)
        };
        if ts_event < self.newest - LATENESS {
            return Err(refused(0, &UnixNanos::new(ts_event), "at most ten minutes before the row above it"));
        }
        if price <= 0 {
            return Err(refused(2, &domain::Price::from_nanos(price), "positive"));
        }
        let Some(size) = u32::try_from(size).ok().filter(|size| *size > 0) else {
            return Err(refused(3, &size, "1 to 4294967295 shares"));
        };
        if let Some(correction) = batch.columns[5][row].filter(|c| *c != 0) {
            return Err(refused(5, &correction, "0, for a trade that stands"));
        }
        let ticker = batch.get(1, row) as u32;
        let symbol = cached(&mut self.symbols, ticker, || {
            let text = self.table.dictionary.text(ticker);
            shared.names.symbol(text).map_err(|_| refused(1, &text, "a symbol"))
        })?;
        let list = batch.columns[4][row].map_or(0, |number| number as u32 + 1);
        let conditions = cached(&mut self.conditions, list, || {
            let text = list.checked_sub(1).map_or("", |number| self.table.dictionary.text(number));
            Ok(shared.names.conditions(self.scheme, text))
        })?;
        self.newest = self.newest.max(ts_event);
        Ok(Print { ts_event, price, size, symbol, conditions })
    }
}

fn cached(
    known: &mut Vec<Option<u32>>,
    number: u32,
    find: impl FnOnce() -> Result<u32, Refusal>,
) -> Result<u32, Refusal> {
    let at = number as usize;
    if let Some(Some(found)) = known.get(at) {
        return Ok(*found);
    }
    let found = find()?;
    if known.len() <= at {
        known.resize(at + 1, None);
    }
    known[at] = Some(found);
    Ok(found)
}

impl Feed for TradeFile {
    fn read(&mut self, shared: &mut Shared, out: &mut Vec<Print>) -> anyhow::Result<bool> {
        let more = self.table.read(&mut self.batch, &mut shared.refusals)?;
        out.reserve(self.batch.lines.len());
        for row in 0..self.batch.lines.len() {
            match self.print(row, shared) {
                Ok(print) => out.push(print),
                Err(refusal) => shared.refusals.add(refusal)?,
            }
        }
        Ok(more)
    }
}

/// A file of minute bars of any number of symbols, by time.
pub(super) struct BarFile {
    table: Table,
    batch: Batch,
    /// Bars of the minute that is not complete yet.
    minute: Vec<(u32, Bar)>,
    newest: i64,
}

impl BarFile {
    /// Opens `path`.
    pub(super) fn open(path: &Path, rows: usize) -> anyhow::Result<Self> {
        let table = Table::open(path, MINUTES, rows)?;
        Ok(Self { table, batch: Batch::default(), minute: Vec::new(), newest: 0 })
    }

    fn bar(&self, row: usize, names: &mut Names) -> Result<(u32, Bar), Refusal> {
        let batch = &self.batch;
        let refused = |column: usize, value: &dyn ToString, expected: &str| {
            Refusal::new(&self.table.path, batch.lines[row], MINUTES[column].name, &value.to_string(), expected)
        };
        let [start, open, high, low, close] = [0, 2, 3, 4, 5].map(|column| batch.get(column, row));
        let Ok(volume) = u64::try_from(batch.get(6, row)) else {
            return Err(refused(6, &batch.get(6, row), "0 or more shares"));
        };
        let bar = Bar { start, open, high, low, close, volume };
        if !bar.is_sound() {
            let prices = [open, high, low, close].map(|nanos| domain::Price::from_nanos(nanos).to_string());
            return Err(refused(2, &prices.join(" "), "open, high, low, close with low <= open, close <= high"));
        }
        if start % 60_000_000_000 != 0 || start < self.newest {
            return Err(refused(0, &UnixNanos::new(start), "the start of a minute, none before the row above it"));
        }
        let ticker = self.table.dictionary.text(batch.get(1, row) as u32);
        let symbol = names.symbol(ticker).map_err(|_| refused(1, &ticker, "a symbol"))?;
        Ok((symbol, bar))
    }

    fn flush(&mut self, shared: &mut Shared, out: &mut Vec<Print>) {
        let from = out.len();
        for (symbol, bar) in self.minute.drain(..) {
            let session = calendar::session_at(UnixNanos::new(bar.start));
            path::prints(symbol, &bar, &session, shared.seed, &mut shared.names, out);
        }
        out[from..].sort_by_key(|print| print.ts_event);
    }
}

impl Feed for BarFile {
    fn read(&mut self, shared: &mut Shared, out: &mut Vec<Print>) -> anyhow::Result<bool> {
        let more = self.table.read(&mut self.batch, &mut shared.refusals)?;
        for row in 0..self.batch.lines.len() {
            match self.bar(row, &mut shared.names) {
                Ok((symbol, bar)) => {
                    if bar.start > self.newest {
                        self.flush(shared, out);
                    }
                    self.newest = bar.start;
                    self.minute.push((symbol, bar));
                }
                Err(refusal) => shared.refusals.add(refusal)?,
            }
        }
        if !more {
            self.flush(shared, out);
        }
        Ok(more)
    }
}

/// One symbol's minutes of one session, already read.
pub(super) struct MadeTrades {
    /// The symbol's number.
    pub symbol: u32,
    /// By time.
    pub bars: Vec<Bar>,
    /// Their session.
    pub session: Session,
}

impl Feed for MadeTrades {
    fn read(&mut self, shared: &mut Shared, out: &mut Vec<Print>) -> anyhow::Result<bool> {
        for bar in self.bars.drain(..) {
            path::prints(self.symbol, &bar, &self.session, shared.seed, &mut shared.names, out);
        }
        Ok(false)
    }
}
