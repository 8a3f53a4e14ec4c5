//! Daily bars, facts and headlines of the documented layout; small enough to be held whole.

use std::collections::BTreeMap;
use std::path::Path;

use domain::market::{DailyBar, NewsPublished, SecurityType};
use domain::{Price, SessionDate, Symbol, UnixNanos};

use super::path::Bar;
use super::refusal::{Refusal, Refusals};
use super::table::{Batch, Column, Kind, Table, optional, required};

const ROWS: usize = 8_192;

const DAILY: &[Column] = &[
    required("date", Kind::Date),
    required("symbol", Kind::Text),
    required("open", Kind::Decimal),
    required("high", Kind::Decimal),
    required("low", Kind::Decimal),
    required("close", Kind::Decimal),
    required("volume", Kind::Count),
];
const NEWS: &[Column] = &[
    required("ts_published", Kind::Time),
    required("symbols", Kind::Text),
    required("headline", Kind::Text),
    optional("news_id", Kind::Text),
    optional("summary", Kind::Text),
    optional("source", Kind::Text),
    optional("url", Kind::Text),
];
const REFERENCE: &[Column] = &[
    required("symbol", Kind::Text),
    optional("security_type", Kind::Text),
    optional("sector", Kind::Text),
    optional("float_shares", Kind::Count),
];

/// What is known of a symbol beside its trades.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// What kind of paper.
    pub security_type: SecurityType,
    /// Industry sector.
    pub sector: Option<String>,
    /// Shares free to trade.
    pub float_shares: Option<u64>,
}

impl Default for Facts {
    fn default() -> Self {
        Self { security_type: SecurityType::Unknown, sector: None, float_shares: None }
    }
}

/// Daily bars of `file`, in the file's order.
pub(super) fn bars(file: &Path, refusals: &mut Refusals) -> anyhow::Result<Vec<(Symbol, DailyBar)>> {
    let mut found = Vec::new();
    each(file, DAILY, refusals, |table, batch, row| {
        let [open, high, low, close] = [2, 3, 4, 5].map(|column| batch.get(column, row));
        let refused = |column: usize, value: &dyn ToString, expected: &str| {
            Refusal::new(&table.path, batch.lines[row], DAILY[column].name, &value.to_string(), expected)
        };
        let ticker = table.dictionary.text(batch.get(1, row) as u32);
        let symbol: Symbol = ticker.parse().map_err(|_| refused(1, &ticker, "a symbol"))?;
        if !(Bar { start: 0, open, high, low, close, volume: 0 }).is_sound() {
            return Err(refused(4, &Price::from_nanos(low), "a bar with low <= open, close <= high"));
        }
        let volume = u64::try_from(batch.get(6, row)).map_err(|_| refused(6, &batch.get(6, row), "0 or more"))?;
        let days = batch.get(0, row);
        let date = i32::try_from(days).ok().and_then(SessionDate::from_epoch_days);
        let date = date.ok_or_else(|| refused(0, &days, "a date"))?;
        let [open, high, low, close] = [open, high, low, close].map(Price::from_nanos);
        found.push((symbol, DailyBar { date, open, high, low, close, volume }));
        Ok(())
    })?;
    Ok(found)
}

/// Headlines of `file`.
pub(super) fn news(file: &Path, refusals: &mut Refusals) -> anyhow::Result<Vec<NewsPublished>> {
    let mut found = Vec::new();
    each(file, NEWS, refusals, |table, batch, row| {
        let text = |column: usize| {
            let number = batch.columns[column][row];
            number.map_or(String::new(), |number| table.dictionary.text(number as u32).to_owned())
        };
        let symbols = text(1);
        let parsed: Result<Vec<Symbol>, _> =
            symbols.split([',', ';', ' ']).filter(|part| !part.is_empty()).map(str::parse).collect();
        let symbols =
            parsed.map_err(|_| Refusal::new(&table.path, batch.lines[row], "symbols", &symbols, "symbols"))?;
        let published_at = UnixNanos::new(batch.get(0, row));
        let news_id = match text(3) {
            id if id.is_empty() => domain::id::content_hash(&["news", &published_at.to_string(), &text(2)]),
            id => id,
        };
        found.push(NewsPublished {
            news_id,
            symbols,
            headline: text(2),
            summary: text(4),
            source: text(5),
            url: text(6),
            published_at,
            mentions: Vec::new(),
        });
        Ok(())
    })?;
    Ok(found)
}

/// Facts of symbols in `file`.
pub(super) fn facts(file: &Path, refusals: &mut Refusals) -> anyhow::Result<BTreeMap<Symbol, Facts>> {
    let mut found = BTreeMap::new();
    each(file, REFERENCE, refusals, |table, batch, row| {
        let text = |column: usize| batch.columns[column][row].map(|number| table.dictionary.text(number as u32));
        let refused = |column: usize, value: &str, expected: &str| {
            Refusal::new(&table.path, batch.lines[row], REFERENCE[column].name, value, expected)
        };
        let ticker = text(0).unwrap_or_default();
        let symbol: Symbol = ticker.parse().map_err(|_| refused(0, ticker, "a symbol"))?;
        let security_type = match text(1) {
            None | Some("unknown") => SecurityType::Unknown,
            Some("common") => SecurityType::Common,
            Some("fund") => SecurityType::Fund,
            Some("other") => SecurityType::Other,
            Some(unknown) => return Err(refused(1, unknown, "common, fund, other or unknown")),
        };
        let float_shares = batch.columns[3][row].and_then(|count| u64::try_from(count).ok());
        found.insert(symbol, Facts { security_type, sector: text(2).map(str::to_owned), float_shares });
        Ok(())
    })?;
    Ok(found)
}

fn each(
    file: &Path,
    columns: &'static [Column],
    refusals: &mut Refusals,
    mut take: impl FnMut(&Table, &Batch, usize) -> Result<(), Refusal>,
) -> anyhow::Result<()> {
    let mut table = Table::open(file, columns, ROWS)?;
    let mut batch = Batch::default();
    while table.read(&mut batch, refusals)? {
        for row in 0..batch.lines.len() {
            if let Err(refusal) = take(&table, &batch, row) {
                refusals.add(refusal)?;
            }
        }
    }
    Ok(())
}
