//! `fin backtest`, from a Parquet file to its report.

use std::fmt::Write as _;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use anyhow::ensure;
use domain::{SessionDate, calendar};
use e2e::process::program;
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

use crate::report::{Report, median};

const DATE: &str = "2026-11-24";
const SYMBOLS: usize = 1_000;
const TRADES: usize = 20_000_000;
const GROUP: usize = 1_000_000;
const ROUNDS: usize = 3;

/// Measures and reports.
pub(crate) fn measure(report: &mut Report) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    write_session(folder.path())?;
    let mut speeds = Vec::new();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let status = Command::new(program("fin")?)
            .args(["backtest", "--strategy", "config/strategy.yaml", "--from", DATE, "--to", DATE])
            .arg("--data")
            .arg(folder.path())
            .arg("--out")
            .arg(folder.path().join("out"))
            .stdout(Stdio::null())
            .status()?;
        ensure!(status.success(), "fin backtest ended with {status}");
        let plans = std::fs::read_to_string(folder.path().join("out/plans.csv"))?.lines().count();
        ensure!(plans > 1, "the made session has no plan: half of the work is not done");
        speeds.push(TRADES as f64 / begun.elapsed().as_secs_f64());
    }
    report.add("backtest_trades_per_second", median(speeds), "fin backtest, Parquet → report, 1,000 symbols")
}

/// Walks of a thousand symbols through one session, in the order of time, and their days before: they open 4 to 5 % above
/// their last close, on more volume than usual.
fn write_session(folder: &Path) -> anyhow::Result<()> {
    write_days(folder)?;
    let schema = Arc::new(parse_message_type(
        "message trades {
            required int64 ts_event (TIMESTAMP(NANOS, true));
            required binary symbol (UTF8);
            required int64 price;
            required int64 size;
        }",
    )?);
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?)).build();
    std::fs::create_dir(folder.join("trades"))?;
    let file = File::create(folder.join(format!("trades/{DATE}.parquet")))?;
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties))?;
    let names: Vec<ByteArray> = (0..SYMBOLS).map(|n| ByteArray::from(name(n).as_str())).collect();
    let date: SessionDate = DATE.parse()?;
    let (open, close) = (date.at_hm(9, 30).nanos(), date.at_hm(16, 0).nanos());
    let mut cents = vec![2_500_i64; SYMBOLS];
    let mut random = 0x9e37_79b9_u64;
    for first in (0..TRADES).step_by(GROUP) {
        let (mut times, mut symbols) = (Vec::with_capacity(GROUP), Vec::with_capacity(GROUP));
        let (mut prices, mut sizes) = (Vec::with_capacity(GROUP), Vec::with_capacity(GROUP));
        for n in first..first + GROUP {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let symbol = (random >> 33) as usize % SYMBOLS;
            cents[symbol] = (cents[symbol] + (random >> 20) as i64 % 3 - 1).max(500);
            times.push(open + (close - open) / TRADES as i64 * n as i64);
            symbols.push(names[symbol].clone());
            prices.push(cents[symbol] * 10_000_000);
            sizes.push(100 + (random >> 40) as i64 % 200);
        }
        let mut group = writer.next_row_group()?;
        column::<Int64Type>(&mut group, &times)?;
        column::<ByteArrayType>(&mut group, &symbols)?;
        column::<Int64Type>(&mut group, &prices)?;
        column::<Int64Type>(&mut group, &sizes)?;
        group.close()?;
    }
    writer.close()?;
    Ok(())
}

/// Daily bars and the opening minutes of the sessions before.
fn write_days(folder: &Path) -> anyhow::Result<()> {
    let mut daily = String::from("date,symbol,open,high,low,close,volume\n");
    std::fs::create_dir(folder.join("minute"))?;
    let mut date = DATE.parse::<SessionDate>()?;
    let mut dates = Vec::new();
    for _ in 0..20 {
        date = calendar::previous_session(date).date;
        dates.push(date);
    }
    for date in dates.iter().rev() {
        for name in (0..SYMBOLS).map(name) {
            writeln!(daily, "{date},{name},24.00,24.50,23.50,24.00,2000000")?;
        }
        let mut minutes = String::from("ts_start,symbol,open,high,low,close,volume\n");
        for minute in 0..5 {
            let start = date.at_hm(9, 30 + minute).nanos();
            for name in (0..SYMBOLS).map(name) {
                writeln!(minutes, "{start},{name},24.00,24.10,23.90,24.00,100")?;
            }
        }
        std::fs::write(folder.join(format!("minute/{date}.csv")), minutes)?;
    }
    Ok(std::fs::write(folder.join("daily.csv"), daily)?)
}

fn name(n: usize) -> String {
    [n / 676, n / 26, n].map(|n| char::from(b'A' + (n % 26) as u8)).iter().collect()
}

fn column<T: DataType>(group: &mut SerializedRowGroupWriter<'_, File>, values: &[T::T]) -> anyhow::Result<()> {
    if let Some(mut column) = group.next_column()? {
        column.typed::<T>().write_batch(values, None, None)?;
        column.close()?;
    }
    Ok(())
}
