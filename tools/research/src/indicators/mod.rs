//! `fin indicators`: what the rules make of a symbol's daily bars, session by session.

mod file;

use std::io::{self, Write};
use std::path::PathBuf;

use domain::market::DailyBar;
use domain::market::indicators::{Atr, AtrSmoothing, adv_14, true_range};
use domain::{Price, SessionDate, Symbol};
use serde::Serialize;

pub use file::{FileError, daily_bars};

/// Print true range, ATR and average volume of a symbol's daily bars.
///
/// FILE is CSV with a header, or Parquet, with the columns date, open, high, low, close and volume, and symbol where it
/// holds more than one; or a zip of LEAN daily bars.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The daily bars: .csv, .parquet or a LEAN .zip.
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// The symbol, for example GME.
    #[arg(long, value_name = "S")]
    symbol: Symbol,
    /// Print a JSON array instead of a table; values are numbers, null until warm.
    #[arg(long)]
    json: bool,
}

/// One session's indicators, the session itself included.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Row {
    /// The session.
    pub date: SessionDate,
    /// True range, USD per share; from the second bar on.
    pub tr: Option<f64>,
    /// Wilder's average true range of 14 sessions, USD per share; from the fifteenth bar on.
    pub atr_14_wilder: Option<f64>,
    /// Mean true range of 14 sessions, USD per share; from the fifteenth bar on.
    pub atr_14_sma: Option<f64>,
    /// Mean volume of 14 sessions, shares rounded to nearest; from the fourteenth bar on.
    pub adv_14: Option<u64>,
}

/// Prints the indicators of the bars in a file.
///
/// # Errors
/// The file cannot be read, a row of it makes no sense, or it has no bars of the symbol.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let rows = rows(&daily_bars(&arguments.data, &arguments.symbol)?);
    let mut out = io::stdout().lock();
    if arguments.json {
        serde_json::to_writer(&mut out, &rows)?;
        writeln!(out)?;
    } else {
        write_table(&rows, &mut out)?;
    }
    Ok(())
}

/// The indicators after each of `bars`, which are one per session, oldest first.
pub fn rows(bars: &[DailyBar]) -> Vec<Row> {
    let (mut wilder, mut sma) = (Atr::new(AtrSmoothing::Wilder), Atr::new(AtrSmoothing::Sma));
    let row = |(i, bar): (usize, &DailyBar)| Row {
        date: bar.date,
        tr: i.checked_sub(1).map(|before| true_range(bars[before].close, bar).to_f64()),
        atr_14_wilder: wilder.push(bar).map(Price::to_f64),
        atr_14_sma: sma.push(bar).map(Price::to_f64),
        adv_14: adv_14(&bars[..=i]),
    };
    bars.iter().enumerate().map(row).collect()
}

fn write_table(rows: &[Row], out: &mut impl Write) -> io::Result<()> {
    let usd = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| format!("{v:.4}"));
    writeln!(out, "{:<10}  {:>10}  {:>13}  {:>10}  {:>12}", "date", "tr", "atr_14_wilder", "atr_14_sma", "adv_14")?;
    for row in rows {
        let shares = row.adv_14.map_or_else(|| "-".to_owned(), |v| v.to_string());
        let (tr, wilder, sma) = (usd(row.tr), usd(row.atr_14_wilder), usd(row.atr_14_sma));
        writeln!(out, "{:<10}  {tr:>10}  {wilder:>13}  {sma:>10}  {shares:>12}", row.date.to_string())?;
    }
    Ok(())
}
